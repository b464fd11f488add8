from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="models"):
    from collections import defaultdict
    from pathlib import Path

    from ml_baseline.data.schema import columns_of_role
    from ml_baseline.data.split import units
    from ml_baseline.data.tables import read_table, read_tables, write_table
    from ml_baseline.files import read_json
    from ml_baseline.scoring.choosing import choosing_scores
    from ml_baseline.scoring.leaderboard import leaderboard

    def seed_of(path):  # results/<dataset>/seed42/...
        return next(int(p.removeprefix("seed")) for p in path.parts[::-1] if p.startswith("seed"))

    cfg = snakemake.params.cfg
    predictions = {seed_of(Path(p)): read_table(p) for p in snakemake.input.predictions}
    oof = defaultdict(dict)
    for path in map(Path, snakemake.input.oof):
        if len(of_model := read_table(path)):  # a model that failed has none
            oof[seed_of(path)][path.stem] = of_model
    schema = read_json(snakemake.input.schema)
    group, of_rows = columns_of_role(schema, "group"), None
    for path in snakemake.input.grouped:
        rows = read_table(path, schema, ["row_id", *group], texts_as_codes=True)
        of_rows = rows.assign(unit=units(rows, schema)).set_index("row_id")["unit"]
    scores, reported = choosing_scores(
        oof, predictions, cfg["seeds"], cfg["select_by"], cfg["threshold"], of_rows
    )
    unit = "group" if group else "distinct row"
    table = leaderboard(
        read_tables(snakemake.input.metrics),
        scores,
        {seed: of_seed for seed, of_seed in predictions.items() if seed in reported},
        cfg | {"unit": unit},
        schema["rows"],
    )
    write_table(table, snakemake.output[0])
