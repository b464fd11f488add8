from pathlib import Path

from ml_baseline.jobs.job_log import job_log

with job_log(snakemake):
    from ml_baseline.errors import InputError
    from ml_baseline.files import read_rows
    from ml_baseline.jobs.summary import audit_lines

    failures = audit_lines(read_rows(snakemake.input[0]), verdicts=("fail",))
    if failures:
        failed = "a check" if len(failures) == 1 else f"{len(failures)} checks"
        raise InputError(
            f"the audit failed {failed}, and `audit: {{on_fail: stop}}` stops there: "
            + " ".join(failures)
        )
    Path(snakemake.output[0]).touch()
