rule stats:
    """Descriptive statistics and the distribution of each column, in all and by class."""
    input:
        table=intermediate("cleaned_data"),
        schema=SCHEMA_FILE,
    output:
        stats=for_report("results/{dataset}/stats.csv", DATA, "statistics"),
        distributions=for_report("results/{dataset}/distributions.csv", DATA, "distributions"),
    log:
        "results/logs/{dataset}/stats.log",
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("rows"),
    params:
        code=code("stats"),
    message:
        "Describing {wildcards.dataset}"
    script:
        "../scripts/stats.py"


# One job draws all plots of a table, because importing seaborn takes longer than drawing. What a
# job makes has to be known beforehand, so there is one rule for each different list of plots: `plots`
# for the tables that name none, `plots_<table>` for a list of their own.
DEFAULT_PLOTS = tuple(SCHEMA["$defs"]["dataset"]["properties"]["plots"]["default"])
TABLES_BY_PLOTS = {}
for dataset in DATASETS:
    TABLES_BY_PLOTS.setdefault(tuple(SETTINGS[dataset]["plots"]), []).append(dataset)

for names, tables in TABLES_BY_PLOTS.items():
    if not names:
        continue

    rule:
        name:
            "plots" if names == DEFAULT_PLOTS else f"plots_{tables[0]}"
        input:
            table=intermediate("cleaned_data"),
            schema=SCHEMA_FILE,
        output:
            [update(plot_for_report(name)) for name in names],
        log:
            "results/logs/{dataset}/plots.log",
        wildcard_constraints:
            dataset="|".join(tables),
        conda:
            CONDA_ENVIRONMENT
        resources:
            **needs("rows"),
        params:
            code=code("plots"),
        message:
            "Plotting {wildcards.dataset}"
        script:
            "../scripts/plots.py"
