"""The pipeline that is fitted: preprocessing by the input schema, then the estimator."""

import contextlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.utils import get_tags

from ml_baseline.config.estimator_rules import BLIND_ESTIMATORS, CACHE_FOLDER, PART_METHODS
from ml_baseline.data.schema import Schema, feature_columns
from ml_baseline.errors import InputError, did_you_mean, similar
from ml_baseline.modelling.target_encoding import Encoder

# Trees hold numbers in 32 bits, and sums of squares must not overflow 64.
LARGEST_NUMBER = 1e30
# Kinds of columns that are taken as numbers, and as categories.
NUMBERS = ("number", "integer", "boolean")
CODES = ("code", "category")
# A number's rank is read off so many quantiles of its column.
RANKS = 100


def build_pipeline(
    schema: Schema,
    model: dict,
    max_categories: int = 30,
    min_frequency: int = 10,
    random_state: int = 0,
    threads: int = 1,
    encoders: Sequence[Encoder] = (),
) -> Pipeline:
    """Return an unfitted pipeline that takes a cleaned table's feature columns.

    Args:
        schema: the table's input schema.
        model: `estimator` (the dotted path of a class), `params` and `preprocessing`: "linear"
            (missing numbers imputed with the median and flagged, numbers scaled, categories
            one-hot), "ranks" (the same, and each number's rank beside it) or "tree" (missing
            numbers left to the estimator, or imputed and flagged if it takes none; categories as
            ordinal codes, of which an estimator with `categorical_features` is told).
        max_categories: at most so many levels of a category get a code of their own.
        min_frequency: levels with fewer rows than this share one code; so do levels not seen in
            fitting, "linear" the same one if there is one, "tree" one of their own.
        random_state: seed for every part of the estimator that takes one and has none.
        threads: `n_jobs` for an estimator that takes it and has none.
        encoders: what gives further columns, as `target_encoding.target_encoders` returns it.

    Raises InputError if the estimator cannot be imported or does not take its parameters, or is no
    classifier with probabilities or scores.
    """
    estimator = build_estimator(model["estimator"], model.get("params") or {})
    if not hasattr(estimator, "get_params"):
        raise InputError(
            f"{model['estimator']} has no `get_params`; expected a class with scikit-learn's "
            "estimator interface"
        )
    parameters = estimator.get_params(deep=True)
    unset = [name for name, value in parameters.items() if value is None]
    seeds = [name for name in unset if name.rpartition("__")[2] == "random_state"]
    estimator.set_params(**dict.fromkeys(seeds, random_state))
    if threads > 1 and parameters.get("n_jobs", 1) is None:
        estimator.set_params(n_jobs=threads)
    if parameters.get("probability") is True and hasattr(estimator, "decision_function"):
        # By folds of its own, into which it would deal rows and their copies.
        default = inspect.signature(type(estimator)).parameters["probability"].default
        estimator.set_params(probability=default)
    takes_missing = _takes_missing(estimator)
    if not hasattr(estimator, "predict_proba"):
        estimator = _with_probabilities(estimator, model["estimator"])
    if model["estimator"].startswith(BLIND_ESTIMATORS):
        return Pipeline([("preprocess", ColumnTransformer([])), ("model", estimator)])
    rare = {"max_categories": max_categories, "min_frequency": min_frequency}
    preprocess = PREPROCESSING[model.get("preprocessing", "linear")](schema, rare, takes_missing)
    if model.get("preprocessing") == "tree" and takes_missing:
        _tell_categories(estimator, schema, max_categories, encoders)
    preprocess.transformers += encoders
    return Pipeline([("preprocess", preprocess), ("model", estimator)])


def build_estimator(
    path: str, params: dict[str, Any], methods: tuple[str, ...] = ("fit",)
) -> BaseEstimator:
    """Return an instance of the class at a dotted path.

    A mapping with the key `estimator`, as a parameter or in a list, becomes an estimator too.

    A config may come from a stranger. So nothing is imported from the standard library or from the
    current folder, and nothing is called that is not a class with one of these `methods`. Raises
    InputError if there is no such package, module or class, it is no estimator, or it refuses a
    parameter.
    """
    module_name, _, class_name = path.rpartition(".")
    _require_installed(path)
    try:
        module = importlib.import_module(module_name)
    except (ImportError, ValueError) as error:  # ValueError: a path without a module
        raise InputError(f"the estimator {path} cannot be imported: {error}") from error
    if not hasattr(module, class_name):
        near = [f"{module_name}.{name}" for name in similar(class_name, dir(module), n=1)]
        hint = f"; {did_you_mean(near)}" if near else ""
        raise InputError(f"{module_name} has no class {class_name}{hint}")
    found = getattr(module, class_name)
    if not (isinstance(found, type) and any(callable(getattr(found, m, None)) for m in methods)):
        raise InputError(
            f"{path} is not an estimator; expected a class with a method {' or '.join(methods)}, "
            "such as scikit-learn's classifiers"
        )
    if any(name.rpartition("__")[2] == CACHE_FOLDER for name in _names(params)):
        raise InputError(
            f"{path}: `{CACHE_FOLDER}` is not allowed, because pickled objects are loaded from the "
            "folder it names; remove it from `params`"
        )
    values = {name: _built(value) for name, value in params.items()}
    try:
        return found(**values)
    except TypeError as error:
        raise InputError(f"{path} does not take its `params`: {error}") from error


