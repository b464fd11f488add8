from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, about=snakemake.params.cfg["dataset"], warm="models"):
    from ml_baseline.files import read_json
    from ml_baseline.registry import find_run
    from ml_baseline.registry.predict_file import predict_file

    cfg = snakemake.params.cfg
    name = cfg["run"]
    if name == "latest":
        name = read_json(snakemake.input.run[0])["run"]
    run = find_run(name, dataset=cfg["dataset"])
    summary = predict_file(
        run, cfg["input"], snakemake.output[0], on_bad_rows=cfg["on_bad_rows"], progress=False
    )
    print(f"{summary['rows']:,} rows predicted with {run.run_id}, {summary['bad_rows']:,} bad")
