from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="tables"):
    from pathlib import Path

    from ml_baseline.audit.context import Predictions
    from ml_baseline.audit.run import audit
    from ml_baseline.data.schema import Doubt
    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.files import read_json

    schema = read_json(snakemake.input.schema)
    records = [one for path in snakemake.input.repairs for one in read_json(path)["doubts"]]
    findings = audit(  # without `*`, whose tuple would keep the tables
        read_table(snakemake.input.train, schema, texts_as_codes=True),
        read_table(snakemake.input.holdout, schema, texts_as_codes=True),
        schema=schema,
        oof=Predictions({Path(path).stem: path for path in snakemake.input.oof}),
        settings=snakemake.params.cfg,
        doubts=[Doubt(**one) for one in records],
    )
    write_table(findings, snakemake.output[0])
