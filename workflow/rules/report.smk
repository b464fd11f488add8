# What the report shows and no other rule has computed, in tables that any program can read; and the
# report itself.

CURVE_NAMES = {"roc": "ROC curves", "precision_recall": "precision-recall curves"}


rule curves:
    """ROC, precision-recall, calibration, scores and thresholds of all models, first seed."""
    input:
        first_seed(SEED_PREDICTIONS),
    output:
        **{
            name: for_report(path, EVIDENCE, CURVE_NAMES.get(name, name.replace("_", " ")))
            for name, path in CURVES.items()
        },
    log:
        "results/logs/{dataset}/curves.log",
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("rows"),
    params:
        cfg=using("level", "threshold"),
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
        models=first_seed(MODEL),
        holdout=first_seed(processed("seed{seed}/holdout")),
        schema=SCHEMA_FILE,
    output:
        importance=for_report("results/{dataset}/importance.csv", EVIDENCE, "importance"),
        partial_dependence=for_report(
            "results/{dataset}/partial_dependence.csv", EVIDENCE, "partial dependence"
        ),
    log:
        "results/logs/{dataset}/explain.log",
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("models"),
    params:
        cfg=using("level", "metric", "random_state", "threshold"),
        code=code("explain"),
    message:
        "Explaining the best model of {wildcards.dataset}"
    script:
        "../scripts/explain.py"


rule report:
    """The page of one table: the answer first, the evidence below. Nothing is computed for it."""
    input:
        **CURVES,
        templates=templates("report"),
        table=intermediate("cleaned_data"),
        schema=SCHEMA_FILE,
        repairs="results/{dataset}/repairs.json",
        leaderboard="results/{dataset}/metrics.csv",
        seed_metrics=all_files(SCORES),
        ensemble=where(has_ensemble, WEIGHTS),
        audit="results/{dataset}/audit.csv",
        augmentation=where(makes_copies, "results/{dataset}/augmentation.csv"),
        naive=where(wants("naive"), "results/{dataset}/naive.csv"),
        controls=where(wants("controls"), "results/{dataset}/controls.csv"),
        importance="results/{dataset}/importance.csv",
        partial_dependence="results/{dataset}/partial_dependence.csv",
        stats="results/{dataset}/stats.csv",
        distributions="results/{dataset}/distributions.csv",
        plots=lambda wildcards: plot_files(wildcards.dataset),
    output:
        for_report("results/{dataset}/report.html", ANSWER, "page"),
    log:
        "results/logs/{dataset}/report.log",
    wildcard_constraints:
        # The tables with shuffled labels have no repairs of their own.
        dataset="|".join(DATASETS),
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("rows"),
    params:
        cfg=page_settings,
        code=code("report"),
    message:
        "Writing the report of {wildcards.dataset}"
    script:
        "../scripts/report.py"


rule report_index:
    """The index of all tables. If a table fails, the run's end writes it with what there is."""
    input:
        templates=templates("index"),
        results=[
            as_is(path)
            for files in INDEXED_TABLES.values()
            for path in [files["leaderboard"], files["audit"], *files["seeds"], *files["controls"]]
        ],
    output:
        for_report(INDEX, ANSWER, "index", "all tables"),
    log:
        "results/logs/report_index.log",
    localrule: True
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("files"),
    params:
        cfg={"tables": INDEXED_TABLES},
        code=code("report_index"),
    message:
        "Writing the index of all tables"
    script:
        "../scripts/report_index.py"
