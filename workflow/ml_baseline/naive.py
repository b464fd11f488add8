"""What the naive protocol would have claimed: augment first, split afterwards.

Nearly every row it scores has a noisy copy among the rows it was trained on. It stands here to be
measured, so that nobody has to believe in the size of that leak.
"""

import pandas as pd
from sklearn.model_selection import train_test_split

from ml_baseline.augment import augment
from ml_baseline.metrics import METRICS, scores
from ml_baseline.train import fit, predict_probability


def naive_metrics(
    table: pd.DataFrame, schema: dict, model_settings: dict[str, dict], settings: dict
) -> pd.DataFrame:
    """Return each model's metrics by the naive protocol: one row a model.

    Args:
        table: the whole cleaned table.
        schema: the table's input schema.
        model_settings: for each model its settings as `train.fit` takes them; the noise is that
            of the first.
        settings: `test_size`, `threshold` and `random_state`.
    """
    seed = settings["random_state"]
    noise = next(iter(model_settings.values()))["augment"]
    augmented = augment(table, schema, **noise, random_state=seed)
    train, test = train_test_split(
        augmented,
        test_size=settings["test_size"],
        stratify=augmented[schema["target"]],
        random_state=seed,
    )
    rows = []
    for name, of_model in model_settings.items():
        model = fit(train, schema, of_model, seed)
        probability = predict_probability(model, test, schema)
        rows.append(
            {"model": name} | scores(test[schema["target"]], probability, settings["threshold"])
        )
    return pd.DataFrame(rows)


def contrast(naive: pd.DataFrame, honest: pd.DataFrame) -> pd.DataFrame:
    """Return naive and honest figures side by side, and how much of the naive one was leak.

    Args:
        naive: as `naive_metrics` returns it.
        honest: the holdout metrics of the same models, with `_low` and `_high`.

    Returns:
        Columns `model, metric, naive, honest, honest_low, honest_high, leak`; `leak` is the naive
        figure minus the honest one.
    """
    naive, honest = naive.set_index("model"), honest.set_index("model")
    rows = [
        {
            "model": model,
            "metric": metric,
            "naive": naive.loc[model, metric],
            "honest": honest.loc[model, metric],
            "honest_low": honest.loc[model, f"{metric}_low"],
            "honest_high": honest.loc[model, f"{metric}_high"],
        }
        for model in honest.index
        for metric in METRICS
    ]
    table = pd.DataFrame(rows)
    return table.assign(leak=table["naive"] - table["honest"])
