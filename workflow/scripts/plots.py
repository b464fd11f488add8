from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="tables"):
    from pathlib import Path

    from ml_baseline.data.tables import read_table
    from ml_baseline.files import read_json
    from ml_baseline.plots import draw, resolve, save

    schema = read_json(snakemake.input.schema)
    table = read_table(snakemake.input.table, schema, texts_as_codes=True)
    names = [Path(path).stem for path in snakemake.output]
    for name in names:  # all of them before the first is drawn
        resolve(name, schema)
    for name, path in zip(names, snakemake.output, strict=True):
        save(draw(name, table, schema), path)
