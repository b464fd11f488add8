"""What all rules share: the checked config, the settings of each table, paths and code."""

import sys
import threading
import time
from pathlib import Path

WORKFLOW_FOLDER = Path(workflow.current_basedir)
# So that the library is found without being installed (under conda, on a cluster).
sys.path.insert(0, str(WORKFLOW_FOLDER))

from ml_baseline import configuration
from ml_baseline.errors import InputError
from ml_baseline.source_code import code_hash, package_version
from ml_baseline.summary import run_summary
from ml_baseline.warm import WarmProcesses

STARTED = time.time()
WARM = []
CONDA_ENVIRONMENT = str(WORKFLOW_FOLDER.parent / "envs" / "ml-baseline.yaml")

SCHEMA = configuration.load_schema(WORKFLOW_FOLDER / "schemas" / "config.schema.yaml")

try:
    config = configuration.complete(config, SCHEMA)
    configuration.check_estimators(config)
except InputError as error:
    # Not a WorkflowError: that would add where in our code the config was found wrong.
    sys.exit(f"{', '.join(workflow.configfiles)}: {error}")

DATASETS = list(config["datasets"])
SETTINGS = {name: configuration.dataset_settings(config, name) for name in DATASETS}
# The tables with shuffled labels, the negative controls, by the table they are made from.
PERMUTED = {name: f"{name}_permuted" for name in DATASETS if SETTINGS[name]["controls"]}
for name, control in PERMUTED.items():
    if control in SETTINGS:
        sys.exit(
            f"datasets.{control}: this is the name of the negative control of {name}; rename it"
        )
    SETTINGS[control] = SETTINGS[name] | {"controls": False, "audit": {"on_fail": "warn"}}
MODELS = list(dict.fromkeys(model for name in DATASETS for model in SETTINGS[name]["models"]))
TABLE_SUFFIX = config["table_format"]
SAMPLE_TABLES = {
    "customers": "data/raw/customers.csv",
    "users": "data/processed/features.csv",
    "breast_cancer": "data/raw/breast_cancer.csv",
}
# Only the samples that the config reads: a user who has taken them out pays nothing for them.
USED_TABLES = {SETTINGS[dataset]["table"] for dataset in DATASETS}


wildcard_constraints:
    dataset="|".join(SETTINGS),
    seed=r"\d+",


def canonical(value):
    """Return a config value with all mappings in sorted order: what is equal looks equal."""
    if isinstance(value, dict):
        return {key: canonical(value[key]) for key in sorted(value, key=str)}
    return [canonical(item) for item in value] if isinstance(value, list) else value


def using(*keys):
    """Return the params function of a rule that uses these settings of its table, and no others."""
    return lambda wildcards: canonical({key: SETTINGS[wildcards.dataset].get(key) for key in keys})


def code(script):
    """Return what the code of the rule with this script is; the rule is stale when it changes."""
    return code_hash(WORKFLOW_FOLDER / "scripts" / f"{script}.py", WORKFLOW_FOLDER / "ml_baseline")


def processed(name):
    """Return the path pattern of a table's intermediate file, in the config's format."""
    return f"data/processed/{{dataset}}/{name}.{TABLE_SUFFIX}"


def seeds(dataset):
    return SETTINGS[dataset]["seeds"]


def models(dataset):
    return list(SETTINGS[dataset]["models"])


def raw_table(wildcards):
    """Return a table's raw file as input.

    A file that is neither there nor made by the workflow is left to the job, which says so for
    this table and leaves the other tables their runs.
    """
    path = SETTINGS[wildcards.dataset]["table"]
    made_here = path in SAMPLE_TABLES.values()
    return [path] if made_here or Path(path).exists() else []


def plot_files(dataset):
    return [f"results/{dataset}/plots/{name}.png" for name in SETTINGS[dataset]["plots"]]


# The chapters of Snakemake's own report, in the order in which it shows them.
ANSWER = "1 The answer"
TRUST = "2 Whether to trust it"
EVIDENCE = "3 The evidence"
DATA = "4 The data"


def for_report(path, chapter, name, table="{dataset}"):
    """Mark an output for Snakemake's own report (`snakemake --report report.html`).

    Its caption stands in workflow/report, in the file of this name; `table` is the heading. Labels
    are shown in alphabetical order: the pages come before the plots and the tables.
    """
    caption = name.lower().replace(" ", "_").replace("-", "_")
    return report(
        path,
        caption=f"../report/{caption}.rst",
        category=chapter,
        subcategory=table,
        labels={"result": f"table: {name}" if path.endswith(".csv") else name},
    )


def plot_for_report(name):
    """Mark a plot likewise; plots of one or two columns have the caption of their kind."""
    kind = name.rpartition("_")[2]
    caption = kind if kind in ("histogram", "barplot", "scatter") else name
    return report(
        f"results/{{dataset}}/plots/{name}.png",
        caption=f"../report/plot_{caption}.rst",
        category=DATA,
        subcategory="{dataset}",
        labels={"result": f"plot: {name.replace('_', ' ')}"},
    )


def model_settings(dataset, model):
    """Return everything that fitting a model to a table uses."""
    settings = SETTINGS[dataset]
    entry = settings["models"][model]
    return {
        "model": {key: entry[key] for key in ("estimator", "params", "preprocessing")},
        "estimator_version": package_version(entry["estimator"]),
        "preprocessing": settings["preprocessing"],
        "augment": settings["augment"],
    }


