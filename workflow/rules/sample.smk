for sample, path in SAMPLE_TABLES.items():
    if path not in MADE_TABLES:
        continue

    rule:
        name:
            f"make_sample_data_{sample}"
        output:
            table=as_is(path),
            source=as_is(f"{path.removesuffix('.csv')}.source.md"),
        log:
            f"results/logs/make_sample_data_{sample}.log",
        conda:
            CONDA_ENVIRONMENT
        resources:
            **needs("rows"),
        params:
            cfg=canonical({"sample": sample} | config["sample_data"].get(sample, {})),
            code=code("make_sample_data"),
        message:
            f"Making the sample table {path}"
        script:
            "../scripts/make_sample_data.py"
