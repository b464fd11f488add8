from ml_baseline.job_log import job_log

with job_log(snakemake.log[0], about=snakemake.wildcards.dataset, warm="models"):
    from pathlib import Path

    from ml_baseline.failure import failure
    from ml_baseline.naive import contrast
    from ml_baseline.tables import read_table, write_table

    naive = {
        Path(path).stem: read_table(path) for path in snakemake.input.naive if failure(path) is None
    }
    honest = read_table(snakemake.input.honest)
    table = contrast(naive, honest, snakemake.params.cfg["threshold"])
    write_table(table, snakemake.output[0])
