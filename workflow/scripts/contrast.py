from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="models"):
    from pathlib import Path

    from ml_baseline.controls.naive import contrast
    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.modelling.failure import failure

    naive = {
        Path(path).stem: read_table(path) for path in snakemake.input.naive if failure(path) is None
    }
    honest = read_table(snakemake.input.honest)
    table = contrast(naive, honest, snakemake.params.cfg["threshold"])
    write_table(table, snakemake.output[0])
