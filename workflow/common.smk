"""What all rules share: the checked config, the settings of each table, paths and code."""

import sys
import time
from pathlib import Path

WORKFLOW_FOLDER = Path(workflow.current_basedir)
# So that the library is found without being installed (under conda, on a cluster).
sys.path.insert(0, str(WORKFLOW_FOLDER))

from ml_baseline import configuration
from ml_baseline.errors import InputError
from ml_baseline.source_code import code_hash, package_version
from ml_baseline.summary import run_summary

STARTED = time.time()
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
    dataset="|".join(DATASETS),
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


def training_settings(model):
    """Return the params function of the rule that trains `model`."""

    def settings_of(wildcards):
        settings = SETTINGS[wildcards.dataset]
        entry = settings["models"][model]
        return canonical(
            {
                "model": {key: entry[key] for key in ("estimator", "params", "preprocessing")},
                "estimator_version": package_version(entry["estimator"]),
                "preprocessing": settings["preprocessing"],
                "augment": settings["augment"],
                "folds": settings["cv"]["folds"],
                "strategy": settings["split"]["strategy"],
            }
        )

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
        f"results/{wildcards.dataset}/seed{seed}/oof/{model}.csv"
        for seed in seeds(wildcards.dataset)
        for model in models(wildcards.dataset)
    ]


