from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="models"):
    from pathlib import Path

    from ml_baseline.controls.copies import with_and_without
    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.files import read_json

    schema = read_json(snakemake.input.schema)
    cfg = snakemake.params.cfg
    oof = {Path(path).stem: read_table(path) for path in snakemake.input.oof}
    table = with_and_without(
        read_table(snakemake.input.train, schema),
        schema,
        {name: rows for name, rows in oof.items() if len(rows)},  # a model that failed has none
        cfg["models"],
        cfg,
    )
    write_table(table, snakemake.output[0])
