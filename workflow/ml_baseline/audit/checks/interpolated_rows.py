"""Holdout rows that were mixed from training rows before the split."""

import numpy as np

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit
from ml_baseline.audit.nearest import NEIGHBOURS, LookedUp, looked_up, nearest_of
from ml_baseline.audit.registry import check
from ml_baseline.audit.views import standardized
from ml_baseline.data.schema import feature_columns
from ml_baseline.text import percent

LIMIT = Limit(0.10, 0.30, "where SMOTE puts its rows; honest tables up to 0.06")
# Rows whose place on a line is looked at, and how straight the line must be.
MOST_PLACED = 150
COLLINEAR = 0.999999
FEWEST_COLUMNS = 4


@check(interpolated_rows=LIMIT)
def interpolated_rows(context: Context) -> list[Finding]:
    """Share of holdout rows on a line between two training rows of their class.

    That is where SMOTE (Chawla et al., 2002) and its kin put the rows that they make up.
    """
    rows = looked_up(context)
    share = share_on_lines(rows) if rows.enough else 0.0
    summary = f"{percent(share)} of the holdout rows lie on a line between two training rows of their class"
    if LIMIT.passed(share):
        return [Finding("rows", share, LIMIT.nearest, f"{summary}.")]
    why = (
        "Rows that SMOTE or the like made up before the split carry holdout rows into the training "
        "rows and back. Hand over the table without them, and balance the classes inside the model "
        "(class_weight: balanced among its params)."
    )
    return [LIMIT.found("rows", share, summary, why)]


def share_on_lines(looked_up: LookedUp) -> float:
    """Return the share of the rows that lie on the line between two training rows of their class."""
    both, train_target, target, schema = looked_up
    target = target[:MOST_PLACED]
    both = both.iloc[: len(train_target) + len(target)]
    parts = []
    for name in feature_columns(schema, "number", "integer"):
        raw = both[name].to_numpy(dtype=np.float64)
        # Few values make a lattice, in which lines are everywhere.
        if np.isnan(raw).any() or len(np.unique(raw)) < max(50, len(raw) / 10):
            continue
        numbers = standardized(raw)
        if (np.abs(numbers) < 8).all():  # a clipped value is off the line
            parts.append(numbers)
    if len(parts) < FEWEST_COLUMNS:
        return 0.0
    space = np.column_stack(parts)
    theirs, ours = np.split(space, [len(train_target)])
    on_line = 0
    for value in (0, 1):
        own = np.flatnonzero(train_target == value)
        of_class = np.flatnonzero(target == value)
        if len(own) > NEIGHBOURS + 1 and len(of_class):
            on_line += _on_lines(ours[of_class], theirs[own])
    return on_line / len(target)


def _on_lines(ours: np.ndarray, theirs: np.ndarray) -> int:
    """Return how many of our points lie on a line with two of their nearest ones."""
    count = 0
    for part, nearest in nearest_of(ours, theirs):
        arrows = theirs[nearest] - ours[part][:, None]
        # Rows that differ in one or two columns lie on a line by nature.
        arrows[(np.abs(arrows) > 1e-9).sum(axis=2) < max(3, 0.6 * ours.shape[1])] = 0
        lengths = np.sqrt(np.einsum("ijk,ijk->ij", arrows, arrows))
        arrows /= np.maximum(lengths, 1e-12)[:, :, None]
        cosines = arrows @ arrows.transpose(0, 2, 1)
        # Two neighbours that are copies of each other lie in one direction; that is no line.
        first, second = lengths[:, :, None], lengths[:, None, :]
        alike = np.abs(first - second) < 0.05 * np.maximum(first, second)
        cosines = np.where(alike & (cosines > 0), 0, np.abs(cosines))
        count += int((cosines.max(axis=(1, 2)) > COLLINEAR).sum())
    return count
