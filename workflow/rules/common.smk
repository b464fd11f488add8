"""What all rules share: the checked config, the settings of each table, paths and code."""

import atexit
import gc
import os
import sys
from functools import cache
from pathlib import Path

from ml_baseline.config.budget import (
    PARQUET_MB,
    Size,
    megabytes,
    same_with_threads,
    table_size,
    threads_for,
    training_seconds,
    trials,
    within_budget,
)
from ml_baseline.config.checks import unfit_tables
from ml_baseline.config.configuration import checked_config
from ml_baseline.config.estimator_rules import BLIND_ESTIMATORS, ENSEMBLE
from ml_baseline.config.paths import is_readable
from ml_baseline.config.problems import ConfigError
from ml_baseline.config.settings import (
    SAMPLE_TABLES,
    batch_dataset,
    batch_files,
    dataset_settings,
    made_of_others,
    not_installed,
)
from ml_baseline.config.text import load_yaml
from ml_baseline.data.sample_note import is_sample
from ml_baseline.errors import InputError
from ml_baseline.jobs import snakemake_internals, worker
from ml_baseline.jobs.run import Plan, Run
from ml_baseline.jobs.source_code import code_hash, package_version
from ml_baseline.jobs.memory import Memory, remembered_hash
from ml_baseline.records import not_as_written

# The objects of a graph live to its end: to look for garbage among them, at every 700 new ones, takes
# a sixth of a call in which there is nothing to do.
gc.set_threshold(50_000)
# Nor to tidy them up one by one when Python ends: another sixth.
atexit.register(gc.freeze)
snakemake_internals.without_pandas()
snakemake_internals.look_once()
snakemake_internals.keep_old_versions(lambda path: not any(not_as_written([path])))
snakemake_internals.import_first_from(WORKFLOW_FOLDER)
# Where the workflow makes a file, for use outside a rule.
made = snakemake_internals.prefixing(workflow)
MEMORY = Memory(Path(".snakemake", "ml-baseline-memory.json").absolute())
CONDA_ENVIRONMENT = str(WORKFLOW_FOLDER.parent / "envs" / "ml-baseline.yaml")

SCHEMA = load_yaml(WORKFLOW_FOLDER / "schemas" / "config.schema.yaml")

try:
    # Not for the jobs of a cluster, which read this file too.
    is_main = snakemake_internals.is_main_process(workflow)
    RUN = Run(workflow, WORKFLOW_FOLDER / "scripts") if is_main else None
    if is_main:
        atexit.register(MEMORY.save)  # tables are looked at when the jobs are worked out
    elif snakemake_internals.is_remote(workflow):
        worker.stand_alone()
        snakemake_internals.when_told_to_end(worker.end)
    config = checked_config(config, SCHEMA, KEY_PLACES, start=is_main)
except InputError as error:
    # Not a WorkflowError: that would add where in our code the config was found wrong.
    sys.exit(str(error))

DATASETS = list(config["datasets"])
SETTINGS = {name: dataset_settings(config, name) for name in DATASETS}
SAMPLE_COLUMNS = 10
# Only the samples that the config reads: a user who has taken them out pays nothing for them.
USED_TABLES = {SETTINGS[dataset]["table"] for dataset in DATASETS}
# Which sample each path holds, or will once it is made. Any other file there is the user's own.
SAMPLES = {
    path: sample
    for sample, path in SAMPLE_TABLES.items()
    if path in USED_TABLES and (is_sample(path) or not os.path.lexists(path))
}
# The sample tables that are made if they are missing or were made with other settings.
MADE_TABLES = set(SAMPLES) if config["sample_data"]["make"] else set()
# What the budgets of tables have decided, by table; of a sample by what it will be once it is made.
BUDGETS = {}
for name in DATASETS:
    if SETTINGS[name]["budget"]:
        path = SETTINGS[name]["table"]
        rows = config["sample_data"].get(SAMPLES.get(path), {}).get("rows")
        size = Size(rows, SAMPLE_COLUMNS) if rows and path in MADE_TABLES else table_size(path)
        SETTINGS[name], BUDGETS[name] = within_budget(SETTINGS[name], size)
