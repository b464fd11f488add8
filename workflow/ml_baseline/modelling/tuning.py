"""Searching for the parameters of an estimator, by rows of those it is fitted to."""

import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.metrics import log_loss
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.pipeline import Pipeline

from ml_baseline.data.schema import Schema, feature_columns
from ml_baseline.data.tables import read_table
from ml_baseline.errors import InputError, did_you_mean, similar
from ml_baseline.modelling.failure import failure
from ml_baseline.modelling.inner_splits import fit_trial, fitted_once, tuning_split
from ml_baseline.modelling.long_fits import fit_transform

# Of the sets of parameters that a rung has tried, one in so many comes to the next.
REDUCTION = 3
TRIED = ["rung", "trial", "log_loss", "parameters"]
NONE_FITS = "no set of parameters that `tune` tries can be fitted (see the log)"
# Whole numbers between the ends of a range that is logarithmic.
STEPS = 50
FOREST = {
    "min_samples_leaf": [1, 2, 3, 5, 10, 20],
    "max_features": [0.2, 0.35, 0.5, 0.7, 1.0, "sqrt"],
}
RATE = {"low": 0.01, "high": 0.2, "log": True}
# What is searched where a model's entry names nothing. Ranges that hold good values of most tables of
# 200 to 20,000 rows; the numbers of rounds and of trees are not among them, as more of them only cost.
SPACES: dict[str, dict[str, Any]] = {
    "sklearn.linear_model.LogisticRegression": {"C": {"low": 0.001, "high": 10.0, "log": True}},
    "sklearn.ensemble.RandomForestClassifier": FOREST,
    "sklearn.ensemble.ExtraTreesClassifier": FOREST,
    "sklearn.ensemble.HistGradientBoostingClassifier": {
        "learning_rate": RATE,
        "max_leaf_nodes": [4, 8, 16, 31],
        "min_samples_leaf": [5, 10, 20, 50],
        "l2_regularization": {"low": 0.01, "high": 50.0, "log": True},
        "max_features": [0.3, 0.5, 0.8, 1.0],
    },
    "lightgbm.LGBMClassifier": {
        "learning_rate": RATE,
        "num_leaves": [4, 8, 16, 31],
        "min_child_samples": [5, 10, 20, 50],
        "reg_lambda": {"low": 0.01, "high": 50.0, "log": True},
        "colsample_bytree": [0.3, 0.5, 0.8, 1.0],
    },
    "xgboost.XGBClassifier": {
        "learning_rate": RATE,
        "max_depth": [2, 3, 4, 6],
        "min_child_weight": [1, 5, 20],
        "reg_lambda": {"low": 0.01, "high": 50.0, "log": True},
        "colsample_bytree": [0.3, 0.5, 0.8, 1.0],
    },
    "catboost.CatBoostClassifier": {
        "learning_rate": RATE,
        "depth": [3, 4, 6, 8],
        "l2_leaf_reg": {"low": 1.0, "high": 30.0, "log": True},
    },
}


def candidates(
    estimator: BaseEstimator,
    path: str,
    random_state: int,
    method: str = "random",
    trials: int = 40,
    space: dict[str, Any] | None = None,
    folds: int = 3,
) -> list[dict[str, Any]]:
    """Return the sets of parameters that a search tries: "random" draws them, "grid" has all.

    Args:
        estimator: with the parameters that are not searched.
        path: its class's import path, for which `SPACES` may have a space.
        random_state: seed of what is drawn.
        method, trials, space: as `tune` has them in the config. `folds` is another's business.

    Raises:
        InputError: as `checked_space`.
    """
    space = checked_space(estimator, path, method, space)
    if method == "grid":
        drawn = ParameterGrid(space)
    else:
        values = {name: _distribution(values) for name, values in space.items()}
        drawn = ParameterSampler(values, trials, random_state=random_state)
    return [_plain(parameters) for parameters in drawn]


def checked_space(
    estimator: BaseEstimator, path: str, method: str, space: dict[str, Any] | None
) -> dict[str, Any]:
    """Return for each parameter to search a list of values, or `low`, `high` and `log`.

    Raises:
        InputError: there is no space, the estimator has no such parameter, or a range is empty or has
            no end to a grid.
    """
    space = space or SPACES.get(path)
    if not space:
        raise InputError(
            f"`tune` knows no parameters to search of {path}; name them with values under `space`, "
            "such as `space: {C: [0.01, 0.1, 1]}`"
        )
    there = estimator.get_params(deep=True)
    for name, values in space.items():
        if name not in there:
            meant = did_you_mean(similar(name, there, n=1))
            raise InputError(
                f"{path} has no parameter {name} to search" + (f"; {meant}" if meant else "")
            )
        if isinstance(values, dict):
            _require_range(name, values, method)
    return space


