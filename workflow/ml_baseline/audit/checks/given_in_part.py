"""Values by which a part of the rows has its answer given."""

import numpy as np

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit, quoted
from ml_baseline.audit.pairs import coarse, grids
from ml_baseline.audit.registry import check
from ml_baseline.audit.strength import by_fold, lower_bound, ordered_auc
from ml_baseline.audit.views import View
from ml_baseline.text import config_entry, percent

ONE_SIDE = Limit(
    warn=0.30,
    why="share of a class whose rows have a value that (nearly) no row of the other has: honest tables "
    "reach 0.3 where a question is only asked of one class; ten flags that are each set for 5 % of "
    "the ones have 0.3 to 0.4",
)
BOTH_SIDES = Limit(
    warn=0.10,
    why="the smaller of the two classes' shares: honest tables up to 0.09, one of 120 more",
)
SEGMENT = Limit(
    warn=0.08, why="share of rows in segments of one column within which another settles the answer"
)
# A value gives a class away where chance had put so many rows of the other, and this share of them
# is there at most. Of ordered values chance is what the rows of the values around have.
EXPECTED, IMPURITY = 5.0, 0.06
FEWEST_ROWS, ROWS_AROUND, GRADES = 8, 10, 24
# A column that is filled in for some rows settles their answer from this roc_auc among them on.
SETTLED, SURELY_SETTLED = 0.98, 0.9
# Rows and columns that segments are looked for in; rows of the smaller class a segment needs in each half.
SEARCHED_ROWS, MOST_COLUMNS, LEVELS, FEWEST_IN_SEGMENT = 5_000, 64, 8, 6
# A column that tells this much everywhere settles a part of the rows by nature.
STRONG_ANYWHERE = 0.85
NAMED = 20


@check(given_one_side=ONE_SIDE, given_both_sides=BOTH_SIDES, given_in_segment=SEGMENT)
def given_in_part(context: Context) -> list[Finding]:
    """Share of a class, or of the rows, whose answer is given by values that only one class has.

    What a value promises is learned from the other folds' rows and must hold in its own. A quantity
    is honest where it is pure at its end: a value of it counts only if the values around are mixed.
    """
    given, columns = _given(context)
    one, both = max(given), min(given)
    why = (
        "Marks, labels and filled-in values that only one class has mostly come from after the answer "
        "was known, or from it. Those that are not known when you predict, forbid."
    )
    names = columns[:NAMED]
    fix = config_entry(forbidden=names[0] if len(names) == 1 else names)
    if not ONE_SIDE.passed(one) or not BOTH_SIDES.passed(both):
        limit, value = (BOTH_SIDES, both) if not BOTH_SIDES.passed(both) else (ONE_SIDE, one)
        summary = (
            f"{percent(given[1])} of the ones and {percent(given[0])} of the zeros have a value of "
            f"{quoted(names)} that only their class has"
        )
        return [limit.found(", ".join(names), value, summary, why, fix)]
    share, first, second = _segment(context)
    if not SEGMENT.passed(share):
        summary = (
            f"In {percent(share)} of the rows, told by '{second}', '{first}' settles the answer, and "
            "in the others it does not"
        )
        return [SEGMENT.found(first, share, summary, why, config_entry(forbidden=first))]
    summary = f"Values that only one class has give away {percent(one)} of a class at most."
    return [Finding(", ".join(names), one, ONE_SIDE.nearest, summary)]


def _given(context: Context) -> tuple[tuple[float, float], list[str]]:
    """Return the shares of the zeros and of the ones that are given away, and by which columns."""
    target, folds = context.target, context.folds
    inside = np.zeros((2, len(target)), dtype=bool)
    by_column: dict[str, int] = {}
    for view in (one.view for one in context.scored if one.view.what != "date"):
        for value, hit in enumerate(_hits(view, target, folds)):
            rows, wrong = hit & (target == value), hit & (target != value)
            expected = hit.sum() * (target != value).mean()
            # The promise must hold in the rows it was not learned from, too.
            if rows.any() and wrong.sum() <= max(1, 2 * IMPURITY * expected):
                inside[value] |= hit
                by_column[view.subject] = by_column.get(view.subject, 0) + int(rows.sum())
    shares = [float(inside[value][target == value].mean()) for value in (0, 1)]
    return (shares[0], shares[1]), sorted(by_column, key=lambda name: -by_column[name])


