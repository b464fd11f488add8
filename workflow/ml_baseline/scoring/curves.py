"""How a model's predictions go wrong, threshold by threshold and probability by probability.

Tables for drawing: ROC and precision-recall curves, calibration, the distribution of the
probabilities, what each threshold would give. All are of holdout predictions, one block of rows a
model, and none needs more than these predictions.
"""

from collections import defaultdict

import numpy as np
import pandas as pd

from ml_baseline.scoring.intervals import share_limits
from ml_baseline.scoring.sample import Sample, sample_of

# Enough for a curve to look whole on a page: what they leave out is about a pixel high.
CURVE_POINTS = 500
DISTRIBUTION_BINS = 20
# So many rows to a bin of the calibration, as long as there are neither too few bins nor too many.
ROWS_OF_A_BIN = 25
FEWEST_BINS = 4
MOST_BINS = 20
# Hundredths, and finer steps at both ends: where ones are rare no probability may exceed 0.05.
ENDS = (0.001, 0.002, 0.005)
THRESHOLDS = (0.0, *ENDS, *(i / 100 for i in range(1, 100)), *(1 - e for e in ENDS[::-1]), 1.0)


def curves(predictions: pd.DataFrame, threshold: float, level: float) -> dict[str, pd.DataFrame]:
    """Return the tables by name, each with the models in the order of `predictions`.

    `predictions` has the columns `model, target, probability` and may have `unit` (see
    `evaluate.holdout_predictions`), `level` is the confidence level of the calibration's intervals.
    The first column is `model`. Raises InputError as `sample.sample_of` does.
    """
    parts = defaultdict(list)
    for model, part in predictions.groupby("model", sort=False):
        sample = sample_of(part["target"], part["probability"], threshold, units=part.get("unit"))
        tables = {
            "roc": roc(sample),
            "precision_recall": precision_recall(sample),
            "calibration": calibration(sample, level),
            "score_distribution": score_distribution(sample),
            "thresholds": threshold_table(sample, threshold),
        }
        for name, columns in tables.items():
            parts[name].append(pd.DataFrame({"model": model} | columns))
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def roc(sample: Sample) -> dict:
    """Return the ROC curve: to be drawn as straight lines from point to point.

    One point for each distinct probability that turns the curve, from (0, 0), where nothing is
    predicted as a one (its threshold is missing), to (1, 1), at most 500 in all (see `thinned`).
    """
    ones, zeros = sample.by_score
    true_positive_rate = np.r_[0, np.cumsum(ones)] / ones.sum()
    false_positive_rate = np.r_[0, np.cumsum(zeros)] / zeros.sum()
    thresholds = np.r_[np.nan, np.unique(sample.probability)[::-1]]
    turns = np.r_[True, ones[1:] * zeros[:-1] != ones[:-1] * zeros[1:], True]
    kept = thinned(false_positive_rate, true_positive_rate, turns)
    return {
        "false_positive_rate": false_positive_rate[kept],
        "true_positive_rate": true_positive_rate[kept],
        "threshold": thresholds[kept],
    }


def precision_recall(sample: Sample) -> dict:
    """Return the precision-recall curve: to be drawn as steps.

    One point for each distinct probability, highest first. The precision of a point holds from the
    recall of the point before it (0 for the first): so drawn, the area below is the average
    precision, `pr_auc`. Straight lines would promise what no threshold gives (Davis and Goadrich
    2006, ICML, 233-240). At most 500 points are kept (see `thinned`).
    """
    ones, zeros = sample.by_score
    hits = np.cumsum(ones)
    recall, precision = hits / ones.sum(), hits / np.cumsum(ones + zeros)
    turns = np.r_[precision[1:] != precision[:-1], True]
    turns[0] = True  # which says where the curve begins
    kept = thinned(recall, precision, turns)
    thresholds = np.unique(sample.probability)[::-1]
    return {"recall": recall[kept], "precision": precision[kept], "threshold": thresholds[kept]}


