from ml_baseline.job_log import job_log

with job_log(snakemake.log[0], about=snakemake.wildcards.dataset, warm="tables"):
    from ml_baseline.curves import curves
    from ml_baseline.tables import read_table, write_table

    predictions = read_table(snakemake.input[0])
    tables = curves(predictions, **snakemake.params.cfg)
    for name, table in tables.items():
        write_table(table, snakemake.output[name])
