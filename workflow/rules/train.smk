for model in MODELS:

    rule:
        name:
            f"train_{model}"
        input:
            train=processed("seed{seed}/train"),
            augmented=processed("seed{seed}/augmented_data"),
            schema=SCHEMA_FILE,
        output:
            model=f"results/{{dataset}}/seed{{seed}}/models/{model}.joblib",
            oof=f"results/{{dataset}}/seed{{seed}}/oof/{model}.csv",
        log:
            f"results/logs/{{dataset}}/seed{{seed}}/train_{model}.log",
        priority: 10
        conda:
            CONDA_ENVIRONMENT
        threads: training_resource(model, "threads")
        resources:
            **needs("models", time_limit=training_resource(model, "time_limit")),
        params:
            cfg=training_settings(model),
            code=code("train"),
        message:
            f"Training {model} on {{wildcards.dataset}} (seed {{wildcards.seed}})"
        script:
            "../scripts/train.py"
