# From a table with a yes/no column to numbers you can trust. `snakemake --cores 4` makes it all.
#
# The stages stand in workflow/rules, in the order in which they run; what they compute stands in
# workflow/ml_baseline; what you may change stands in config/config.yaml.


configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/common.smk"
include: "workflow/pages.smk"
include: "workflow/rules/sample.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/explore.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/controls.smk"
include: "workflow/rules/benchmarks.smk"
include: "workflow/rules/publish.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/report.smk"


rule all:
    """Everything: statistics, plots, audit, leaderboard and run of every table in the config."""
    default_target: True
    input:
        wanted_files(),


onstart:
    start_run()


onsuccess:
    end_run()


onerror:
    end_run(failed=True)