def _names(value: Any) -> Iterator[str]:
    """Yield all keys in a value, at any depth: a search sets parameters by names such as `a__b`."""
    if isinstance(value, dict):
        yield from map(str, value)
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from _names(item)


def _require_installed(path: str) -> None:
    """Raise InputError if importing a dotted path would run code that nobody installed."""
    package = path.split(".")[0]
    if package in sys.stdlib_module_names:
        raise InputError(
            f"{path}: {package} belongs to Python's standard library, which has no "
            "estimators; expected a class such as sklearn.ensemble.RandomForestClassifier"
        )
    places: list[str] = []
    with contextlib.suppress(ImportError, ValueError):  # importing it will tell
        if spec := importlib.util.find_spec(package):
            places = [*(spec.submodule_search_locations or [spec.origin or ""])]
    here = Path.cwd().resolve()
    chosen = {Path(p).resolve() for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p}
    for folder in {Path(place).resolve().parent for place in places} - chosen:
        if folder == here or folder.is_relative_to(here / ".snakemake"):
            raise InputError(
                f"{path}: {package} is not installed but found in the current folder. Nothing is "
                "imported from there, as it may have come with the config; install it, or add its "
                "folder to PYTHONPATH"
            )


def _built(value: Any) -> Any:
    if isinstance(value, dict) and "estimator" in value:
        return build_estimator(value["estimator"], value.get("params") or {}, PART_METHODS)
    return [_built(item) for item in value] if isinstance(value, list) else value


def _takes_missing(estimator: BaseEstimator) -> bool:
    """Return whether an estimator says that it takes NaN."""
    try:
        return get_tags(estimator).input_tags.allow_nan
    except (AttributeError, NotImplementedError):  # only the interface of one, without tags
        return False


def _with_probabilities(estimator: BaseEstimator, path: str) -> BaseEstimator:
    """Return a classifier without `predict_proba` with its scores turned into probabilities."""
    if hasattr(estimator, "decision_function"):
        from sklearn.calibration import CalibratedClassifierCV

        return CalibratedClassifierCV(estimator, ensemble=False)
    if hasattr(type(estimator), "predict_proba"):  # it depends on a part yet to be fitted
        return estimator
    raise InputError(
        f"{path} has neither `predict_proba` nor `decision_function`, so it gives no "
        "probabilities; expected a classifier that has one of them"
    )


def _clipped() -> FunctionTransformer:
    limits = {"a_min": -LARGEST_NUMBER, "a_max": LARGEST_NUMBER}
    return FunctionTransformer(np.clip, kw_args=limits, feature_names_out="one-to-one")


def _imputer() -> SimpleImputer:
    return SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)


def _linear(
    schema: Schema, rare: dict, takes_missing: bool, scaled: BaseEstimator | None = None
) -> ColumnTransformer:
    numbers = make_pipeline(_clipped(), _imputer(), scaled or StandardScaler())
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", sparse_output=False, **rare)
    return _by_kind(schema, numbers, categories)


def _ranks(schema: Schema, rare: dict, takes_missing: bool) -> ColumnTransformer:
    """Return what lets a linear model bend: each number beside its share of smaller ones."""
    ranks = QuantileTransformer(n_quantiles=RANKS, random_state=0)
    both = make_union(StandardScaler(), make_pipeline(ranks, StandardScaler()))
    return _linear(schema, rare, takes_missing, both)


def _tree(schema: Schema, rare: dict, takes_missing: bool) -> ColumnTransformer:
    numbers = _clipped() if takes_missing else make_pipeline(_clipped(), _imputer())
    categories = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2, **rare
    )
    return _by_kind(schema, numbers, categories)


def _tell_categories(
    estimator: BaseEstimator, schema: Schema, max_categories: int, encoders: Sequence[Encoder]
) -> None:
    """Tell an estimator that looks for categories itself which columns of codes `_tree` gives."""
    parameters = estimator.get_params(deep=False)
    looks = parameters.get("categorical_features") == "from_dtype"
    # It takes no more than its bins (scikit-learn 1.9); a missing value is one of them.
    if looks and max_categories < parameters["max_bins"]:
        columns = [name for kinds in (NUMBERS, CODES) for name in feature_columns(schema, *kinds)]
        # Codes from the config stay ordered.
        categories = feature_columns(schema, "category")
        told = [name in categories for name in columns]
        encoded = sum(1 if isinstance(names, str) else len(names) for *_, names in encoders)
        estimator.set_params(categorical_features=[*told, *[False] * encoded])


PREPROCESSING = {"linear": _linear, "ranks": _ranks, "tree": _tree}


def _by_kind(
    schema: Schema, numbers: BaseEstimator, categories: BaseEstimator
) -> ColumnTransformer:
    numeric, coded = (feature_columns(schema, *kinds) for kinds in (NUMBERS, CODES))
    # An empty list of columns is left out: not every transformer takes a table without columns.
    steps = [("numbers", numbers, numeric), ("categories", categories, coded)]
    return ColumnTransformer([step for step in steps if step[2]], verbose_feature_names_out=False)
