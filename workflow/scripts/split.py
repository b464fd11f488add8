from ml_baseline.job_log import job_log

with job_log(snakemake.log[0], about=snakemake.wildcards.dataset, warm="tables"):
    from ml_baseline.files import read_json
    from ml_baseline.split import split
    from ml_baseline.tables import read_table, write_table

    schema = read_json(snakemake.input.schema)
    table = read_table(snakemake.input.table, schema)
    seed = int(snakemake.wildcards.seed)
    train, holdout = split(table, schema, **snakemake.params.cfg["split"], random_state=seed)
    write_table(train, snakemake.output.train)
    write_table(holdout, snakemake.output.holdout)
