from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="models"):
    import pandas as pd

    from ml_baseline.controls.verdicts import negative_control, positive_control
    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.files import read_json
    from ml_baseline.modelling.model_files import load_models

    found = negative_control(read_table(snakemake.input.permuted))
    if snakemake.input.models:  # a table whose generating process is known
        models, _ = load_models(snakemake.input.models)
        known = positive_control(
            read_table(snakemake.input.leaderboard),
            models,
            read_json(snakemake.input.schema),
            snakemake.params.cfg["seed"],
        )
        found = pd.concat([found, known])
    write_table(found, snakemake.output[0])
