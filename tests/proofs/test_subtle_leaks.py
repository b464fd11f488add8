"""Leaks that no single column shows: how many are found where they raise a forest's score.

Each kind at three strengths on tables that need no download. The page of docs/audit.md has the
figures of more tables. Run with `-s` to see every plant.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from test_planted_leaks import audited, cleaned, reordered, target_of, with_column

from ml_baseline.data import sample_data
from ml_baseline.data.schema import feature_columns

pytestmark = pytest.mark.proof

RAISED = 0.05
RECALL = 0.9


def diabetes():
    bunch = load_diabetes(as_frame=True, scaled=False)
    raw = bunch.data.assign(progress=np.where(bunch.target > 140, "fast", "slow"))
    return cleaned(raw, "progress", "fast")


TABLES = {
    "customers": lambda: cleaned(sample_data.customers(1000, 42), "purchased", 1),
    "diabetes": diabetes,
}


def columns(case, values, kind="number"):
    for name, of_rows in values.items():
        case = with_column(case, name, of_rows, kind)
    return case


def flags(case, random, share):
    y = target_of(case)
    marks = {f"leak_{i}": (y == 1) & (random.random(len(y)) < share) for i in range(10)}
    return columns(case, marks, "boolean")


def gaps(case, random, share):
    y, values = target_of(case), {}
    for i in range(6):
        values[f"leak_{i}"] = random.normal(10, 3, len(y))
        values[f"leak_{i}"][random.random(len(y)) < np.where(y == i % 2, share, 0.1)] = np.nan
    return columns(case, values)


def noise(case, random, effect):
    y = target_of(case)
    made = {f"leak_{i}": effect * y + random.normal(0, 1, len(y)) for i in range(20)}
    return columns(case, made)


def encoding(make):
    """A target encoding of a category of so many rows a level."""

    def plant(case, random, rows_each):
        y = target_of(case)
        level = random.integers(0, len(y) // rows_each, len(y))
        rows, ones = np.bincount(level), np.bincount(level, weights=y)
        return columns(case, {"leak": make(np.maximum(rows, 1), ones)[level]})

    return plant


def rolling(case, random, width):
    case = reordered(case, random.permutation(len(case.table)))
    y = pd.Series(target_of(case))
    return columns(case, {"leak": y.rolling(width, min_periods=1).mean()})


def nearest(case, random, neighbours):
    numbers = case.table[feature_columns(case.schema, "number", "integer")].astype("float64")
    numbers = ((numbers - numbers.mean()) / numbers.std()).fillna(0)
    model = KNeighborsClassifier(neighbours).fit(numbers, target_of(case))
    return columns(case, {"leak": model.predict_proba(numbers)[:, 1]})


def class_means(case, random, share):
    y = target_of(case)
    values = random.gamma(2, 10, len(y)).round(1)
    gap = random.random(len(y)) < share
    for value in (0, 1):
        values[gap & (y == value)] = values[~gap & (y == value)].mean()
    return columns(case, {"leak": values})


def known_for_a_part(case, random, share):
    y = target_of(case)
    answer = np.where(y == 1, "left", "stays")
    some = random.random(len(y)) < share
    return columns(case, {"leak": np.where(some, answer, "unknown")}, "category")


def right_in_a_segment(case, random, share):
    y = target_of(case)
    name = max(
        feature_columns(case.schema, "number", "integer"), key=lambda n: case.table[n].nunique()
    )
    inside = case.table[name].rank(pct=True, method="first") > 1 - share
    return columns(case, {"leak": np.where(inside, y, random.random(len(y)) < y.mean())}, "boolean")


def pure_on_one_side(case, random, share):
    y = target_of(case)
    bought = random.random(len(y)) < np.where(y == 0, share, 0.01)
    others = random.choice(["bank", "broker"], len(y))
    return columns(case, {"leak": np.where(bought, "fund", others)}, "category")


PLANTS = {
    "ten flags": (flags, (0.05, 0.1, 0.2)),
    "six columns of gaps": (gaps, (0.25, 0.35, 0.5)),
    "twenty columns of noise": (noise, (0.2, 0.3, 0.5)),
    "encoding in percent": (encoding(lambda n, ones: np.round(100 * ones / n)), (40, 12, 5)),
    "weight of evidence": (
        encoding(lambda n, ones: np.log((ones + 1) / (n - ones + 1))),
        (40, 12, 5),
    ),
    "rank of the level": (encoding(lambda n, ones: np.argsort(np.argsort(ones / n))), (40, 12, 5)),
    "rolling mean": (rolling, (21, 11, 5)),
    "nearest rows": (nearest, (25, 11, 5)),
    "gaps filled with the class's mean": (class_means, (0.1, 0.2, 0.3)),
    "known for a part": (known_for_a_part, (0.15, 0.3, 0.5)),
    "right in a segment": (right_in_a_segment, (0.2, 0.35, 0.5)),
    "pure on one side": (pure_on_one_side, (0.35, 0.5, 0.7)),
}


def score(case) -> float:
    """Return the out-of-fold roc_auc of a forest."""
    names = feature_columns(case.schema)
    table = case.table[names].apply(
        lambda values: values if pd.api.types.is_numeric_dtype(values) else pd.factorize(values)[0]
    )
    matrix, y = table.astype("float64").fillna(-9999).to_numpy(), target_of(case)
    scores = []
    for train, asked in StratifiedKFold(2, shuffle=True, random_state=0).split(matrix, y):
        forest = RandomForestClassifier(200, random_state=0).fit(matrix[train], y[train])
        scores.append(roc_auc_score(y[asked], forest.predict_proba(matrix[asked])[:, 1]))
    return float(np.mean(scores))


def test_leaks_that_raise_a_forest_are_found():
    raised, found = 0, 0
    for table_name, load in TABLES.items():
        honest = load()
        base = score(honest)
        assert not (audited(honest, with_model=False)["verdict"] == "fail").any()
        for number, (name, (make, strengths)) in enumerate(PLANTS.items()):
            for strength in strengths:
                case = make(honest, np.random.default_rng(number), strength)
                gain = score(case) - base
                if gain < RAISED:
                    continue
                findings = audited(case, with_model=False)
                bad = findings[findings["verdict"] != "pass"]
                named = bad[bad["subject"].str.contains("leak", regex=False)]
                raised, found = raised + 1, found + bool(len(named))
                print(f"{table_name:10} {name:34} {strength:<5} {gain:.3f} {list(named['check'])}")
    print(f"found {found} of {raised}")
    assert raised >= 20
    assert found >= RECALL * raised
