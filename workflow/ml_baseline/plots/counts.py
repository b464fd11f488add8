"""What is counted for a picture: rows by class in levels of a column, and round bins."""

import math
from typing import NamedTuple

import numpy as np

from ml_baseline.data import distributions
from ml_baseline.plots.view import View, rounded_text, short
from ml_baseline.scoring.counting import wilson
from ml_baseline.text import percent, plural

BINS_AT_MOST = 50
QUANTILE_BINS = 5
BARS_AT_MOST = 25
# Rows that are looked at to choose which panels to show, where there are too many to show all.
RANKING_ROWS = 20_000
# The standard normal's 97.5 % quantile: intervals hold in 95 % of samples.
Z = 1.959964


class Levels(NamedTuple):
    """What each bar or point stands for, and its rows of class 0 and 1.

    Rows without a value are a level of their own, the last, where there are any.
    """

    labels: list[str]
    counts: np.ndarray  # of shape (levels, 2)

    def rows_and_rates(self) -> list[str]:
        """Return the rows of each level and the positive class's share of them, as text."""
        return [f"{sum(pair):,}  ({percent(pair[1] / sum(pair))})" for pair in self.counts]


def _with_missing(labels: list[str], counts: np.ndarray, missing: np.ndarray) -> Levels:
    if not missing.any():
        return Levels(labels, counts)
    return Levels([*labels, "(missing)"], np.vstack([counts, missing]))


def count_values(view: View, name: str, at_most: int, letters: int = 30) -> Levels:
    """Count the rows of each value; beyond `at_most` values, of the most frequent and the others."""
    series = view.table[name]
    labels, counts = distributions.category_counts(series, view.entry(name), view.classes, at_most)
    missing = np.bincount(view.classes[series.isna()], minlength=2)
    return _with_missing([short(label, letters) for label in labels], counts, missing)


