from ml_baseline.jobs.job_log import job_log

with job_log(snakemake.log[0], warm="tables"):
    from ml_baseline.data import sample_data

    cfg = snakemake.params.cfg
    sample_data.write(cfg["sample"], snakemake.output.table, cfg.get("rows"), cfg.get("seed"))
