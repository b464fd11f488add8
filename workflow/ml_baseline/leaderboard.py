"""The models of one table side by side, over all its seeds, and which of them is best."""

import pandas as pd

from ml_baseline.metrics import METRICS, higher_is_better, scores

RANKING_METRICS = ("roc_auc", "pr_auc")


def out_of_fold_scores(oof: pd.DataFrame, threshold: float) -> dict[str, float]:
    """Return every metric of a model's out-of-fold predictions.

    Metrics of ranking are means over the folds, weighted by their rows: the folds' models differ
    a little in level, and pooling their probabilities would mix that into the ranking (a constant
    model would get less than 0.5). All other metrics are taken over all rows at once, as a mean of
    F1 over small folds is biased (Forman and Scholz 2010, SIGKDD Explorations 12(1), pp. 49-57).

    Args:
        oof: columns `row_id, fold, target, probability`.
        threshold: a probability of at least this much predicts class 1.
    """
    pooled = scores(oof["target"], oof["probability"], threshold)
    by_fold = pd.DataFrame(
        scores(part["target"], part["probability"], threshold) for _, part in oof.groupby("fold")
    )
    weights = by_fold["rows"] / by_fold["rows"].sum()
    return pooled | {name: float((by_fold[name] * weights).sum()) for name in RANKING_METRICS}


def leaderboard(
    metrics: pd.DataFrame, oof_scores: pd.DataFrame, select_by: str, dataset: str
) -> pd.DataFrame:
    """Return one row a model, the best first.

    Models are ranked by their out-of-fold score alone: choosing by the holdout would make the
    winner's holdout score too good.

    Args:
        metrics: holdout metrics, one row a seed and model: `seed, model` and the metrics.
        oof_scores: out-of-fold metrics, one row a seed and model, with the same columns.
        select_by: the metric to rank by.
        dataset: the table's name.

    Returns:
        `dataset, model, rank, selected, oof_<select_by>`, then the holdout metrics, all as means
        over the seeds, `threshold, prevalence, rows` and `seeds`.
    """
    columns = [*METRICS, "threshold", "prevalence", "rows"]
    table = metrics.groupby("model", sort=False)[columns].mean()
    table.insert(0, f"oof_{select_by}", oof_scores.groupby("model")[select_by].mean())
    # A tie goes to the model that stands first in the config.
    ranks = table[f"oof_{select_by}"].rank(
        method="first", ascending=not higher_is_better(select_by)
    )
    table.insert(0, "selected", ranks == 1)
    table.insert(0, "rank", ranks.astype(int))
    table["seeds"] = metrics.groupby("model")["seed"].nunique()
    table = table.sort_values("rank").reset_index()
    table.insert(0, "dataset", dataset)
    return table
