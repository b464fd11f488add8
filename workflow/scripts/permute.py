from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, about=snakemake.params.dataset, warm="models"):
    from ml_baseline.controls.verdicts import permuted
    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.files import read_json, write_json

    schema = read_json(snakemake.input.schema)
    table = read_table(snakemake.input.table, schema)
    write_table(permuted(table, schema, snakemake.params.cfg["seed"]), snakemake.output.table)
    write_json(schema | {"dataset": snakemake.params.dataset}, snakemake.output.schema)