# The tables with shuffled labels, the negative controls, by the table they are made from.
PERMUTED = {name: f"{name}_permuted" for name in DATASETS if SETTINGS[name]["controls"]}
for name, control in PERMUTED.items():
    SETTINGS[control] = SETTINGS[name] | {"controls": False, "audit": {"on_fail": "warn"}}


def canonical(value):
    """Return a config value with all mappings in sorted order: what is equal looks equal."""
    if isinstance(value, dict):
        return {key: canonical(value[key]) for key in sorted(value, key=str)}
    return [canonical(item) for item in value] if isinstance(value, list) else value


# Once for all jobs: a param is compared as the text that it gives.
SETTINGS = canonical(SETTINGS)
MODELS = sorted({model for settings in SETTINGS.values() for model in settings["models"]})
# The format of each table's files on the way to its results.
FORMATS = dict.fromkeys(SETTINGS, config["table_format"])
if config["table_format"] == "auto":
    LARGE = {path for path in USED_TABLES - MADE_TABLES if megabytes(path) >= PARQUET_MB}
    FORMATS = {n: "parquet" if SETTINGS[n]["table"] in LARGE else "csv" for n in SETTINGS}
CLEANING_KEYS = [
    *("table", "sheet", "header_row", "reading"),
    *("separator", "quote", "escape", "encoding", "decimal", "missing_values"),
    *("target", "positive", "negative", "id", "group", "time"),
    *("drop", "forbidden", "columns", "categorical", "encode", "dates"),
]
# The tables that a run is for.
WANTED = [name for name in DATASETS if name in (config["only"] or DATASETS)]

# The batches to predict, each with its table and its output.
PREDICTIONS = {
    name: batch | {"dataset": batch_dataset(config, batch), "output": batch_files(config, name)[0]}
    for name, batch in config["predictions"].items()
}

# Where a setting stands in those of a table, if not under its own name.
PLACES = {
    "strategy": ("split", "strategy"),
    "test_size": ("split", "test_size"),
    "folds": ("cv", "folds"),
    "level": ("intervals", "level"),
    "metric": ("select_by",),
    "fit_on": ("publish", "fit_on"),
    "random_state": ("seeds", 0),  # of the first split
}
# Settings of a table that make no difference to the model that is published, nor to its scores.
NOT_PUBLISHED = (
    "audit",
    "budget",
    "controls",
    "effort",
    "naive",
    "plots",
    "reading",
    "register",
    "report",
)
PUBLISHED_OF_MODEL = ("estimator", "from_rows", "params", "preprocessing", "tune")

# In how many jobs the trials of a search begin, at most, and with how many each; it finds the same in any
# number of jobs.
TUNING_JOBS, TRIALS_OF_A_JOB = 4, 5

# The files of each model, of each split, and of each table beside its plots. Those on the way to
# others too: what is deleted is made again.
MODEL = "results/{dataset}/seed{seed}/models/{model}.joblib"
OOF = "results/{dataset}/seed{seed}/oof/{model}.csv"
WEIGHTS = "results/{dataset}/seed{seed}/ensemble.csv"
REFIT = "results/{dataset}/refit.joblib"
NAIVE = "results/{dataset}/naive/{model}.csv"
TRIED = "results/{dataset}/seed{seed}/tuning/{model}/rung{rung}_part{part}.csv"
SCORES = "results/{dataset}/seed{seed}/metrics.csv"
PARAMETERS = "results/{dataset}/seed{seed}/parameters.json"
SEED_PREDICTIONS = "results/{dataset}/seed{seed}/holdout_predictions.csv"
SCHEMA_FILE = "data/processed/{dataset}/input_schema.json"
CURVES = {
    name: f"results/{{dataset}}/curves/{name}.csv"
    for name in ("roc", "precision_recall", "calibration", "score_distribution", "thresholds")
}
TABLE_RESULTS = [
    *("repairs.json", "stats.csv", "distributions.csv", "audit.csv", "metrics.csv"),
    *("importance.csv", "partial_dependence.csv"),
]
# Those that a table has only where its setting asks for it.
OPTIONAL_RESULTS = {
    "budget": "budget.json",
    "naive": "naive.csv",
    "controls": "controls.csv",
    "register": "published.json",
    "report": "report.html",
}


wildcard_constraints:
    dataset="|".join(SETTINGS),
    seed=r"\d+",
    model="|".join(MODELS),
    rung=r"\d+",
    part=r"\d+",


