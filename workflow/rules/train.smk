for model in MODELS:

    if any(tuning_rungs(dataset, model) for dataset in SETTINGS):

        rule:
            name:
                f"tune_{model}"
            input:
                train=intermediate("seed{seed}/train"),
                augmented=intermediate("seed{seed}/augmented_data"),
                schema=SCHEMA_FILE,
                tried=tried_before(model),
            output:
                TRIED.replace("{model}", model),
            log:
                f"results/logs/{{dataset}}/seed{{seed}}/tune_{model}_rung{{rung}}_part{{part}}.log",
            priority: 10
            conda:
                CONDA_ENVIRONMENT
            resources:
                **needs("models", time_limit=of_model(training_limit, model)),
            params:
                cfg=tuning_settings(model),
                code=code("tune"),
            message:
                f"Searching for parameters of {model} on {{wildcards.dataset}} (seed {{wildcards.seed}})"
            script:
                "../scripts/tune.py"

    rule:
        name:
            f"train_{model}"
        input:
            train=intermediate("seed{seed}/train"),
            augmented=intermediate("seed{seed}/augmented_data"),
            schema=SCHEMA_FILE,
            tried=tried_before(model),
        output:
            model=f"results/{{dataset}}/seed{{seed}}/models/{model}.joblib",
            oof=f"results/{{dataset}}/seed{{seed}}/oof/{model}.csv",
        log:
            f"results/logs/{{dataset}}/seed{{seed}}/train_{model}.log",
        priority: 10
        conda:
            CONDA_ENVIRONMENT
        threads: of_model(training_threads, model)
        resources:
            **needs(
                "models",
                time_limit=of_model(training_limit, model),
                seconds=of_model(training_estimate, model),
            ),
        params:
            cfg=of_model(training_settings, model),
            code=code("train"),
        message:
            f"Training {model} on {{wildcards.dataset}} (seed {{wildcards.seed}})"
        script:
            "../scripts/train.py"


rule budget:
    """What a table's budget has decided: nothing but words, the settings have it already."""
    output:
        "results/{dataset}/budget.json",
    log:
        "results/logs/{dataset}/budget.log",
    localrule: True
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("files"),
    params:
        cfg=lambda wildcards: canonical(BUDGETS[wildcards.dataset]),
        code=code("budget"),
    message:
        "Telling what the budget of {wildcards.dataset} allows"
    script:
        "../scripts/budget.py"


rule train_ensemble:
    """The weighted mean of a seed's models, one model more to all that follows.

    Its weights are learned from out-of-fold predictions; no model is fitted again for it.
    """
    input:
        models=all_files(MODEL, own_models),
        oof=all_files(OOF, own_models),
    output:
        model=MODEL.replace("{model}", ENSEMBLE),
        oof=OOF.replace("{model}", ENSEMBLE),
        weights=WEIGHTS,
    log:
        "results/logs/{dataset}/seed{seed}/train_ensemble.log",
    priority: 10
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("rows"),
    params:
        cfg=using("strategy"),
        code=code("train_ensemble"),
    message:
        "Weighing the models of {wildcards.dataset} (seed {wildcards.seed})"
    script:
        "../scripts/train_ensemble.py"
