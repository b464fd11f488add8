from functools import partial

from ml_baseline.jobs.job_log import job_log
from ml_baseline.modelling.failure import write_failure

with job_log(
    snakemake,
    warm="models",
    on_failure=partial(write_failure, path=snakemake.output[0]),
):
    from ml_baseline.controls.naive import naive_predictions
    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.files import read_json

    schema = read_json(snakemake.input.schema)
    table = read_table(snakemake.input.table, schema)
    cfg = snakemake.params.cfg
    predictions = naive_predictions(
        table, schema, cfg, cfg["test_size"], random_state=cfg["random_state"]
    )
    write_table(predictions, snakemake.output[0])
