rule evaluate:
    """Every model's predictions and metrics on the original holdout rows of one split."""
    input:
        holdout=intermediate("seed{seed}/holdout"),
        schema=SCHEMA_FILE,
        models=all_files(MODEL),
    output:
        predictions=SEED_PREDICTIONS,
        metrics=SCORES,
        parameters=PARAMETERS,
    log:
        "results/logs/{dataset}/seed{seed}/evaluate.log",
    priority: 10
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("rows"),
    params:
        cfg=using("level", "strategy", "threshold"),
        code=code("evaluate"),
    message:
        "Scoring the models of {wildcards.dataset} (seed {wildcards.seed}) on the holdout"
    script:
        "../scripts/evaluate.py"


rule audit:
    """What speaks against trusting the scores: leaks, duplicates, shifts, too few rows.

    It sees the holdout and teaches nothing: no model, threshold or choice depends on it.
    """
    input:
        train=first_seed(processed("seed{seed}/train")),
        holdout=first_seed(processed("seed{seed}/holdout")),
        schema=SCHEMA_FILE,
        oof=first_seed(OOF, own_models),
        # A table with shuffled labels was not cleaned.
        repairs=where(DATASETS.__contains__, "results/{dataset}/repairs.json"),
    output:
        for_report("results/{dataset}/audit.csv", TRUST, "audit"),
    log:
        "results/logs/{dataset}/audit.log",
    priority: 5
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("models"),
    params:
        cfg=using("random_state", "strategy"),
        code=code("audit"),
    message:
        "Auditing {wildcards.dataset}"
    script:
        "../scripts/audit.py"


rule require_audit:
    """Nothing but an end of the run if the audit fails, where the config asks for that."""
    input:
        "results/{dataset}/audit.csv",
    output:
        touch("results/{dataset}/audit_passed"),
    log:
        "results/logs/{dataset}/require_audit.log",
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("files"),
    params:
        code=code("require_audit"),
    message:
        "Checking the audit of {wildcards.dataset}"
    script:
        "../scripts/require_audit.py"


rule compare:
    """The leaderboard of one table; the best model is chosen on out-of-fold scores.

    Of rows, that is, which are in no holdout that is reported, whatever the split.
    """
    input:
        metrics=all_files(SCORES),
        predictions=all_files(SEED_PREDICTIONS),
        schema=SCHEMA_FILE,
        oof=all_files(OOF),
        # Which rows belong together.
        grouped=where(wants("group"), processed("cleaned_data")),
        required=where(stops, "results/{dataset}/audit_passed"),
    output:
        for_report("results/{dataset}/metrics.csv", ANSWER, "leaderboard"),
    log:
        "results/logs/{dataset}/compare.log",
    priority: 10
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("rows"),
    params:
        cfg=using("baseline", "level", "seeds", "select_by", "strategy", "threshold"),
        code=code("compare"),
    message:
        "Comparing the models of {wildcards.dataset}"
    script:
        "../scripts/compare.py"


rule gather:
    """The metrics of every table, seed and model in one file."""
    input:
        metrics=gathered_files(),
    output:
        for_report("results/metrics.csv", ANSWER, "all metrics", "all tables"),
    log:
        "results/logs/gather.log",
    localrule: True
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("files"),
    params:
        code=code("gather"),
    message:
        "Gathering the metrics of all tables"
    script:
        "../scripts/gather.py"
