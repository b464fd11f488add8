"""Scoring fitted models on the holdout rows."""

import pandas as pd
from sklearn.pipeline import Pipeline

from ml_baseline.metrics import scores
from ml_baseline.train import predict_probability


def holdout_predictions(
    models: dict[str, Pipeline], holdout: pd.DataFrame, schema: dict, threshold: float
) -> pd.DataFrame:
    """Return each model's predictions of the holdout rows, model after model.

    Args:
        models: fitted pipelines by name.
        holdout: rows no model has seen, shape (rows, columns).
        schema: the table's input schema.
        threshold: a probability of at least this much predicts class 1.

    Returns:
        Columns `row_id, model, target, probability, prediction`, shape (rows * models, 5).
    """
    parts = []
    for name, model in models.items():
        probability = predict_probability(model, holdout, schema)
        parts.append(
            pd.DataFrame(
                {
                    "row_id": holdout["row_id"],
                    "model": name,
                    "target": holdout[schema["target"]],
                    "probability": probability,
                    "prediction": (probability >= threshold).astype(int),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def holdout_metrics(predictions: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Return every metric of every model: one row a model, in order of first appearance.

    Args:
        predictions: as `holdout_predictions` returns them.
        threshold: as given to it.
    """
    rows = [
        {"model": name} | scores(part["target"], part["probability"], threshold)
        for name, part in predictions.groupby("model", sort=False)
    ]
    return pd.DataFrame(rows)
