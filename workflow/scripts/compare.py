from ml_baseline.job_log import job_log

with job_log(snakemake.log[0], about=snakemake.wildcards.dataset):
    from pathlib import Path

    import pandas as pd

    from ml_baseline.leaderboard import leaderboard, out_of_fold_scores
    from ml_baseline.tables import read_table, write_table

    cfg = snakemake.params.cfg
    metrics = pd.concat([read_table(path) for path in snakemake.input.metrics])
    oof_scores = []
    for path in map(Path, snakemake.input.oof):  # .../seed42/oof/random_forest.csv
        names = {"seed": path.parts[-3].removeprefix("seed"), "model": path.stem}
        oof_scores.append(names | out_of_fold_scores(read_table(path), cfg["threshold"]))
    table = leaderboard(
        metrics, pd.DataFrame(oof_scores), cfg["select_by"], snakemake.wildcards.dataset
    )
    write_table(table, snakemake.output[0])
