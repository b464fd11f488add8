"""What the place of a row in the file tells of the target."""

import numpy as np

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit
from ml_baseline.audit.registry import check
from ml_baseline.audit.strength import numbers_auc, plainly_above_chance

POSITION = Limit(
    0.80,
    None,
    "roc_auc of the position: files in some order by chance reach 0.75, one sorted by class has 1",
)
NEIGHBOURS = Limit(
    0.45, None, "kappa of rows side by side in the file: 0 where the file is shuffled"
)
# Agreement must be this many standard errors away from none.
PLAINLY = 5.0


@check(
    "roc_auc of the position in the file, and agreement on the target of rows side by side",
    {"row_order": POSITION, "row_neighbours": NEIGHBOURS},
)
def row_order(context: Context) -> list[Finding]:
    """Judge the position of the rows and what stands beside them."""
    target, row_id = context.target, context.sample["row_id"].to_numpy()
    auc = numbers_auc(row_id.astype(np.float64), target, context.folds)
    kappa, surety = _neighbours_agree(row_id, target)
    if not POSITION.passed(auc) and plainly_above_chance(auc, target):
        sorted_by = "sorted by class" if auc > 0.95 else "in an order that tells the classes apart"
        summary = f"The file is {sorted_by}: the position of a row alone has a ROC-AUC of {auc:.3f}"
        why = (
            "Whatever was numbered, measured or filled in in that order (ids, dates, batches) "
            "carries the answer. Declare what numbers the rows as id."
        )
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


def _neighbours_agree(row_id: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Return how far rows side by side agree on the target (kappa), and how surely."""
    order = np.argsort(row_id, kind="stable")
    ordered = target[order]
    beside = np.diff(row_id[order]) <= 2
    if beside.sum() < 20:
        return 0.0, 0.0
    agreeing = (ordered[1:] == ordered[:-1])[beside].mean()
    share = target.mean()
    chance = share**2 + (1 - share) ** 2
    kappa = (agreeing - chance) / max(1 - chance, 1e-9)
    error = np.sqrt(chance / max(1 - chance, 1e-9) / beside.sum())
    return float(kappa), float(kappa / max(error, 1e-12))
