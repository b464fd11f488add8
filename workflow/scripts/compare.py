from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="models"):
    from pathlib import Path

    import pandas as pd

    from ml_baseline.data.tables import read_table, read_tables, write_table
    from ml_baseline.files import read_json
    from ml_baseline.scoring.leaderboard import leaderboard, out_of_fold_scores

    def seed_of(path):  # results/<dataset>/seed42/...
        return next(int(p.removeprefix("seed")) for p in path.parts[::-1] if p.startswith("seed"))

    cfg = snakemake.params.cfg
    metrics = read_tables(snakemake.input.metrics)
    predictions = {seed_of(Path(p)): read_table(p) for p in snakemake.input.predictions}
    oof_scores = [
        {"seed": seed_of(Path(p)), "model": Path(p).stem}
        | out_of_fold_scores(oof, cfg["threshold"])
        for p in snakemake.input.oof
        if len(oof := read_table(p))  # a model that failed has none
    ]
    table = leaderboard(
        metrics,
        pd.DataFrame(oof_scores),
        predictions,
        cfg,
        read_json(snakemake.input.schema)["rows"],
    )
    write_table(table, snakemake.output[0])
