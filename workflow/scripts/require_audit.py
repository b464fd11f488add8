from ml_baseline.jobs.job_log import job_log

with job_log(snakemake):
    from pathlib import Path

    from ml_baseline.errors import InputError
    from ml_baseline.jobs.summary import audit_lines, rows_of

    failures = audit_lines(rows_of(Path(snakemake.input[0])), verdicts=("fail",))
    if failures:
        raise InputError(
            f"the audit has {len(failures)} failures, and `audit: on_fail` is stop: "
            + "; ".join(failures)
        )
    Path(snakemake.output[0]).touch()
