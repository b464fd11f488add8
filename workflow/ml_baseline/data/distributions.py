"""How the values of each column are distributed in the two classes, as counts of rows for drawing."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ml_baseline.data.schema import (
    PART_NAMES,
    Column,
    Schema,
    column,
    columns_of_role,
    feature_columns,
)

COLUMNS = ("column", "kind", "low", "high", "label", "negatives", "positives")
BINS_AT_MOST = 20
CATEGORIES_AT_MOST = 12
DAYS_OF_A_MONTH = 31
MISSING = "(missing)"
# Values further out are binned together: no histogram can show them and the others at once.
CENTRAL_SHARE = 0.99
YES_NO = {"0": "no", "1": "yes"}


def distributions(table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return the rows of each class by the values of each feature: one row a bin or category.

    Numbers have up to 20 bins of one round width. A bin holds the values from `low` up to but not
    `high`, the last one its `high` too; where a few values lie far out, bins without a limit on
    one side hold those. Numbers of few different values have a bin for each (`low` and `high` are
    equal). Categories and codes have no limits; the 12 most frequent are named, the others counted
    together. Rows without a value are counted last. `negatives` and `positives` are rows of class 0 and 1.
    """
    classes = (table[columns_of_role(schema, "target")[0]].to_numpy() == 1).astype(np.intp)
    rows = []
    for name in feature_columns(schema):
        entry = column(schema, name)
        bins = _categories if entry["kind"] in ("code", "category") else _numbers
        missing = table[name].isna().to_numpy()
        for low, high, label, counts in bins(table[name], entry, classes):
            rows.append((name, entry["kind"], low, high, label, *counts))
        if missing.any():
            counts = np.bincount(classes[missing], minlength=2)
            rows.append((name, entry["kind"], None, None, MISSING, *counts))
    result = pd.DataFrame(rows, columns=list(COLUMNS))
    return result.astype({"low": "float64", "high": "float64"})


Bin = tuple[float | None, float | None, str, np.ndarray]


def _categories(series: pd.Series, entry: Column, classes: np.ndarray) -> Iterator[Bin]:
    labels, counts = category_counts(series, entry, classes, CATEGORIES_AT_MOST)
    for label, of_label in zip(labels, counts, strict=True):
        yield None, None, label, of_label


def _numbers(series: pd.Series, entry: Column, classes: np.ndarray) -> Iterator[Bin]:
    values = series.to_numpy(dtype="float64", na_value=np.nan)
    known = ~np.isnan(values)
    values, classes = values[known], classes[known]
    if not values.size:
        return
    ordered = np.sort(values)
    distinct = ordered[np.r_[True, ordered[1:] != ordered[:-1]]]
    if distinct.size <= (DAYS_OF_A_MONTH if "part" in entry else CATEGORIES_AT_MOST):
        counts = count_levels(np.searchsorted(distinct, values), classes, distinct.size)
        for value, of_value in zip(distinct, counts, strict=True):
            yield value, value, value_text(value, entry), of_value
        return
    edges = bin_edges(ordered, entry["kind"] == "integer")
    inside = np.searchsorted(edges, values, side="right")
    # The last bin is closed.
    inside[values == edges[-1]] = edges.size - 1
    counts = count_levels(inside, classes, edges.size + 1)
    largest = max(abs(edges[0]), abs(edges[-1]))
    texts = [number_text(edge, largest) for edge in edges]
    step = 1 if entry["kind"] == "integer" else 0  # to the last whole number that a bin holds
    lasts = [*(number_text(edge - step, largest) for edge in edges[1:-1]), texts[-1]]
    if counts[0].any():
        yield None, edges[0], f"below {texts[0]}", counts[0]
    for i in range(edges.size - 1):
        label = " to ".join(dict.fromkeys((texts[i], lasts[i])))
        yield edges[i], edges[i + 1], label, counts[i + 1]
    if counts[-1].any():
        yield edges[-1], None, f"above {texts[-1]}", counts[-1]


