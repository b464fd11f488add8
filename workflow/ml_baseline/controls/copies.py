"""Whether noisy copies have helped: a model with and without them, out of fold."""

from collections.abc import Mapping

import pandas as pd

from ml_baseline.config.estimator_rules import BLIND_ESTIMATORS
from ml_baseline.data.schema import Schema
from ml_baseline.data.split import units
from ml_baseline.modelling.train import cross_validate
from ml_baseline.scoring.choosing import out_of_fold_score
from ml_baseline.scoring.metrics import metric_named
from ml_baseline.scoring.significance import compare

# What the model is chosen by: of right probabilities few rows tell enough.
CHOSEN_BY = "log_loss"


def with_and_without(
    train: pd.DataFrame,
    schema: Schema,
    oof: Mapping[str, pd.DataFrame],
    recipes: Mapping[str, dict],
    settings: Mapping,
) -> pd.DataFrame:
    """Return the out-of-fold scores of one model with and without copies, compared on the same rows.

    The model is the best one of the first fold, and the rows of that fold are not compared: otherwise
    the copies that it was chosen with would look too good.

    Args:
        train: the training rows, shape (rows, columns).
        schema: the table's input schema.
        oof: out-of-fold predictions with copies of each model that has some.
        recipes: for each model the settings that `train.cross_validate` takes.
        settings: `select_by`, `threshold`, `level` and `random_state`.

    Returns:
        `model, metric, with_copies, without_copies, difference, low, high, verdict`: a row for log loss
        and one for `select_by`; the verdict is "helped", "harmed" or "no difference that can be told".
    """
    first = {name: rows[rows["fold"] == rows["fold"].min()] for name, rows in oof.items()}
    scores = {
        name: out_of_fold_score(rows, CHOSEN_BY, settings["threshold"])
        for name, rows in first.items()
        if not recipes[name]["model"]["estimator"].startswith(BLIND_ESTIMATORS)
    }
    columns = ["model", "metric", "with_copies", "without_copies", "difference", "low", "high"]
    if not scores:
        return pd.DataFrame(columns=[*columns, "verdict"])
    chosen = min(scores, key=lambda name: scores[name])
    plain = recipes[chosen] | {"augment": {"method": "none"}}
    without = cross_validate(train, schema, plain, settings["random_state"])
    compared = (without["fold"] > without["fold"].min()).to_numpy()
    rows = train.set_index("row_id").loc[without["row_id"][compared]].reset_index()
    said = {
        "with": oof[chosen]["probability"][compared].to_numpy(),
        "without": without["probability"][compared].to_numpy(),
    }
    target = without["target"][compared].to_numpy()
    of_rows = units(rows, schema)
    threshold, level = settings["threshold"], settings["level"]
    told = []
    for metric in dict.fromkeys([CHOSEN_BY, settings["select_by"]]):
        found = compare(target, said, None, "without", threshold, metric, level, units=of_rows)
        difference, low, high = found.loc[0, ["best_difference", "best_low", "best_high"]]
        better = (low > 0) if metric_named(metric).higher_is_better else (high < 0)
        verdict = "helped" if better else "harmed"
        if low <= 0 <= high:
            verdict = "no difference that can be told"
        told.append((chosen, metric, *found["value"], difference, low, high, verdict))
    return pd.DataFrame(told, columns=[*columns, "verdict"])
