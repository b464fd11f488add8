for suffix in sorted(set(FORMATS.values())):

    rule:
        """The repaired table and its schema. Row by row: nothing is learned from the data."""
        name:
            named("clean", suffix)
        input:
            raw_table,
        output:
            # Kept where the new table or a setting is refused: what was made before still stands.
            table=update(processed("cleaned_data", suffix)),
            schema=update(SCHEMA_FILE),
            repairs=update(for_report("results/{dataset}/repairs.json", DATA, "repairs")),
        log:
            "results/logs/{dataset}/clean.log",
        wildcard_constraints:
            dataset="|".join(name for name in SETTINGS if FORMATS[name] == suffix),
        priority: 20
        conda:
            CONDA_ENVIRONMENT
        resources:
            **needs("rows"),
        params:
            cfg=cleaning_settings,
            code=code("clean"),
        message:
            "Cleaning {wildcards.dataset}"
        script:
            "../scripts/clean.py"

    rule:
        """Training and holdout rows. From here on nothing that learns sees the holdout but `refit`."""
        name:
            named("split", suffix)
        input:
            table=processed("cleaned_data", suffix),
            schema=SCHEMA_FILE,
        output:
            train=update(processed("seed{seed}/train", suffix)),
            holdout=update(processed("seed{seed}/holdout", suffix)),
        log:
            "results/logs/{dataset}/seed{seed}/split.log",
        priority: 20
        conda:
            CONDA_ENVIRONMENT
        resources:
            **needs("rows"),
        params:
            cfg=using("split"),
            code=code("split"),
        message:
            "Splitting {wildcards.dataset} (seed {wildcards.seed})"
        script:
            "../scripts/split.py"

    rule:
        """The training rows and their noisy copies."""
        name:
            named("augment", suffix)
        input:
            train=processed("seed{seed}/train", suffix),
            schema=SCHEMA_FILE,
        output:
            processed("seed{seed}/augmented_data", suffix),
        log:
            "results/logs/{dataset}/seed{seed}/augment.log",
        priority: 20
        conda:
            CONDA_ENVIRONMENT
        resources:
            **needs("rows"),
        params:
            cfg=using("augment"),
            code=code("augment"),
        message:
            "Augmenting the training rows of {wildcards.dataset} (seed {wildcards.seed})"
        script:
            "../scripts/augment.py"
