"""The columns of a table as the checks look at them: numbers, bins and what is made of them."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import compress
from typing import NamedTuple

import numpy as np
import pandas as pd

from ml_baseline.audit.strength import binned, by_fold, crossfit_auc, ordered_auc
from ml_baseline.data.raw_table import LONG_ROWS
from ml_baseline.data.schema import ORDERED_KINDS, Schema, column, columns_of_role, feature_columns

# Part of a time in days; the exact length of a month does not matter for an order.
PART_DAYS = {"year": 372.0, "month": 31.0, "day": 1.0, "hour": 1 / 24}
# A level of a category counts as one of its own in a matrix if it is among so many most frequent.
MATRIX_LEVELS = 8
# A column of numbers is taken for a time by its name and its values; that is a guess, and never a
# failure.
TIME_NAMES = re.compile(
    r"(?:^|[^a-z])(?:date|datetime|timestamp|year|yyyymm|yearmonth|epoch|period)(?:$|[^a-z])"
    r"|^(?:week|month|quarter|time)(?:$|[^a-z])|[^a-z]time$"
)
# How long or how often (weeks worked in a year, calls per month) is no point in time.
AMOUNT_NAMES = re.compile(
    r"(?:^|[^a-z])(?:seconds|minutes|hours|days|weeks|months|quarters|years|times|per|number|count|total"
    r"|duration|elapsed)(?:$|[^a-z])"
)
# Counted from a start that nobody names: the third week, or year 87.
COUNTED_NAMES = ("year", "quarter", "month", "week", "period")
HIGHEST_COUNTED = 120
# What numbers that are points in time lie between: years, year and month, days such as 20240131,
# seconds and milliseconds since 1970, days of a spreadsheet.
CALENDARS = (
    (1800, 2100),
    (180001, 210012),
    (18000101, 21001231),
    (3e8, 4e9),
    (3e11, 4e12),
    (20_000, 60_000),
)
# A file in the order of a column has hardly a row that goes back.
IN_ORDER = 0.98


class View(NamedTuple):
    """A way to look at a column."""

    subject: str  # the column to name to the user: for the parts of a date, the date
    what: str  # "value", "missing", "whole" (a whole number or not), "date", "pair" or "part" (of an id)
    codes: np.ndarray  # bins, 0 for missing; shape (rows,)
    size: int  # number of bins
    numbers: np.ndarray | None  # float64 with NaN; None where values have no order


class Scored(NamedTuple):
    """A view and how far it gives the target away."""

    view: View
    auc: float  # roc_auc of the column alone, 0.5 to 1: of its bins, cross-fitted, or its own order


def views_of(table: pd.DataFrame, schema: Schema) -> list[View]:
    """Return the views of a cleaned table's features.

    First one for each feature, and one for each date put together from its parts; then whether a
    value is missing, and whether a number is whole.
    """
    values, signs = [], []
    for entry in schema["columns"]:
        if entry["role"] != "feature":
            continue
        name = entry["name"]
        source = entry["source"] if "part" in entry else name
        if entry["kind"] in ORDERED_KINDS:
            numbers = table[name].to_numpy(dtype=np.float64)
            values.append(View(source, "value", *binned(numbers), numbers))
            missing, whole = np.isnan(numbers), numbers == np.floor(numbers)
            of_all = whole.sum() / max((~missing).sum(), 1)
            if entry["kind"] == "number" and 0.02 < of_all < 0.98:
                bins = np.where(missing, 0, 1 + whole)
                signs.append(View(source, "whole", bins, 3, None))
        else:
            codes = pd.factorize(table[name])[0] + 1
            values.append(View(source, "value", codes, int(codes.max()) + 1, None))
            missing = codes == 0
        if missing.any() and not missing.all():
            signs.append(View(source, "missing", missing.astype(np.int64), 2, None))
    for source, days in dates_of(table, schema).items():
        values.append(View(source, "date", *binned(days), days))
    return values + signs


def scored(view: View, target: np.ndarray, folds: np.ndarray) -> Scored:
    """Return a view with its roc_auc."""
    auc = crossfit_auc(*by_fold(view.codes, view.size, target, folds))
    return Scored(
        view, auc if view.numbers is None else max(auc, ordered_auc(view.numbers, target))
    )


def dates_of(table: pd.DataFrame, schema: Schema) -> dict[str, np.ndarray]:
    """Return each date among the features, put together from its parts, in days of its own."""
    days: dict[str, np.ndarray] = {}
    for entry in schema["columns"]:
        if entry["role"] == "feature" and entry.get("part") in PART_DAYS:
            part = table[entry["name"]].to_numpy(dtype=np.float64) * PART_DAYS[entry["part"]]
            days[entry["source"]] = days.get(entry["source"], 0.0) + part
    return days


def times_of(train: pd.DataFrame, schema: Schema) -> dict[str, tuple[np.ndarray, bool]]:
    """Return the columns that may be a time, by the name to show: numbers, and whether declared."""
    times = {
        name: (train[name].to_numpy(dtype=np.float64), True)
        for name in columns_of_role(schema, "time")
    }
    times |= {source: (days, True) for source, days in dates_of(train, schema).items()}
    sources = {entry["source"] for entry in schema["columns"] if "part" in entry}
    for name in feature_columns(schema, "integer", "number"):
        folded = name.lower()
        if (
            column(schema, name).get("source") in sources
            or not TIME_NAMES.search(folded)
            or AMOUNT_NAMES.search(folded)
        ):
            continue
        numbers = train[name].to_numpy(dtype=np.float64)
        known = numbers[~np.isnan(numbers)]
        if len(known) >= 100 and _are_times(known, folded in COUNTED_NAMES):
            times[name] = numbers, False
    return times


def _are_times(numbers: np.ndarray, may_be_counted: bool) -> bool:
    """Return whether numbers, in the order of the file, look like points in time."""
    low, high = numbers.min(), numbers.max()
    counted = may_be_counted and low >= 0 and high <= HIGHEST_COUNTED and not (numbers % 1).any()
    on_calendar = any(first <= low and high <= last for first, last in CALENDARS)
    return counted or on_calendar or float((np.diff(numbers) >= 0).mean()) >= IN_ORDER


def matrix_of(
    table: pd.DataFrame, schema: Schema, widest: int = 200, dtype: type = np.float64
) -> np.ndarray:
    """Return the features as standardized numbers, shape (rows, at most `widest`).

    Missing numbers are 0, the mean, and have an indicator; the frequent levels of a category have
    one each. Nothing here looks at the target.
    """
    return side_by_side(lambda: _columns(table, schema, dtype), len(table), dtype, widest)


def _columns(table: pd.DataFrame, schema: Schema, dtype: type) -> Iterator[np.ndarray]:
    """Yield the columns of `matrix_of`."""
    for name in feature_columns(schema, *ORDERED_KINDS):
        numbers = standardized(table[name].to_numpy(dtype=np.float64))
        missing = np.isnan(numbers)
        filled = np.where(missing, 0.0, numbers)
        if filled.any():  # a column that does not vary would take the place of one that does
            yield filled.astype(dtype)
        if missing.any() and not missing.all():
            yield (missing - missing.mean()).astype(dtype)
    for name in feature_columns(schema, "code", "category"):
        codes = pd.factorize(table[name])[0] + 1
        counts = np.bincount(codes)
        for level in np.argsort(-counts, kind="stable")[:MATRIX_LEVELS]:
            if 0 < counts[level] < len(codes):
                yield ((codes == level) - counts[level] / len(codes)).astype(dtype)


def side_by_side(
    columns: Callable[[], Iterable[np.ndarray]], rows: int, dtype: type, widest: int = 10**9
) -> np.ndarray:
    """Return columns as a matrix: at most `widest`, evenly over all of them; zeros if there is none.

    Long ones are made twice, first only to count them, because that takes half the memory.
    """
    made = columns() if rows >= LONG_ROWS else list(columns())
    count = sum(1 for _ in made)
    # So that no stretch of columns is left out.
    kept = np.linspace(0, count - 1, min(count, widest)).astype(int)
    matrix: np.ndarray = np.zeros((rows, max(len(kept), 1)), dtype)
    chosen = compress(columns() if rows >= LONG_ROWS else made, np.isin(np.arange(count), kept))
    for place, one in enumerate(chosen):
        matrix[:, place] = one
    return matrix


def standardized(numbers: np.ndarray) -> np.ndarray:
    """Return numbers with mean 0 and standard deviation 1, clipped; zeros if they do not vary."""
    present = numbers[~np.isnan(numbers)]
    # Scaled by the largest first: squares of huge numbers would overflow.
    largest = np.abs(present).max(initial=0.0)
    deviation = (present / largest).std() * largest if largest > 0 else 0.0
    if not deviation > 1e-12 * largest:
        return numbers * 0.0
    return np.clip((numbers - present.mean()) / deviation, -8.0, 8.0)
