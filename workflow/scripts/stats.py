from ml_baseline.job_log import job_log

with job_log(snakemake.log[0], about=snakemake.wildcards.dataset, warm="tables"):
    from ml_baseline.files import read_json
    from ml_baseline.stats import describe
    from ml_baseline.tables import read_table, write_table

    schema = read_json(snakemake.input.schema)
    write_table(describe(read_table(snakemake.input.table, schema), schema), snakemake.output[0])
