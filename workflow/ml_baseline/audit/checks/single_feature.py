"""Columns whose values alone tell too much of the target."""

from ml_baseline.audit.alone import ALONE, LIMITS
from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding
from ml_baseline.audit.registry import check


@check("roc_auc of one column alone, through its value, held out", LIMITS)
def single_feature(context: Context) -> list[Finding]:
    """Judge each column by what its values tell."""
    found = [one.finding for one in context.alone if one.finding is not None and not one.missing]
    if found:
        return found
    if not context.alone:
        return [Finding("", 0.5, ALONE.nearest, "The table has no features.")]
    view, strength = context.alone[0].scored
    summary = (
        f"No column alone gives the target away; the strongest is '{view.subject}' with a ROC-AUC of "
        f"{strength.auc:.3f}."
    )
    return [Finding(view.subject, strength.auc, ALONE.nearest, summary)]
