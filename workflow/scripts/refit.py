from functools import partial

from ml_baseline.jobs.job_log import job_log
from ml_baseline.modelling.failure import write_failure

with job_log(
    snakemake,
    about=f"{snakemake.wildcards.dataset}, fit to all rows",
    # A warm process computes with one thread.
    warm="models" if snakemake.threads == 1 else None,
    # So that the fit that was judged is published all the same.
    on_failure=partial(write_failure, path=snakemake.output[0]),
):
    from pathlib import Path

    from ml_baseline.config.settings import ENSEMBLE
    from ml_baseline.data.augment import augment
    from ml_baseline.data.tables import read_table
    from ml_baseline.files import read_json
    from ml_baseline.modelling.ensemble import weighted_mean
    from ml_baseline.modelling.model_files import load_model, save_model
    from ml_baseline.modelling.pipeline import of_size
    from ml_baseline.modelling.train import fit, predict_probability

    schema = read_json(snakemake.input.schema)
    cfg = snakemake.params.cfg
    seed = cfg["random_state"]
    leaderboard = read_table(snakemake.input.leaderboard)
    (chosen,) = leaderboard.loc[leaderboard["selected"].astype(bool), "model"]
    weights = {chosen: 1.0}
    if chosen == ENSEMBLE:
        table = read_table(snakemake.input.weights[0]).query("weight > 0")
        weights = table.set_index("model")["weight"].to_dict()
    table = read_table(snakemake.input.table, schema)
    augmented = augment(table, schema, **cfg["augment"], random_state=seed)
    # With the parameters that were judged, which more rows might change.
    judged = len(read_table(snakemake.input.train, schema))
    models = {}
    for name in weights:
        recipe = cfg["models"][name]
        settings = recipe | {"model": of_size(recipe["model"], judged)}
        models[name] = fit(augmented, schema, settings, seed, snakemake.threads)
    model = weighted_mean(models, weights) if chosen == ENSEMBLE else models[chosen]
    save_model(model, snakemake.output[0])
    # What was saved has to be of use to those who load it.
    predict_probability(load_model(Path(snakemake.output[0]).read_bytes()), table.head(), schema)