def calibration(sample: Sample, level: float) -> dict:
    """Return how often what was given a probability has come true, by bins of equally many rows.

    Rows of the same probability are in the same bin. `low` and `high` are the least and the greatest
    probability in the bin, `observed` is the share of ones, with Wilson's limits, corrected near 0
    and 1 (Brown, Cai and DasGupta 2001, Statistical Science 16, 101-133), for this bin alone: of 20
    bins of a well calibrated model one may lie outside at 95 %. Rows of one unit count once.
    """
    probability = sample.probability
    bins = min(MOST_BINS, max(FEWEST_BINS, probability.size // ROWS_OF_A_BIN))
    ordered = np.sort(probability)
    # Each bin ends with the last row of the probability that stands at its end.
    ends = np.unique(ordered[(np.arange(1, bins + 1) * probability.size - 1) // bins])
    bin_of = np.searchsorted(ends, probability)
    rows = worth = np.bincount(bin_of)
    ones = np.bincount(bin_of[sample.target], minlength=ends.size)
    if sample.units is not None:
        worth = np.bincount(np.unique(np.column_stack([bin_of, sample.units]), axis=0)[:, 0])
    of_bins = zip(ones.tolist(), rows.tolist(), worth.tolist(), strict=True)
    low, high = np.array([share_limits(one, n, level, worth) for one, n, worth in of_bins]).T
    starts = np.r_[0, np.cumsum(rows)[:-1]]
    # A mean of equal numbers may differ from them in the last digit, and from the limits.
    mean = np.bincount(bin_of, weights=probability) / rows
    return {
        "low": ordered[starts],
        "high": ends,
        "mean_probability": np.clip(mean, ordered[starts], ends),
        "observed": ones / rows,
        "observed_low": low,
        "observed_high": high,
        "rows": rows,
    }


def score_distribution(sample: Sample) -> dict:
    """Return the rows of each class by twentieths of the probability.

    A bin holds the probabilities from `low` up to but not `high`, the last one those of 1 too.
    """
    edges = np.arange(DISTRIBUTION_BINS + 1) / DISTRIBUTION_BINS
    bin_of = np.searchsorted(edges[1:-1], sample.probability, side="right")
    negatives, positives = (
        np.bincount(bin_of[of_class], minlength=DISTRIBUTION_BINS)
        for of_class in (~sample.target, sample.target)
    )
    return {"low": edges[:-1], "high": edges[1:], "negatives": negatives, "positives": positives}


def threshold_table(sample: Sample, threshold: float) -> dict:
    """Return what each of a grid of thresholds would give; `chosen` marks the one in use.

    A row is predicted as a one where its probability is at least the threshold. `flagged_share`
    is the share of the rows so predicted; where there are none, the precision is missing.
    """
    thresholds = np.unique([*THRESHOLDS, threshold])
    # Rows below each threshold, of each class.
    misses, right = (
        np.searchsorted(np.sort(sample.probability[of_class]), thresholds)
        for of_class in (sample.target, ~sample.target)
    )
    rows, ones = sample.target.size, np.count_nonzero(sample.target)
    hits, alarms = ones - misses, rows - ones - right
    flagged = hits + alarms
    return {
        "threshold": thresholds,
        "true_positives": hits,
        "false_positives": alarms,
        "false_negatives": misses,
        "true_negatives": right,
        "precision": np.where(flagged > 0, hits / np.maximum(flagged, 1), np.nan),
        "recall": hits / ones,
        "f1": 2 * hits / (flagged + ones),
        "accuracy": (hits + right) / rows,
        "flagged_share": flagged / rows,
        "chosen": thresholds == threshold,
    }


def thinned(x: np.ndarray, y: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Return the positions of the points that a curve can do with: those where it turns.

    Of more than `CURVE_POINTS` they are those at equal distances along the curve, and both ends.
    """
    kept = np.flatnonzero(turns)
    if kept.size > CURVE_POINTS:
        way = np.r_[0, np.cumsum(np.abs(np.diff(x[kept])) + np.abs(np.diff(y[kept])))]
        wanted = np.linspace(0, way[-1], CURVE_POINTS)
        kept = kept[np.unique(np.searchsorted(way, wanted))]
    return kept
