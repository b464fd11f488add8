from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="tables"):
    from ml_baseline.data.split import split
    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.files import read_json

    schema = read_json(snakemake.input.schema)
    table = read_table(snakemake.input.table, schema, texts_as_codes=True)
    seed = int(snakemake.wildcards.seed)
    train, holdout = split(table, schema, **snakemake.params.cfg["split"], random_state=seed)
    del table
    write_table(train, snakemake.output.train)
    write_table(holdout, snakemake.output.holdout)