def category_counts(
    series: pd.Series, entry: Column, classes: np.ndarray, at_most: int
) -> tuple[list[str], np.ndarray]:
    """Return the names of a column's values and their rows of each class, shape (names, 2).

    The most frequent come first; numbers and codes stand in their own order if all are shown. At most
    `at_most` are named, or one more, for that is better than "1 other"; the others are counted
    together. `classes` holds 0 or 1 for each row; missing cells do not count.
    """
    positions, values = pd.factorize(series)
    known = positions >= 0
    counts = count_levels(positions[known], classes[known], len(values))
    totals = counts.sum(axis=1)
    order = sorted(range(len(values)), key=lambda i: (-totals[i], values[i]))
    room = at_most if len(order) > at_most + 1 else len(order)
    shown, others = order[:room], order[room:]
    if not others and entry["kind"] != "category":
        shown.sort(key=lambda i: values[i])
    labels, of_labels = [category_text(values[i], entry) for i in shown], counts[shown]
    if others:
        labels.append(f"{len(others):,} others")
        of_labels = np.vstack([of_labels, counts[others].sum(axis=0)])
    return labels, of_labels


def count_levels(positions: np.ndarray, classes: np.ndarray, levels: int) -> np.ndarray:
    """Return the rows at each position of each class, shape (levels, 2)."""
    return np.bincount(positions * 2 + classes, minlength=2 * levels).reshape(levels, 2)


def visible(values: np.ndarray) -> tuple[float, float]:
    """Return the ends of the axis: of all values, or of the middle 99 % if the rest is far off."""
    low, high = float(values.min()), float(values.max())
    outside = (1 - CENTRAL_SHARE) / 2
    with np.errstate(all="ignore"):  # at the edge of the floats it gives no number
        first, last = np.quantile(values, [outside, 1 - outside]).tolist()
    if last > first:
        far = last / 2 - first / 2
        low = first if first - low > far else low
        high = last if high - last > far else high
    return low, high


def bin_edges(ordered: np.ndarray, whole: bool) -> np.ndarray:
    """Return up to 21 edges of bins of one round width that hold what is `visible`.

    Args:
        ordered: ascending, with at least two different values.
        whole: whether only whole numbers may be edges.
    """
    low, high = visible(ordered)
    largest = max(abs(low), abs(high))
    if not math.isfinite(high - low) or high - low <= 1e-9 * largest:
        return np.array([ordered[0], ordered[-1]])
    # One bin less than there is room for, as the first begins below the lowest value.
    width = nice_width((high - low) / (BINS_AT_MOST - 1), whole)
    start = math.floor(low / width + 1e-9)
    count = max(1, math.ceil((high - start * width) / width - 1e-9))
    # So that 3 * 0.1 is 0.3: edges are read by people.
    digits = max(0, 2 - math.floor(math.log10(width)))
    edges = np.round(width * np.arange(start, start + count + 1), min(digits, 300))
    return np.unique(edges)


def nice_width(width: float, whole: bool) -> float:
    """Return the least of 1, 2, 2.5, 5 times a power of ten that is at least `width`."""
    if whole and width <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(width))
    steps = (1, 2, 5, 10) if whole and power < 10 else (1, 2, 2.5, 5, 10)
    # The tolerance is for 3 * 0.1 and its like.
    return next(step * power for step in steps if step * power >= width * (1 - 1e-9))


def category_text(value: Any, entry: Column) -> str:
    """Return what a person calls a category: a code's label, yes or no, whole numbers without ".0"."""
    if not isinstance(value, str) and float(value).is_integer():
        value = int(value)
    labels = entry.get("labels") or (YES_NO if entry["kind"] == "boolean" else {})
    return str(labels.get(str(value), value))


def value_text(value: float, entry: Column) -> str:
    """Return a number as a person reads it; parts of dates by their names."""
    if name := PART_NAMES.get(entry.get("part", ""), {}).get(value):
        return name
    is_named = entry.get("labels") or entry["kind"] == "boolean"
    return category_text(value, entry) if is_named else number_text(value)


def number_text(value: float, largest: float = 0) -> str:
    """Return `value` as text, in the manner of numbers up to `largest`.

    Thousands are set apart from 10,000 on: years have four digits. No more than ten digits are
    written, which hides that 0.1 and 0.2 add up to more than 0.3.
    """
    size = abs(value)
    if value < 0:
        return "\N{MINUS SIGN}" + number_text(size, largest)
    if size >= 1e16 or 0 < size < 1e-4:
        return f"{value:.3g}"
    for unit, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if size >= unit:
            return f"{value / unit:.10g}{letter}"
    return f"{value:,.10g}" if max(size, abs(largest)) >= 1e4 else f"{value:.10g}"
