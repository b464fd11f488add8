"""Columns whose value in one row knows the labels of other rows: they were made from the target."""

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np

from ml_baseline.audit.context import Context
from ml_baseline.audit.evenness import by_level, by_value
from ml_baseline.audit.findings import Finding, Limit
from ml_baseline.audit.nearest import nearest_of
from ml_baseline.audit.registry import check
from ml_baseline.audit.strength import RIDGE, ordered_auc
from ml_baseline.audit.views import matrix_of, side_by_side, standardized, times_of
from ml_baseline.data.schema import ORDERED_KINDS, Schema, feature_columns
from ml_baseline.text import config_entry

EVENNESS = Limit(
    4.5,
    8.0,
    "minus the log10 of the chance of shares of ones as even along a column's values: the most of "
    "400 honest columns is 2.8, encodings of 5 to 40 rows a level have 5 to 100",
)
BESIDE = Limit(
    warn=3.5,
    why="standard errors by which a column's squared correlation with the labels of the rows beside it, in "
    "the file or by another column, exceeds that of the labels with each other: honest ones up to 1.9",
)
NEAR = Limit(
    warn=2.2,
    why="the same of the rows nearest to it, in what the other columns leave of both: honest ones up to 1.5",
)
# A column that tells less than this roc_auc by itself helps no model.
TELLING = 0.54
MOST_COLUMNS, MOST_ORDERS, FEWEST_ROWS, LARGEST = 60, 12, 100, 1e12
# Columns of a matrix that are enough, and rows whose residuals are computed at a time.
WIDEST, AT_A_TIME = 150, 50_000
# Rows before, after and on both sides of a row whose labels it may be made of; and its nearest ones.
WINDOWS, NEAREST = (3, 8, 20), (4, 8)
# Rows that regressions learn from, that an order is looked at on, and nearest rows are looked up of.
LEARNED, ORDERED, LOOKED_UP, LOOKED_UP_PAIRS = 10_000, 10_000, 1_500, 1e7
# Correlations that a column must have with the labels around, and with its own beyond them.
AROUND, OWN = 0.25, 0.05


@check(even_shares=EVENNESS, labels_beside=BESIDE, labels_near=NEAR)
def labels_of_others(context: Context) -> list[Finding]:
    """How far a column's value in a row knows the labels of other rows, as independent ones cannot.

    Target encodings, rolling means and nearest-neighbour scores are made of labels, whatever their
    form. Of two independent rows the value in one and the label of the other are correlated by what
    the rows share only, so the squared correlation is at most that of the two labels (Cauchy and
    Schwarz). What is made of the labels around a row breaks that.
    """
    columns = _telling(context)
    findings, most, name = [], 0.0, ""
    found_broken = _broken(context, columns) if columns else {}
    for name_of in columns:
        numbers, present = _filled(context, name_of), context.both[name_of].notna().to_numpy()
        even = by_value(numbers[present], context.targets[present])
        for other, codes in context.levels.items():
            if other != name_of:
                even = max(even, by_level(numbers, codes, context.targets))
        broken, limit_of, around = found_broken[name_of]
        if even > most:
            most, name = even, name_of
        if not EVENNESS.passed(even):
            limit, value = EVENNESS, even
            summary = (
                f"The share of ones follows '{name_of}' more evenly than independent rows can, by a "
                f"chance of 1 in 10^{even:.0f}"
            )
        elif not limit_of.passed(broken):
            limit, value = limit_of, broken
            summary = (
                f"'{name_of}' knows the labels of the rows {around} by {broken:.1f} standard errors "
                "more than independent rows can"
            )
        else:
            continue
        why = (
            "A target encoding, a rolling mean of the target or a score of the nearest rows does that: "
            "it was made from the labels of all rows, this row's own among them. Hand over what it "
            "was made from, which this workflow encodes on training rows only, and forbid this column."
        )
        findings.append(limit.found(name_of, value, summary, why, config_entry(forbidden=name_of)))
    summary = "No column knows the labels of other rows than its own."
    return findings or [Finding(name, most, EVENNESS.nearest, summary)]


