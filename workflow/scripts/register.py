from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="models"):
    from pathlib import Path

    from ml_baseline.data.schema import columns_of_role
    from ml_baseline.data.tables import one_below_the_other, read_raw_table, read_table, sort_rows
    from ml_baseline.files import read_json, require_content, write_json
    from ml_baseline.modelling.failure import failure
    from ml_baseline.modelling.model_files import load_model
    from ml_baseline.modelling.train import predict_probability
    from ml_baseline.modelling.voting import members_of
    from ml_baseline.records import read_as_written
    from ml_baseline.registry import contents, environment
    from ml_baseline.registry.batch_check import describe_training
    from ml_baseline.registry.golden import make_golden
    from ml_baseline.registry.model_card import model_card
    from ml_baseline.registry.publish import publish
    from ml_baseline.registry.runs import SEAL

    cfg = snakemake.params.cfg
    schema = read_json(snakemake.input.schema)
    leaderboard = read_table(snakemake.input.leaderboard)
    chosen = contents.selected_row(leaderboard)["model"]
    metrics = contents.holdout_metrics(
        read_table(snakemake.input.metrics), leaderboard, cfg["metrics"]
    )
    ids, holdout = columns_of_role(schema, "id"), snakemake.input.holdout
    predictions = contents.model_predictions(
        read_table(snakemake.input.predictions),
        *(read_table(holdout, schema, ["row_id", *ids]), chosen, ids),
    )
    table, repairs = cfg["config"]["table"], read_json(snakemake.input.repairs)
    raw, _ = read_raw_table(table, cfg["config"], [cfg["config"]["target"]])
    require_content(table, repairs["sha256"])  # the rows that the model was made from
    rows = read_table(snakemake.input.train, schema, texts_as_codes=True)
    model_file = next(Path(p) for p in snakemake.input.models if Path(p).stem == chosen)
    fit = {"on": "train", "rows": len(rows)}
    for path in map(Path, snakemake.input.refit):
        if reason := failure(path):
            fit["failed"] = reason
            print(f"fitting to all rows failed ({reason}), so the fit that was judged is published")
        else:
            model_file, sides = path, [rows, read_table(holdout, schema, texts_as_codes=True)]
            del rows  # of a large table each row is held once
            rows = one_below_the_other(sides)
            sort_rows(rows, "row_id")
            fit = {"on": "all", "rows": len(rows)}
    # New rows are compared with the rows that the model has learned from.
    learned = describe_training(schema, rows, raw)
    del rows
    held_out = read_table(holdout, schema)
    model = load_model(read_as_written(model_file))
    answered = predictions  # by the model that is published
    if fit["on"] == "all":
        answered = predictions.assign(probability=predict_probability(model, held_out, schema))
    del held_out
    golden = make_golden(model, raw, learned, answered)
    members = members_of(model)
    del model  # a forest may be as large as its table
    files = contents.run_files(
        read_as_written(model_file),
        *(golden, learned, predictions, metrics, environment.installed_packages()),
    )
    facts = contents.facts(
        cfg,
        schema,
        leaderboard,
        metrics[0],
        predictions,
        read_table(snakemake.input.audit),
        repairs,
        golden,
        fit,
        members,
    )
    circumstances = {
        "code": environment.code_version(),
        "python": environment.python_version(),
        "packages": environment.package_versions(environment.PACKAGES),
    }
    receipt = Path(snakemake.output[0])
    run_id = publish(
        receipt.parent / "runs",
        files,
        facts,
        circumstances,
        card=lambda meta: model_card(meta, learned, metrics[0]),
    )
    write_json({"dataset": schema["dataset"], "run": run_id}, receipt)
    print(f"published as {run_id}")
    if not (receipt.parent / "runs" / run_id / SEAL).exists():
        print("without a seal, as no key can be kept here: see docs/registry.md")
