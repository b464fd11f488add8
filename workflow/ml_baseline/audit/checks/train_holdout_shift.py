"""A holdout that is unlike the training rows."""

import numpy as np
import pandas as pd

from ml_baseline.audit import strength
from ml_baseline.audit.context import Context, sampled
from ml_baseline.audit.findings import Finding, Limit
from ml_baseline.audit.registry import check
from ml_baseline.audit.views import matrix_of, scored, times_of, views_of
from ml_baseline.data.split import row_groups

LIMIT = Limit(0.60, 0.80, "roc_auc of telling holdout rows from training rows: 0.5 at random")
MOST_HOLDOUT_ROWS = 10_000
FEWEST_ROWS = 20
# How many standard errors make a difference plain; more for many columns looked at.
PLAINLY = 3.0
ALL = "all columns together"
REPORTED = 3
# By strategy of the split: why the sides may differ, and what to do about it.
WORDS = {
    "time": (
        "The rows have changed with time, and will go on changing. Expect a lower score later, and "
        "find out what has changed."
    ),
    "group": (
        "The holdout has few groups, or groups of another kind. Look at how far the scores of several "
        "seeds differ."
    ),
    "stratified": (
        "The holdout is no random part of the table: its score is of other rows. Let this workflow "
        "split the table."
    ),
}


@check(train_holdout_shift=LIMIT)
def train_holdout_shift(context: Context) -> list[Finding]:
    """roc_auc of telling holdout rows from training rows."""
    strategy, random = context.strategy, context.random(6)
    holdout = sampled(context.holdout, context.schema, MOST_HOLDOUT_ROWS, random)
    found = _told_apart(context, holdout, random)
    if not found:
        return [Finding("", 0.5, LIMIT.nearest, "There are too few different rows to tell.")]
    findings = []
    for subject, auc, beyond in found[:REPORTED]:
        if auc >= beyond and not LIMIT.passed(auc):
            what = "All columns together tell" if subject == ALL else f"'{subject}' tells"
            summary = f"{what} holdout rows from training rows with a ROC-AUC of {auc:.3f}"
            may_fail = strategy == "stratified"
            findings.append(LIMIT.found(subject, auc, summary, WORDS[strategy], may_fail=may_fail))
    subject, auc, beyond = found[0]
    told = subject if subject == ALL else f"'{subject}'"
    summary = (
        f"Holdout rows look like training rows: what tells them apart best is {told}, with a ROC-AUC "
        f"of {auc:.3f}."
    )
    return findings or [Finding(subject, auc, max(LIMIT.nearest, beyond), summary)]


def _told_apart(
    context: Context, holdout: pd.DataFrame, random: np.random.Generator
) -> list[tuple[str, float, float]]:
    """Return what tells the sides apart, the best first: its name, its roc_auc, and what luck gives.

    Nothing if there are too few different rows.
    """
    train, schema, strategy = context.sample, context.schema, context.strategy
    together = pd.concat([train, holdout], ignore_index=True)
    is_holdout = np.repeat([0, 1], [len(train), len(holdout)])
    # Rows that stay on one side as one count once, or many twins would look like a difference between
    # the sides.
    twins = pd.Series(row_groups(together, schema)).duplicated().to_numpy()
    together, is_holdout = together[~twins].reset_index(drop=True), is_holdout[~twins]
    if np.bincount(is_holdout, minlength=2).min() < FEWEST_ROWS:
        return []
    folds = strength.folds_of(is_holdout, random)
    chance = strength.standard_error(0.5, is_holdout.sum(), len(is_holdout) - is_holdout.sum())
    if strategy == "time":  # whatever tells the time tells the sides apart, a second date too
        times = set(times_of(train, schema))
        kept = [e for e in schema["columns"] if not times & {e["name"], e["source"]}]
        schema = {**schema, "columns": kept}
    results = [
        (scored(view, is_holdout, folds).auc, view.subject) for view in views_of(together, schema)
    ]
    if strategy == "stratified":
        row = together["row_id"].to_numpy(dtype=np.float64)
        results.append((strength.numbers_auc(row, is_holdout, folds), "row_id"))
    target = together[schema["target"]].to_numpy()
    by_fold = strength.by_fold(target, 2, is_holdout, folds)
    results.append((strength.crossfit_auc(*by_fold), schema["target"]))
    matrix = matrix_of(together, schema)
    scores = np.empty(len(together))
    for half in (0, 1):
        asked = folds % 2 == half
        scores[asked] = strength.ridge(matrix[~asked], is_holdout[~asked], matrix[asked])
    results.append((strength.rank_auc(scores, is_holdout), ALL))
    # The best of many figures is above 0.5 by chance alone.
    beyond = 0.5 + (PLAINLY + np.sqrt(2 * np.log(len(results)))) * chance
    best = {subject: auc for auc, subject in sorted(results)}
    results = sorted(((auc, subject) for subject, auc in best.items()), reverse=True)
    return [(subject, auc, beyond) for auc, subject in results]
