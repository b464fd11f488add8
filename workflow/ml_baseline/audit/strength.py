"""How well one column, or a few numbers, tell two classes apart: in plain numpy, and fast.

Importing scikit-learn would cost more than the whole audit of a small table.
"""

import math
from statistics import NormalDist

import numpy as np

from ml_baseline.scoring.counting import roc_area, wilson

NORMAL = NormalDist()
# Rows are dealt to this many folds; what is learned of a bin comes from the other folds' rows.
FOLDS = 5
# A bin's share of ones is pulled to the overall share as if by this many more rows.
PRIOR_ROWS = 2.0
# Ordered values are cut into about this many bins; a value this frequent is a bin of its own.
BINS = 32
FREQUENT_SHARE = 1 / 40
FEW_VALUES = 50
# A bin gives a class away if at most this share of its rows is of the other class, where chance
# alone would have put at least so many rows of the other class there.
IMPURITY = 0.005
EXPECTED_OTHERS = 8
# A step is looked for in numbers with so many distinct values on either side of it.
FEWEST_PER_SIDE = 10
# The penalty of the ridge regression.
RIDGE = 10.0


def folds_of(target: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return a fold number for each row, shape (rows,), each class dealt out evenly."""
    folds = np.empty(len(target), dtype=np.int64)
    for value in (0, 1):
        rows = random.permutation(np.flatnonzero(target == value))
        folds[rows] = np.arange(len(rows)) % FOLDS
    return folds


def binned(numbers: np.ndarray) -> tuple[np.ndarray, int]:
    """Return each row's bin, shape (rows,), in the order of the values, and how many there are.

    A missing value has the bin 0. Few distinct values are a bin each; more are cut at quantiles,
    and a frequent one (the zero of an amount, say) stays by itself.
    """
    present = ~np.isnan(numbers)
    codes = np.zeros(len(numbers), dtype=np.int64)
    values, places, counts = np.unique(numbers[present], return_inverse=True, return_counts=True)
    if not len(values):
        return codes, 1
    if len(values) <= FEW_VALUES:
        codes[present] = places + 1
        return codes, len(values) + 1
    middle = np.cumsum(counts) - counts / 2
    quantile = (middle * (BINS / counts.sum())).astype(np.int64)
    frequent = counts >= FREQUENT_SHARE * counts.sum()
    begins = np.diff(quantile, prepend=-1) > 0
    begins |= frequent
    begins[1:] |= frequent[:-1]
    bins = np.cumsum(begins)
    codes[present] = bins[places]
    return codes, int(bins[-1]) + 1


def rank_auc(scores: np.ndarray, target: np.ndarray) -> float:
    """Return the roc_auc of finite scores, shape (rows,); ties count half."""
    ones, zeros = _counts(scores, target, 1 - target)
    return _area(ones, zeros)


def _counts(scores: np.ndarray, *weights: np.ndarray) -> list[np.ndarray]:
    """Return the sums of each of the weights at each score, lowest first."""
    _, places = np.unique(scores, return_inverse=True)
    return [np.bincount(places, weights=of_rows) for of_rows in weights]


def _area(ones: np.ndarray, zeros: np.ndarray) -> float:
    """Return the roc_auc from the counts at each score, lowest first."""
    return float(roc_area(ones[::-1], zeros[::-1]))


def ordered_auc(numbers: np.ndarray, target: np.ndarray) -> float:
    """Return the roc_auc of the numbers themselves, in the better direction; 0.5 if too few."""
    present = ~np.isnan(numbers)
    if present.all():
        auc = rank_auc(numbers, target)
        return max(auc, 1 - auc)
    # Missing values go to the end that suits them: they may tell as much as the values.
    low, high = np.nanmin(numbers, initial=0.0), np.nanmax(numbers, initial=0.0)
    areas = [rank_auc(np.where(present, numbers, end), target) for end in (low - 1, high + 1)]
    return max(*areas, *(1 - area for area in areas))


def by_fold(
    codes: np.ndarray, size: int, target: np.ndarray, folds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ones and the zeros of each fold in each of `size` bins, each (FOLDS, size)."""
    cells = folds * size + codes
    ones = np.bincount(cells, weights=target, minlength=FOLDS * size)
    zeros = np.bincount(cells, minlength=FOLDS * size) - ones
    return ones.reshape(FOLDS, size), zeros.reshape(FOLDS, size)


def crossfit_auc(ones: np.ndarray, zeros: np.ndarray) -> float:
    """Return the mean roc_auc of the folds, each bin scored by the other folds."""
    share = ones.sum() / (ones.sum() + zeros.sum())
    ones_elsewhere = ones.sum(axis=0) - ones
    rows_elsewhere = ones_elsewhere + zeros.sum(axis=0) - zeros
    scores = (ones_elsewhere + PRIOR_ROWS * share) / (rows_elsewhere + PRIOR_ROWS)
    areas = []
    for fold in range(FOLDS):
        fold_ones, fold_zeros = _counts(scores[fold], ones[fold], zeros[fold])
        if fold_ones.sum() and fold_zeros.sum():
            areas.append(_area(fold_ones, fold_zeros))
    return float(np.mean(areas)) if areas else 0.5


def given_away(ones: np.ndarray, zeros: np.ndarray) -> float:
    """Return the larger of the two classes' shares that lie in bins known to be of one class.

    Which bins those are each fold learns from the other folds.
    """
    share = ones.sum() / (ones.sum() + zeros.sum())
    best = 0.0
    for own, other, other_share in ((ones, zeros, 1 - share), (zeros, ones, share)):
        own_elsewhere, other_elsewhere = own.sum(axis=0) - own, other.sum(axis=0) - other
        rows = own_elsewhere + other_elsewhere
        pure = (rows * other_share >= EXPECTED_OTHERS) & (other_elsewhere <= IMPURITY * rows)
        inside, wrong = own[pure].sum(), other[pure].sum()
        # The promise must hold in the rows it was not learned from, too.
        if inside and wrong <= 2 * IMPURITY * (inside + wrong) + 1:
            best = max(best, inside / own.sum())
    return float(best)


def step(numbers: np.ndarray, target: np.ndarray) -> tuple[float, int, float] | None:
    """Return how the best cut of the numbers tells the classes apart, and what is left within its sides.

    Its balanced accuracy, the rows of the other class on both sides, and the roc_auc of the numbers
    within the sides: where numbers cause or measure something, errors lie close to the cut; where the
    target was computed from them (and some labels are wrong), they lie anywhere, and it is 0.5. None if
    either side has few distinct values.
    """
    present = ~np.isnan(numbers)
    values, places = np.unique(numbers[present], return_inverse=True)
    if len(values) < 2 * FEWEST_PER_SIDE:
        return None
    ones = np.bincount(places, weights=target[present])
    zeros = np.bincount(places) - ones
    if not (ones.sum() and zeros.sum()):
        return None
    below = (np.cumsum(zeros) / zeros.sum() + 1 - np.cumsum(ones) / ones.sum()) / 2
    cut = int(np.abs(below - 0.5).argmax())
    rising = below[cut] >= 0.5
    errors, area = 0.0, 0.0
    for side in (slice(0, cut + 1), slice(cut + 1, None)):
        own_ones, own_zeros = ones[side], zeros[side]
        wrong = min(own_ones.sum(), own_zeros.sum())
        if len(own_ones) < FEWEST_PER_SIDE:
            return None
        if wrong:
            auc = _area(own_ones, own_zeros)
            area += wrong * (auc if rising else 1 - auc)
            errors += wrong
    best = max(below[cut], 1 - below[cut])
    return float(best), int(errors), float(area / errors) if errors else 1.0


def lower_bound(auc: float, target: np.ndarray, z: float = 1.96) -> float:
    """Return a lower confidence bound of a roc_auc, sound also at 1, where no error was seen.

    Wilson's interval for a share of as many trials as the smaller class has rows: the area is a
    mean over that class' rows, and this is what is known of it however many the others are.
    """
    trials = max(int(min(target.sum(), len(target) - target.sum())), 1)
    return float(wilson(min(auc, 1.0), trials, z)[0])


def distance(auc: float) -> float:
    """Return a roc_auc as a distance of two normal classes in standard deviations (d')."""
    return 2**0.5 * NORMAL.inv_cdf(min(max(auc, 0.5), 0.9999))


def standard_error(auc: float, ones: float, zeros: float) -> float:
    """Return the standard error of a roc_auc (Hanley and McNeil, 1982)."""
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    variance = auc * (1 - auc) + (ones - 1) * (q1 - auc * auc) + (zeros - 1) * (q2 - auc * auc)
    return math.sqrt(max(variance, 0.0) / max(ones * zeros, 1.0))


def numbers_auc(numbers: np.ndarray, target: np.ndarray, folds: np.ndarray) -> float:
    """Return the roc_auc of numbers alone: of their bins, cross-fitted, or in their own order."""
    of_bins = crossfit_auc(*by_fold(*binned(numbers), target, folds))
    return max(of_bins, ordered_auc(numbers, target))


def plainly_above_chance(auc: float, target: np.ndarray, errors: float = 5.0) -> bool:
    """Return whether a roc_auc is that many standard errors above that of chance."""
    ones = float(target.sum())
    return auc - 0.5 >= errors * standard_error(0.5, ones, len(target) - ones)


def ridge(matrix: np.ndarray, target: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return scores of the rows `asked` from a ridge regression on `matrix`, shape (asked rows,)."""
    mean = matrix.mean(axis=0)
    centred = matrix - mean
    gram = centred.T @ centred
    gram[np.diag_indices_from(gram)] += RIDGE
    weights = np.linalg.solve(gram, centred.T @ (target - target.mean()))
    return (asked - mean) @ weights
