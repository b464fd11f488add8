from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="models"):
    from sklearn.pipeline import Pipeline

    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.errors import InputError
    from ml_baseline.files import read_json, write_json
    from ml_baseline.modelling.answers import ask
    from ml_baseline.modelling.model_files import load_models
    from ml_baseline.modelling.tuning import parameters
    from ml_baseline.scoring.evaluate import holdout_metrics, holdout_predictions
    from ml_baseline.scoring.scores import stratified_rows

    schema = read_json(snakemake.input.schema)
    holdout = read_table(snakemake.input.holdout, schema)
    cfg = snakemake.params.cfg
    failures, parameters_of = {}, {}

    def fitted():
        """Yield one model after the other: all of them, and the ensemble, may be too much memory."""
        for path in snakemake.input.models:
            models, failed = load_models([path])
            failures.update(failed)
            # An ensemble has no parameters of its own.
            plain = {name: model for name, model in models.items() if isinstance(model, Pipeline)}
            parameters_of.update({name: parameters(model) for name, model in plain.items()})
            yield from models.items()

    answers = ask(fitted(), holdout, schema)
    failures |= answers.failures
    if not answers.probabilities:
        raise InputError("; ".join(dict.fromkeys(failures.values())))
    predictions = holdout_predictions(answers.probabilities, holdout, schema, cfg["threshold"])
    rows = stratified_rows(cfg["strategy"], schema["rows"])
    metrics = holdout_metrics(
        predictions, cfg["threshold"], cfg["level"], rows, failures, answers.notes
    )
    metrics.insert(0, "seed", int(snakemake.wildcards.seed))
    metrics.insert(0, "dataset", snakemake.wildcards.dataset)
    write_table(predictions, snakemake.output.predictions)
    write_json(parameters_of, snakemake.output.parameters)
    write_table(metrics, snakemake.output.metrics)