def _telling(context: Context) -> list[str]:
    """Return the columns of numbers that tell something of the target."""
    found = []
    for name in feature_columns(context.schema, "number", "integer"):
        numbers = context.both[name].to_numpy(dtype=np.float64)
        known = np.abs(numbers[np.isfinite(numbers)])
        if len(known) < FEWEST_ROWS or known.max() > LARGEST:
            continue
        auc = ordered_auc(_filled(context, name), context.targets)
        if auc >= TELLING:
            found.append((auc, name))
    found.sort(key=lambda one: -one[0])
    return [name for _, name in found[:MOST_COLUMNS]]


def _filled(context: Context, name: str) -> np.ndarray:
    """Return a column of numbers, gaps filled with the mean."""
    numbers = context.both[name].to_numpy(dtype=np.float64)
    present = np.isfinite(numbers)
    return np.where(present, numbers, numbers[present].mean())


def _broken(context: Context, columns: list[str]) -> dict[str, tuple[float, Limit, str]]:
    """Return by how much each column breaks the inequality, the limit, and which rows it knows."""
    orders = dict(_orders(context))
    # Of a large table not all rows are looked at.
    places = np.unique(np.concatenate([context.among, *orders.values()]))
    numbers = np.column_stack([standardized(_filled(context, name))[places] for name in columns])

    def scaled(rows: np.ndarray) -> np.ndarray:
        return numbers[np.searchsorted(places, rows)]

    worst = dict.fromkeys(columns, (0.0, BESIDE, ""))
    for limit, subject, column, label, means, twice in chain(
        _beside(context, orders, scaled), _near(context, columns, scaled(context.among))
    ):
        around = {"": "beside it in the file"}.get(subject, f"beside it by '{subject}'")
        around = around if limit is BESIDE else "nearest to it"
        broken = _standard_errors(column, label, means, twice)
        for name, value in zip(columns, broken, strict=True):
            # By the limits, as far as they are passed.
            before, limit_before, _ = worst[name]
            if value / limit.nearest > before / limit_before.nearest and subject != name:
                worst[name] = float(value), limit, around
    return worst


def _blocks(context: Context) -> tuple[np.ndarray, np.ndarray]:
    """Return the features of `among` as standardized numbers, float32, and the feature of each column."""
    names: list[str] = []

    def columns() -> Iterator[np.ndarray]:
        names.clear()
        for entry in context.schema["columns"]:
            if entry["role"] == "feature" and len(names) < WIDEST:
                of_entry: Schema = {**context.schema, "columns": [entry]}
                rows = context.both[[entry["name"]]].iloc[context.among]
                part = matrix_of(rows, of_entry, dtype=np.float32).T
                names.extend([entry["name"]] * len(part))
                yield from part

    return side_by_side(columns, len(context.among), np.float32), np.array(names or [""])


