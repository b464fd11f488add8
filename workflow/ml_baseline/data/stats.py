"""Descriptive statistics of a cleaned table, over all rows and within each class of the target."""

import numpy as np
import pandas as pd

from ml_baseline.data.distributions import category_text
from ml_baseline.data.schema import Column, Schema, column, columns_of_role

COLUMNS = (
    *("column", "kind", "class", "count", "missing", "missing_share", "mean", "median", "std"),
    *("minimum", "q05", "q25", "q75", "q95", "maximum", "distinct", "top", "top_count"),
)
# Kinds whose values stand for categories: they have a most frequent one, and no mean.
CATEGORICAL = ("code", "category")
QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}
COUNTS = ("count", "missing", "distinct", "top_count")


def describe(table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return descriptive statistics, three rows per column: over all rows, class 0 and class 1.

    They are the features and the target, in the order of `schema`; `class` is "all", "0" or "1".

    For every kind: `count` and `missing` rows, `missing_share` (of the rows of the class, 0 to 1) and
    `distinct` values. For numbers, integers and booleans: mean, median, standard deviation (with
    n - 1), extremes and quantiles (linear between neighbours), in the column's own unit. For codes
    and categories: `top`, the most frequent as text (a code's label; of equally frequent ones the
    first by value) and `top_count`, its rows. What does not apply, or has no values, is missing.
    """
    classes = table[columns_of_role(schema, "target")[0]].to_numpy()
    groups = {"all": slice(None), "0": classes == 0, "1": classes == 1}
    rows = []
    # Overflow at the edge of the floats gives inf, and that is what the table should then say.
    with np.errstate(all="ignore"):
        for name in columns_of_role(schema, "feature", "target"):
            entry = column(schema, name)
            for group, of_group in groups.items():
                values = table[name][of_group]
                known, missing = values.dropna(), int(values.isna().sum())
                categorical = entry["kind"] in CATEGORICAL
                summary = {"column": name, "kind": entry["kind"], "class": group, "distinct": 0}
                summary |= {"count": len(known), "missing": missing}
                summary["missing_share"] = missing / len(values) if len(values) else np.nan
                if len(known):
                    summary |= _categories(known, entry) if categorical else _numbers(known)
                rows.append(summary)
    result = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = [c for c in COLUMNS if c not in ("column", "kind", "class", "top")]
    return result.astype({c: "Int64" if c in COUNTS else "float64" for c in numbers})


def _numbers(values: pd.Series) -> dict:
    known = np.sort(values.to_numpy(dtype="float64"))
    low, high = known[0], known[-1]
    # The mean and deviation of equal values are known without rounding.
    constant = low == high
    return {
        "distinct": 1 + int(np.count_nonzero(known[1:] != known[:-1])),
        "mean": low if constant else known.mean(),
        "std": np.nan if len(known) == 1 else 0.0 if constant else known.std(ddof=1),
        "minimum": low,
        "maximum": high,
        **dict(zip(QUANTILES, np.quantile(known, list(QUANTILES.values())), strict=True)),
    }


def _categories(values: pd.Series, entry: Column) -> dict:
    counts = values.value_counts()
    top = category_text(min(counts.index[counts == counts.max()]), entry)
    return {"distinct": len(counts), "top": top, "top_count": int(counts.max())}
