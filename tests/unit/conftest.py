"""Small cleaned tables for the unit tests, as fixtures: nothing here is to be imported."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from publishing import NOON
from small_shop import publish_shop

from ml_baseline.data import sample_data
from ml_baseline.data.clean import clean
from ml_baseline.data.infer_schema import describe_columns, infer_schema


def _schema_of(target: str = "answer", **kinds: str | dict) -> dict:
    columns = []
    for name, kind in kinds.items():
        more = kind if isinstance(kind, dict) else {"kind": kind}
        columns.append({"name": name, "role": "feature", "source": name} | more)
    columns.append({"name": target, "role": "target", "kind": "boolean", "source": target})
    return {
        "dataset": "small",
        "target": target,
        "positive": ["1"],
        "negative": ["0"],
        "columns": columns,
    }


def _numbers_table(
    rows: int, random_state: int = 0, signal: float = 2.0, features: int = 3
) -> tuple[pd.DataFrame, dict]:
    random = np.random.default_rng(random_state)
    names = [f"x{i}" for i in range(features)]
    table = pd.DataFrame(random.normal(size=(rows, features)), columns=names)
    table.insert(0, "row_id", np.arange(rows))
    chance = 1 / (1 + np.exp(-signal * table["x0"]))
    table["answer"] = (random.random(rows) < chance).astype("int64")
    return table, _schema_of(**dict.fromkeys(names, "number")) | {"rows": rows}


def _settings_of(estimator: str, preprocessing: str = "linear", **more) -> dict:
    params = more.pop("params", {})
    model = {"estimator": estimator, "params": params, "preprocessing": preprocessing}
    return {
        "model": model,
        "preprocessing": {"max_categories": 30, "min_frequency": 10},
        "augment": {"method": "jitter", "noise_frac": 0.02, "copies": 1},
        "folds": 5,
        "strategy": "stratified",
    } | more


@pytest.fixture
def one_thread():
    """Compute with one thread: waiting for each other, several take longer on small tables."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def schema_of():
    """A function from kinds by column name (or whole entries) to an input schema."""
    return _schema_of


@pytest.fixture(scope="session")
def numbers_table():
    """A function that makes a table of numbers, the first of which tells of the target."""
    return _numbers_table


@pytest.fixture(scope="session")
def settings_of():
    """A function from an estimator's path to the settings that `train` takes."""
    return _settings_of


@pytest.fixture(scope="session")
def customers() -> tuple[pd.DataFrame, dict]:
    """The cleaned customers sample and its schema, as the workflow makes them."""
    raw = sample_data.customers(1000, 7).astype("str")
    gender = {"Female": 0, "Male": 1}
    product = {"Basic": 0, "Plus": 1, "Premium": 2}
    settings = {
        "target": "purchased",
        "positive": 1,
        "encode": {"gender": gender, "product_type": product},
    }
    schema = infer_schema(raw, settings, "customers")
    table, _ = clean(raw, schema)
    return table, describe_columns(schema, table)


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Path:
    """A results folder with one published run of a shop; not to be changed."""
    results = tmp_path_factory.mktemp("published") / "results"
    publish_shop(results / "shop" / "runs", now=NOON)
    return results
