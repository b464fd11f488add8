from ml_baseline.jobs.job_log import job_log

with job_log(snakemake.log[0], about=snakemake.wildcards.dataset, warm="models"):
    from functools import partial
    from pathlib import Path

    import joblib

    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.files import read_json
    from ml_baseline.modelling.train import predict_probability
    from ml_baseline.scoring.importance import explain

    schema = read_json(snakemake.input.schema)
    leaderboard = read_table(snakemake.input.leaderboard)
    models = {Path(path).stem: path for path in snakemake.input.models}
    predict = None
    for name in leaderboard.loc[leaderboard["selected"].astype(bool), "model"]:
        predict = partial(predict_probability, joblib.load(models[name]), schema=schema)
    holdout = read_table(snakemake.input.holdout, schema)
    for name, table in explain(predict, holdout, schema, snakemake.params.cfg).items():
        write_table(table, snakemake.output[name])
