from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, about=snakemake.params.cfg["dataset"], warm="models"):
    from pathlib import Path

    from ml_baseline.files import read_json
    from ml_baseline.registry import find_run
    from ml_baseline.registry.predict_file import predict_file

    cfg = snakemake.params.cfg
    name = cfg["run"]
    if name == "latest":
        name = read_json(snakemake.input.run[0])["run"]
    results = Path(snakemake.log[0]).parents[3]  # results/logs/<table>/predictions/<batch>.log
    run = find_run(name, results, cfg["dataset"])
    summary = predict_file(
        run,
        cfg["input"],
        snakemake.output[0],
        on_bad_rows=cfg["on_bad_rows"],
        sheet=cfg["sheet"],
    )
    print(f"{summary['rows']:,} rows predicted with {run.run_id}, {summary['bad_rows']:,} bad")
