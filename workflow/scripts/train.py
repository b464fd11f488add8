from functools import partial
from pathlib import Path

from ml_baseline.jobs.job_log import job_log
from ml_baseline.modelling.failure import write_failure

with job_log(
    snakemake,
    about=f"{snakemake.wildcards.dataset}, model {Path(snakemake.output.model).stem}",
    # A warm process computes with one thread.
    warm="models" if snakemake.threads == 1 else None,
    # So that the other models are compared all the same.
    on_failure=partial(write_failure, path=snakemake.output.model, oof=snakemake.output.oof),
):
    from ml_baseline.data.schema import columns_of_role
    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.files import read_json
    from ml_baseline.modelling.model_files import load_model, save_model
    from ml_baseline.modelling.train import ALL_ROWS, cross_validate, fit, predict_probability
    from ml_baseline.modelling.tuning import read_found

    schema = read_json(snakemake.input.schema)
    cfg = snakemake.params.cfg
    seed = int(snakemake.wildcards.seed)
    learned = columns_of_role(schema, "group", "time", "feature", "target")
    train = read_table(snakemake.input.train, schema, ["row_id", *learned], texts_as_codes=True)
    few = train.head().copy()
    found = read_found(snakemake.input.tried)
    oof = cross_validate(train, schema, cfg, seed, snakemake.threads, found)
    del train
    augmented = read_table(
        snakemake.input.augmented, schema, ["row_id", "copy", *learned], texts_as_codes=True
    )
    model = fit(augmented, schema, cfg, seed, snakemake.threads, found.get(ALL_ROWS))
    write_table(oof, snakemake.output.oof)
    save_model(model, snakemake.output.model)
    # What was saved has to be of use to the jobs that load it.
    predict_probability(load_model(Path(snakemake.output.model).read_bytes()), few, schema)
