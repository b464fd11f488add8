"""What the naive protocol would have claimed: augment first, split afterwards.

Nearly every row it scores has a noisy copy among the rows it was trained on. It stands here to be
measured, so that nobody has to believe in the size of that leak.
"""

import pandas as pd
from sklearn.model_selection import train_test_split

from ml_baseline.data.augment import augment
from ml_baseline.data.schema import Schema
from ml_baseline.modelling.failure import FITTED
from ml_baseline.modelling.train import fit, predict_probability
from ml_baseline.scoring.metrics import METRICS
from ml_baseline.scoring.scores import scores


def naive_predictions(
    table: pd.DataFrame, schema: Schema, model_settings: dict, test_size: float, random_state: int
) -> pd.DataFrame:
    """Return a model's predictions of the naive test rows: `row_id, copy, target, probability`.

    `table` is the whole cleaned table, `model_settings` are as `train.fit` takes them, `test_size` is
    the share of the augmented rows that are predicted, `random_state` seeds noise, split and model.
    """
    augmented = augment(table, schema, **model_settings["augment"], random_state=random_state)
    train, test = train_test_split(
        augmented,
        test_size=test_size,
        stratify=augmented[schema["target"]],
        random_state=random_state,
    )
    fitted = fit(train, schema, model_settings, random_state)
    probability = predict_probability(fitted, test, schema)
    return test[["row_id", "copy"]].assign(target=test[schema["target"]], probability=probability)


def contrast(
    naive: dict[str, pd.DataFrame], honest: pd.DataFrame, threshold: float
) -> pd.DataFrame:
    """Return naive and honest figures side by side, and how much of the naive one was leak.

    `naive` holds the predictions of `naive_predictions` by model, `honest` the models' holdout metrics
    with `_low` and `_high`, at the same `threshold`. Returns the columns `model, metric, naive,
    honest, honest_low, honest_high, leak` for the models that stand in both.
    """
    honest = honest[honest["status"] == FITTED].set_index("model")
    rows = []
    for model in sorted(set(naive) & set(honest.index)):
        claimed = scores(naive[model]["target"], naive[model]["probability"], threshold)
        rows += [
            (model, metric, claimed[metric])
            + tuple(honest.loc[model, [metric, f"{metric}_low", f"{metric}_high"]])
            for metric in METRICS
        ]
    columns = ["model", "metric", "naive", "honest", "honest_low", "honest_high"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(leak=table["naive"] - table["honest"])
