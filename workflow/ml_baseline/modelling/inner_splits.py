"""Estimators that hold out rows themselves, to tune, calibrate or stop early: which rows they get for it.

Left to themselves they would put a row and its copy on both sides, or rows of one group, or later rows
before earlier ones, and so choose whatever remembers best: one neighbour of many, probabilities near 0
and 1, or boosting that never stops.
"""

import contextlib
import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from ml_baseline.data.raw_table import LONG_ROWS
from ml_baseline.data.schema import Schema, feature_columns
from ml_baseline.data.split import fold_numbers, fold_rows, holdout_rows, row_groups
from ml_baseline.errors import InputError
from ml_baseline.modelling.long_fits import fit_estimator, fit_transform
from ml_baseline.modelling.target_encoding import Splits
from ml_baseline.modelling.voting import weighted_mean

ENCODING_FOLDS = 5
# From so many rows on `early_stopping: auto` stops early (scikit-learn 1.9).
ROWS_OF_AUTO = 10_000
MOST_HELD_OUT = 0.5
# `early_stopping` of an estimator that is fitted in folds, each stopped by the rows of one.
FOLDS = "folds"
# The parameters that make an estimator stop early, the first that it has decides; and what to set.
STOPPING = {"early_stopping": "false", "n_iter_no_change": "null", "early_stopping_rounds": "null"}


def splits_inside(estimator: BaseEstimator, rows: int) -> dict[str, str]:
    """Return the parameters by which an estimator, or one inside it, will hold out rows itself.

    Those of `estimator` itself by name, those of its parts by path, such as `estimator__cv`; each
    with the setting that turns it off ("" if none does). `rows` is how many it is to be fitted to.
    """
    parts: dict[str, Any] = {"": estimator}
    for name, value in estimator.get_params(deep=True).items():
        if hasattr(value, "get_params") and not isinstance(value, type):
            parts[f"{name}__"] = value
    found = {}
    for path, part in parts.items():
        parameters = part.get_params(deep=False)
        if parameters.get("cv", "prefit") != "prefit":
            found[f"{path}cv"] = ""
        if parameters.get("probability") is True:  # Platt's scaling by folds of its own
            found[f"{path}probability"] = "false"
        name = next((name for name in STOPPING if name in parameters), "")
        stops = parameters.get(name) or False
        if stops == "auto":
            stops = rows > ROWS_OF_AUTO
        if stops and parameters.get("validation_fraction") is not None:
            found[f"{path}{name}"] = STOPPING[name]
        for candidate in _candidates(parameters):
            inside = splits_inside(candidate, rows)
            found |= {f"{path}estimator__{name}": off for name, off in inside.items()}
    return found


def _candidates(parameters: dict) -> Iterator[BaseEstimator]:
    """Yield what a search tries, one value changed at a time; nothing for what is no search."""
    grids = parameters.get("param_grid") or parameters.get("param_distributions") or []
    for grid in [grids] if isinstance(grids, dict) else grids:
        for name, values in grid.items():
            for value in values if isinstance(values, list) else ():
                with contextlib.suppress(ValueError):  # the search will say what is wrong with it
                    yield clone(parameters["estimator"]).set_params(**{name: value})


