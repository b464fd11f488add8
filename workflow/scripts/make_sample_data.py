from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="tables", recorded=False):
    from ml_baseline.data import sample_data

    cfg = snakemake.params.cfg
    sample_data.write(cfg["sample"], snakemake.output.table, cfg.get("rows"), cfg.get("seed"))
