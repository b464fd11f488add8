from ml_baseline.job_log import job_log

with job_log(snakemake.log[0], about=snakemake.wildcards.dataset, warm="tables"):
    from ml_baseline.distributions import distributions
    from ml_baseline.files import read_json
    from ml_baseline.stats import describe
    from ml_baseline.tables import read_table, write_table

    schema = read_json(snakemake.input.schema)
    table = read_table(snakemake.input.table, schema)
    write_table(describe(table, schema), snakemake.output.stats)
    write_table(distributions(table, schema), snakemake.output.distributions)
