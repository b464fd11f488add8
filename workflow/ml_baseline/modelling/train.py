"""Fitting a model and predicting with it; out-of-fold predictions by cross-validation."""

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
from ml_baseline.modelling.pipeline import build_pipeline
from ml_baseline.modelling.target_encoding import forget_splits, target_encoders
from ml_baseline.modelling.tuning import search, use_best

# A probability may leave 0 to 1 by so much when sums are rounded.
ROUNDING = 1e-9


def cross_validate(
    table: pd.DataFrame, schema: Schema, settings: dict, random_state: int, threads: int = 1
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

    Returns:
        Columns `row_id, fold, target, probability`, in table order; under the strategy "time"
        without the earliest rows, which nothing precedes.
    """
    # Each fold is fitted as all rows will be.
    settings = settings | {"model": of_size(settings["model"], len(table))}
    numbers = fold_numbers(table, schema, settings["strategy"], settings["folds"], random_state)
    probability = np.full(len(table), np.nan)
    for fold in range(settings["folds"]):
        training, validation = fold_rows(numbers, fold, settings["strategy"])
        augmented = augment(
            table[training], schema, **settings["augment"], random_state=random_state
        )
        model = fit(augmented, schema, settings, random_state, threads)
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


def fit(
    augmented: pd.DataFrame, schema: Schema, settings: dict, random_state: int, threads: int = 1
) -> Pipeline:
    """Return the pipeline fitted to training rows and their copies.

    Args:
        augmented: as `augment.augment` returns it.
        schema: the table's input schema.
        settings: as for `cross_validate`.
        random_state: seed of the model.
        threads: threads the fit may use; predicting uses one, so that sums keep their order and
            the last digit does not depend on the machine.

    An estimator that tunes, calibrates or stops early by rows that it holds out is given rows for it
    (see `inner_splits.fit_pipeline`).

    Raises:
        InputError: no feature has a value, the estimator cannot be built, or it would hold out rows
            by itself.
    """
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
    parameters = model.named_steps["model"].get_params(deep=False)
    # A whole number of `max_samples` caps what each member of an ensemble learns from; on a smaller
    # table scikit-learn would draw as many all the same, and every tree would see nearly every row.
    cap = parameters.get("max_samples")
    if isinstance(cap, int) and cap > len(augmented):
        model.set_params(model__max_samples=None)
    if tune := settings["model"].get("tune"):
        estimator = model.named_steps["model"]
        searched = search(estimator, settings["model"]["estimator"], random_state, **tune)
        model.steps[-1] = ("model", searched)
        fit_pipeline(model, augmented, schema, strategy, random_state)
        use_best(model, estimator)
    fit_pipeline(model, augmented, schema, strategy, random_state)
    forget_splits(model.named_steps["preprocess"])
    if parameters.get("n_jobs") is not None:
        # Of the threads that the job had, nothing is in the file.
        own = (settings["model"].get("params") or {}).get("n_jobs")
        model.set_params(model__n_jobs=None if own is None else 1)
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
