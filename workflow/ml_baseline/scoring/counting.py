"""Figures from counts: the areas under the ROC and the precision-recall curve, and limits of a share.

Written in plain numpy: the metrics, their intervals, the audit and the pictures rest on it.
"""

import numpy as np


def roc_area(ones, zeros):
    """Return the area under the ROC curve from the counts at each score, highest first (last axis).

    A tie counts half. The area is 0 where there are no ones or no zeros.
    """
    zeros_below = zeros.sum(axis=-1, keepdims=True) - np.cumsum(zeros, axis=-1)
    wins = np.sum(ones * (zeros_below + zeros / 2), axis=-1)
    return wins / np.maximum(ones.sum(axis=-1) * zeros.sum(axis=-1), 1)


def placements(ones: np.ndarray, zeros: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, at each score, the share of the zeros below it and the share of the ones above it.

    A tie counts half. The mean of the first over the ones, and of the second over the zeros, is the
    area under the ROC curve.
    """
    below = zeros.sum() - np.cumsum(zeros) + zeros / 2
    above = np.cumsum(ones) - ones / 2
    return below / zeros.sum(), above / ones.sum()


def average_precision(ones, zeros):
    """Return the mean, over the ones, of the precision where each is first predicted."""
    ones_so_far = np.cumsum(ones, axis=-1)
    precision = ones_so_far / (ones_so_far + np.cumsum(zeros, axis=-1))
    return np.sum(ones * precision, axis=-1) / ones_so_far[..., -1]


def average_precision_without(ones: np.ndarray, zeros: np.ndarray) -> np.ndarray:
    """Return the average precision that is left when one row is taken out: the jackknife.

    The result has the shape (2, distinct scores): first for a zero taken out at each score, then
    for a one. One pass over the sorted scores gives all of them: a row taken out changes nothing
    above it, and below it lowers every count by one.
    """
    ones_so_far, rows_so_far = np.cumsum(ones), np.cumsum(ones + zeros)
    here = ones * ones_so_far / rows_so_far
    above = np.cumsum(here) - here
    others = np.maximum(rows_so_far - 1, 1)
    below = _after(ones * ones_so_far / others)
    lost_below = _after(ones / others)
    taken = np.array([[0], [1]])
    own = (ones - taken) * (ones_so_far - taken) / others
    left = np.maximum(ones_so_far[-1] - taken, 1)
    return (above + own + below - taken * lost_below) / left


def _after(values):
    """Return, for each entry, the sum of the entries that follow it."""
    return values.sum() - np.cumsum(values)


def wilson(share, rows, z):
    """Return Wilson's limits of a share, z standard errors away; of arrays too."""
    middle = share + z**2 / (2 * rows)
    reach = z * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    return (middle - reach) / (1 + z**2 / rows), (middle + reach) / (1 + z**2 / rows)
