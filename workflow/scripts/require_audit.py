from ml_baseline.jobs.job_log import job_log

with job_log(snakemake):
    from pathlib import Path

    from ml_baseline.errors import InputError
    from ml_baseline.jobs.summary import audit_lines, rows_of

    failures = audit_lines(rows_of(Path(snakemake.input[0])), verdicts=("fail",))
    if failures:
        failed = "a check" if len(failures) == 1 else f"{len(failures)} checks"
        raise InputError(
            f"the audit failed {failed}, and `audit: {{on_fail: stop}}` stops there: "
            + " ".join(failures)
        )
    Path(snakemake.output[0]).touch()