def fit_pipeline(
    model: Pipeline, augmented: pd.DataFrame, schema: Schema, strategy: str, random_state: int
) -> None:
    """Fit a pipeline to training rows and their copies; its estimator is given rows to hold out.

    Folds and validation rows are made of the rows as the strategy makes them, and the copies follow
    their rows: into no validation set, and into no part that their row is not in.

    Args:
        model: as `build_pipeline` returns it.
        augmented: as `augment.augment` returns it.
        schema: the table's input schema.
        strategy: that of the split: "stratified", "group" or "time".
        random_state: seed of the folds.

    Raises:
        InputError: the estimator would hold out rows itself, and takes none that it is given.
    """
    estimator = model.named_steps["model"]
    parameters = estimator.get_params(deep=False)
    inside = splits_inside(estimator, len(augmented))
    if "cv" in parameters:
        inside = {name: off for name, off in inside.items() if name != "cv"}
    features, target = augmented[feature_columns(schema)], augmented[schema["target"]].to_numpy()
    has_copies = _has_copies(augmented)
    takes_rows = _takes_rows(estimator, inside)
    in_folds = parameters.get("early_stopping") == FOLDS
    is_long = len(augmented) > LONG_ROWS  # of which the estimator would make a second copy to split
    if takes_rows and (
        in_folds
        or has_copies
        or is_long
        or strategy != "stratified"
        or _has_repeats(augmented, schema)
    ):
        _fit_with_validation_rows(model, augmented, schema, strategy, random_state)
        return
    if inside and (has_copies or strategy != "stratified"):
        raise InputError(_refusal(estimator, inside, has_copies, strategy))
    if in_folds:
        raise InputError(
            f"{type(estimator).__name__} cannot be fitted in folds (`early_stopping: folds`): that "
            "takes `X_val` and `y_val` in its `fit`, and a `validation_fraction`; set "
            "`early_stopping: true` or `false`"
        )
    folds = "cv" in parameters and parameters["cv"] != "prefit"
    if folds:
        splits = _splits(estimator, augmented, schema, strategy, random_state)
        model.set_params(model__cv=splits)
    values = fit_transform(model.named_steps["preprocess"], features, target, estimator)
    fit_estimator(estimator, values, target)
    if folds:
        model.set_params(model__cv=parameters["cv"])  # or the splits would be saved with it


def fit_trial(
    estimator: BaseEstimator,
    values: Any,
    target: np.ndarray,
    training: np.ndarray,
    augmented: pd.DataFrame,
    schema: Schema,
    strategy: str,
    random_state: int,
) -> None:
    """Fit an estimator that a search tries to some of the rows and copies, as `fit_pipeline` would.

    Args:
        estimator: fitted once (see `fitted_once`).
        values, target: of all rows and copies, in their order.
        training: the positions of those to fit to (see `tuning_split`).
        augmented, schema, strategy, random_state: as for `fit_pipeline`.
    """
    rows = augmented.iloc[training]
    values, target = values[training], target[training]
    inside = splits_inside(estimator, len(rows))
    apart = _has_copies(augmented) or strategy != "stratified"
    if apart and inside and _takes_rows(estimator, inside):
        ((fitted, held),) = _stopping_splits(estimator, rows, schema, strategy, random_state)
        if "early_stopping" in inside:  # what "auto" says is asked of all rows
            estimator.set_params(early_stopping=True)
        estimator.fit(values[fitted], target[fitted], X_val=values[held], y_val=target[held])
    else:
        estimator.fit(values, target)


def _takes_rows(estimator: BaseEstimator, inside: dict[str, str]) -> bool:
    """Return whether all that an estimator holds out (`inside`) are rows that it can be given."""
    takes = {"X_val", "y_val"} <= set(inspect.signature(estimator.fit).parameters)
    return takes and [*inside] in (["early_stopping"], ["n_iter_no_change"])


def _has_copies(augmented: pd.DataFrame) -> bool:
    return bool((augmented["copy"] > 0).any())


def _has_repeats(augmented: pd.DataFrame, schema: Schema) -> bool:
    return len(np.unique(row_groups(augmented, schema))) < len(augmented)


def _refusal(
    estimator: BaseEstimator, inside: dict[str, str], has_copies: bool, strategy: str
) -> str:
    """Return why an estimator is not fitted, and what to write in the config."""
    name, off = next(iter(inside.items()))
    path, _, parameter = name.rpartition("__")
    holder = estimator.get_params(deep=True)[path] if path else estimator
    among = {
        "group": "rows of the groups that it learns from",
        "time": "rows from before those that it learns from",
    }
    what = "noisy copies of the rows that it learns from" if has_copies else among[strategy]
    todo = f"set `{parameter}: {off}`" if off else "use an estimator there that splits no rows"
    if strategy == "stratified":
        todo += ", or `augment: {method: none}`"
    return (
        f"{type(holder).__name__} holds out rows by itself (`{parameter}`), and {what} would be among "
        f"them, so it would choose what remembers best; {todo}"
    )


