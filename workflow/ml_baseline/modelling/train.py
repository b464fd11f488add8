"""Fitting a model and predicting with it; out-of-fold predictions by cross-validation."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ml_baseline.config.estimator_rules import of_size
from ml_baseline.data.augment import augment
from ml_baseline.data.schema import Schema, feature_columns
from ml_baseline.data.split import fold_numbers, fold_rows
from ml_baseline.errors import InputError
from ml_baseline.modelling.inner_splits import encoding_splits, fit_pipeline
from ml_baseline.modelling.matrix import PIECE_ROWS
from ml_baseline.modelling.pipeline import build_pipeline
from ml_baseline.modelling.target_encoding import forget_splits, target_encoders
from ml_baseline.modelling.tuning import (
    TRIED,
    best_parameters,
    search_with_optuna,
    try_rung,
    use,
)

# A probability may leave 0 to 1 by so much when sums are rounded.
ROUNDING = 1e-9
# What stands for the number of a fold where no rows are left out.
ALL_ROWS = -1


def cross_validate(
    table: pd.DataFrame,
    schema: Schema,
    settings: dict,
    random_state: int,
    threads: int = 1,
    tuned: Mapping[int, dict] | None = None,
) -> pd.DataFrame:
    """Return the out-of-fold predictions of the training rows.

    Everything learned for a fold (the noise's scale, preprocessing, the model) is learned from
    the other folds' rows, and predictions are made for the rows themselves, never for copies.

    Args:
        table: the training rows, shape (rows, columns).
        schema: the table's input schema.
        settings: `model` (estimator, params, from_rows, preprocessing, tune), `preprocessing`
            (max_categories, min_frequency), `augment` (method, noise_frac, copies), `folds`,
            `strategy`.
        random_state: seed of folds, noise and model.
        threads: threads a fit may use.
        tuned: for each fold the parameters that were found in its training rows; without them the
            model's `tune` is asked.

    Returns:
        Columns `row_id, fold, target, probability`, in table order; under the strategy "time"
        without the earliest rows, which nothing precedes.
    """
    # Each fold is fitted as all rows will be.
    settings = settings | {"model": of_size(settings["model"], len(table))}
    numbers = fold_numbers(table, schema, settings["strategy"], settings["folds"], random_state)
    probability = np.full(len(table), np.nan)
    for fold in range(settings["folds"]):
        validation = fold_rows(numbers, fold, settings["strategy"])[1]
        model = fit(
            _learned_from(table, schema, settings, random_state, numbers, fold),
            *(schema, settings, random_state, threads, (tuned or {}).get(fold)),
        )
        probability[validation] = predict_probability(model, table[validation], schema)
    predicted = numbers >= 0
    return pd.DataFrame(
        {
            "row_id": table["row_id"],
            "fold": numbers,
            "target": table[schema["target"]],
            "probability": probability,
        }
    )[predicted]


def _learned_from(
    table: pd.DataFrame,
    schema: Schema,
    settings: dict,
    random_state: int,
    numbers: np.ndarray,
    fold: int,
) -> pd.DataFrame:
    training = fold_rows(numbers, fold, settings["strategy"])[0]
    return augment(table[training], schema, **settings["augment"], random_state=random_state)


def try_parameters(
    table: pd.DataFrame,
    augmented: pd.DataFrame,
    schema: Schema,
    settings: dict,
    random_state: int,
    tried: pd.DataFrame | None,
    rung: int,
    part: int,
    parts: int,
) -> pd.DataFrame:
    """Return the log losses of a part of a rung's trials, for each fit that a model is to get.

    Args:
        table: the training rows.
        augmented: these and their copies.
        schema, settings, random_state: as for `cross_validate`.
        tried, rung, part, parts: as for `tuning.try_rung`, of all fits.

    Returns:
        `fold` and the columns of `try_rung`: the fits without a fold's rows, each searched in the other
        folds, and `ALL_ROWS`, that to all training rows.
    """
    settings = settings | {"model": of_size(settings["model"], len(table))}
    strategy = settings["strategy"]
    numbers = fold_numbers(table, schema, strategy, settings["folds"], random_state)
    found = []
    for fold in (ALL_ROWS, *range(settings["folds"])):
        rows = augmented
        if fold != ALL_ROWS:
            rows = _learned_from(table, schema, settings, random_state, numbers, fold)
        model = _unfitted(rows, schema, settings, random_state, threads=1)
        before = None if tried is None else tried[tried["fold"] == fold]
        given = (model, settings["model"], rows, schema, strategy, random_state)
        found.append(try_rung(*given, before, rung, part, parts).assign(fold=fold))
    return pd.concat(found)[["fold", *TRIED]]


def fit(
    augmented: pd.DataFrame,
    schema: Schema,
    settings: dict,
    random_state: int,
    threads: int = 1,
    tuned: dict | None = None,
) -> Pipeline:
    """Return the pipeline fitted to training rows and their copies.

    Args:
        augmented: as `augment.augment` returns it.
        schema: the table's input schema.
        settings: as for `cross_validate`.
        random_state: seed of the model.
        threads: threads the fit may use; predicting uses one, so that sums keep their order and
            the last digit does not depend on the machine.
        tuned: the parameters that were found in these rows; without them the model's `tune` is asked.

    An estimator that tunes, calibrates or stops early by rows that it holds out is given rows for it
    (see `inner_splits.fit_pipeline`).

    Raises:
        InputError: no feature has a value, the estimator cannot be built, or it would hold out rows
            by itself.
    """
    model = _unfitted(augmented, schema, settings, random_state, threads)
    strategy = settings.get("strategy", "stratified")
    estimator, entry = model.named_steps["model"], settings["model"]
    tune = entry.get("tune") or {}
    if tune and tuned is None and tune.get("method") == "bayesian":
        tuned = search_with_optuna(model, entry, augmented, schema, strategy, random_state)
    elif tune and tuned is None:
        tried = None
        for rung in range(tune.get("folds", 3)):
            given = (model, entry, augmented, schema, strategy, random_state, tried, rung)
            tried = pd.concat([tried, try_rung(*given)])
        tuned = best_parameters(tried)
    if tuned is not None:
        use(model, estimator, tuned)
    fit_pipeline(model, augmented, schema, strategy, random_state)
    forget_splits(model.named_steps["preprocess"])
    if estimator.get_params(deep=False).get("n_jobs") is not None:
        # Of the threads that the job had, nothing is in the file.
        own = (entry.get("params") or {}).get("n_jobs")
        model.set_params(model__n_jobs=None if own is None else 1)
    return model


def _unfitted(
    augmented: pd.DataFrame, schema: Schema, settings: dict, random_state: int, threads: int
) -> Pipeline:
    """Return the pipeline that `fit` fits to these rows."""
    # A rare level is as rare with its copies as without.
    copies = int(augmented["copy"].max()) + 1
    preprocessing = settings["preprocessing"]
    strategy = settings.get("strategy", "stratified")
    learned = _with_values(schema, augmented)
    splits = partial(encoding_splits, augmented, schema, strategy, random_state)
    model = build_pipeline(
        learned,
        of_size(settings["model"], len(augmented) // copies),
        max_categories=preprocessing["max_categories"],
        min_frequency=preprocessing["min_frequency"] * copies,
        random_state=random_state,
        threads=threads,
        encoders=target_encoders(augmented, learned, preprocessing["max_categories"], splits),
    )
    # A whole number of `max_samples` caps what each member of an ensemble learns from; on a smaller
    # table scikit-learn would draw as many all the same, and every tree would see nearly every row.
    cap = model.named_steps["model"].get_params(deep=False).get("max_samples")
    if isinstance(cap, int) and cap > len(augmented):
        model.set_params(model__max_samples=None)
    return model


def _with_values(schema: Schema, table: pd.DataFrame) -> Schema:
    """Return the schema without the features of which these rows have no value.

    There is nothing to learn from them, and scikit-learn's histograms of them fail (in 1.9).
    """
    empty = {name for name in feature_columns(schema) if table[name].isna().all()}
    columns = [entry for entry in schema["columns"] if entry["name"] not in empty]
    learned: Schema = {**schema, "columns": columns}
    if not feature_columns(learned):
        raise InputError(
            f"every feature is missing in all {len(table):,} training rows, so there is nothing to "
            "learn from; check what cleaning read as missing (repairs.json)"
        )
    return learned


def predict_probability(model: Pipeline, table: pd.DataFrame, schema: Schema) -> np.ndarray:
    """Return the probability of class 1 for each row of a cleaned table, shape (rows,).

    Raises:
        InputError: the model does not tell two classes apart, or what it gives is no probability.
    """
    if len(table) > PIECE_ROWS:
        pieces = (table[i : i + PIECE_ROWS] for i in range(0, len(table), PIECE_ROWS))
        return np.concatenate([predict_probability(model, piece, schema) for piece in pieces])
    answer = model.predict_proba(table[feature_columns(schema)])
    classes = list(model.classes_)
    if sorted(classes) != [0, 1]:
        raise InputError(f"the model's classes are {classes}; expected 0 and 1")
    try:
        probability = np.asarray(answer, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"`predict_proba` does not give numbers: {error}") from error
    if probability.shape != (len(table), 2):
        raise InputError(
            f"`predict_proba` gives an array of shape {probability.shape}; expected one row for each "
            f"of the {len(table):,} rows and one column for each class: ({len(table)}, 2)"
        )
    probability = probability[:, classes.index(1)]
    wrong = ~((probability >= -ROUNDING) & (probability <= 1 + ROUNDING))  # NaN is neither
    if wrong.any():
        raise InputError(
            f"`predict_proba` gives {probability[wrong][0]:.6g} as a probability; {wrong.sum():,} of "
            f"{len(table):,} rows have no number from 0 to 1"
        )
    return np.clip(probability, 0, 1)