def _residuals(
    context: Context, blocks: tuple, names: list[str], scaled: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what the other columns leave of each column and of the labels, shape (rows, columns).

    In two halves that learn from each other. The inequality holds for whatever is computed of a row
    by its own columns, and of residuals it is stricter: labels of rows that are alike agree less in
    what is left of them.
    """
    matrix, of_column = blocks
    targets = context.targets[context.among]
    answers = np.column_stack([targets - targets.mean(), scaled])
    own, label = (np.empty((len(matrix), len(names)), dtype=np.float32) for _ in range(2))
    half = context.random(7).permutation(len(matrix)) % 2
    for part in (0, 1):
        asked, learned = np.flatnonzero(half == part), np.flatnonzero(half != part)[:LEARNED]
        known = matrix[learned].astype(np.float64)
        gram = known.T @ known
        gram[np.diag_indices_from(gram)] += RIDGE
        sums = known.T @ answers[learned]
        for j, name in enumerate(names):
            others, pair = np.flatnonzero(of_column != name), [j + 1, 0]
            weights = np.linalg.solve(gram[others][:, others], sums[others][:, pair])
            for start in range(0, len(asked), AT_A_TIME):
                rows = asked[start : start + AT_A_TIME]
                told = matrix[rows][:, others] @ weights.astype(np.float32)
                own[rows, j], label[rows, j] = (answers[rows][:, pair] - told).T
    return own, label


def _beside(
    context: Context, orders: dict[str, np.ndarray], scaled: Callable[[np.ndarray], np.ndarray]
) -> Iterator[tuple]:
    """Yield the rows in some orders, with means of the labels of the rows before and after each."""
    for name, rows in orders.items():
        column = scaled(rows)
        label = context.targets[rows, None].astype(np.float64)
        sums = np.concatenate([[0.0], np.cumsum(label)])
        here = np.arange(len(rows))
        for width in WINDOWS:
            first, last = np.maximum(here - width, 0), np.minimum(here + width + 1, len(rows))
            before, after = sums[here] - sums[first], sums[last] - sums[here + 1]
            for ones, many in ((before, here - first), (after, last - here - 1)):
                means = np.where(many > 0, ones / np.maximum(many, 1), label.mean())
                yield BESIDE, name, column, label, means[:, None], False
            means = (before + after) / (last - first - 1)
            yield BESIDE, name, column, label, means[:, None], True


def _near(context: Context, names: list[str], scaled: np.ndarray) -> Iterator[tuple]:
    """Yield some rows with the means of the labels of the rows nearest to each."""
    blocks = _blocks(context)
    own, label = _residuals(context, blocks, names, scaled)
    wanted = LOOKED_UP_PAIRS / len(label)
    asked = np.sort(
        context.random(8).permutation(len(label))[: int(np.clip(wanted, 100, LOOKED_UP))]
    )
    for space in _spaces(context, *blocks):
        near = np.concatenate([places for _, places in nearest_of(space[asked], space)])
        apart = np.square(space[near] - space[asked][:, None]).sum(axis=2)
        apart[near == asked[:, None]] = -1.0
        near = np.take_along_axis(near, np.argsort(apart, axis=1, kind="stable"), axis=1)
        for count in NEAREST:
            means = label[near[:, 1 : count + 1]].mean(axis=1)
            yield NEAR, "", own[asked], label[asked], means, True
        del space  # before the next one is made


def _orders(context: Context) -> Iterator[tuple[str, np.ndarray]]:
    """Yield rows in some orders: that of the file, of dates, of columns whose values are different."""

    def middle(values: np.ndarray) -> np.ndarray:
        start = max(len(values) - ORDERED, 0) // 2
        return np.argsort(values, kind="stable")[start : start + ORDERED].copy()

    yield "", middle(context.both["row_id"].to_numpy())
    times, left = times_of(context.both, context.schema), MOST_ORDERS
    for name in dict.fromkeys([*times, *feature_columns(context.schema, "number", "integer")]):
        numbers = times[name][0] if name in times else context.both[name].to_numpy(np.float64)
        if left and len(np.unique(numbers)) > len(context.both) / 2:
            left -= 1
            yield name, middle(numbers)


def _spaces(context: Context, matrix: np.ndarray, of_column: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the rows as points, float32: by all columns, by the numbers, by the numbers as they are."""
    names = feature_columns(context.schema, *ORDERED_KINDS)
    yield matrix
    if names:
        yield matrix[:, np.isin(of_column, names)]

        def columns() -> Iterator[np.ndarray]:
            for name in names:
                raw = context.both[name].to_numpy(np.float64)[context.among].clip(-LARGEST, LARGEST)
                if not np.isnan(raw).all():
                    yield np.nan_to_num(raw - np.nanmean(raw)).astype(np.float32)

        yield side_by_side(columns, len(matrix), np.float32)


def _standard_errors(
    column: np.ndarray, label: np.ndarray, around: np.ndarray, twice: bool
) -> np.ndarray:
    """Return by how many standard errors the inequality is broken, shape (columns,).

    `twice`: whether rows are around each other, so that most pairs of them count twice.
    """
    column, label, around = (values - values.mean(axis=0) for values in (column, label, around))
    column, scale = column / np.maximum(column.std(axis=0), 1e-9), label.std(axis=0)
    label, around = label / scale, around / scale
    own, of_labels = (column * label).mean(axis=0), (label * around).mean(axis=0)
    of_column = (column * around).mean(axis=0)
    spread = np.maximum(np.square(around).mean(axis=0), 1e-12)
    error = np.sqrt((1 + twice) * spread / len(label))
    # It must know much of those around, and of the own label beyond them, which the past does not.
    beyond = (own - of_column * of_labels / spread) * np.sign(of_column)
    much = (np.abs(of_column) >= AROUND * np.sqrt(spread)) & (beyond >= OWN)
    return np.where(much, (np.square(of_column) - of_labels) / error, 0.0)
