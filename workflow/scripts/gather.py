from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="tables"):
    import pandas as pd

    from ml_baseline.data.tables import read_table, write_table

    write_table(pd.concat(map(read_table, snakemake.input.metrics)), snakemake.output[0])
