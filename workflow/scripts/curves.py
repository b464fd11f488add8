from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="models"):
    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.scoring.curves import curves

    predictions = read_table(snakemake.input[0])
    tables = curves(predictions, **snakemake.params.cfg)
    for name, table in tables.items():
        write_table(table, snakemake.output[name])
