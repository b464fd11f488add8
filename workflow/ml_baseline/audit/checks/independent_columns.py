"""Columns that know the target and nothing else: each may be weak, together they are not."""

import numpy as np

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit, quoted
from ml_baseline.audit.registry import check
from ml_baseline.audit.strength import FOLDS, by_fold, plainly_above_chance, rank_auc
from ml_baseline.audit.views import View
from ml_baseline.text import config_entry

TOGETHER = Limit(
    warn=0.68,
    why="roc_auc of columns that tell the target and go along with no other column within a class, summed "
    "up: honest tables up to 0.61, a simulated one 0.67; signs of head injuries 0.79",
)
MANY = Limit(warn=8, why="columns of that kind: honest tables have up to 6 (a simulated one)")
# Where the many of them tell at least this much.
MANY_TELL = 0.58
# With fewer rows nothing goes along with anything for sure. From the second on one column is enough;
# below it takes so many, or the gaps of one.
FEWEST_ROWS, ENOUGH_FOR_ONE, FEWEST_COLUMNS = 300, 600, 3
TELLING = 2.0
MOST_COLUMNS, NAMED = 100, 20
# Rows by which the shares of a bin are drawn to those of the table.
PRIOR_ROWS = 4.0


@check(independent_together=TOGETHER, independent_columns=MANY)
def independent_columns(context: Context) -> list[Finding]:
    """roc_auc of the columns that go along with the target and, within a class, with no other column.

    What measures a cause or an effect of the target goes along with other columns also among rows
    of one class. What was made from the target, ten flags that are set only for the one class or
    twenty columns of target and noise, does not: given the class, it is chance.
    """
    target, relations = context.target, context.relations
    settled = {found.subject for _, found in context.alone if found}
    telling = [
        one
        for one in relations.scored
        if one.view.subject not in settled and plainly_above_chance(one.auc, target, TELLING)
    ]
    telling = sorted(telling, key=lambda one: -one.auc)[:MOST_COLUMNS]
    alone = [one.view for one in telling if relations.dependence(one) <= 0]
    names = list(dict.fromkeys(view.subject for view in alone))
    auc = _together(alone, target, context.folds) if alone else 0.5
    by_gaps = any(view.what == "missing" for view in alone)
    enough = 1 if by_gaps or len(target) >= ENOUGH_FOR_ONE else FEWEST_COLUMNS
    if len(target) >= FEWEST_ROWS and len(names) >= enough:
        verb = "goes" if len(names) == 1 else "go"
        what = f"{quoted(names[:NAMED])} {verb} along with the target and with nothing else"
        why = (
            "Whatever measures a cause or an effect of the target goes along with other columns also "
            "among rows of one class. Columns filled in once the outcome was known, or made from it "
            "with some noise, do not. Those that are not known when you predict, forbid."
        )
        fix = config_entry(forbidden=names[0] if len(names) == 1 else names[:NAMED])
        subject, summary = ", ".join(names[:NAMED]), f"{what}; they have a ROC-AUC of {auc:.3f}"
        if not TOGETHER.passed(auc):
            return [TOGETHER.found(subject, auc, summary, why, fix)]
        if not MANY.passed(len(names)) and auc >= MANY_TELL:
            return [MANY.found(subject, len(names), f"{len(names)} columns: {summary}", why, fix)]
    summary = "No columns go along with the target and nothing else."
    if names:
        summary = f"The columns that go along with the target and nothing else have a ROC-AUC of {auc:.3f}."
    return [Finding(", ".join(names[:NAMED]), auc, TOGETHER.nearest, summary)]


def _together(views: list[View], target: np.ndarray, folds: np.ndarray) -> float:
    """Return the roc_auc of the sum of the views' evidence, each bin's from the other folds' rows."""
    share, scores = target.mean(), np.zeros(len(target))
    for view in views:
        counts = by_fold(view.codes, view.size, target, folds)
        ones, zeros = (own.sum(axis=0) - own for own in counts)
        evidence = np.log(ones + PRIOR_ROWS * share) - np.log(zeros + PRIOR_ROWS * (1 - share))
        scores += evidence[folds, view.codes]
    return float(np.mean([rank_auc(scores[folds == f], target[folds == f]) for f in range(FOLDS)]))