def try_rung(
    model: Pipeline,
    entry: dict[str, Any],
    augmented: pd.DataFrame,
    schema: Schema,
    strategy: str,
    random_state: int,
    tried: pd.DataFrame | None,
    rung: int,
    part: int = 0,
    parts: int = 1,
) -> pd.DataFrame:
    """Return the log loss of sets of parameters in one of the folds that they are tried in.

    The first rung tries all of them in the first fold, each further rung the best third, by all folds
    so far, in another: successive halving (Jamieson and Talwalkar 2016, AISTATS) with folds for what
    is spent. The folds are of the rows that the model is fitted to, so a score that is to be honest is
    measured on others (nested cross-validation: Cawley and Talbot 2010, JMLR 11, pp. 2079-2107).

    Args:
        model: the pipeline, not fitted.
        entry: its `estimator` and `tune` in the config.
        augmented: the rows and their copies.
        schema: the table's input schema.
        strategy: that of the split.
        random_state: seed of what is drawn and of the folds.
        tried: what this returned of all parts of all rungs before, None if there is none.
        rung: from 0.
        part, parts: which share of the trials.

    Returns:
        `rung, trial, log_loss, parameters` (as JSON); infinite for a set that cannot be fitted.
    """
    estimator, tune = model.named_steps["model"], entry["tune"]
    sets = candidates(estimator, entry["estimator"], random_state, **tune)
    trials = (range(len(sets)) if tried is None else left(tried, rung))[part::parts]
    loss = _loss(model, tune, augmented, schema, strategy, random_state)
    found = [(rung, trial, loss(sets[trial], rung), json.dumps(sets[trial])) for trial in trials]
    return pd.DataFrame(found, columns=TRIED)


def _loss(
    model: Pipeline,
    tune: dict[str, Any],
    augmented: pd.DataFrame,
    schema: Schema,
    strategy: str,
    random_state: int,
) -> Callable[[dict[str, Any], int], float]:
    """Return what gives the log loss of a set of parameters in a fold; infinite where it cannot be fitted."""
    estimator = model.named_steps["model"]
    features, target = augmented[feature_columns(schema)], augmented[schema["target"]].to_numpy()
    of_split = (augmented, schema, strategy, random_state)
    values = fit_transform(model.named_steps["preprocess"], features, target, estimator, whole=True)

    def loss(chosen: dict[str, Any], fold: int) -> float:
        one = fitted_once(estimator).set_params(**chosen)
        training, held = tuning_split(one, *of_split, tune.get("folds", 3), fold)
        try:
            fit_trial(one, values, target, training, *of_split)
            if "n_jobs" in one.get_params(deep=False):
                one.set_params(n_jobs=1)  # sums keep their order
            return log_loss(target[held], one.predict_proba(values[held]), labels=[0, 1])
        except ValueError as error:
            warnings.warn(f"{chosen} cannot be fitted: {error}", stacklevel=2)
            return math.inf

    return loss


def left(tried: pd.DataFrame, rung: int) -> list[int]:
    """Return the trials that come to a rung, the best first; of equally good ones the first."""
    last = tried.loc[tried["rung"] == rung - 1, "trial"]
    means = tried[tried["trial"].isin(last)].groupby("trial")["log_loss"].mean()
    best = means.sort_values(kind="stable").index.tolist()
    return best[: math.ceil(len(best) / REDUCTION)]


def best_parameters(tried: pd.DataFrame) -> dict[str, Any]:
    """Return the set of parameters with the least log loss of those that all rungs have tried.

    Raises:
        InputError: none can be fitted.
    """
    best = left(tried, tried["rung"].max() + 1)[0]
    rows = tried[tried["trial"] == best]
    if not np.isfinite(rows["log_loss"]).all():
        raise InputError(NONE_FITS)
    return json.loads(rows["parameters"].iloc[0])


