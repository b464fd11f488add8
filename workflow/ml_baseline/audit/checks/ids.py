"""What is written in the ids: their number, their first letters, their length."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit
from ml_baseline.audit.registry import check
from ml_baseline.audit.strength import binned, plainly_above_chance
from ml_baseline.audit.views import View, scored
from ml_baseline.data import cells
from ml_baseline.data.schema import ORDERED_KINDS, columns_of_role, feature_columns
from ml_baseline.text import config_entry

LIMIT = Limit(
    0.60, 0.90, "what stands in an id should be random; it fails only where models are given it"
)
# A column of text identifies its rows if nearly all of its values differ.
DISTINCT_SHARE = 0.9
DECLARED = (
    "No model is given it, but the order or the register behind it knows the outcome: look for other "
    "columns that were filled in with it."
)
NOT_DECLARED = "Declare it as an id, so that no model is given it."


@check(id_order=LIMIT)
def ids(context: Context) -> list[Finding]:
    """roc_auc of what stands in an id, declared or not; columns that failed alone are left out."""
    target, settled = context.target, context.failed_alone()
    declared = columns_of_role(context.schema, "id")
    findings, best, best_name = [], 0.5, ""
    for name in declared + feature_columns(context.schema):
        values = context.sample[name]
        is_declared = name in declared
        if name in settled or not (is_declared or _identifies(values, context.kind(name))):
            continue
        for part in _parts_of_id(values):
            auc = scored(part, target, context.folds).auc
            if not plainly_above_chance(auc, target):
                continue
            best, best_name = max((best, best_name), (auc, name), key=lambda one: one[0])
            if LIMIT.passed(auc):
                continue
            every = "every" if context.both[name].is_unique else "nearly every"
            summary = (
                f"{part.subject} of '{name}', which is different in {every} row, has a ROC-AUC of "
                f"{auc:.3f}"
            )
            advice = DECLARED if is_declared else NOT_DECLARED
            why = (
                "An id says nothing about a new row, unless it was given after the outcome was "
                f"known. {advice}"
            )
            fix = "" if is_declared else config_entry(id=name)
            findings.append(LIMIT.found(name, auc, summary, why, fix, not is_declared))
            break
    of_ids = "part of an id" if declared else "column that looks like an id"
    return findings or [Finding(best_name, best, LIMIT.nearest, f"No {of_ids} tells the target.")]


def _identifies(values: pd.Series, kind: str) -> bool:
    """Return whether a column says which row it is: different labels, or counting whole numbers."""
    rows = len(values)
    if rows < 20 or values.isna().any():
        return False
    distinct = values.nunique()
    if kind not in ORDERED_KINDS:
        return distinct > DISTINCT_SHARE * rows and not cells.is_text(values, cells.TEXT_WORDS)
    if distinct < rows or (values % 1 != 0).any():
        return False
    # Counted through, perhaps with gaps, such as the rows that went to the holdout.
    return float(values.max()) - float(values.min()) < 3 * rows


def _parts_of_id(values: pd.Series) -> Iterator[View]:
    """Yield what may be read from an id: its parts."""
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(dtype=np.float64)
        yield View("The number", "part", *binned(numbers), numbers)
        yield from _codes("The last digit", pd.Series(numbers % 10))
        return
    texts = values.astype("str").fillna("")  # of a long table they are codes
    digits = texts.str.replace(r"\D", "", regex=True).str.slice(-15)
    numbers = pd.to_numeric(digits, errors="coerce").to_numpy(dtype=np.float64)
    if not np.isnan(numbers).all():
        yield View("The number", "part", *binned(numbers), numbers)
    yield from _codes("The beginning", texts.str.extract(r"^(\D*)", expand=False).str.slice(0, 8))
    yield from _codes("The first character", texts.str.slice(0, 1))
    yield from _codes("The first two characters", texts.str.slice(0, 2))
    yield from _codes("The end", texts.str.slice(-1))
    yield from _codes("The length", texts.str.len())


def _codes(name: str, parts: pd.Series) -> Iterator[View]:
    codes, distinct = pd.factorize(parts)
    if 1 < len(distinct) <= max(len(parts) / 5, 2):
        yield View(name, "part", codes + 1, len(distinct) + 1, None)
