from ml_baseline.jobs.job_log import job_log
from ml_baseline.modelling.failure import write_failure


def write_no_ensemble(reason):
    """Write why there is no ensemble, and what else it would have, without rows."""
    from ml_baseline.files import write_text

    write_failure(reason, path=snakemake.output.model, oof=snakemake.output.oof)
    write_text("model,weight,log_loss\n", snakemake.output.weights)


with job_log(
    snakemake,
    about=f"{snakemake.wildcards.dataset}, ensemble",
    warm="models",
    on_failure=write_no_ensemble,
):
    from pathlib import Path

    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.errors import InputError
    from ml_baseline.modelling.ensemble import learn_weights
    from ml_baseline.modelling.failure import failure
    from ml_baseline.modelling.model_files import load_models, save_model
    from ml_baseline.modelling.voting import weighted_mean

    files = {Path(path).stem: path for path in snakemake.input.models}
    fitted = [name for name, path in files.items() if failure(path) is None]
    if not fitted:
        raise InputError("no model could be trained with this seed, so there is nothing to combine")
    oof = {Path(path).stem: path for path in snakemake.input.oof}
    weights, predictions = learn_weights(
        {name: read_table(oof[name]) for name in fitted}, snakemake.params.cfg["strategy"]
    )
    members = weights[weights["weight"] > 0].set_index("model")["weight"].to_dict()
    models, _ = load_models(files[name] for name in members)
    save_model(weighted_mean(models, members), snakemake.output.model)
    write_table(predictions, snakemake.output.oof)
    write_table(weights, snakemake.output.weights)
