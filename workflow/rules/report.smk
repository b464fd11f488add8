# What the report shows and no other rule has computed, in tables that any program can read.


rule curves:
    """ROC, precision-recall, calibration, scores and thresholds of all models, first seed."""
    input:
        first_seed("results/{dataset}/seed{seed}/holdout_predictions.csv"),
    output:
        roc=for_report("results/{dataset}/curves/roc.csv", EVIDENCE, "ROC curves"),
        precision_recall=for_report(
            "results/{dataset}/curves/precision_recall.csv", EVIDENCE, "precision-recall curves"
        ),
        calibration=for_report("results/{dataset}/curves/calibration.csv", EVIDENCE, "calibration"),
        score_distribution=for_report(
            "results/{dataset}/curves/score_distribution.csv", EVIDENCE, "score distribution"
        ),
        thresholds=for_report("results/{dataset}/curves/thresholds.csv", EVIDENCE, "thresholds"),
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
        importance=for_report("results/{dataset}/importance.csv", EVIDENCE, "importance"),
        partial_dependence=for_report(
            "results/{dataset}/partial_dependence.csv", EVIDENCE, "partial dependence"
        ),
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
