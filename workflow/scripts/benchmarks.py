from ml_baseline.jobs.job_log import job_log

with job_log(snakemake):
    from pathlib import Path

    from ml_baseline.data.tables import write_table
    from ml_baseline.errors import InputError
    from ml_baseline.files import read_json, whole_file
    from ml_baseline.jobs.costs import costs, draw

    folder = Path(snakemake.output.table).parent
    if not snakemake.input.costs:
        raise InputError(f"{folder}: no job has left its cost there yet; run `snakemake` first")
    rows = {Path(path).parent.name: read_json(path)["rows"] for path in snakemake.input.schemas}
    found = costs(map(Path, snakemake.input.costs), folder, rows)
    write_table(found, snakemake.output.table)
    with whole_file(snakemake.output.figure) as temporary:
        draw(found).savefig(temporary, dpi=150)
