"""Holdout rows that are, or were used as, training rows."""

import numpy as np

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit
from ml_baseline.audit.registry import check
from ml_baseline.text import plural

LIMIT = Limit(fail=1, why="rows that must not be there")


@check(sealed_holdout=LIMIT)
def sealed_holdout(context: Context) -> list[Finding]:
    """Holdout rows among the training rows or the out-of-fold predictions."""
    rows_of_training = context.train["row_id"]
    named = {"the training rows": len(np.intersect1d(rows_of_training, context.holdout["row_id"]))}
    for model, predictions in context.oof.items():
        row_id = predictions["row_id"]
        of_model = f"the out-of-fold predictions of '{model}'"
        foreign = ~np.isin(row_id, rows_of_training)
        named[f"{of_model}, beside the training rows"] = int(foreign.sum())
        named[f"{of_model} for the second time"] = int(row_id.duplicated().sum())
    where, rows = max(named.items(), key=lambda item: item[1])
    if LIMIT.passed(rows):
        summary = "No holdout row is among the training rows or the out-of-fold predictions."
        return [Finding("row_id", rows, LIMIT.nearest, summary)]
    why = (
        "A score on rows that were learned from says nothing about new rows. Delete the split and "
        "run again, so that this workflow makes both sides from one table, and let nothing else "
        "write its files."
    )
    summary = f"{plural(rows, 'row')} in {where} must not be there"
    return [LIMIT.found("row_id", rows, summary, why)]
