"""Columns that alone tell too much of the target, by their values or by where these are missing."""

from ml_baseline.audit.alone import ALONE, LIMITS
from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding
from ml_baseline.audit.registry import check


@check(**LIMITS)
def single_feature(context: Context) -> list[Finding]:
    """roc_auc of one column alone, through its value, held out."""
    found = [wrong for one, wrong in context.alone if wrong and one.view.what != "missing"]
    if found:
        return found
    if not context.alone:
        return [Finding("", 0.5, ALONE.nearest, "The table has no features.")]
    view, auc = context.alone[0][0]
    summary = (
        f"No column alone gives the target away; the strongest is '{view.subject}' with a ROC-AUC of "
        f"{auc:.3f}."
    )
    return [Finding(view.subject, auc, ALONE.nearest, summary)]


@check(**LIMITS)
def missing_values(context: Context) -> list[Finding]:
    """roc_auc of where one column's values are missing, held out."""
    found = [wrong for one, wrong in context.alone if wrong and one.view.what == "missing"]
    if found:
        return found
    summary = "No column gives the target away by where its values are missing"
    gaps = [one for one in context.scored if one.view.what == "missing"]
    if not gaps:
        return [Finding("", 0.5, ALONE.nearest, f"{summary}: none is missing.")]
    view, auc = max(gaps, key=lambda one: one.auc)
    summary = f"{summary}; '{view.subject}' tells most."
    return [Finding(view.subject, auc, ALONE.nearest, summary)]