def training_settings(model):
    """Return the params function of the rule that trains `model`."""

    def settings_of(wildcards):
        settings = SETTINGS[wildcards.dataset]
        validation = {
            "folds": settings["cv"]["folds"],
            "strategy": settings["split"]["strategy"],
        }
        return canonical(model_settings(wildcards.dataset, model) | validation)

    return settings_of


def training_threads(model):
    """Return the threads function of the rule that trains `model`."""
    return lambda wildcards: SETTINGS[wildcards.dataset]["models"][model]["threads"]


def model_files(wildcards):
    folder = f"results/{wildcards.dataset}/seed{wildcards.seed}/models"
    return [f"{folder}/{model}.joblib" for model in models(wildcards.dataset)]


def seed_files(pattern):
    """Return the input function that gathers a file over a table's seeds."""
    return lambda wildcards: [
        pattern.format(dataset=wildcards.dataset, seed=seed) for seed in seeds(wildcards.dataset)
    ]


def oof_files(wildcards):
    return [
        path
        for seed in seeds(wildcards.dataset)
        for path in seed_oof_files(wildcards.dataset, seed)
    ]


def first_seed_oof_files(wildcards):
    return seed_oof_files(wildcards.dataset, seeds(wildcards.dataset)[0])


def seed_oof_files(dataset, seed):
    return [f"results/{dataset}/seed{seed}/oof/{model}.csv" for model in models(dataset)]


def first_seed(pattern):
    """Return the input function for a file of a table's first seed: the split that is audited."""
    return lambda wildcards: pattern.format(
        dataset=wildcards.dataset, seed=seeds(wildcards.dataset)[0]
    )


def required_audit(wildcards):
    """Return the audit's permission as input where the config says that a failure stops."""
    stops = SETTINGS[wildcards.dataset]["audit"]["on_fail"] == "stop"
    return [f"results/{wildcards.dataset}/audit_passed"] if stops else []


def interval_settings(wildcards):
    settings = SETTINGS[wildcards.dataset]
    return {
        "level": settings["intervals"]["level"],
        "strategy": settings["split"]["strategy"],
        "threshold": settings["threshold"],
    }


def comparison_settings(wildcards):
    settings = SETTINGS[wildcards.dataset]
    own = {key: settings[key] for key in ("baseline", "select_by")}
    return canonical(own | interval_settings(wildcards))


def audit_settings(wildcards):
    settings = SETTINGS[wildcards.dataset]
    return canonical(
        {
            "random_state": seeds(wildcards.dataset)[0],
            "strategy": settings["split"]["strategy"],
        }
    )


def curve_settings(wildcards):
    settings = SETTINGS[wildcards.dataset]
    return {"level": settings["intervals"]["level"], "threshold": settings["threshold"]}


def explanation_settings(wildcards):
    own = {
        "metric": SETTINGS[wildcards.dataset]["select_by"],
        "random_state": seeds(wildcards.dataset)[0],
    }
    return canonical(own | curve_settings(wildcards))


def first_seed_model_files(wildcards):
    folder = f"results/{wildcards.dataset}/seed{seeds(wildcards.dataset)[0]}/models"
    return [f"{folder}/{model}.joblib" for model in models(wildcards.dataset)]


def report_tables(dataset):
    """Return the tables that are made for the report alone."""
    folder = f"results/{dataset}"
    names = ("roc", "precision_recall", "calibration", "score_distribution", "thresholds")
    return [
        *(f"{folder}/curves/{name}.csv" for name in names),
        f"{folder}/distributions.csv",
        f"{folder}/importance.csv",
        f"{folder}/partial_dependence.csv",
    ]


def naive_settings(wildcards):
    dataset = wildcards.dataset
    return canonical(
        {
            "models": {model: model_settings(dataset, model) for model in models(dataset)},
            "random_state": seeds(dataset)[0],
            "test_size": SETTINGS[dataset]["split"]["test_size"],
            "threshold": SETTINGS[dataset]["threshold"],
        }
    )


def known_process_models(wildcards):
    """Return the models that the positive control needs: those of the customers sample, or none."""
    dataset = wildcards.dataset
    if SETTINGS[dataset]["table"] != SAMPLE_TABLES["customers"]:
        return []
    return [f"results/{dataset}/seed{seeds(dataset)[0]}/models/{m}.joblib" for m in models(dataset)]


def control_settings(wildcards):
    # Fresh customers come from a seed that the table was not drawn with.
    return {"seed": config["sample_data"]["customers"]["seed"] + 1_000_003}


def wanted_files():
    """Return every file that a run is for."""
    files = ["results/metrics.csv"]
    files += [INDEX] * any(SETTINGS[dataset]["report"] for dataset in DATASETS)
    for dataset in DATASETS:
        folder = f"results/{dataset}"
        files += [f"{folder}/stats.csv", f"{folder}/audit.csv", *plot_files(dataset)]
        files += report_tables(dataset)
        files += [f"{folder}/report.html"] * SETTINGS[dataset]["report"]
        files += [f"{folder}/naive.csv"] * SETTINGS[dataset]["naive"]
        files += [f"{folder}/controls.csv"] * SETTINGS[dataset]["controls"]
    return files


def end_waiting():
    """End what would keep a finished run alive: warm processes, and timers of Snakemake's scheduler.

    The timers only wake a scheduler that has ended; Python would wait a second for them.
    """
    while WARM:
        WARM.pop().close()
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()