def as_is(path):
    """Mark a path to which no module's prefix is put: one of the user's, or one from `made`."""
    return local(path)


def setting(dataset, name):
    value = SETTINGS[dataset]
    for key in PLACES.get(name, (name,)):
        value = value[key]
    # Where there are no copies, it makes no difference how noisy they would be.
    return {"method": "none"} if name == "augment" and value["method"] == "none" else value


def using(*names):
    """Return the params function of a rule that uses these settings of its table, and no others."""
    return lambda wildcards: {name: setting(wildcards.dataset, name) for name in names}


def code(script):
    """Return what the code of the rule with this script is; the rule is stale when it changes."""
    file = WORKFLOW_FOLDER / "scripts" / f"{script}.py"
    return code_hash(file, WORKFLOW_FOLDER / "ml_baseline", MEMORY)


def processed(name, suffix="{suffix}"):
    """Return the path pattern of a table's intermediate file."""
    return f"data/processed/{{dataset}}/{name}.{suffix}"


def intermediate(name):
    """Return the input function for an intermediate file, in the format of its table."""
    return lambda wildcards: files(processed(name), wildcards.dataset, wildcards.get("seed"))[0]


def named(rule, suffix):
    """Return the name of a rule that is there for each format of intermediate files."""
    return rule if suffix == min(FORMATS.values()) else f"{rule}_{suffix}"


def first_split(dataset):
    """Return the seed of the split that is audited, explained, drawn, published and told of.

    It is the first that the config names, and asked for here only.
    """
    return SETTINGS[dataset]["seeds"][0]


def own_models(dataset):
    """Return the models of a table that are fitted, sorted: their order in the config is no matter."""
    return sorted(SETTINGS[dataset]["models"])


def made_models(dataset):
    """Return the models of a table that are made of the others, such as the ensemble."""
    return made_of_others(SETTINGS[dataset])


def compared_models(dataset):
    """Return the models on a table's leaderboard; those made of others win no tie, as they are the last."""
    return own_models(dataset) + made_models(dataset)


def files(patterns, dataset, seed=None, models=compared_models):
    """Return a table's files of one pattern or several, if need be for each seed (or one) and model."""
    seeds = sorted(SETTINGS[dataset]["seeds"]) if seed is None else [seed]
    names = models(dataset)
    # Not by `expand`, which is slow where there are many tables.
    return list(
        dict.fromkeys(
            pattern.format(dataset=dataset, seed=number, model=model, suffix=FORMATS[dataset])
            for pattern in ([patterns] if isinstance(patterns, str) else patterns)
            for number in seeds
            for model in names
        )
    )


def all_files(pattern, models=compared_models):
    """Return the input function for all files of a pattern, of a job's table and seed if it has one."""
    return lambda wildcards: files(pattern, wildcards.dataset, wildcards.get("seed"), models)


def first_seed(pattern, models=compared_models):
    """Return the input function for a table's first seed, which is audited: a file or the models'."""

    def found(wildcards):
        paths = files(pattern, wildcards.dataset, first_split(wildcards.dataset), models)
        return paths if "{model}" in pattern else paths[0]

    return found


def raw_table(wildcards):
    """Return a table's raw file as input.

    The user's own file counts by its content (`cleaning_settings`), whatever its time stamp says.
    One that is not there is left to the job, which says so for this table and leaves the other
    tables their runs.
    """
    path = SETTINGS[wildcards.dataset]["table"]
    if path in MADE_TABLES:
        return [as_is(path)]
    return [as_is(ancient(path))] if is_readable(path) else []


@cache
def raw_content(path):
    """Return the hash of a user's table, None if there is no such file or a rule makes it."""
    if path in MADE_TABLES or not is_readable(path):
        return None
    return remembered_hash(path, MEMORY)


def cleaning_settings(wildcards):
    """Return what cleaning uses: settings, and the content of the raw table."""
    content = raw_content(SETTINGS[wildcards.dataset]["table"])
    return using(*CLEANING_KEYS)(wildcards) | {"content": content}


def plot_files(dataset):
    return [f"results/{dataset}/plots/{name}.png" for name in SETTINGS[dataset]["plots"]]


