"""Controls: a table in which nothing can be found, and one whose answer is known."""

from functools import partial

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ml_baseline.data import sample_data
from ml_baseline.data.clean import clean
from ml_baseline.data.schema import Schema
from ml_baseline.errors import InputError
from ml_baseline.modelling.answers import isolated
from ml_baseline.modelling.failure import FAILED, FITTED
from ml_baseline.modelling.train import predict_probability
from ml_baseline.scoring.scores import scores

FRESH_ROWS = 20_000


def permuted(table: pd.DataFrame, schema: Schema, random_state: int) -> pd.DataFrame:
    """Return a cleaned table with its target shuffled over the rows: what is left is chance."""
    shuffled = np.random.default_rng(random_state).permutation(table[schema["target"]].to_numpy())
    permuted = table.copy()
    permuted[schema["target"]] = shuffled
    return permuted


def negative_control(leaderboard: pd.DataFrame) -> pd.DataFrame:
    """Return what the models found in shuffled labels: nothing, if the workflow is honest.

    One row for each fitted model on the `leaderboard` of the shuffled table: `control, model, roc_auc,
    low, high, expected, best_possible, verdict, explanation`. A model fails if its interval lies above
    0.5; by chance that happens to one model in 40.
    """
    leaderboard = leaderboard[leaderboard["status"] == FITTED]
    found = leaderboard["roc_auc_low"] > 0.5
    words = np.where(found, "found something in shuffled labels: there is leakage", "found nothing")
    explanation = "labels shuffled: " + leaderboard["model"] + " " + words
    verdict = np.where(found, "fail", "pass")
    return _table("negative", leaderboard, 0.5, np.nan, verdict, explanation)


def positive_control(
    leaderboard: pd.DataFrame, models: dict[str, Pipeline], schema: Schema, random_state: int
) -> pd.DataFrame:
    """Return how the best model's holdout score compares with the truth, for the customers sample.

    The truth is the model's ROC-AUC on 20,000 fresh customers, drawn with another seed, made as
    messy and cleaned by the same schema; above it stands the best score any model can reach with
    what is visible of these customers. `leaderboard`, `models` (by name) and `schema` are those of the
    customers table, `random_state` any seed that it was not drawn with.

    Returns one row, with the columns of `negative_control`; it fails if the interval does not cover
    the truth, as happens by chance to one in 20. The verdict on a model that gives no probabilities
    of the fresh customers is `failure.FAILED`.
    """
    chosen = leaderboard[leaderboard["selected"]].head(1)
    row = chosen.iloc[0]
    raw = sample_data.customers(FRESH_ROWS, random_state).astype("str")
    fresh, _ = clean(raw, schema)
    best = sample_data.BEST_VISIBLE_ROC_AUC
    try:
        probability = isolated(partial(predict_probability, models[row["model"]], fresh, schema))
    except InputError as error:
        explanation = f"{row['model']} failed on {FRESH_ROWS:,} fresh customers: {error}"
        return _table("positive", chosen, np.nan, best, FAILED, explanation)
    truth = scores(fresh[schema["target"]], probability)["roc_auc"]
    covered = row["roc_auc_low"] <= truth <= row["roc_auc_high"]
    words = "covers" if covered else "misses"
    explanation = (
        f"{row['model']} reaches {truth:.3f} on {FRESH_ROWS:,} fresh customers; the best possible is "
        f"{best:.3f}; the interval of the holdout {words} the truth"
    )
    return _table("positive", chosen, truth, best, "pass" if covered else "fail", explanation)


def _table(control, rows, expected, best_possible, verdict, explanation) -> pd.DataFrame:
    names = {"roc_auc_low": "low", "roc_auc_high": "high"}
    table = rows[["model", "roc_auc", *names]].rename(columns=names).assign(expected=expected)
    table = table.assign(best_possible=best_possible, verdict=verdict)
    table.insert(0, "control", control)
    return table.assign(explanation=explanation).reset_index(drop=True)