def _fit_with_validation_rows(
    model: Pipeline, augmented: pd.DataFrame, schema: Schema, strategy: str, random_state: int
) -> None:
    """Fit a pipeline whose estimator stops early by validation rows that it is given.

    With `early_stopping: folds` each fold, of the size `validation_fraction`, stops a fit to the others
    in turn, in time order to the earlier ones, if these are half of the rows. The mean of all predicts.
    Where no such folds can be dealt, there is one fit, as with `early_stopping: true`.
    """
    estimator = model.named_steps["model"]
    parameters = estimator.get_params(deep=False)
    pairs: Any = _stopping_splits(estimator, augmented, schema, strategy, random_state)
    target = augmented[schema["target"]].to_numpy()
    order = np.concatenate(pairs[0]) if len(pairs) == 1 else np.arange(len(augmented))
    features = augmented[feature_columns(schema)]
    values = fit_transform(model.named_steps["preprocess"], features, target, estimator, order)
    target = target[order]
    if len(pairs) == 1:  # both parts as they lie in memory, no second matrix
        fitted_rows = len(pairs[0][0])
        pairs = [(slice(fitted_rows), slice(fitted_rows, None))]
    fits = []
    for training, held in pairs:
        # What "auto" says is asked of all rows, not of those that are left.
        stopping = {"early_stopping": True} if "early_stopping" in parameters else {}
        fitted = clone(estimator).set_params(**stopping)
        held_rows = {"X_val": values[held], "y_val": target[held]}
        fit_estimator(fitted, values[training], target[training], **held_rows)
        fits.append(fitted.set_params(**{name: parameters[name] for name in stopping}))
    model.steps[-1] = ("model", fits[0])
    if len(fits) > 1:
        members = {f"fold{number}": fitted for number, fitted in enumerate(fits)}
        model.steps[-1] = ("model", weighted_mean(members, dict.fromkeys(members, 1 / len(fits))))
        model.in_folds_ = estimator


def _stopping_splits(
    estimator: BaseEstimator,
    augmented: pd.DataFrame,
    schema: Schema,
    strategy: str,
    random_state: int,
) -> Splits:
    """Return for each fit of an estimator the rows and copies to fit to, and the rows to stop by."""
    parameters = estimator.get_params(deep=False)
    originals = (augmented["copy"] == 0).to_numpy()
    rows = augmented if originals.all() else augmented[originals]
    # The naive protocol splits rows from their copies: those without their row are learned from.
    orphans = np.flatnonzero(~augmented["row_id"].isin(rows["row_id"]))
    share = parameters["validation_fraction"]
    if not (isinstance(share, int | float) and share > 0):
        raise InputError(
            f"{type(estimator).__name__}: `validation_fraction` is {share}; expected a share of the "
            "rows, such as 0.1, or a number of them"
        )
    share = share / len(rows) if share >= 1 else share
    dealt: Splits = []
    if parameters.get("early_stopping") == FOLDS:
        with contextlib.suppress(InputError):  # what one fit needs is less
            dealt = _folds(rows, schema, strategy, round(1 / share), random_state, whole=False)
        dealt = [pair for pair in dealt if 2 * len(pair[0]) >= len(rows)]
    if not dealt:
        dealt = [_validation_split(estimator, rows, schema, strategy, share, random_state)]
    return [
        (np.union1d(training, orphans), held[originals[held]])
        for training, held in _with_copies(dealt, rows, augmented)
    ]


