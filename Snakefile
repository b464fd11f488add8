# From a table with a yes/no column to numbers you can trust. `snakemake --cores 4` makes it all.
#
# The stages stand in workflow/rules, in the order in which they run; what they compute stands in
# workflow/ml_baseline; what you may change stands in config/config.yaml.


configfile: "config/config.yaml"


include: "workflow/common.smk"
include: "workflow/rules/sample.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/explore.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"


rule all:
    """Everything: figures, statistics and the leaderboard of every table in the config."""
    default_target: True
    input:
        "results/metrics.csv",
        [f"results/{dataset}/stats.csv" for dataset in DATASETS],
        [plot for dataset in DATASETS for plot in plot_files(dataset)],


onsuccess:
    print(run_summary(DATASETS))


onerror:
    print(run_summary(DATASETS, failed_since=STARTED))
