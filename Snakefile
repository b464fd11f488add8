# So that `snakemake` finds the workflow, and the default profile beside this file.


include: "workflow/Snakefile"


# Snakemake keeps the default target of the file that includes, which has none.
workflow.default_target = "all"
