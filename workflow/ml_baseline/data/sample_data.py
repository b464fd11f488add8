"""Sample tables with known answers: a messy one, a leaky one and a real one.

`customers` is drawn from a documented process, so the best ROC-AUC that any model can reach on it
is known, and a number above it is a fault. `users` leaks its target on purpose. `breast_cancer` is
real. The formulas and the measured numbers are in docs/sample_data.md.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from ml_baseline.data.sample_note import write_note
from ml_baseline.data.tables import write_content
from ml_baseline.files import whole_file

MISSING_TOKENS = ("", "NA", "?", "n/a")
UNPARSABLE_TOKENS = ("unknown", "abc", "12..5")
DUPLICATE_SHARE = 0.015
# What each kind of mess makes of a cell; `choice` is a random whole number.
SPOIL: dict[str, Callable[[str, int], str]] = {
    "missing": lambda cell, choice: MISSING_TOKENS[choice % len(MISSING_TOKENS)],
    "unparsable": lambda cell, choice: UNPARSABLE_TOKENS[choice % len(UNPARSABLE_TOKENS)],
    "thousands": lambda cell, choice: f"{int(cell):,}",
    "dollar": lambda cell, choice: f"${cell}",
    "lower": lambda cell, choice: cell.lower(),
    "upper": lambda cell, choice: cell.upper(),
    "before": lambda cell, choice: f"{' ' * (1 + choice % 2)}{cell}",
    "after": lambda cell, choice: f"{cell}{' ' * (1 + choice % 2)}",
}
# Share of the distinct rows whose cell is spoilt so. The kinds exclude each other within a column,
# and which rows they strike depends on nothing: not on the values, not on the target.
MESS = {
    "age": {"missing": 0.03, "unparsable": 0.005},
    "income": {"missing": 0.03, "unparsable": 0.005, "thousands": 0.04, "dollar": 0.02},
    "purchase_amount": {"missing": 0.03, "unparsable": 0.005, "dollar": 0.04},
    "monthly_visits": {"missing": 0.03, "unparsable": 0.005},
    "satisfaction_score": {"missing": 0.03, "unparsable": 0.005},
    "gender": {"missing": 0.03, "lower": 0.06, "upper": 0.04, "before": 0.03, "after": 0.03},
    "product_type": {"missing": 0.03, "before": 0.03, "after": 0.03},
}
FORMATS = {"purchase_amount": "{:,.2f}", "satisfaction_score": "{:.1f}"}
NUMBERS = ("age", "income", "purchase_amount", "monthly_visits", "satisfaction_score")

PRODUCT_SHARES = {"Basic": 0.45, "Plus": 0.33, "Premium": 0.22}
# What a unit of z (log income, scaled) does to the log odds, by product. It flips sign and averages
# to almost 0, so that a line sees little of it.
PRODUCT_INCOME_EFFECT = {"Basic": -0.9, "Plus": 0.2, "Premium": 1.5}

# No model, however many rows it learns from, is expected to have a higher ROC-AUC on fresh customers
# after perfect cleaning, when lost cells stay missing: docs/sample_data.md says how it was found.
BEST_VISIBLE_ROC_AUC = 0.840


def _log_normal(rng: np.random.Generator, expected, spread: float, low: int, high: int):
    return np.clip(np.exp(expected + spread * rng.standard_normal(len(expected))), low, high)


def _log_income(age: np.ndarray) -> np.ndarray:
    return np.log(48_000) + 0.3 * (1 - ((age - 50) / 30) ** 2)


def _choice(rng: np.random.Generator, rows: int, shares: dict[str, float]) -> np.ndarray:
    return rng.choice(np.array(list(shares), dtype=object), rows, p=list(shares.values()))


# In causal order, which is also the order of the columns: income needs age, the amount income.
DRAW: dict[str, Callable[[np.random.Generator, int, dict], np.ndarray]] = {
    "age": lambda rng, rows, _: np.rint(18 + 62 * rng.beta(1.5, 1.8, rows)).astype("int64"),
    "income": lambda rng, _, drawn: np.rint(
        _log_normal(rng, _log_income(drawn["age"]), 0.42, 15_000, 250_000)
    ).astype("int64"),
    "purchase_amount": lambda rng, _, drawn: np.round(
        _log_normal(rng, np.log(150) + 0.5 * np.log(drawn["income"] / 60_000), 0.75, 5, 5_000), 2
    ),
    "monthly_visits": lambda rng, rows, _: rng.negative_binomial(4, 1 / 3, rows),
    "satisfaction_score": lambda rng, rows, _: np.round(1 + 9 * rng.beta(2.4, 1.9, rows), 1),
    "gender": lambda rng, rows, _: _choice(rng, rows, {"Female": 0.52, "Male": 0.48}),
    "product_type": lambda rng, rows, _: _choice(rng, rows, PRODUCT_SHARES),
}

HIGH_VALUE_THRESHOLD = 1000.0
COUNTRY_SHARES = {"DE": 0.3, "FR": 0.2, "GB": 0.18, "US": 0.14, "ES": 0.1, "NL": 0.08}


def customers(rows: int, random_state: int) -> pd.DataFrame:
    """Return a raw customers table, as messy as a real export, with target `purchased`.

    Exactly `rows` rows (50 or more, duplicates included), columns age (years), income (a year),
    purchase_amount (currency), monthly_visits, satisfaction_score (1 to 10), gender, product_type:
    all text; purchased: int64, 0 or 1, never spoilt. The same arguments give the same table.

    `customers_probability` is how the target arises, `BEST_VISIBLE_ROC_AUC` what that allows. The mess
    (`MESS`, and about 1.5 % exact copies of other rows) strikes completely at random, each kind at
    least one cell; amounts from 1,000 up always have the comma.
    """
    truth, struck, order = _customers_truth(rows, random_state)
    text = {
        name: [FORMATS.get(name, "{}").format(v) for v in truth[name].tolist()] for name in MESS
    }
    tokens = _random_streams(random_state)["tokens"]
    for name, cells in text.items():
        for kind, positions in struck[name].items():
            choices = tokens.integers(0, 12, len(positions))  # 12: a multiple of both token counts
            for position, choice in zip(positions.tolist(), choices.tolist(), strict=True):
                cells[position] = SPOIL[kind](cells[position], choice)
    raw = pd.DataFrame({**text, "purchased": truth["purchased"]})
    return raw.iloc[order].reset_index(drop=True)


def customers_features(rows: int, random_state: int, visible: bool = False) -> pd.DataFrame:
    """Return the features behind `customers(rows, random_state)`, row by row, before any mess.

    Shape (rows, 7), nothing missing, as `customers_probability` takes it. If `visible`, what perfect
    cleaning of that table would give: NaN where the raw cell is missing or unparsable.
    """
    truth, struck, order = _customers_truth(rows, random_state)
    features = truth.drop(columns="purchased")
    for name, kinds in struck.items() if visible else ():
        lost = np.concatenate([kinds["missing"], kinds.get("unparsable", [])]).astype("int64")
        features[name] = features[name].mask(features.index.isin(lost))
    return features.iloc[order].reset_index(drop=True)


def customers_probability(features: pd.DataFrame) -> np.ndarray:
    """Return P(purchased = 1) of each row of true `features`, shape (rows,).

    No other score has a higher expected ROC-AUC. A missing feature, or a product_type that does not
    exist, gives NaN.
    """
    age, income, amount, visits, score = (features[name].to_numpy(dtype=float) for name in NUMBERS)
    k = features["product_type"].map(PRODUCT_INCOME_EFFECT).to_numpy(dtype=float)
    u = (age - 46) / 15
    s = (score - 6) / 2
    v = np.clip((visits - 7) / 4, -1.5, 2)
    z = np.log(income / 50_000) / 0.45
    m = np.log(amount / 150) / 0.8
    logit = -0.6 + 1.05 * (u**2 - 1) + s * v + k * z + 0.5 * m + 0.35 * s
    return 1 / (1 + np.exp(-logit))


def users(rows: int, random_state: int) -> pd.DataFrame:
    """Return a tidy table of users whose target leaks: it is computed from total_amount, a feature.

    Shape (rows, 6): user_id ("U00001" ...), country, n_orders (int), avg_amount and total_amount
    (currency, two decimals), is_high_value (0 or 1). The threshold is a fixed amount, so that a label
    does not depend on the other rows.
    """
    rng = np.random.default_rng(random_state)
    width = max(5, len(str(rows)))
    n_orders = 1 + rng.negative_binomial(2, 2 / (2 + 9), rows)
    # Whole cents, so that the product is exact and the rule holds for the numbers as written.
    cents = np.rint(100 * np.clip(75 * np.exp(0.6 * rng.standard_normal(rows)), 5, 2000))
    total = n_orders * cents / 100
    return pd.DataFrame(
        {
            "user_id": [f"U{number:0{width}d}" for number in range(1, rows + 1)],
            "country": _choice(rng, rows, COUNTRY_SHARES),
            "n_orders": n_orders,
            "avg_amount": cents / 100,
            "total_amount": total,
            "is_high_value": (total > HIGH_VALUE_THRESHOLD).astype("int64"),
        }
    )


def breast_cancer() -> pd.DataFrame:
    """Return scikit-learn's breast cancer table with target `diagnosis`: malignant or benign.

    Shape (569, 31): the 30 features under scikit-learn's names ("mean radius" ...), then the
    target. Source and licence are in `BREAST_CANCER_SOURCE`; write it beside the file.
    """
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer(as_frame=True)
    table = bunch.data.copy()
    table["diagnosis"] = [str(bunch.target_names[code]) for code in bunch.target]
    return table


BREAST_CANCER_SOURCE = """\
Breast Cancer Wisconsin (Diagnostic)
569 tumours, 30 features computed from images of fine needle aspirates.
Creators: William Wolberg, Olvi Mangasarian, Nick Street, W. Street (1993; donated 1995).
Source: UCI Machine Learning Repository, https://doi.org/10.24432/C5DW2B, in the copy that
scikit-learn ships (sklearn.datasets.load_breast_cancer). Changed here: the target column is
called diagnosis and holds the words malignant and benign.
Licence: CC BY 4.0, https://creativecommons.org/licenses/by/4.0/
"""


CUSTOMERS_SOURCE = """\
Customers: a made-up table with a known best possible score
Drawn from the process that docs/sample_data.md describes, and made as messy as real exports are.
No person in it exists.
"""

USERS_SOURCE = """\
Users: a made-up table that leaks its target on purpose
is_high_value is 1 where total_amount is above 1000, and total_amount is one of the columns.
No person in it exists.
"""


# What makes each sample, and where it comes from.
SAMPLES: dict[str, tuple[Callable[..., pd.DataFrame], str]] = {
    "customers": (customers, CUSTOMERS_SOURCE),
    "users": (users, USERS_SOURCE),
    "breast_cancer": (breast_cancer, BREAST_CANCER_SOURCE),
}


def write(
    sample: str, path: str | Path, rows: int | None = None, seed: int | None = None
) -> pd.DataFrame:
    """Write one of `SAMPLES` to a .csv or .parquet file, with its note beside it, and return it.

    `rows` and `seed` are of no use for breast_cancer. Each file is written whole or not at all, the table last:
    there is no sample without its note.
    """
    make, text = SAMPLES[sample]
    table = make() if sample == "breast_cancer" else make(rows, seed)
    with whole_file(path) as temporary:
        write_content(table, temporary)
        write_note(path, text, temporary)
    return table


def _random_streams(random_state: int) -> dict[str, np.random.Generator]:
    """Independent streams, so that changing the mess leaves the customers as they are."""
    names = ("features", "target", "struck", "order", "tokens")
    return dict(zip(names, np.random.default_rng(random_state).spawn(len(names)), strict=True))


def _customers_truth(
    rows: int, random_state: int
) -> tuple[pd.DataFrame, dict[str, dict[str, np.ndarray]], np.ndarray]:
    """The distinct customers, which cells of them are spoilt how, and the order of the table.

    The order is an index into the distinct customers, in which some stand twice.
    """
    streams = _random_streams(random_state)
    duplicates = max(1, round(DUPLICATE_SHARE * rows))
    distinct = rows - duplicates
    drawn: dict[str, np.ndarray] = {}
    for name, draw in DRAW.items():
        drawn[name] = draw(streams["features"], distinct, drawn)
    truth = pd.DataFrame(drawn)
    chance = customers_probability(truth)
    truth["purchased"] = (streams["target"].random(distinct) < chance).astype("int64")
    struck = {}
    for name, shares in MESS.items():
        shuffled = streams["struck"].permutation(distinct)
        counts = [max(1, round(share * distinct)) for share in shares.values()]
        parts = np.split(shuffled, np.cumsum(counts))
        struck[name] = dict(zip(shares, parts, strict=False))  # the last part is left clean
    twice = streams["order"].choice(distinct, duplicates, replace=False)
    order = streams["order"].permutation(np.concatenate([np.arange(distinct), twice]))
    return truth, struck, order
