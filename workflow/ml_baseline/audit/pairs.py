"""The search for two columns that together tell what neither tells alone."""

import math
from collections.abc import Callable
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
import pandas as pd

from ml_baseline.audit.context import Context
from ml_baseline.audit.relations import unit_ranks
from ml_baseline.audit.strength import binned, distance
from ml_baseline.audit.views import Scored, View, scored
from ml_baseline.scoring.counting import roc_area

# Rows that the search looks at; the pairs found are then judged by all rows.
SCREENED_ROWS = 2_000
# Pairs that the search hands on to be judged by all rows.
KEPT_PAIRS = 12
# Above so many columns the grid of a pair is coarser, and above the second not all are paired.
FINE_COLUMNS, MOST_COLUMNS = 128, 512
# Of numeric columns, pairs of the strongest and the most closely related are combined.
STRONGEST, MOST_RELATED = 30, 400

Combinations = dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]
# The ways to make one number of two.
COMBINATIONS: Combinations = {
    "{a} - {b}": np.subtract,
    "{a} + {b}": np.add,
    "{a} * {b}": np.multiply,
    "{a} / {b}": lambda a, b: a / np.where(b == 0, np.nan, b),
    "the distance of {a} and {b}": lambda a, b: np.abs(a - b),
}
GRID = "each combination of {a} and {b}"
SAME_TEXT = "{a} being equal to {b}"


class Pair(NamedTuple):
    """Two columns and how they are put together."""

    first: Scored
    second: Scored
    how: str


def strongest_pairs(
    context: Context, usable: list[Scored]
) -> tuple[list[tuple[Scored, Pair]], int]:
    """Return the most promising pairs of some columns, the strongest first, and how many were tried.

    Each pair as one column, and what it is made of.
    """
    target = context.target
    pairs, tries = [], 0
    rows = context.random(4).permutation(len(target))[:SCREENED_ROWS]
    if len(usable) > 1 and target[rows].min() < target[rows].max():
        on_grid, grid_tries = _search_grid(usable, target, rows)
        combined, combined_tries = _search_combined(usable, target, rows)
        pairs, tries = on_grid + combined, grid_tries + combined_tries
    pairs += _equal_texts(usable, context.sample)
    found = [(_together(pair, context), pair) for pair in pairs]
    return sorted(found, key=lambda one: -one[0].auc), tries


def _search_grid(
    usable: list[Scored], target: np.ndarray, rows: np.ndarray
) -> tuple[list[Pair], int]:
    """Search pairs by the share of ones in each cell of two columns' grid: any relation at all."""
    if len(usable) > MOST_COLUMNS:
        usable = sorted(usable, key=lambda one: -one.auc)[:MOST_COLUMNS]
    levels = 8 if len(usable) <= FINE_COLUMNS else 4
    codes = np.stack([coarse(one.view, levels)[rows] for one in usable], axis=1)
    half = np.arange(len(rows)) % 2
    first, second = np.triu_indices(len(usable), 1)
    counts = grids(codes, target[rows], half, levels).transpose(0, 1, 2, 4, 3, 5)
    tables = counts[:, :, first, second].reshape(2, 2, len(first), -1)
    areas = np.zeros(len(first))
    for learned, scored_half in ((0, 1), (1, 0)):
        (zeros, ones), (new_zeros, new_ones) = tables[learned], tables[scored_half]
        share = max(float(target[rows].mean()), 1e-6)
        order = np.argsort((ones + share) / (ones + zeros + 1.0), axis=1)
        new_ones = np.take_along_axis(new_ones, order, axis=1)
        new_zeros = np.take_along_axis(new_zeros, order, axis=1)
        areas += 0.5 * roc_area(new_ones[:, ::-1], new_zeros[:, ::-1])
    alone = np.array([one.auc for one in usable])
    return [
        Pair(usable[first[i]], usable[second[i]], GRID)
        for i in _promising(areas, np.maximum(alone[first], alone[second]))
        if usable[first[i]].view.subject != usable[second[i]].view.subject
    ], len(first)


def _promising(areas: np.ndarray, alone: np.ndarray) -> list[int]:
    """Return the pairs to judge by all rows: the strongest, and those that gain most by pairing."""
    pairs = zip(areas.tolist(), alone.tolist(), strict=True)
    gains = np.array([distance(area) - distance(single) for area, single in pairs])
    return list(dict.fromkeys([*np.argsort(-areas)[:KEPT_PAIRS], *np.argsort(-gains)[:KEPT_PAIRS]]))


def coarse(view: View, levels: int) -> np.ndarray:
    """Return a view's bins put together to at most so many."""
    if view.size <= levels:
        return view.codes
    counts = np.bincount(view.codes, minlength=view.size)
    if view.numbers is None:
        merged = np.full(view.size, levels - 1)
        merged[np.argsort(-counts, kind="stable")[: levels - 1]] = np.arange(levels - 1)
    else:
        middle = np.cumsum(counts) - counts / 2
        merged = np.minimum((middle * (levels / counts.sum())).astype(np.int64), levels - 1)
    return merged[view.codes]