def _hits(view: View, target: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return the rows whose value gives away a zero, and a one, by the other folds, shape (2, rows)."""
    codes, size, around = view.codes, view.size, None
    if view.numbers is not None:
        present = ~np.isnan(view.numbers)
        part = present.mean()
        if 0.05 <= part <= 0.95 and 0 < target[present].mean() < 1:
            auc = ordered_auc(view.numbers[present], target[present])
            if auc >= SETTLED and lower_bound(auc, target[present]) >= SURELY_SETTLED:
                return np.stack([present & (target == 0), present & (target == 1)])
        if 3 < view.size <= GRADES + 1:  # grades and counts are pure at their ends
            return np.zeros((2, len(target)), dtype=bool)
        codes, size, around = _exact(view.numbers, target)
    ones, zeros = (own.sum(axis=0) - own for own in by_fold(codes, size, target, folds))
    hits = []
    for value, others in enumerate((ones, zeros)):
        chance = (target != value).mean()
        usual = np.full(size, chance)
        if around is not None:
            usual = np.minimum(usual, around if value == 0 else 1 - around)
        expected = (ones + zeros) * usual
        hits.append(((expected >= EXPECTED) & (others <= IMPURITY * expected))[folds, codes])
    return np.stack(hits)


def _exact(numbers: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, int, np.ndarray]:
    """Return a code for each frequent value, and the share of ones among the rows of the values around.

    The rest has the code 0, with nothing around it that could be given away.
    """
    present = np.flatnonzero(~np.isnan(numbers))
    order = present[np.argsort(numbers[present], kind="stable")]
    _, places, counts = np.unique(numbers[order], return_inverse=True, return_counts=True)
    sums = np.concatenate([[0], np.cumsum(target[order])])
    last = np.cumsum(counts)
    first, width = last - counts, np.maximum(counts, ROWS_AROUND)
    low, high = np.maximum(first - width, 0), np.minimum(last + width, len(order))
    others = high - low - counts
    ones = (sums[high] - sums[low]) - (sums[last] - sums[first])
    share = np.where(others > 0, ones / np.maximum(others, 1), 0.5)
    codes = np.zeros(len(numbers), dtype=np.int64)
    codes[order] = np.where(counts >= FEWEST_ROWS, np.arange(len(counts)) + 1, 0)[places]
    # Of a code 0 nothing is usual, so that nothing is given away by it, whatever the class.
    return codes, len(counts) + 1, np.concatenate([[np.nan], share])


def _segment(context: Context) -> tuple[float, str, str]:
    """Return the largest share of rows in segments in which a column settles the answer, and both names.

    Learned from one half of the rows, judged by the other, and the other way round.
    """
    settled = context.failed_alone()
    scored = [
        one
        for one in sorted(context.scored, key=lambda one: -one.auc)
        if one.view.what != "date" and one.view.size > 1 and one.view.subject not in settled
    ][:MOST_COLUMNS]
    views = [one.view for one in scored]
    if len(views) < 2:
        return 0.0, "", ""
    rows = context.random(9).permutation(len(context.target))[:SEARCHED_ROWS]
    codes = np.stack([coarse(view, LEVELS)[rows] for view in views], axis=1)
    target, half = context.target[rows], np.arange(len(rows)) % 2
    counts = grids(codes, target, half, LEVELS)
    settles = np.ones(counts.shape[2:5], dtype=bool)
    for learned, judged in ((0, 1), (1, 0)):
        says_one = counts[learned, 1] > counts[learned, 0]
        errors = np.where(says_one, counts[judged, 0], counts[judged, 1]).sum(axis=3)
        smaller = counts[judged].sum(axis=4).min(axis=0)
        settles &= (smaller >= FEWEST_IN_SEGMENT) & (errors <= IMPURITY * smaller)
    shares = (settles * counts.sum(axis=(0, 1, 5))).sum(axis=1) / len(rows)
    subjects = np.array([view.subject for view in views], dtype=object)
    shares[subjects[:, None] == subjects[None]] = 0.0
    shares[:, [one.auc >= STRONG_ANYWHERE for one in scored]] = 0.0
    segment, column = np.unravel_index(int(shares.argmax()), shares.shape)
    return float(shares.max()), str(subjects[column]), str(subjects[segment])
