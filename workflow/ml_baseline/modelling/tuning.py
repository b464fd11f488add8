"""Searching for the parameters of an estimator, by rows of those it is fitted to."""

import math
import warnings
from typing import Any

import numpy as np
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from ml_baseline.errors import InputError, did_you_mean, similar

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


def search(
    estimator: BaseEstimator,
    path: str,
    random_state: int,
    method: str = "random",
    trials: int = 40,
    folds: int = 3,
    space: dict[str, Any] | None = None,
) -> BaseEstimator:
    """Return an estimator that finds its parameters by log loss in folds of the rows it is fitted to.

    A score that is to be honest is measured on other rows, as in nested cross-validation (Cawley and
    Talbot 2010, JMLR 11, pp. 2079-2107).

    Args:
        estimator: with the parameters that are not searched.
        path: its class's import path, for which `SPACES` may have a space.
        random_state: seed of what is drawn.
        method: "random", "grid" or "bayesian" (with Optuna's tree-structured Parzen estimator).
        trials: how many sets of parameters are tried, at most; a grid tries all.
        folds: in how many folds.
        space: for each parameter a list of values, or `low`, `high` and `log`.

    Raises:
        InputError: there is no space, the estimator has no such parameter, a range is empty or has no
            end to a grid, or Optuna is not installed.
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
    common = {"scoring": "neg_log_loss", "cv": folds, "refit": False}
    if method == "grid":
        from sklearn.model_selection import GridSearchCV

        return GridSearchCV(estimator, space, **common)
    if method == "random":
        from sklearn.model_selection import RandomizedSearchCV

        drawn = {name: _distribution(values) for name, values in space.items()}
        return RandomizedSearchCV(
            estimator, drawn, n_iter=trials, random_state=random_state, **common
        )
    return _optuna_search(estimator, space, trials, random_state, common)


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


def _optuna_search(
    estimator: BaseEstimator,
    space: dict[str, Any],
    trials: int,
    random_state: int,
    common: dict[str, Any],
) -> BaseEstimator:
    try:
        import optuna
        from optuna_integration import OptunaSearchCV
    except ImportError as error:
        raise InputError(
            "`method: bayesian` needs Optuna, which is not installed: pip install '.[tuning]', or write "
            "`method: random`"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for kind in (FutureWarning, optuna.exceptions.ExperimentalWarning):
        warnings.filterwarnings("ignore", category=kind, message=".*(optuna|OptunaSearchCV)")

    def suggested(values: Any) -> Any:
        if not isinstance(values, dict):
            return optuna.distributions.CategoricalDistribution(values)
        low, high, log = values["low"], values["high"], values.get("log", False)
        whole = isinstance(low, int) and isinstance(high, int)
        kind = "IntDistribution" if whole else "FloatDistribution"
        return getattr(optuna.distributions, kind)(low, high, log=log)

    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=random_state)
    )
    drawn = {name: suggested(values) for name, values in space.items()}
    return OptunaSearchCV(estimator, drawn, n_trials=trials, study=study, **common)


def use_best(model: Pipeline, estimator: BaseEstimator) -> None:
    """Put an estimator with the parameters that were found in place of a pipeline's fitted search.

    It is still to be fitted: as any other it may need rows to stop early by. The parameters are kept as
    the pipeline's `tuned_`; the search itself has times in it, which are different in each run.
    """
    found = model.named_steps["model"].best_params_
    model.tuned_ = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in sorted(found.items())
    }
    model.steps[-1] = ("model", estimator.set_params(**found))


def parameters(model: Pipeline) -> dict[str, Any]:
    """Return the parameters of a fitted model's estimator as JSON can hold them, and the tuned ones.

    Returns:
        `estimator`, its class's path; `params`, all that are plain values or lists of them; `tuned`,
        those that were searched, as `params` in the config takes them.
    """
    estimator = model.named_steps["model"]
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
