"""How much the rows can prove: the seal of the holdout, the models' scores, the classes' sizes."""

import numpy as np
import pandas as pd

from ml_baseline.audit.findings import Finding, judged, passed
from ml_baseline.audit.scoring import distance, lower_bound, rank_auc

# A score near 1 on fewer rows of a class is no news; from this roc_auc on it is worth explaining.
FEWEST_OF_A_CLASS = 50
NEARLY_PERFECT = 0.985


def sealed_holdout(
    train: pd.DataFrame, holdout: pd.DataFrame, oof: dict[str, pd.DataFrame], limits: dict
) -> Finding:
    """Return the finding on holdout rows that are, or were used as, training rows."""
    shared = np.intersect1d(train["row_id"], holdout["row_id"])
    named = {"the training rows": len(shared)}
    for model, predictions in oof.items():
        strange = ~np.isin(predictions["row_id"], train["row_id"])
        named[f"the out-of-fold predictions of '{model}', beside the training rows"] = int(
            strange.sum()
        )
        repeated = int(predictions["row_id"].duplicated().sum())
        named[f"the out-of-fold predictions of '{model}' for the second time"] = repeated
    where, rows = max(named.items(), key=lambda item: item[1])
    verdict, limit = judged(rows, limits["sealed_holdout"])
    if verdict == "pass":
        return passed(
            "sealed_holdout",
            "row_id",
            rows,
            limit,
            "No holdout row is among the training rows or the out-of-fold predictions.",
        )
    return Finding(
        "sealed_holdout",
        "row_id",
        float(rows),
        limit,
        verdict,
        f"{rows:,} rows are in {where} that must not be there (limit {limit:g}).",
        "A score on rows that were learned from says nothing about new rows. Delete the split and "
        "run again, so that this workflow makes both sides from one table, and let nothing else "
        "write its files.",
    )


def model_score(oof: dict[str, pd.DataFrame], strongest: float, limits: dict) -> list[Finding]:
    """Return the findings on models whose out-of-fold roc_auc is too good to be true.

    Args:
        oof: for each model its out-of-fold predictions.
        strongest: the roc_auc of the best single column, 1 if it is not known.
        limits: as `findings.LIMITS`.
    """
    findings, best = [], (0.5, "")
    for model, predictions in oof.items():
        target = predictions["target"].to_numpy()
        if len(np.unique(target)) < 2:
            continue
        auc = _mean_over_folds(predictions)
        best = max(best, (auc, model))
        finding = _judge_score(model, auc, target, strongest, limits)
        if finding is not None:
            findings.append(finding)
    if findings:
        return findings
    auc, model = best
    return [
        passed(
            "model_score",
            model,
            auc,
            limits["model_score"].warn,
            f"The best out-of-fold ROC-AUC is {auc:.3f}, of '{model}'."
            if model
            else "There are no out-of-fold predictions to look at.",
        )
    ]


def _mean_over_folds(predictions: pd.DataFrame) -> float:
    """Return the roc_auc that the leaderboard ranks by: the folds' mean, weighted by their rows."""
    folds = [
        (
            len(part),
            rank_auc(part["probability"].to_numpy(dtype=np.float64), part["target"].to_numpy()),
        )
        for _, part in predictions.groupby("fold")
        if part["target"].nunique() == 2
    ]
    rows = sum(size for size, _ in folds)
    return sum(size * auc for size, auc in folds) / rows if rows else 0.5


def _judge_score(
    model: str, auc: float, target: np.ndarray, strongest: float, limits: dict
) -> Finding | None:
    bound = lower_bound(auc, target)
    gain = distance(auc) - distance(strongest)
    verdict, limit = judged(bound, limits["model_certain"])
    value, figure = bound, f"above {bound:.4f} with 97.5 % confidence (limit {limit:g})"
    if verdict == "pass" and min(target.sum(), len(target) - target.sum()) >= FEWEST_OF_A_CLASS:
        verdict, limit = judged(auc, limits["model_score"])
        value, figure = auc, f"which reaches the limit of {limit:g}"
        if verdict == "pass" and auc >= NEARLY_PERFECT:
            verdict, limit = judged(gain, limits["model_gain"])
            value = gain
            figure = (
                f"{gain:.1f} standard deviations between the classes beyond the best single "
                f"column's {strongest:.3f} (limit {limit:g})"
            )
    if verdict == "pass":
        return None
    return Finding(
        "model_score",
        model,
        value,
        limit,
        verdict,
        f"The out-of-fold ROC-AUC of '{model}' is {auc:.4f}, {figure}.",
        "Hardly any question worth a model has an answer this certain, but a target that is "
        "computed from several columns has. Find out which columns are known when you predict, "
        "and list the others under forbidden.",
    )


def class_sizes(
    train: pd.DataFrame, holdout: pd.DataFrame, schema: dict, limits: dict
) -> list[Finding]:
    """Return the findings on classes that are too small for what is claimed of them."""
    findings = []
    for side, table in (("holdout", holdout), ("train", train)):
        counts = np.bincount(table[schema["target"]].to_numpy(), minlength=2)
        rows, smaller = int(counts.min()), int(counts.argmin())
        verdict, limit = judged(rows, limits["class_sizes"])
        if verdict == "pass":
            continue
        name = "holdout" if side == "holdout" else "training"
        findings.append(
            Finding(
                "class_sizes",
                side,
                float(rows),
                limit,
                verdict,
                f"The {name} rows have only {rows} of class {smaller} (limit {limit:g}).",
                "A score from so few moves by much with each of them: go by its interval more than "
                "by the figure. Get more rows of that class, hold out a larger part of the table, "
                "or use several seeds.",
            )
        )
    if findings:
        return findings
    smallest = min(
        np.bincount(table[schema["target"]].to_numpy(), minlength=2).min()
        for table in (train, holdout)
    )
    return [
        passed(
            "class_sizes",
            "holdout",
            smallest,
            limits["class_sizes"].warn,
            f"Each class has at least {smallest:,} rows on both sides of the split.",
        )
    ]
