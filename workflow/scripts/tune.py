from functools import partial
from pathlib import Path

from ml_baseline.jobs.job_log import job_log
from ml_baseline.modelling.failure import write_failure

wildcards = snakemake.wildcards
output = Path(snakemake.output[0])

with job_log(
    snakemake,
    about=f"{wildcards.dataset}, parameters of {output.parent.name}",
    warm="models",
    # So that the model fails, and the others are compared all the same.
    on_failure=partial(write_failure, path=output),
):
    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.files import read_json
    from ml_baseline.modelling.train import try_parameters
    from ml_baseline.modelling.tuning import read_tried

    schema = read_json(snakemake.input.schema)
    tried = try_parameters(
        read_table(snakemake.input.train, schema),
        read_table(snakemake.input.augmented, schema),
        schema,
        snakemake.params.cfg,
        int(wildcards.seed),
        read_tried(snakemake.input.tried),
        int(wildcards.rung),
        int(wildcards.part),
        snakemake.params.cfg["parts"],
    )
    write_table(tried, output)
