# What the report shows and no other rule has computed, in tables that any program can read.


rule curves:
    """ROC, precision-recall, calibration, scores and thresholds of all models, first seed."""
    input:
        first_seed("results/{dataset}/seed{seed}/holdout_predictions.csv"),
    output:
        roc="results/{dataset}/curves/roc.csv",
        precision_recall="results/{dataset}/curves/precision_recall.csv",
        calibration="results/{dataset}/curves/calibration.csv",
        score_distribution="results/{dataset}/curves/score_distribution.csv",
        thresholds="results/{dataset}/curves/thresholds.csv",
    log:
        "results/logs/{dataset}/curves.log",
    conda:
        CONDA_ENVIRONMENT
    params:
        cfg=curve_settings,
        code=code("curves"),
    message:
        "Drawing the curves of {wildcards.dataset} as tables"
    script:
        "../scripts/curves.py"


rule explain:
    """What drives the best model of a table, measured on holdout rows of the first seed.

    It sees the holdout and teaches nothing: no model, threshold or choice depends on it.
    """
    input:
        leaderboard="results/{dataset}/metrics.csv",
        models=first_seed_model_files,
        holdout=first_seed(processed("seed{seed}/holdout")),
        schema="data/processed/{dataset}/input_schema.json",
    output:
        importance="results/{dataset}/importance.csv",
        partial_dependence="results/{dataset}/partial_dependence.csv",
    log:
        "results/logs/{dataset}/explain.log",
    conda:
        CONDA_ENVIRONMENT
    params:
        cfg=explanation_settings,
        code=code("explain"),
    message:
        "Explaining the best model of {wildcards.dataset}"
    script:
        "../scripts/explain.py"
