rule naive:
    """What a model predicts when augmenting comes first and splitting afterwards."""
    input:
        table=intermediate("cleaned_data"),
        schema=SCHEMA_FILE,
    output:
        NAIVE,
    log:
        "results/logs/{dataset}/naive_{model}.log",
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("models", time_limit=naive_time_limit),
    params:
        cfg=naive_settings,
        code=code("naive"),
    message:
        "Training {wildcards.model} by the naive protocol on {wildcards.dataset}"
    script:
        "../scripts/naive.py"


rule contrast:
    """Naive and honest scores side by side."""
    input:
        naive=all_files(NAIVE, own_models),
        honest=first_seed(SCORES),
    output:
        for_report("results/{dataset}/naive.csv", TRUST, "naive claim"),
    log:
        "results/logs/{dataset}/contrast.log",
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("rows"),
    params:
        cfg=using("threshold"),
        code=code("contrast"),
    message:
        "Contrasting naive and honest scores of {wildcards.dataset}"
    script:
        "../scripts/contrast.py"


rule copies:
    """Whether noisy copies have helped, where the table is trained with some: out of fold, without them."""
    input:
        train=first_seed(processed("seed{seed}/train")),
        schema=SCHEMA_FILE,
        oof=first_seed(OOF, own_models),
    output:
        for_report("results/{dataset}/augmentation.csv", TRUST, "copies"),
    log:
        "results/logs/{dataset}/copies.log",
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("models"),
    params:
        cfg=copies_settings,
        code=code("copies"),
    message:
        "Training a model of {wildcards.dataset} without copies"
    script:
        "../scripts/copies.py"


# The negative control of a table is a table of its own, `<table>_permuted`: the same rows with their
# labels shuffled. From there on it takes the way of every other table.
for dataset, control in PERMUTED.items():

    rule:
        name:
            f"permute_{dataset}"
        input:
            table=files(processed("cleaned_data"), dataset)[0],
            schema=SCHEMA_FILE.format(dataset=dataset),
        output:
            table=files(processed("cleaned_data"), control)[0],
            schema=f"data/processed/{control}/input_schema.json",
        log:
            f"results/logs/{control}/permute.log",
        conda:
            CONDA_ENVIRONMENT
        resources:
            **needs("rows", SETTINGS[dataset]["table"]),
        params:
            dataset=control,
            cfg={"seed": first_split(dataset)},
            code=code("permute"),
        message:
            f"Shuffling the labels of {dataset}"
        script:
            "../scripts/permute.py"


rule controls:
    """What the workflow finds where nothing is, and how near it comes where the answer is known."""
    input:
        leaderboard="results/{dataset}/metrics.csv",
        permuted="results/{dataset}_permuted/metrics.csv",
        schema=SCHEMA_FILE,
        models=known_process_models,
    output:
        for_report("results/{dataset}/controls.csv", TRUST, "controls"),
    log:
        "results/logs/{dataset}/controls.log",
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("models"),
    params:
        # Fresh customers come from a seed that the table was not drawn with.
        cfg={"seed": config["sample_data"]["customers"]["seed"] + 1_000_003},
        code=code("controls"),
    message:
        "Judging the controls of {wildcards.dataset}"
    script:
        "../scripts/controls.py"