def read_tried(paths: Sequence[str]) -> pd.DataFrame | None:
    """Return what jobs before have tried, None if there are no files.

    Raises:
        InputError: one of them has failed.
    """
    for path in paths:
        if reason := failure(path):
            raise InputError(reason)
    tables = [table for table in map(read_table, paths) if len(table)]
    return pd.concat(tables) if tables else None


def read_found(paths: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Return the parameters that a search over several jobs has found, by the fold left out of it."""
    tried = read_tried(paths)
    return {} if tried is None else {f: best_parameters(of) for f, of in tried.groupby("fold")}


def _require_range(name: str, values: dict[str, Any], method: str) -> None:
    low, high = values["low"], values["high"]
    if method == "grid":
        raise InputError(
            f"a grid needs a list of values for {name}; found the range {low} to {high}. Write a list, "
            "or `method: random`"
        )
    if not low < high or (values.get("log") and low <= 0):
        over = "0" if values.get("log") else "-infinity"
        raise InputError(f"the range of {name} is {low} to {high}; expected {over} < low < high")


def _distribution(values: Any) -> Any:
    """Return what RandomizedSearchCV draws a parameter from; of whole numbers, whole numbers."""
    if not isinstance(values, dict):
        return values
    low, high, log = values["low"], values["high"], values.get("log", False)
    if isinstance(low, int) and isinstance(high, int):
        steps = np.geomspace(low, high, STEPS) if log else np.arange(low, high + 1)
        return np.unique(steps.round().astype(int)).tolist()
    return stats.loguniform(low, high) if log else stats.uniform(low, high - low)


def search_with_optuna(
    model: Pipeline,
    entry: dict[str, Any],
    augmented: pd.DataFrame,
    schema: Schema,
    strategy: str,
    random_state: int,
) -> dict[str, Any]:
    """Return the parameters that Optuna's tree-structured Parzen estimator finds.

    Each trial depends on those before it, so they are made one after the other, each in all folds.

    Args: as for `try_rung`.

    Raises:
        InputError: as `checked_space`; Optuna is not installed; no set of parameters can be fitted.
    """
    tune, estimator = entry["tune"], model.named_steps["model"]
    space = checked_space(estimator, entry["estimator"], tune["method"], tune.get("space"))
    try:
        import optuna
    except ImportError as error:
        raise InputError(
            "`method: bayesian` needs Optuna, which is not installed: pip install '.[tuning]', or write "
            "`method: random`"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def suggested(values: Any) -> Any:
        if not isinstance(values, dict):
            return optuna.distributions.CategoricalDistribution(values)
        low, high, log = values["low"], values["high"], values.get("log", False)
        whole = isinstance(low, int) and isinstance(high, int)
        kind = "IntDistribution" if whole else "FloatDistribution"
        return getattr(optuna.distributions, kind)(low, high, log=log)

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=random_state))
    drawn = {name: suggested(values) for name, values in space.items()}
    loss = _loss(model, tune, augmented, schema, strategy, random_state)
    for _ in range(tune.get("trials", 40)):
        trial = study.ask(drawn)
        losses = [loss(trial.params, fold) for fold in range(tune.get("folds", 3))]
        study.tell(trial, float(np.mean(losses)))
    if not np.isfinite(study.best_value):
        raise InputError(NONE_FITS)
    return study.best_params


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in sorted(parameters.items())
    }


def use(model: Pipeline, estimator: BaseEstimator, parameters: Mapping[str, Any]) -> None:
    """Put an estimator with the parameters that were found at a pipeline's end, still to be fitted.

    They are kept as the pipeline's `tuned_`; a search has times in it, which are different in each run.
    """
    model.tuned_ = _plain(parameters)
    model.steps[-1] = ("model", estimator.set_params(**parameters))


def parameters(model: Pipeline) -> dict[str, Any]:
    """Return the parameters of a fitted model's estimator as JSON can hold them, and the tuned ones.

    Returns:
        `estimator`, its class's path; `params`, all that are plain values or lists of them; `tuned`,
        those that were searched, as `params` in the config takes them.
    """
    estimator = getattr(model, "in_folds_", model.named_steps["model"])
    kind = type(estimator)
    return {
        "estimator": f"{kind.__module__}.{kind.__qualname__}",
        "params": {
            name: value
            for name, value in sorted(estimator.get_params(deep=False).items())
            if all(map(_is_plain, value if isinstance(value, list) else [value]))
        },
        "tuned": getattr(model, "tuned_", {}),
    }


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | None) or (
        isinstance(value, float) and math.isfinite(value)
    )
