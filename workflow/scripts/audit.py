from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="tables"):
    from pathlib import Path

    from ml_baseline.audit.run import audit
    from ml_baseline.data.schema import Doubt
    from ml_baseline.data.tables import read_table, write_table
    from ml_baseline.files import read_json

    schema = read_json(snakemake.input.schema)
    small = {"fold": "int16", "target": "int8"}
    oof = {Path(path).stem: read_table(path).astype(small) for path in snakemake.input.oof}
    oof = {model: predictions for model, predictions in oof.items() if len(predictions)}
    records = [one for path in snakemake.input.repairs for one in read_json(path)["doubts"]]
    findings = audit(
        read_table(snakemake.input.train, schema),
        read_table(snakemake.input.holdout, schema),
        *(schema, oof, snakemake.params.cfg, [Doubt(**one) for one in records]),
    )
    write_table(findings, snakemake.output[0])