def model_settings(dataset, model, *names):
    """Return everything that fitting a model to a table uses, and the settings of these names."""
    entry = SETTINGS[dataset]["models"][model]
    own = {
        "model": {key: entry[key] for key in PUBLISHED_OF_MODEL},
        "estimator_version": package_version(entry["estimator"]),
    }
    names = ("preprocessing", "augment", *names)
    return own | {name: setting(dataset, name) for name in names}


def training_settings(dataset, model):
    """Return everything that the rule that trains a model uses."""
    return model_settings(dataset, model, "folds", "strategy")


def tuning_rungs(dataset, model):
    """Return how many rungs the search for a model's parameters has, 0 for none in jobs of its own.

    Each of Optuna's trials depends on those before it: they stay in the job that fits the model.
    """
    tune = SETTINGS[dataset]["models"].get(model, {}).get("tune")
    return 0 if tune is None or tune["method"] == "bayesian" else tune["folds"]


def tuning_parts(dataset, model, rung):
    """Return the jobs that share a rung's trials, of which a third comes to the next rung."""
    jobs = -(-trials(SETTINGS[dataset]["models"][model]) // TRIALS_OF_A_JOB)
    return -(-min(TUNING_JOBS, jobs) // 3**rung)


def tried_files(dataset, seed, model, rungs):
    """Return the files of what a search has tried in its first rungs."""
    place = {"dataset": dataset, "seed": seed, "model": model}
    return [
        TRIED.format(**place, rung=rung, part=part)
        for rung in range(rungs)
        for part in range(tuning_parts(dataset, model, rung))
    ]


def tried_before(model):
    """Return the input function for what a search has tried before a rung, or before training."""

    def found(wildcards):
        rungs = int(wildcards.get("rung", tuning_rungs(wildcards.dataset, model)))
        return tried_files(wildcards.dataset, wildcards.seed, model, rungs)

    return found


def tuning_settings(model):
    """Return the params function of the rule that tries parameters of `model`."""

    def found(wildcards):
        dataset = wildcards.dataset
        parts = tuning_parts(dataset, model, int(wildcards.rung))
        return training_settings(dataset, model) | {"parts": parts}

    return found


def naive_settings(wildcards):
    """Return the settings of a model by the naive protocol, which makes copies in any case."""
    dataset = wildcards.dataset
    cfg = model_settings(dataset, wildcards.model, "random_state", "test_size")
    return cfg | {"augment": SETTINGS[dataset]["augment"] | {"method": "jitter"}}


def budget_words(dataset):
    """Return what the budget of a table has decided, nothing if all of it fits."""
    found = BUDGETS.get(dataset, {"decisions": {}})
    decisions = "; ".join(f"{what}: {cut}" for what, cut in found["decisions"].items())
    return f"{dataset}, {found['budget']} on one core: {decisions}" if decisions else ""


def format_words():
    """Return what is said of tables whose intermediate files are Parquet because of their size."""
    large = [name for name in WANTED if FORMATS[name] != "csv" and config["table_format"] == "auto"]
    what = (
        "large, so the tables between stages are Parquet (`table_format: csv` in the config: CSV)"
    )
    return [f"{', '.join(large)}: {what}"] * bool(large)


def training_estimate(dataset, model):
    """Return the estimated CPU seconds of training a model."""
    settings = SETTINGS[dataset]
    return training_seconds(settings, model, table_size(settings["table"]))


def training_threads(dataset, model):
    """Return the threads for training a model."""
    entry = SETTINGS[dataset]["models"][model]
    if entry["threads"] != "auto":
        return entry["threads"]
    return threads_for(training_estimate(dataset, model), entry["estimator"], workflow.cores or 1)


def training_limit(dataset, model):
    """Return after how many seconds training a model stops, 0 for never: no param of its rule."""
    return SETTINGS[dataset]["models"][model]["time_limit"] or 0


def limit_of_all(wildcards):
    """Return the limits of all jobs that fit a table's models together, 0 where one has none.

    It is for a fit to all rows, which searches for parameters too. What looks at no column needs none.
    """
    dataset, limits = wildcards.dataset, []
    for model, entry in SETTINGS[dataset]["models"].items():
        if not entry["estimator"].startswith(BLIND_ESTIMATORS):
            rungs = range(tuning_rungs(dataset, model))
            jobs = 1 + sum(tuning_parts(dataset, model, rung) for rung in rungs)
            limits.append(jobs * training_limit(dataset, model))
    return sum(limits) if all(limits) else 0


def of_model(function, model):
    """Return a function of a table and a model as one of the wildcards of that model's rule."""
    return lambda wildcards: function(wildcards.dataset, model)


def most_threads(wildcards):
    """Return the threads for a job that fits any of a table's models."""
    dataset = wildcards.dataset
    return max(training_threads(dataset, model) for model in own_models(dataset))


def naive_time_limit(wildcards):
    return training_limit(wildcards.dataset, wildcards.model)


def where(holds, pattern):
    """Return the input function for a file that is made of the tables for which something holds."""

    def found(wildcards):
        dataset = wildcards.dataset
        return files(pattern, dataset, first_split(dataset)) if holds(dataset) else []

    return found


def wants(key):
    """Return the function that tells whether a setting of a table is on."""
    return lambda dataset: SETTINGS[dataset][key]


def has_ensemble(dataset):
    return ENSEMBLE in made_models(dataset)


def stops(dataset):
    """Return whether an audit that fails stops a table."""
    return SETTINGS[dataset]["audit"]["on_fail"] == "stop"


def known_process_models(wildcards):
    """Return the models that the positive control needs: those of the customers sample, or none."""
    known = SAMPLES.get(SETTINGS[wildcards.dataset]["table"]) == "customers"
    return first_seed(MODEL)(wildcards) if known else []


def publishes_refit(dataset):
    """Return whether a model fitted to all rows is what is published of a table."""
    return SETTINGS[dataset]["register"] and setting(dataset, "fit_on") == "all"


def recipes(dataset, *names):
    """Return what fitting any of a table's models uses: which it will be, is not known before."""
    models = own_models(dataset)
    return {"models": {model: model_settings(dataset, model, *names) for model in models}}


def refit_settings(wildcards):
    """Return what fitting the chosen model to all rows uses."""
    # The job has threads for any model; with several, these would not be the same bytes.
    one_thread = [
        name
        for name, entry in SETTINGS[wildcards.dataset]["models"].items()
        if entry["threads"] == "auto" and not same_with_threads(entry["estimator"])
    ]
    others = using("random_state")(wildcards) | {"one_thread": one_thread}
    return recipes(wildcards.dataset, "strategy") | others


def copies_settings(wildcards):
    """Return what training without copies uses."""
    others = using("level", "random_state", "select_by", "threshold")(wildcards)
    return recipes(wildcards.dataset, "folds", "strategy") | others


def makes_copies(dataset):
    """Return whether a table is trained with noisy copies."""
    return setting(dataset, "augment")["method"] != "none"


def registry_settings(wildcards):
    settings = SETTINGS[wildcards.dataset]
    own = {key: value for key, value in settings.items() if key not in NOT_PUBLISHED}
    own["augment"] = setting(wildcards.dataset, "augment")
    own["models"] = {
        name: {key: entry[key] for key in PUBLISHED_OF_MODEL}
        for name, entry in settings["models"].items()
    }
    metrics = using("baseline", "level", "select_by", "threshold")(wildcards)
    return {"config": own, "metrics": metrics, "seeds": settings["seeds"]}


def batch_inputs(batch):
    """Return what predicting a batch reads: its file, and what says which run it is predicted with.

    A batch or a run that is not there is left to the job, which says so.
    """
    entry = PREDICTIONS[batch]
    folder = f"results/{entry['dataset']}"
    latest = entry["run"] == "latest"
    run = f"{folder}/published.json" if latest else f"{folder}/runs/{entry['run']}/run_meta.json"
    made_here = entry["input"] in MADE_TABLES
    return {
        "batch": [as_is(entry["input"])] * (made_here or is_readable(entry["input"])),
        "run": [run] * (latest or Path(made(run)).exists()),
    }


def prediction_files(batch):
    """Return where a batch's predictions go, and what is unlike training in its rows.

    A place that the user has named is taken as it is.
    """
    own = config["predictions"][batch]["output"]
    return [as_is(path if own else made(path)) for path in batch_files(config, batch)]


def table_files(dataset):
    """Return every file that the workflow promises of one table."""
    splits = ("train", "holdout", "augmented_data")
    optional = [name for key, name in OPTIONAL_RESULTS.items() if SETTINGS[dataset][key]]
    optional += ["augmentation.csv"] * makes_copies(dataset)
    patterns = [
        *(
            processed("cleaned_data"),
            SCHEMA_FILE,
            SEED_PREDICTIONS,
            PARAMETERS,
            MODEL,
            OOF,
            *CURVES.values(),
        ),
        *[WEIGHTS] * has_ensemble(dataset),
        *[REFIT] * publishes_refit(dataset),
        *(processed(f"seed{{seed}}/{name}") for name in splits),
        *(f"results/{{dataset}}/{name}" for name in [*TABLE_RESULTS, *optional]),
    ]
    return files(patterns, dataset) + plot_files(dataset)


def wanted_files():
    """Return every file that a run is for."""
    # What is gathered from all tables, unless the config says which of them are wanted.
    everything = not config["only"]
    found = ["results/metrics.csv"] * everything
    found += [INDEX] * (everything and any(SETTINGS[dataset]["report"] for dataset in DATASETS))
    found += [path for dataset in WANTED for path in table_files(dataset)]
    found += [
        path
        for name, batch in PREDICTIONS.items()
        if batch["dataset"] in WANTED
        for path in prediction_files(name)
    ]
    return found


def job_costs(wildcards):
    """Return the files in which the jobs that have run left what they cost."""
    found = Path(made("results/benchmarks")).rglob("*.json")
    return sorted(as_is(str(path)) for path in found if path.stem != "benchmarks")


def gathered_files():
    """Return the metrics of all tables and seeds."""
    return [path for dataset in sorted(DATASETS) for path in files(SCORES, dataset)]


def gather_what_there_is(unfinished, began):
    """Write results/metrics.csv without the tables that failed; return whether any succeeded."""
    there = [path for path in map(made, gathered_files()) if path not in unfinished]
    if there:
        from ml_baseline.data.tables import read_tables, write_table

        write_table(read_tables(there), made("results/metrics.csv"))
    return bool(there)


def what_is_unfit(of_rules):
    """Return what is wrong with the user's tables, and whether no table can be run.

    One that is unfit keeps none of the others from its run. Of what another rule makes, given by
    `of_rules`, only that rule knows what it will be.
    """
    made = {*of_rules(USED_TABLES - MADE_TABLES)}
    unfit = [
        problem
        for problem in unfit_tables(config)
        if problem.path[0] != "datasets" or SETTINGS[problem.path[1]]["table"] not in made
    ]
    words = str(ConfigError(unfit, KEY_PLACES)) if unfit else ""
    return words, {("datasets", name) for name in WANTED} <= {p.path[:2] for p in unfit}


def run_plan():
    """Return what the run has to know of the config."""

    def of_all(*patterns, models=compared_models):
        found = (files(patterns, dataset, models=models) for dataset in SETTINGS)
        return [made(path) for paths in found for path in paths]

    searched = [
        made(path)
        for dataset in SETTINGS
        for seed in SETTINGS[dataset]["seeds"]
        for model in own_models(dataset)
        for path in tried_files(dataset, seed, model, tuning_rungs(dataset, model))
    ]
    explained = of_all("results/{dataset}/importance.csv")
    return Plan(
        tables=WANTED,
        files_of=lambda dataset: list(map(made, table_files(dataset))),
        folders=of_all("data/processed/{dataset}", "results/{dataset}"),
        trained=searched + of_all(MODEL, REFIT) + of_all(NAIVE, models=own_models),
        scored=of_all(SCORES),
        controls=of_all("results/{dataset}/controls.csv"),
        explained=dict(zip(explained, of_all("results/logs/{dataset}/explain.log"))),
        unwanted=list(map(made, unwanted_pages())),
        data=made("data"),
        results=made("results"),
        not_installed=not_installed(config, WANTED),
        predicted=dict(
            map(str, prediction_files(name))
            for name, batch in PREDICTIONS.items()
            if batch["dataset"] in WANTED
        ),
        told=[
            *[f"To keep to the budget of {w}" for name in WANTED if (w := budget_words(name))],
            *format_words(),
        ],
        gathered=(
            {}
            if config["only"]
            else {
                made("results/metrics.csv"): gather_what_there_is,
                made(INDEX): write_index_of_failed_run,
            }
        ),
        unfit=what_is_unfit,
        group_of=group_of,
    )
