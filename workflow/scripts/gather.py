from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="tables"):
    from ml_baseline.data.tables import read_tables, write_table

    write_table(read_tables(snakemake.input.metrics), snakemake.output[0])
