rule benchmarks:
    """What each job cost when it last ran: a table and a picture. Made on demand only."""
    input:
        costs=job_costs,
        schemas=[path for dataset in DATASETS for path in files(SCHEMA_FILE, dataset)],
    output:
        table="results/benchmarks/costs.csv",
        figure="results/benchmarks/costs.png",
    log:
        "results/logs/benchmarks.log",
    localrule: True
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("files"),
    params:
        code=code("benchmarks"),
    message:
        "Gathering what the jobs have cost"
    script:
        "../scripts/benchmarks.py"
