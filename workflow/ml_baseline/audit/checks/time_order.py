"""Time that a random split ignores."""

import numpy as np

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit
from ml_baseline.audit.registry import check
from ml_baseline.audit.strength import numbers_auc, rank_auc, ridge, standard_error
from ml_baseline.audit.views import matrix_of, times_of
from ml_baseline.data.schema import columns_of_role
from ml_baseline.text import config_entry

LOSS = Limit(
    0.03,
    0.10,
    "roc_auc lost by learning from earlier rows only; fails only for declared times and dates",
)
DRIFT = Limit(warn=0.57, why="roc_auc of time alone: how far the share of ones moves with time")
FEWEST_TIMES = 5
# The share of rows that counts as the future, and rows on either side of a row in time.
FUTURE = 0.4
BESIDE = 5
# How many standard errors make a loss and a drift plain.
PLAIN_LOSS, PLAIN_DRIFT = 3.0, 4.0


@check(time_order=LOSS, time_drift=DRIFT)
def time_order(context: Context) -> list[Finding]:
    """roc_auc that a random split promises beyond what later rows give, and roc_auc of time alone.

    Two questions for each: does the share of ones move with it, and is a simple model (ridge
    regression) worse on later rows if it has seen earlier ones only than if it has seen as many
    rows of all times?
    """
    train, target, random = context.sample, context.target, context.random(5)
    times = times_of(train, context.schema)
    if context.strategy == "time":
        return [Finding(", ".join(times), 0, LOSS.nearest, "The split is by time.")]
    findings, most, slowest = [], 0.0, ""
    matrix = matrix_of(train, context.schema, 100)
    groups = np.arange(len(train))
    if context.strategy == "group":
        groups = train[columns_of_role(context.schema, "group")[0]].factorize()[0]
    for subject, (numbers, declared) in times.items():
        known = ~np.isnan(numbers)
        if known.sum() < 100 or len(np.unique(numbers[known])) < FEWEST_TIMES:
            continue
        drift = _drift(numbers[known], target[known], context.folds[known])
        loss, error = _loss_in_time(
            matrix[known], numbers[known], target[known], groups[known], random
        )
        if loss > most:
            most, slowest = loss, subject
        ones = float(target[known].sum())
        chance = standard_error(0.5, ones, known.sum() - ones)
        fix = config_entry(split={"strategy": "time"}, time=subject)
        if not LOSS.passed(loss) and loss >= PLAIN_LOSS * error:
            summary = (
                f"A simple model that learns from earlier rows only loses {loss:.3f} of its ROC-AUC "
                f"on rows later in '{subject}'"
            )
            why = (
                "A random split lets a model learn from the future of the rows it is scored on. "
                "Split by time."
            )
            findings.append(LOSS.found(subject, loss, summary, why, fix, declared))
        elif not DRIFT.passed(drift) and drift - 0.5 >= PLAIN_DRIFT * chance:
            summary = f"The share of ones moves with '{subject}', which alone has a ROC-AUC of {drift:.3f}"
            why = (
                "A random split scores the model on times it knows, and new rows will be of times "
                f"it does not. If '{subject}' is the time of the event, split by time."
            )
            findings.append(DRIFT.found(subject, drift, summary, why, fix))
    summary = "Learning from earlier rows only makes no plain difference."
    summary = summary if times else "No column looks like a time."
    return findings or [Finding(slowest or ", ".join(times), most, LOSS.nearest, summary)]


def _drift(numbers: np.ndarray, target: np.ndarray, folds: np.ndarray) -> float:
    """Return the roc_auc of time alone: by stretches of time, or by the rows just beside."""
    by_stretch = numbers_auc(numbers, target, folds)
    order = np.argsort(numbers, kind="stable")
    ones = target[order].astype(np.float64)
    window = np.convolve(ones, np.ones(2 * BESIDE + 1), mode="same") - ones
    return max(by_stretch, rank_auc(window, target[order]))


def _loss_in_time(
    matrix: np.ndarray,
    numbers: np.ndarray,
    target: np.ndarray,
    groups: np.ndarray,
    random: np.random.Generator,
) -> tuple[float, float]:
    """Return the roc_auc lost on later rows by learning from earlier rows only, and its error.

    Both models learn from as many rows and are scored on the same ones: the later rows are dealt
    in two, and for each half the other model learns from rows of all times but that half. Neither
    learns from a group that it is asked about, as in a split by group, and such rows count as one.
    """
    ranks = np.argsort(np.argsort(numbers, kind="stable"), kind="stable") / len(numbers)
    # Rows of the same time are on the same side of the present.
    boundary = np.sort(numbers)[int((1 - FUTURE) * (len(numbers) - 1))]
    later = np.flatnonzero(numbers > boundary)
    earlier = np.flatnonzero(numbers <= boundary)
    if len(later) < 50 or len(earlier) < 50:
        return 0.0, 1.0
    stretches = np.minimum((ranks * 16).astype(int), 15)
    # Given rows of all times, a model can learn what each stretch of time was like, and how the
    # meaning of a column changed.
    with_time = np.column_stack(
        [matrix, np.eye(16)[stretches] - 1 / 16, matrix * (2 * ranks - 1)[:, None]]
    )
    _, unit = np.unique(groups[later], return_inverse=True)
    halves = (random.permutation(unit.max() + 1) % 2)[unit]
    losses, errors = [], []
    for half in (0, 1):
        asked = later[halves == half]
        apart = ~np.isin(groups, groups[asked])
        past = earlier[apart[earlier]]
        any_time = random.permutation(np.flatnonzero(apart))[: len(past)]
        truth = target[asked]
        if any(len(np.unique(target[rows])) < 2 for rows in (asked, past, any_time)):
            return 0.0, 1.0
        known = rank_auc(ridge(with_time[any_time], target[any_time], with_time[asked]), truth)
        unknown = rank_auc(ridge(matrix[past], target[past], matrix[asked]), truth)
        losses.append(known - unknown)
        error = standard_error(known, truth.sum(), len(truth) - truth.sum())
        errors.append(error * np.sqrt(len(asked) / len(np.unique(groups[asked]))))
    return float(np.mean(losses)), float(np.sqrt(np.square(errors).sum()) / 2)
