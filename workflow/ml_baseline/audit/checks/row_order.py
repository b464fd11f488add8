"""What the place of a row in the file tells of the target."""

import numpy as np

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit
from ml_baseline.audit.registry import check
from ml_baseline.audit.strength import numbers_auc, plainly_above_chance
from ml_baseline.data.schema import columns_of_role, listed

POSITION = Limit(
    warn=0.80,
    why="roc_auc of the position: files in some order by chance reach 0.75, one sorted by class has 1",
)
NEIGHBOURS = Limit(
    warn=0.35,
    why="kappa of rows side by side in the file, or of its pairs, beyond that of rows ten apart: 0 where the "
    "file is shuffled, 0.33 where it is sorted by street; a nest and its two birds have 1",
)
# Distances at which rows of a file in some slow order are as much alike as those side by side.
APART = (8, 10, 12, 14)
# Agreement must be this many standard errors away from none.
PLAINLY = 5.0
FEWEST_PAIRS = 20


@check(row_order=POSITION, row_neighbours=NEIGHBOURS)
def row_order(context: Context) -> list[Finding]:
    """roc_auc of the position in the file, and agreement on the target of rows side by side."""
    target, row_id = context.target, context.sample["row_id"].to_numpy()
    auc = numbers_auc(row_id.astype(np.float64), target, context.folds)
    kappa, surety = _neighbours_agree(context)
    if not POSITION.passed(auc) and plainly_above_chance(auc, target):
        sorted_by = "sorted by class" if auc > 0.95 else "in an order that tells the classes apart"
        summary = f"The file is {sorted_by}: the position of a row alone has a ROC-AUC of {auc:.3f}"
        why = (
            "Whatever was numbered, measured or filled in in that order (ids, dates, batches) "
            "carries the answer. "
        )
        ids = columns_of_role(context.schema, "id")
        already = f"{listed(ids)} is an id already: look for what else was filled in in that order."
        why += already if ids else "Declare what numbers the rows as id."
        if context.strategy != "time":
            why += " If the order is that of time, name its column as time and split by time."
        return [POSITION.found("row_id", auc, summary, why)]
    if not NEIGHBOURS.passed(kappa) and surety >= PLAINLY and context.strategy == "stratified":
        summary = (
            "Rows next to each other in the file agree on the target by a kappa of "
            f"{kappa:.2f} beyond chance"
        )
        why = (
            "Neighbours seem to belong together, as rows of one customer, visit or day do, and a "
            "random split puts them on both sides. Name the column that tells which rows belong "
            "together as group, and split by group."
        )
        return [NEIGHBOURS.found("row_id", kappa, summary, why)]
    summary = f"The position of a row in the file has a ROC-AUC of {auc:.3f}."
    return [Finding("row_id", auc, POSITION.nearest, summary)]


def _neighbours_agree(context: Context) -> tuple[float, float]:
    """Return how far rows side by side agree on the target (kappa), and how surely.

    Of entities of two rows only each other pair of neighbours is one: both ways to pair the rows
    of the file are tried by themselves, too.
    """
    row_id = context.both["row_id"].to_numpy()
    order = np.argsort(row_id, kind="stable")
    row_id, ordered = row_id[order], context.targets[order]
    chance = ordered.mean() ** 2 + (1 - ordered.mean()) ** 2

    def kappa(distance: int, begin: int = 0, step: int = 1) -> tuple[float, int]:
        first = np.flatnonzero(row_id[:-distance] % step == begin)
        first = first[row_id[first + distance] - row_id[first] == distance]
        agreeing = (ordered[first] == ordered[first + distance]).mean() if len(first) else chance
        return float((agreeing - chance) / max(1 - chance, 1e-9)), len(first)

    slow = max(float(np.mean([kappa(distance)[0] for distance in APART])), 0.0)
    best = (0.0, 0.0)
    for agreeing, pairs in (kappa(1), kappa(1, 0, 2), kappa(1, 1, 2)):
        if pairs >= FEWEST_PAIRS:
            error = np.sqrt(chance / max(1 - chance, 1e-9) / pairs)
            best = max(best, (agreeing - slow, float((agreeing - slow) / max(error, 1e-12))))
    return best
