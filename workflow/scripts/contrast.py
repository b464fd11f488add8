from ml_baseline.job_log import job_log

with job_log(snakemake.log[0], about=snakemake.wildcards.dataset, warm="models"):
    from ml_baseline.naive import contrast
    from ml_baseline.tables import read_table, write_table

    naive, honest = read_table(snakemake.input.naive), read_table(snakemake.input.honest)
    write_table(contrast(naive, honest), snakemake.output[0])
