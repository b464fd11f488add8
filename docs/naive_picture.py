"""Draw docs/naive.png: what the naive protocol claims, and what is true.

Run it from the project's folder: `python docs/naive_picture.py`.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from ml_baseline.controls.naive import contrast, naive_predictions
from ml_baseline.controls.verdicts import permuted
from ml_baseline.data import sample_data
from ml_baseline.data.augment import augment
from ml_baseline.data.clean import clean
from ml_baseline.data.infer_schema import describe_columns, infer_schema
from ml_baseline.data.split import split
from ml_baseline.modelling.train import fit, predict_probability
from ml_baseline.scoring.evaluate import holdout_metrics, holdout_predictions

SEED = 42
SETTINGS = {
    "target": "purchased",
    "positive": [1],
    "negative": None,
    "id": [],
    "drop": [],
    "forbidden": [],
    "missing_values": [],
    "categorical": [],
    "dates": {},
    "decimal": None,
    "encode": {
        "gender": {"Female": 0, "Male": 1},
        "product_type": {"Basic": 0, "Plus": 1, "Premium": 2},
    },
}
NOISE = {"method": "jitter", "noise_frac": 0.02, "copies": 1}
RARE = {"max_categories": 30, "min_frequency": 10}
FOREST = {
    "estimator": "sklearn.ensemble.RandomForestClassifier",
    "params": {"n_estimators": 200},
    "preprocessing": "tree",
}
LINE = {
    "estimator": "sklearn.linear_model.LogisticRegression",
    "params": {"max_iter": 1000},
    "preprocessing": "linear",
}
MODELS = {
    name: {"model": model, "augment": NOISE, "preprocessing": RARE}
    for name, model in {"logistic regression": LINE, "random forest": FOREST}.items()
}


def both_protocols(table: pd.DataFrame, schema: dict) -> pd.DataFrame:
    """Return naive and honest figures of both models on one table."""
    naive = {
        name: naive_predictions(table, schema, model, test_size=0.2, random_state=SEED)
        for name, model in MODELS.items()
    }
    train, holdout = split(table, schema, "stratified", 0.2, SEED)
    augmented = augment(train, schema, **NOISE, random_state=SEED)
    probabilities = {
        name: predict_probability(fit(augmented, schema, model, SEED), holdout, schema)
        for name, model in MODELS.items()
    }
    predictions = holdout_predictions(probabilities, holdout, schema, 0.5)
    return contrast(naive, holdout_metrics(predictions, 0.5, 0.95, len(table)), threshold=0.5)


def main() -> None:
    """Run both protocols on the customers sample, with its labels and with shuffled ones."""
    raw = sample_data.customers(1000, 7).astype("str")
    schema = infer_schema(raw, SETTINGS, "customers")
    table, _ = clean(raw, schema)
    schema = describe_columns(schema, table)
    tables = {
        "as it is": table,
        "labels shuffled: there is nothing to find": permuted(table, schema, SEED),
    }
    sns.set_theme(style="whitegrid", palette="colorblind")
    figure, all_axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
    for axes, (title, one_table) in zip(all_axes, tables.items(), strict=True):
        rows = both_protocols(one_table, schema).query("metric == 'roc_auc'")
        print(title, rows.to_string(index=False), sep="\n")
        places = range(len(rows))
        below = rows["honest"] - rows["honest_low"]
        above = rows["honest_high"] - rows["honest"]
        bars = axes.bar([p - 0.2 for p in places], rows["naive"], 0.36, label="naive", color="C3")
        axes.bar_label(bars, fmt="%.2f", padding=2)
        honest = axes.bar(
            [p + 0.2 for p in places],
            rows["honest"],
            0.36,
            yerr=[below, above],
            capsize=4,
            label="honest, with 95 % interval",
            color="C0",
        )
        axes.bar_label(honest, fmt="%.2f", label_type="center", color="white")
        axes.grid(axis="x", visible=False)
        axes.axhline(0.5, color="black", linewidth=1, linestyle="--", label="chance")
        axes.set(title=f"customers, {title}", ylim=(0, 1.05), xticks=list(places))
        axes.set_xticklabels(rows["model"])
    all_axes[0].set_ylabel("ROC-AUC on the rows held out")
    handles, labels = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    figure.suptitle("Augment first and split afterwards, or the other way round: 1,000 rows")
    figure.savefig(Path(__file__).with_name("naive.png"), dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
