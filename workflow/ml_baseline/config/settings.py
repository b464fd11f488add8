"""The settings of one table: the config's sections with the table's own laid over them."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from ml_baseline.config.estimator_rules import BLIND_ESTIMATORS, ENSEMBLE, is_installed
from ml_baseline.config.paths import CHECK_SUFFIX
from ml_baseline.config.schema import TOP_LEVEL_ONLY, stands_alone
from ml_baseline.errors import InputError

# Where the samples stand once they are made.
SAMPLE_TABLES = {
    "customers": "data/raw/customers.csv",
    "users": "data/processed/features.csv",
    "breast_cancer": "data/raw/breast_cancer.csv",
}
# From the least effort to the most: a model is tried from its own on.
EFFORTS = ("quick", "standard", "thorough")
# A search of which a table alone says something; as in the config's schema, a test holds them in step.
SEARCH = {"method": "random", "trials": 40, "folds": 3, "space": {}}


def dataset_settings(config: dict, name: str) -> dict[str, Any]:
    """Return all that holds for the dataset `name`: the sections with its own overrides merged in.

    What each key means stands in config/README.md.

    Mappings are merged key by key, lists and single values replace what they override. A model
    that is null in the dataset is left out, and one that names its `estimator` there inherits
    nothing: parameters of another class would not fit it. Models of more than the table's `effort`
    are left out, and optional ones that are not installed. The completed config is not changed by
    changing what is returned. Raises InputError if there is no such dataset.
    """
    if name not in config["datasets"]:
        names = ", ".join(config["datasets"])
        raise InputError(f"there is no dataset {name}; the config has {names}")
    own = config["datasets"][name]
    sections = {key: value for key, value in config.items() if key not in TOP_LEVEL_ONLY}
    settings = copy.deepcopy(_merged(sections, own))
    models = _of_effort(settings)
    settings["models"] = {
        model: models[model] for model in models if not _is_missing(models[model])
    }
    for entry in settings["models"].values():
        entry["tune"] = entry.get("tune") and SEARCH | entry["tune"]
    for model in settings["models"].keys() & own.get("models", {}).keys():
        _apply_to_all_sizes(own["models"][model], settings["models"][model])
    return settings


def made_of_others(settings: dict) -> list[str]:
    """Return which of `MADE_OF_OTHERS` a table gets, in the order of its leaderboard.

    An ensemble if it is asked for and two models look at the columns.
    """
    entries = settings["models"].values()
    looking = [one for one in entries if not one["estimator"].startswith(BLIND_ESTIMATORS)]
    return [ENSEMBLE] * (settings["ensemble"] and len(looking) > 1)


def not_installed(config: dict, datasets: Iterable[str]) -> dict[str, str]:
    """Return the optional models that these tables do without, and the package that each needs."""
    sections = {key: value for key, value in config.items() if key not in TOP_LEVEL_ONLY}
    tables = (_of_effort(_merged(sections, config["datasets"][name])) for name in datasets)
    return {
        model: entry["estimator"].partition(".")[0]
        for models in tables
        for model, entry in models.items()
        if _is_missing(entry)
    }


def _of_effort(settings: dict) -> dict[str, dict]:
    """Return the models of a table's merged settings that are tried with its effort."""
    most = EFFORTS.index(settings["effort"])
    return {
        model: entry
        for model, entry in settings["models"].items()
        if entry is not None and EFFORTS.index(entry.get("effort", EFFORTS[0])) <= most
    }


def _is_missing(entry: dict) -> bool:
    return entry.get("optional", False) and not is_installed(entry.get("estimator", ""))


def _apply_to_all_sizes(override: dict, entry: dict) -> None:
    """Take out of an entry what it has inherited for larger tables and the override sets for all."""
    for rows, sized in entry.get("from_rows", {}).items():
        for name in override.get("params", {}).keys() - override.get("from_rows", {}).get(rows, {}):
            sized.pop(name, None)


def batch_dataset(config: dict, batch: dict) -> str | None:
    """Return the table whose run predicts a batch, None if the config does not say."""
    names = list(config.get("datasets", {}))
    return batch["dataset"] or (names[0] if len(names) == 1 else None)


def batch_files(config: dict, name: str) -> tuple[str, str]:
    """Return the file into which a batch is predicted, and that for what is unlike training in it."""
    batch = config["predictions"][name]
    own = f"results/{batch_dataset(config, batch)}/predictions/{name}.csv"
    output = batch["output"] or own
    return output, f"{output}{CHECK_SUFFIX}"


def _merged(base: Any, override: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(override, dict)) or stands_alone(override):
        return override
    return base | {
        key: _merged(base[key], value) if key in base else value for key, value in override.items()
    }


def config_alone(name: str, settings: Mapping, sections: Iterable[str]) -> dict[str, Any]:
    """Return a config that has this table alone and says everything about it.

    `settings` are the table's, with defaults and overrides merged, and what else stands at the top
    level, where the keys `sections` have their place.
    """
    sections = [key for key in sections if key in settings]
    # Only what was left out is null, and a config may not say so; inside `params` it is a value.
    own = {key: value for key, value in settings.items() if key not in sections}
    own = {key: value for key, value in own.items() if value is not None}
    return {"datasets": {name: own}} | {key: settings[key] for key in sections}