def grids(codes: np.ndarray, target: np.ndarray, half: np.ndarray, levels: int) -> np.ndarray:
    """Return the rows in each cell of each two columns' grid, by half and class.

    `codes` has shape (rows, columns), the result (2, 2, columns, levels, columns, levels). Each is
    one product of matrices: each column is a block of indicators.
    """
    found = []
    for part, value in product((0, 1), (0, 1)):
        chosen = codes[(half == part) & (target == value)]
        indicators = np.eye(levels, dtype=np.float32)[chosen].reshape(len(chosen), -1)
        found.append(indicators.T @ indicators)
    return np.reshape(found, (2, 2, *2 * (codes.shape[1], levels)))


def _search_combined(
    usable: list[Scored], target: np.ndarray, rows: np.ndarray
) -> tuple[list[Pair], int]:
    """Search pairs of numeric columns by their sums, differences, products and ratios."""
    numeric = [one for one in usable if one.view.numbers is not None and one.view.size > 3]
    if len(numeric) < 2:
        return [], 0
    numbers = np.stack([_numbers(one.view)[rows] for one in numeric]).astype(np.float64)
    chosen = _chosen_pairs(numeric, numbers)
    labels = target[rows].astype(np.float64)
    first, second = np.array(chosen).T
    areas: list[np.ndarray] = []
    with np.errstate(all="ignore"):
        for make in COMBINATIONS.values():
            for start in range(0, len(chosen), 100):
                a, b = first[start : start + 100], second[start : start + 100]
                areas.append(_areas(make(numbers[a], numbers[b]), labels))
    pairs = [Pair(numeric[a], numeric[b], how) for how in COMBINATIONS for a, b in chosen]
    alone = np.array([max(one.first.auc, one.second.auc) for one in pairs])
    apart = np.flatnonzero([one.first.view.subject != one.second.view.subject for one in pairs])
    best = apart[_promising(np.concatenate(areas)[apart], alone[apart])]
    return [pairs[i] for i in best], len(pairs)


def _chosen_pairs(numeric: list[Scored], numbers: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs to combine: all of few columns, else the strongest and the most related."""
    if math.comb(len(numeric), 2) <= 2 * MOST_RELATED:
        return list(combinations(range(len(numeric)), 2))
    strongest = np.argsort([-one.auc for one in numeric], kind="stable")[:STRONGEST]
    chosen = set(combinations(sorted(strongest.tolist()), 2))
    ranks = np.stack([unit_ranks(np.nan_to_num(row, posinf=0.0, neginf=0.0)) for row in numbers])
    closeness = ranks @ ranks.T
    closeness = np.triu(np.abs(closeness, out=closeness), 1).ravel()
    # Sorted are those only that may be among the closest.
    close = np.flatnonzero(closeness >= np.partition(closeness, -MOST_RELATED)[-MOST_RELATED])
    order = close[np.argsort(-closeness[close], kind="stable")][:MOST_RELATED]
    chosen |= {divmod(int(i), len(numeric)) for i in order}
    return sorted(pair for pair in chosen if pair[0] < pair[1])


def _areas(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the roc_auc of each row of `values`, in the better direction; ties as they come."""
    values = np.where(np.isfinite(values), values, np.float64(-np.inf))
    ordered = labels[np.argsort(values, axis=1)][:, ::-1]
    areas = roc_area(ordered, 1 - ordered)
    return np.maximum(areas, 1 - areas)


def _equal_texts(usable: list[Scored], sample: pd.DataFrame) -> list[Pair]:
    """Return pairs of category columns that share labels: one may repeat the other, or not."""
    texts = [
        (one, set(np.unique(_objects(one.view, sample).astype(str))[:200]) - {"nan"})
        for one in usable
        if one.view.numbers is None and one.view.what == "value"
    ]
    pairs = [
        Pair(first, second, SAME_TEXT)
        for (first, known), (second, others) in combinations(texts, 2)
        if len(known & others) >= 2
    ]
    return pairs[:200]


def _objects(view: View, sample: pd.DataFrame) -> np.ndarray:
    return sample[view.subject].to_numpy(dtype=object)


def _together(pair: Pair, context: Context) -> Scored:
    """Return a pair as one column, with its cross-fitted strength by all rows."""
    target, folds = context.target, context.folds
    first, second = pair.first.view, pair.second.view
    subject = f"{first.subject} & {second.subject}"
    numbers: np.ndarray | None = None
    if pair.how == GRID:
        tried = []
        for levels in (8, 16):
            a, b = coarse(first, levels), coarse(second, levels)
            view = View(subject, "pair", a * levels + b, levels * levels, None)
            tried.append(scored(view, target, folds))
        return max(tried, key=lambda one: one.auc)
    if pair.how == SAME_TEXT:
        equal = _objects(first, context.sample) == _objects(second, context.sample)
        codes, size = equal.astype(np.int64), 2
    else:
        a, b = (_numbers(view) for view in (first, second))
        with np.errstate(all="ignore"):
            made = COMBINATIONS[pair.how](a, b)
        numbers = np.where(np.isfinite(made), made, np.nan)
        codes, size = binned(numbers)
    return scored(View(subject, "pair", codes, size, numbers), target, folds)


def _numbers(view: View) -> np.ndarray:
    """Return the numbers of a view that has some."""
    assert view.numbers is not None
    return view.numbers
