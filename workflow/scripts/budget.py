from ml_baseline.jobs.job_log import job_log

with job_log(snakemake):
    from ml_baseline.files import write_json

    write_json(snakemake.params.cfg, snakemake.output[0])
