"""Scoring what fitted models predict of the holdout rows."""

import numpy as np
import pandas as pd

from ml_baseline.data.schema import Schema, columns_of_role
from ml_baseline.data.split import units
from ml_baseline.modelling.failure import FAILED, FITTED
from ml_baseline.scoring.metrics import METRICS
from ml_baseline.scoring.scores import confidence_intervals, scores

COLUMNS = ("row_id", "model", "target", "probability", "prediction", "unit")


def holdout_predictions(
    probabilities: dict[str, np.ndarray], holdout: pd.DataFrame, schema: Schema, threshold: float
) -> pd.DataFrame:
    """Return each model's predictions of the holdout rows, model after model.

    `probabilities` holds for each model the probability of class 1 of each row, shape (rows,); one of
    at least `threshold` predicts class 1. The result has the columns `row_id, model, target,
    probability, prediction, unit`, then the id columns (`_raw` behind a name that is one of these): rows
    of the same unit are no evidence of their own (see `split.units`).
    """
    of_rows = units(holdout, schema)
    rows = holdout[["row_id"]].assign(model="", target=holdout[schema["target"]])
    ids = holdout[columns_of_role(schema, "id")]
    ids = ids.rename(columns={name: f"{name}_raw" for name in COLUMNS if name in ids})
    parts = [
        rows.assign(
            model=name,
            probability=probability,
            prediction=(probability >= threshold).astype(int),
            unit=of_rows,
        ).join(ids)
        for name, probability in probabilities.items()
    ]
    return pd.concat(parts, ignore_index=True)


def holdout_metrics(
    predictions: pd.DataFrame,
    threshold: float,
    level: float,
    table_rows: int | None = None,
    failures: dict[str, str] | None = None,
    notes: dict[str, str] | None = None,
) -> pd.DataFrame:
    """Return every metric of every model with its interval: one row a model.

    `predictions` are as `holdout_predictions` returns them with this `threshold`, `level` and
    `table_rows` as in `confidence_intervals`. `failures` has the reason for each model that could not be
    trained or asked, `notes` for those whose scores are of little worth all the same.

    Returns `model`, the metrics, `threshold, prevalence, rows, units`, then for each metric its
    `<metric>_low`, `<metric>_high` and `<metric>_reliable`; `status`, "fitted" or "failed"; `reason`:
    that of a failure, which leaves the metrics empty, or a note. Models stand in the order of their
    first appearance, the failed ones last.
    """
    failures, notes, rows = failures or {}, notes or {}, []
    for name, part in predictions.groupby("model", sort=False):
        row = {"model": name} | scores(part["target"], part["probability"], threshold)
        row["units"] = part["unit"].nunique() if "unit" in part else len(part)
        intervals = confidence_intervals(
            part["target"], part["probability"], threshold, level, table_rows, part.get("unit")
        )
        for metric, interval in intervals.iterrows():
            figures = interval[["low", "high", "reliable"]]
            row |= {f"{metric}_{figure}": value for figure, value in figures.items()}
        rows.append(row | {"status": FITTED, "reason": notes.get(name, "")})
    same = {key: rows[0][key] for key in ("threshold", "prevalence", "rows", "units")}
    same |= {"status": FAILED, **{f"{metric}_reliable": False for metric in METRICS}}
    rows += [same | {"model": name, "reason": reason} for name, reason in failures.items()]
    return pd.DataFrame(rows)
