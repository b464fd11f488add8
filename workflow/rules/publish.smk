rule refit:
    """The chosen model's recipe, fitted to all rows: what is published, and has no score.

    No other rule both learns and sees holdout rows, and nothing that is scored depends on this one.
    """
    input:
        table=intermediate("cleaned_data"),
        schema=SCHEMA_FILE,
        train=first_seed(processed("seed{seed}/train")),
        leaderboard="results/{dataset}/metrics.csv",
        made=first_seed(MODEL, made_models),
    output:
        REFIT,
    log:
        "results/logs/{dataset}/refit.log",
    conda:
        CONDA_ENVIRONMENT
    threads: most_threads
    resources:
        **needs("models", time_limit=limit_of_all),
    params:
        cfg=refit_settings,
        code=code("refit"),
    message:
        "Fitting the chosen model of {wildcards.dataset} to all rows"
    script:
        "../scripts/refit.py"


rule register:
    """The chosen model as a run that is kept: `results/{dataset}/runs/{run_id}`, never written again.

    Runs and `latest.txt` are no outputs, because Snakemake deletes outputs before a job that makes
    them; the output is the receipt that says which run the results stand for.
    """
    input:
        raw_table,
        schema=SCHEMA_FILE,
        repairs="results/{dataset}/repairs.json",
        leaderboard="results/{dataset}/metrics.csv",
        audit="results/{dataset}/audit.csv",
        metrics=first_seed(SCORES),
        predictions=first_seed(SEED_PREDICTIONS),
        train=first_seed(processed("seed{seed}/train")),
        holdout=first_seed(processed("seed{seed}/holdout")),
        models=first_seed(MODEL),
        refit=where(publishes_refit, REFIT),
    output:
        "results/{dataset}/published.json",
    log:
        "results/logs/{dataset}/register.log",
    conda:
        CONDA_ENVIRONMENT
    resources:
        **needs("rows"),
    params:
        cfg=registry_settings,
        code=code("register"),
    message:
        "Publishing the chosen model of {wildcards.dataset}"
    script:
        "../scripts/register.py"
