"""The pipeline that is fitted: preprocessing by the input schema, then the estimator."""

import difflib
import importlib
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from ml_baseline.errors import InputError
from ml_baseline.schema import feature_columns

# Trees hold numbers in 32 bits, and sums of squares must not overflow 64.
LARGEST_NUMBER = 1e30


def build_pipeline(
    schema: dict,
    model: dict,
    max_categories: int = 30,
    min_frequency: int = 10,
    random_state: int = 0,
    threads: int = 1,
) -> Pipeline:
    """Return an unfitted pipeline that takes a cleaned table's feature columns.

    Args:
        schema: the table's input schema.
        model: `estimator` (the dotted path of a class), `params` and `preprocessing`: "linear"
            (missing numbers imputed with the median and flagged, numbers scaled, categories
            one-hot) or "tree" (missing numbers left to the estimator, categories as ordinal
            codes).
        max_categories: at most so many levels of a category get a code of their own.
        min_frequency: levels with fewer rows than this share one code with unknown levels.
        random_state: seed for every part of the estimator that takes one and has none.
        threads: `n_jobs` for an estimator that takes it and has none.

    Raises:
        InputError: the estimator cannot be imported or does not take its parameters.
    """
    estimator = build_estimator(model["estimator"], model.get("params") or {})
    parameters = estimator.get_params(deep=True)
    estimator.set_params(
        **{
            name: random_state
            for name, value in parameters.items()
            if value is None and (name == "random_state" or name.endswith("__random_state"))
        }
    )
    if threads > 1 and parameters.get("n_jobs", 1) is None:
        estimator.set_params(n_jobs=threads)
    if not hasattr(estimator, "predict_proba"):
        from sklearn.calibration import CalibratedClassifierCV

        estimator = CalibratedClassifierCV(estimator, ensemble=False)
    rare = {"max_categories": max_categories, "min_frequency": min_frequency}
    preprocess = PREPROCESSING[model.get("preprocessing", "linear")](schema, rare)
    return Pipeline([("preprocess", preprocess), ("model", estimator)])


def build_estimator(path: str, params: dict[str, Any]) -> BaseEstimator:
    """Return an instance of the class at a dotted path.

    A mapping with the key `estimator`, as a parameter or in a list, becomes an estimator too.

    Raises:
        InputError: there is no such package, module or class, or it refuses a parameter.
    """
    module_name, _, class_name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise InputError(f"the estimator {path} cannot be imported: {error}") from error
    if not hasattr(module, class_name):
        close = difflib.get_close_matches(class_name, dir(module), n=1)
        hint = f"; did you mean {module_name}.{close[0]}?" if close else ""
        raise InputError(f"{module_name} has no class {class_name}{hint}")
    values = {name: _built(value) for name, value in params.items()}
    try:
        return getattr(module, class_name)(**values)
    except TypeError as error:
        raise InputError(f"{path} does not take its `params`: {error}") from error


def _built(value: Any) -> Any:
    if isinstance(value, dict) and "estimator" in value:
        return build_estimator(value["estimator"], value.get("params") or {})
    return [_built(item) for item in value] if isinstance(value, list) else value


def _clipped() -> FunctionTransformer:
    limits = {"a_min": -LARGEST_NUMBER, "a_max": LARGEST_NUMBER}
    return FunctionTransformer(np.clip, kw_args=limits, feature_names_out="one-to-one")


def _linear(schema: dict, rare: dict) -> ColumnTransformer:
    numbers = make_pipeline(
        _clipped(),
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", sparse_output=False, **rare)
    return _by_kind(schema, numbers, categories)


def _tree(schema: dict, rare: dict) -> ColumnTransformer:
    categories = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2, **rare
    )
    return _by_kind(schema, _clipped(), categories)


PREPROCESSING = {"linear": _linear, "tree": _tree}


def _by_kind(schema: dict, numbers: BaseEstimator, categories: BaseEstimator) -> ColumnTransformer:
    numeric = feature_columns(schema, "number", "integer", "boolean")
    coded = feature_columns(schema, "code", "category")
    # An empty list of columns is left out: not every transformer takes a table without columns.
    steps = [("numbers", numbers, numeric), ("categories", categories, coded)]
    return ColumnTransformer([step for step in steps if step[2]], verbose_feature_names_out=False)
