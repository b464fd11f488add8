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

    from ml_baseline.data.schema import columns_of_role
    from ml_baseline.data.tables import read_table
    from ml_baseline.files import read_json
    from ml_baseline.modelling.model_files import load_model, load_models, save_model
    from ml_baseline.modelling.refit import refit
    from ml_baseline.modelling.train import predict_probability
    from ml_baseline.modelling.voting import members_of, of_members

    schema = read_json(snakemake.input.schema)
    cfg = snakemake.params.cfg
    leaderboard = read_table(snakemake.input.leaderboard)
    (chosen,) = leaderboard.loc[leaderboard["selected"].astype(bool), "model"]
    members, empty = [chosen], None
    judged, _ = load_models(path for path in snakemake.input.made if Path(path).stem == chosen)
    if judged:
        members = [*members_of(judged[chosen])]
        empty = of_members(judged.pop(chosen), {})  # they take memory
    learned = columns_of_role(schema, "group", "time", "feature", "target")
    table = read_table(snakemake.input.table, schema, ["row_id", *learned], texts_as_codes=True)
    model = refit(
        table,
        schema,
        {name: cfg["models"][name] for name in members},
        empty,
        len(read_table(snakemake.input.train, columns=["row_id"])),
        cfg["random_state"],
        snakemake.threads,
        cfg["one_thread"],
    )
    save_model(model, snakemake.output[0])
    # What was saved has to be of use to those who load it.
    predict_probability(load_model(Path(snakemake.output[0]).read_bytes()), table.head(), schema)
