from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="tables"):
    from ml_baseline.data.distributions import distributions
    from ml_baseline.data.stats import describe
    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.files import read_json

    schema = read_json(snakemake.input.schema)
    table = read_table(snakemake.input.table, schema)
    write_table(describe(table, schema), snakemake.output.stats)
    write_table(distributions(table, schema), snakemake.output.distributions)
