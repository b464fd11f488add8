from ml_baseline.job_log import job_log

with job_log(snakemake.log[0], about=snakemake.wildcards.dataset, warm="models"):
    from ml_baseline.files import read_json
    from ml_baseline.naive import naive_metrics
    from ml_baseline.tables import read_table, write_table

    schema = read_json(snakemake.input.schema)
    table = read_table(snakemake.input.table, schema)
    cfg = snakemake.params.cfg
    metrics = naive_metrics(table, schema, cfg["models"], cfg)
    write_table(metrics, snakemake.output[0])
