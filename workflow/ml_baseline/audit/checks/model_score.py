"""Models whose out-of-fold score is too good to be true."""

import numpy as np
import pandas as pd

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit
from ml_baseline.audit.registry import check
from ml_baseline.audit.strength import distance, lower_bound, rank_auc

SCORE = Limit(
    warn=0.998,
    why="out-of-fold roc_auc; honest models of easy tables reach 0.997 (breast cancer 0.995)",
)
GAIN = Limit(
    warn=1.5,
    why="d' above the best single column, from 0.985 on: honest models that are nearly always right have "
    "a column that is often right (breast cancer 0.6)",
)
CERTAIN = Limit(0.99, 0.998, "lower bound of the roc_auc: near 1 it asks for thousands of rows")
# A score near 1 on fewer rows of a class is no news; from this roc_auc on it is worth explaining.
FEWEST_OF_A_CLASS = 50
NEARLY_PERFECT = 0.985


@check(model_score=SCORE, model_gain=GAIN, model_certain=CERTAIN)
def model_score(context: Context) -> list[Finding]:
    """A model's out-of-fold roc_auc, and what it adds to the best single column."""
    strongest = max((one.auc for one in context.scored), default=0.5)
    findings, best, best_model = [], 0.5, ""
    for model, predictions in context.oof.items():
        target = predictions["target"].to_numpy()
        if len(np.unique(target)) < 2:
            continue
        auc = mean_over_folds(predictions)
        best, best_model = max((best, best_model), (auc, model))
        finding = judged_score(model, auc, target, strongest)
        findings += [finding] if finding is not None else []
    summary = "There are no out-of-fold predictions to look at."
    if best_model:
        summary = f"The best out-of-fold ROC-AUC is {best:.3f}, of '{best_model}'."
    return findings or [Finding(best_model, best, SCORE.nearest, summary)]


def mean_over_folds(predictions: pd.DataFrame) -> float:
    """Return the roc_auc that the leaderboard ranks by: the folds' mean, weighted by their rows."""
    folds = [part for _, part in predictions.groupby("fold") if part["target"].nunique() == 2]
    areas = [rank_auc(p["probability"].to_numpy(), p["target"].to_numpy()) for p in folds]
    return float(np.average(areas, weights=[len(p) for p in folds])) if folds else 0.5


def judged_score(model: str, auc: float, target: np.ndarray, strongest: float) -> Finding | None:
    """Return what is wrong with a model's roc_auc, given that of the best single column."""
    bound, gain = lower_bound(auc, target), distance(auc) - distance(strongest)
    enough = min(target.sum(), len(target) - target.sum()) >= FEWEST_OF_A_CLASS
    if not CERTAIN.passed(bound):
        limit, value, figure = CERTAIN, bound, f"above {bound:.4f} with 97.5 % confidence"
    elif enough and not SCORE.passed(auc):
        limit, value, figure = SCORE, auc, "which hardly any honest model reaches"
    elif enough and auc >= NEARLY_PERFECT and not GAIN.passed(gain):
        figure = (
            f"{gain:.1f} standard deviations between the classes beyond the best single column's "
            f"{strongest:.3f}"
        )
        limit, value = GAIN, gain
    else:
        return None
    why = (
        "Hardly any question worth a model has an answer this certain, but a target that is "
        "computed from several columns has. Find out which columns are known when you predict, and "
        "list the others under forbidden."
    )
    summary = f"The out-of-fold ROC-AUC of '{model}' is {auc:.4f}, {figure}"
    return limit.found(model, value, summary, why)
