"""A small shop: a raw table and a run made from it as the workflow makes runs."""

import io
from datetime import datetime
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from ml_baseline.data.clean import clean
from ml_baseline.data.infer_schema import describe_columns, infer_schema
from ml_baseline.data.schema import columns_of_role
from ml_baseline.data.split import split
from ml_baseline.modelling.train import cross_validate, fit, predict_probability
from ml_baseline.registry import contents, environment
from ml_baseline.registry.batch_check import describe_training
from ml_baseline.registry.golden import make_golden
from ml_baseline.registry.model_card import model_card
from ml_baseline.registry.publish import publish
from ml_baseline.scoring.choosing import out_of_fold_score
from ml_baseline.scoring.evaluate import holdout_metrics, holdout_predictions
from ml_baseline.scoring.leaderboard import leaderboard

MODELS = {
    "dummy": {
        "estimator": "sklearn.dummy.DummyClassifier",
        "params": {},
        "preprocessing": "linear",
    },
    "logistic_regression": {
        "estimator": "sklearn.linear_model.LogisticRegression",
        "params": {},
        "preprocessing": "linear",
    },
}
CONFIG = {
    "table": "shop.csv",
    "target": "bought",
    "split": {"strategy": "stratified", "test_size": 0.2},
    "models": MODELS,
}
METRICS = {"baseline": "dummy", "threshold": 0.5, "level": 0.95, "select_by": "roc_auc"}


def shop(rows: int = 200, random_state: int = 0) -> pd.DataFrame:
    """Return a raw table: an id, a number with gaps, a currency, a category, a date, a target."""
    random = np.random.default_rng(random_state)
    visits = random.integers(0, 20, rows)
    amount = random.uniform(1, 500, rows)
    chance = 1 / (1 + np.exp(3 - visits / 3))
    return pd.DataFrame(
        {
            "customer": [f"C{i:05}" for i in range(rows)],
            "visits": [str(v) if i % 11 else "" for i, v in enumerate(visits)],
            "amount": [f"${value:.2f}" for value in amount],
            "city": random.choice(["Rome", "Oslo ", "Bern"], rows),
            "joined": [f"2024-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(rows)],
            "bought": np.where(random.random(rows) < chance, "yes", "no"),
        }
    )


def publish_shop(
    runs: Path, random_state: int = 0, now: datetime | None = None, **changed_config
) -> str:
    """Publish a run of a small shop table into `runs`, made as the workflow makes it."""
    settings = {"target": "bought", "id": "customer"}
    return publish_table(runs, shop(random_state=random_state), settings, now, **changed_config)


def publish_table(
    runs: Path, raw: pd.DataFrame, settings: dict, now: datetime | None = None, **changed_config
) -> str:
    """Publish a run of any raw table, under the name of the shop, with the shop's config."""
    schema = infer_schema(raw, settings, "shop")
    table, repairs = clean(raw, schema)
    schema = describe_columns(schema, table)
    train, holdout = split(table, schema, **CONFIG["split"], random_state=42)
    common = {
        "preprocessing": {"max_categories": 30, "min_frequency": 10},
        "augment": {"method": "none", "noise_frac": 0.0, "copies": 1},
        "folds": 3,
        "strategy": "stratified",
    }
    fitted, chances, scores = {}, {}, []
    select_by = METRICS["select_by"]
    for name, entry in MODELS.items():
        oof = cross_validate(train, schema, common | {"model": entry}, 42)
        score = out_of_fold_score(oof, select_by, 0.5)
        scores.append({"seed": 42, "model": name, select_by: score})
        model = fit(train.assign(copy=0), schema, common | {"model": entry}, 42)
        fitted[name], chances[name] = model, predict_probability(model, holdout, schema)
    predictions = holdout_predictions(chances, holdout, schema, 0.5)
    metrics = holdout_metrics(predictions, 0.5, 0.95, len(table))
    metrics = metrics.assign(dataset="shop", seed=42)
    settings = METRICS | {"strategy": "stratified", "unit": "distinct row"}
    board = leaderboard(metrics, pd.DataFrame(scores), {42: predictions}, settings, len(table))
    chosen = contents.selected_row(board)["model"]
    own = contents.model_predictions(predictions, holdout, chosen, columns_of_role(schema, "id"))
    both = contents.holdout_metrics(metrics, board, METRICS)
    saved = io.BytesIO()
    joblib.dump(fitted[chosen], saved)
    learned = describe_training(schema, train, raw)
    golden = make_golden(fitted[chosen], raw, learned, own)
    files = contents.run_files(
        saved.getvalue(), golden, learned, own, both, environment.installed_packages()
    )
    audit = pd.DataFrame(
        {
            "check": ["row_order", "single_feature"],
            "subject": ["row_id", "visits"],
            "value": [0.5, 0.9],
            "limit": [0.8, 0.99],
            "verdict": ["pass", "warn"],
            "summary": ["Fine.", "'visits' is strong."],
            "explanation": ["", "It may come from after the event."],
            "fix": ["", "forbidden: visits"],
        }
    )
    facts = contents.facts(
        {"config": CONFIG | changed_config, "metrics": METRICS, "seeds": [42]},
        schema,
        board,
        both[0],
        own,
        audit,
        repairs | {"sha256": "0" * 64},
        golden,
        {"on": "train", "rows": len(train)},
    )
    circumstances = {
        "code": environment.code_version(),
        "python": environment.python_version(),
        "packages": environment.package_versions(environment.PACKAGES),
    }
    clock = {} if now is None else {"now": lambda: now}
    return publish(
        runs, files, facts, circumstances, lambda meta: model_card(meta, learned, both[0]), **clock
    )
