rule evaluate:
    """Every model's predictions and metrics on the original holdout rows of one split."""
    input:
        holdout=processed("seed{seed}/holdout"),
        schema="data/processed/{dataset}/input_schema.json",
        models=model_files,
    output:
        predictions="results/{dataset}/seed{seed}/holdout_predictions.csv",
        metrics="results/{dataset}/seed{seed}/metrics.csv",
    log:
        "results/logs/{dataset}/seed{seed}/evaluate.log",
    priority: 10
    conda:
        CONDA_ENVIRONMENT
    params:
        cfg=using("threshold"),
        code=code("evaluate"),
    message:
        "Scoring the models of {wildcards.dataset} (seed {wildcards.seed}) on the holdout"
    script:
        "../scripts/evaluate.py"


rule compare:
    """The leaderboard of one table; the best model is chosen on out-of-fold scores."""
    input:
        metrics=seed_files("results/{dataset}/seed{seed}/metrics.csv"),
        oof=oof_files,
    output:
        "results/{dataset}/metrics.csv",
    log:
        "results/logs/{dataset}/compare.log",
    priority: 10
    conda:
        CONDA_ENVIRONMENT
    params:
        cfg=using("select_by", "threshold"),
        code=code("compare"),
    message:
        "Comparing the models of {wildcards.dataset}"
    script:
        "../scripts/compare.py"


rule gather:
    """The metrics of every table, seed and model in one file."""
    input:
        leaderboards=[f"results/{dataset}/metrics.csv" for dataset in DATASETS],
        metrics=[
            f"results/{dataset}/seed{seed}/metrics.csv"
            for dataset in DATASETS
            for seed in seeds(dataset)
        ],
    output:
        "results/metrics.csv",
    log:
        "results/logs/gather.log",
    conda:
        CONDA_ENVIRONMENT
    params:
        code=code("gather"),
    message:
        "Gathering the metrics of all tables"
    script:
        "../scripts/gather.py"