def _validation_split(
    estimator: BaseEstimator,
    rows: pd.DataFrame,
    schema: Schema,
    strategy: str,
    share: float,
    random_state: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to fit to and those to stop by, as positions."""
    while True:
        try:
            held = holdout_rows(rows, schema, strategy, share, random_state)
            break
        except InputError as error:
            share *= 2  # where a class is rare, more rows until there are some of it
            if share > MOST_HELD_OUT:
                reason = f"it stops early by rows that it holds out, and {error}"
                raise InputError(f"{type(estimator).__name__}: {reason}") from error
    return np.flatnonzero(~held), np.flatnonzero(held)


def fitted_once(estimator: BaseEstimator) -> BaseEstimator:
    """Return an unfitted copy of an estimator that is fitted once, if it was to be in each fold."""
    once = clone(estimator)
    if once.get_params(deep=False).get("early_stopping") == FOLDS:
        once.set_params(early_stopping=True)
    return once


def _splits(
    estimator: BaseEstimator,
    augmented: pd.DataFrame,
    schema: Schema,
    strategy: str,
    random_state: int,
) -> Splits:
    """Return the folds in which an estimator tunes or calibrates itself, as positions of rows."""
    rows = _originals(augmented)
    parameters = estimator.get_params(deep=False)
    cv = parameters["cv"]
    dealt: Splits
    if hasattr(cv, "split"):  # a splitter of the user's own deals out the rows, without copies
        groups = row_groups(rows, schema, "group" if strategy == "group" else "stratified")
        dealt = list(cv.split(rows[feature_columns(schema)], rows[schema["target"]], groups))
    elif isinstance(cv, float):
        held = holdout_rows(rows, schema, strategy, cv, random_state)
        dealt = [(np.flatnonzero(~held), np.flatnonzero(held))]
    elif isinstance(cv, int | None):
        # What is predicted fold by fold has to be predicted for each row: by later ones too.
        whole = hasattr(estimator, "stack_method") or parameters.get("ensemble") is False
        folds = min(cv or 5, int(rows[schema["target"]].value_counts().min()))
        dealt = _folds(rows, schema, strategy, folds, random_state, whole)
    else:  # positions of rows, which only a caller in Python can give
        return cv
    return _with_copies(dealt, rows, augmented)


def tuning_split(
    estimator: BaseEstimator,
    augmented: pd.DataFrame,
    schema: Schema,
    strategy: str,
    random_state: int,
    folds: int,
    number: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to fit to and those to score on, as positions, of one fold of a search.

    There may be fewer than `folds`, where a class is rare; then they come again.

    Raises:
        InputError: the estimator would hold out rows itself, which it must not.
    """
    inside = splits_inside(estimator, len(augmented))
    has_copies = _has_copies(augmented)
    if inside and (has_copies or strategy != "stratified") and not _takes_rows(estimator, inside):
        raise InputError(_refusal(estimator, inside, has_copies, strategy))
    rows = _originals(augmented)
    folds = min(folds, int(rows[schema["target"]].value_counts().min()))
    dealt = _folds(rows, schema, strategy, folds, random_state, whole=False)
    return _with_copies([dealt[number % len(dealt)]], rows, augmented)[0]


def encoding_splits(
    augmented: pd.DataFrame, schema: Schema, strategy: str, random_state: int
) -> Splits:
    """Return the folds in which categories are encoded by the target, as positions of rows.

    Each row is in one test set, and so are its copies. Raises InputError if no two folds can be dealt.
    """
    rows = _originals(augmented)
    dealt = _folds(rows, schema, strategy, ENCODING_FOLDS, random_state, whole=True)
    splits = _with_copies(dealt, rows, augmented)
    return [(a.astype(np.int32), b.astype(np.int32)) for a, b in splits]  # they take memory


def _originals(augmented: pd.DataFrame) -> pd.DataFrame:
    """Return the first of each row and its copies, in the memory of the table where there are none."""
    repeated = augmented["row_id"].duplicated()
    return augmented[~repeated] if repeated.any() else augmented


def _with_copies(dealt: Splits, rows: pd.DataFrame, augmented: pd.DataFrame) -> Splits:
    """Return splits of rows as those of the rows and their copies."""
    if len(rows) == len(augmented):
        return dealt
    ids, of_row = rows["row_id"].to_numpy(), augmented["row_id"].to_numpy()

    def positions(part: np.ndarray) -> np.ndarray:
        return np.flatnonzero(np.isin(of_row, ids[part]))

    return [(positions(training), positions(held)) for training, held in dealt]


def _folds(
    rows: pd.DataFrame, schema: Schema, strategy: str, folds: int, random_state: int, whole: bool
) -> Splits:
    """Return folds of the rows by the strategy, as many as can be made with both classes.

    In time order each is predicted from the ones before it, or, where `whole`, from all others: then
    the folds are consecutive stretches, of which the first is one too.
    """
    in_stretches = whole and strategy == "time"
    for number in range(max(folds, 2), 1, -1):
        try:
            fewer = number - in_stretches
            numbers = fold_numbers(rows, schema, strategy, fewer, random_state)
            break
        except InputError:
            if number == 2:
                raise
    if in_stretches:
        numbers, strategy = numbers + 1, "stratified"
    dealt = (fold_rows(numbers, fold, strategy) for fold in range(numbers.max() + 1))
    return [(np.flatnonzero(training), np.flatnonzero(held)) for training, held in dealt]
