"""The metrics a model is judged by: each is one record, and everything else follows from it.

The scores, their intervals, the comparisons, the columns of the results, the words of the report and
of the model card and what `select_by` may be all come from `METRICS`. Only records stand here, without
numpy, as pages and configs are written without it; `methods` has what they are computed by.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

from ml_baseline.errors import InputError


@dataclass(frozen=True)
class Metric:
    """What is known of a metric.

    Attributes:
        name: as in configs and in the columns of the results.
        title: as people write it.
        explanation: what it is, for people who have not met it.
        method: which of `methods.METHODS` gives its value, its interval and the rows' parts in it.
        of: what the method needs to know: of a "share" how much a row counts in the part and in the
            whole, each as `(hits, misses, false alarms, rightly predicted zeros)`; of "rates" a
            function of the recall, the specificity and the share of ones.
        higher_is_better: whether more is better.
        bounds: the lowest and the highest value there can be.
        ranks: whether it looks at the order of the probabilities alone.
        blind: the best that can be had without a look at a row, one of `BLIND`.
    """

    name: str
    title: str
    explanation: str
    method: str
    of: Any = None
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)
    ranks: bool = False
    blind: str = "share"


# What can be answered without a look at a row, as people say it. All rows found is no merit of recall:
# what finds a part of one class's rows is measured against flagging as many without a look.
BLIND = {
    "share": "giving every row the same probability",
    "majority": "always predicting the more frequent class",
    "yes": "always predicting yes",
    "rate": "flagging as many rows at random",
}
# A baseline that is no farther behind the blind answer is as good as that: nothing is said of it.
NO_FARTHER = 0.01


def matthews_correlation(recall: float, specificity: float, ones: float) -> float:
    """Return Matthews' correlation; 0 where all rows or none are predicted as ones.

    Matthews (1975), Biochimica et Biophysica Acta 405, 442-451.
    """
    predicted = ones * recall + (1 - ones) * (1 - specificity)
    if not 0 < predicted < 1:
        return 0.0
    spread = math.sqrt(ones * (1 - ones) / (predicted * (1 - predicted)))
    return (recall + specificity - 1) * spread


# The order is the order of the columns in every table of results.
METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            "accuracy",
            "accuracy",
            "share of the rows that are predicted right",
            "share",
            ((1, 0, 0, 1), (1, 1, 1, 1)),
            blind="majority",
        ),
        Metric(
            "precision",
            "precision",
            "share of the rows predicted positive that are positive",
            "share",
            ((1, 0, 0, 0), (1, 0, 1, 0)),
            blind="yes",
        ),
        Metric(
            "recall",
            "recall",
            "share of the positive rows that are predicted positive",
            "share",
            ((1, 0, 0, 0), (1, 1, 0, 0)),
            blind="rate",
        ),
        Metric(
            "f1",
            "F1",
            "harmonic mean of precision and recall; 0 is worst, 1 is perfect",
            "share",
            ((1, 0, 0, 0), (1, 0.5, 0.5, 0)),
            blind="yes",
        ),
        Metric(
            "roc_auc",
            "ROC-AUC",
            "chance that a positive row is scored above a negative one; 0.5 is guessing, 1 is perfect",
            "roc_auc",
            ranks=True,
        ),
        Metric(
            "pr_auc",
            "PR-AUC",
            "precision averaged over all recalls; guessing gives the share of positives, 1 is perfect",
            "pr_auc",
            ranks=True,
        ),
        Metric(
            "log_loss",
            "log loss",
            "mean surprise at the outcome, in nats; 0 is perfect, less is better",
            "log_loss",
            higher_is_better=False,
            bounds=(0.0, math.inf),
        ),
        Metric(
            "brier",
            "Brier score",
            "mean squared error of the probability; 0 is perfect, less is better",
            "brier",
            higher_is_better=False,
        ),
        Metric(
            "mcc",
            "MCC",
            "correlation of what is predicted with what is true; 0 is guessing, 1 is perfect",
            "rates",
            matthews_correlation,
            bounds=(-1.0, 1.0),
        ),
        Metric(
            "balanced_accuracy",
            "balanced accuracy",
            "mean of the shares of both classes that are predicted right; 0.5 is guessing",
            "rates",
            lambda recall, specificity, ones: (recall + specificity) / 2,
        ),
    )
}


def of_all_rows(metric: Metric) -> Metric:
    """Return a share of the rows of one class as the share of all rows that are predicted likewise.

    That is what the share is if as many rows are flagged at random: of recall, the share flagged.
    """
    hits, misses, alarms, right = metric.of[0]
    return replace(metric, of=((hits + alarms, misses + right) * 2, (1, 1, 1, 1)))


def metric_named(name: str | Metric) -> Metric:
    """Return the metric of a name, or as it is; raise InputError if there is none."""
    if isinstance(name, Metric):
        return name
    if name not in METRICS:
        raise InputError(f"There is no metric {name!r}. Choose one of {', '.join(METRICS)}.")
    return METRICS[name]
