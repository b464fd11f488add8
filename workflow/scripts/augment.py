from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="tables"):
    from ml_baseline.data.augment import augment
    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.files import read_json

    schema = read_json(snakemake.input.schema)
    train = read_table(snakemake.input.train, schema, texts_as_codes=True)
    seed = int(snakemake.wildcards.seed)
    augmented = augment(train, schema, **snakemake.params.cfg["augment"], random_state=seed)
    write_table(augmented, snakemake.output[0])
