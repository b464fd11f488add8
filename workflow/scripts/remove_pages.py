from ml_baseline.jobs.job_log import job_log

with job_log(snakemake):
    from pathlib import Path

    for page in snakemake.params.cfg["pages"]:
        Path(page).unlink(missing_ok=True)
