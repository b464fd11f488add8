from ml_baseline.jobs.job_log import job_log


def write_nothing(reason):
    """Write tables without rows, so that the page is made all the same."""
    from ml_baseline.data.tables import write_table
    from ml_baseline.scoring.importance import nothing_explained

    for name, table in nothing_explained().items():
        write_table(table, snakemake.output[name])


with job_log(snakemake, warm="models", on_failure=write_nothing):
    from functools import partial
    from pathlib import Path

    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.files import read_json
    from ml_baseline.modelling.model_files import load_models
    from ml_baseline.modelling.train import predict_probability
    from ml_baseline.scoring.importance import explain

    schema = read_json(snakemake.input.schema)
    leaderboard = read_table(snakemake.input.leaderboard)
    name = leaderboard.loc[leaderboard["selected"].astype(bool), "model"].item()
    models, _ = load_models([path for path in snakemake.input.models if Path(path).stem == name])
    predict = partial(predict_probability, models[name], schema=schema)
    holdout = read_table(snakemake.input.holdout, schema)
    for name, table in explain(predict, holdout, schema, snakemake.params.cfg).items():
        write_table(table, snakemake.output[name])
