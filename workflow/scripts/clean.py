from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="tables"):
    from dataclasses import asdict

    from ml_baseline.data.clean import clean
    from ml_baseline.data.doubts import doubts, require_certain
    from ml_baseline.data.infer_schema import describe_columns, infer_schema
    from ml_baseline.data.schema import class_names
    from ml_baseline.data.tables import read_raw_table, write_table
    from ml_baseline.errors import InputError
    from ml_baseline.files import content_hash, require_content, write_json

    cfg = snakemake.params.cfg
    raw, reading = read_raw_table(cfg["table"], cfg, [cfg["target"]])
    content = cfg["content"] or content_hash(cfg["table"])
    require_content(cfg["table"], content)
    try:
        schema = infer_schema(raw, cfg, snakemake.wildcards.dataset, reading)
        table, repairs = clean(raw, schema)
        schema = describe_columns(schema, table)
        found = doubts(table, schema, reading | repairs, cfg)
        if cfg["reading"] == "strict":
            require_certain(found)
    except InputError as error:
        raise InputError(f"{cfg['table']}: {error}") from error
    write_table(table, snakemake.output.table)
    write_json(schema, snakemake.output.schema)
    source = {"table": cfg["table"], "sha256": content, "positive": class_names(schema)[1]}
    told = {"doubts": [asdict(doubt) for doubt in found]}
    write_json(source | reading | repairs | told, snakemake.output.repairs)