def count_quantiles(view: View, name: str) -> Levels:
    """Count the rows of each fifth of a column of numbers, or of each value if they are few."""
    values, classes, without = view.known(name)
    missing = np.bincount(without, minlength=2)
    if not len(values):
        return _with_missing([], np.zeros((0, 2), dtype=np.intp), missing)
    ordered = np.sort(values)
    distinct = np.unique(ordered)
    five, middle, ninety_five = ordered[
        [len(ordered) // 20, len(ordered) // 2, -len(ordered) // 20]
    ]
    # Bins are closed above. One value that most rows have is a bin of its own with what is below.
    places = np.arange(1, QUANTILE_BINS) * (len(ordered) - 1) // QUANTILE_BINS
    edges = distinct[:-1] if len(distinct) <= QUANTILE_BINS + 1 else np.unique(ordered[places])
    edges = edges[edges < distinct[-1]]
    if not len(edges):
        edges = distinct[-2:-1]
    counts = distributions.count_levels(np.searchsorted(edges, values), classes, len(edges) + 1)
    ends = np.r_[np.searchsorted(ordered, edges, side="right"), len(ordered)]
    labels = []
    for low, high in zip(ordered[np.r_[0, ends[:-1]]], ordered[ends - 1], strict=True):
        rounded = [_round(end, middle, ninety_five - five) for end in (low, high)]
        texts = [distributions.number_text(end, ordered[-1]) for end in rounded]
        labels.append(" to ".join(dict.fromkeys(texts)))
    return _with_missing(labels, counts, missing)


def _round(value: float, middle: float, spread: float) -> float:
    """Return `value` to hundredths of the spread, or of its own distance from the middle.

    Two digits are always left of it: many columns have most of their values close to 0.
    """
    distance = max(spread, abs(value - middle))
    if not value or not distance:
        return float(value)
    digits = max(2 - math.floor(math.log10(distance)), 1 - math.floor(math.log10(abs(value))))
    return round(float(value), max(-300, min(300, digits)))


def count_feature(view: View, name: str, at_most: int) -> Levels:
    """Count the rows of a column's fifths if it holds numbers, else of its values."""
    if view.entry(name)["kind"] in ("number", "integer"):
        return count_quantiles(view, name)
    return count_values(view, name, at_most, letters=22)


def association(counts: np.ndarray) -> float:
    """Return how strongly levels and classes go together, 0 to 1: Cramér's V, corrected for chance.

    W. Bergsma, A bias-correction for Cramér's V and Tschuprow's T, J. Korean Stat. Soc. 42 (2013).
    """
    counts = counts[counts.sum(axis=1) > 0]
    levels, n = len(counts), counts.sum()
    if levels < 2 or n < 3 or not counts.sum(axis=0).all():
        return 0.0
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n
    phi = ((counts - expected) ** 2 / expected).sum() / n
    phi = max(0.0, phi - (levels - 1) / (n - 1))
    smaller = min(levels - (levels - 1) ** 2 / (n - 1), 2 - 1 / (n - 1)) - 1
    return math.sqrt(phi / smaller) if smaller > 0 else 0.0


def choose(names: list[str], view: View, at_most: int) -> tuple[list[str], list[str]]:
    """Return the columns to show and notes on it: those that tell the classes apart best."""
    if len(names) <= at_most:
        return names, []
    # Every so-manyth row is enough to rank by, and no draw of chance.
    part = View(view.table.iloc[:: max(1, len(view) // RANKING_ROWS)], view.schema)
    strength = {n: association(count_feature(part, n, BARS_AT_MOST).counts) for n in names}
    return sorted(names, key=lambda name: -strength[name])[:at_most], [
        f"the {at_most} that differ most between the classes, most different first",
        f"{plural(len(names) - at_most, 'more column')} not shown",
    ]


def shares_of_ones(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the share of class 1 in each level, and the ends of its 95 % Wilson interval."""
    rows = counts.sum(axis=1).astype(float)
    share = counts[:, 1] / rows
    low, high = wilson(share, rows, Z)
    return share, np.minimum(low, share), np.maximum(high, share)


def off_axis(values: np.ndarray, low: float, high: float, what: str = "") -> list[str]:
    """Return notes on how many values lie beyond the ends of an axis."""
    return [
        f"{plural(beyond.sum(), 'row')} {what}{side} {rounded_text(end)} not shown"
        for beyond, side, end in ((values < low, "below", low), (values > high, "above", high))
        if beyond.any()
    ]


def bin_edges(values: np.ndarray, whole: bool) -> np.ndarray:
    """Return edges of bins of one round width over what is visible, by Freedman and Diaconis' rule.

    Whole numbers have a bin each, with the number in its middle, or bins of whole width.
    """
    low, high = distributions.visible(values)
    largest = max(abs(low), abs(high))
    if high - low <= 1e-12 * largest:
        # One value, or values that neither an axis nor its labels can tell apart.
        half = 0.5 if (whole and largest < 1e12) or largest == 0 else largest / 10
        return np.array([low - half, high + half])
    if whole:
        low, high = math.floor(low), math.ceil(high)
    quarter, three_quarters = np.quantile(values, [0.25, 0.75])
    best = 2 * (three_quarters - quarter) / len(values) ** (1 / 3)
    fewest = 12 if len(values) < 200 else 20
    bins = min(BINS_AT_MOST, max(fewest, (high - low) / best)) if best > 0 else BINS_AT_MOST
    # The round width next to the best one is often the one just below.
    width = distributions.nice_width(0.8 * (high - low) / bins, whole)
    if whole and width == 1:
        return np.arange(low - 0.5, high + 1)
    start = math.floor(low / width) * width
    edges = start + width * np.arange(math.floor((high - start) / width) + 2)
    # Where numbers are large and close together, rounding may merge edges or miss the ends.
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return np.unique(edges)


def room(edges: np.ndarray) -> tuple[float, float]:
    """Return the ends of a histogram's axis: the outer edges, with room beside a single bar."""
    beside = edges[1] - edges[0] if len(edges) == 2 else 0.0
    return edges[0] - beside, edges[-1] + beside
