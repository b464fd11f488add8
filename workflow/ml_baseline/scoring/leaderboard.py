"""The models of one table side by side, over all its seeds, and which of them is best."""

import pandas as pd

from ml_baseline.errors import InputError
from ml_baseline.modelling.failure import FAILED, FITTED
from ml_baseline.scoring.choosing import ranked, shared_rows
from ml_baseline.scoring.metrics import BLIND, METRICS, NO_FARTHER, metric_named
from ml_baseline.scoring.scores import stratified_rows
from ml_baseline.scoring.significance import (
    ROLES,
    combine_over_splits,
    compare,
    compare_over_splits,
)

COMPARED = tuple(
    f"{role}_{figure}" for role in ROLES for figure in ("difference", "low", "high", "p_adjusted")
)

Predictions = dict[int, pd.DataFrame]  # of the holdout, by seed


def leaderboard(
    metrics: pd.DataFrame,
    oof_scores: pd.DataFrame,
    predictions: Predictions,
    settings: dict,
    table_rows: int,
) -> pd.DataFrame:
    """Return one row a model, the best first.

    Args:
        metrics: holdout metrics with intervals, one row a seed and model.
        oof_scores: out-of-fold metrics, one row a seed and model.
        predictions: holdout predictions of each seed reported (see `choosing.reported_seeds`).
        settings: `select_by`, `baseline`, `threshold`, `strategy` and `level`; `unit`: what rows
            that are no evidence of their own have in common, "group" or "distinct row".
        table_rows: rows of the whole table.

    Returns:
        `dataset, model, rank, selected`; `oof_<select_by>`, the out-of-fold score it was ranked by;
        each of `METRICS` on the holdout with `_low`, `_high` and `_reliable`, which `reliable` repeats
        for `select_by`; `threshold, prevalence, rows, units, unit, seeds, level`; `baseline_difference,
        baseline_low, baseline_high, baseline_p_adjusted`, the comparison with the baseline by
        `select_by`, `best_...` with the best model and `blind_...` with `blind`, the best that can be
        had without a look at a row, the p-values adjusted for the number of models; `verdict`, that in
        words; `baseline, blind, status, reason`. Over several `seeds` (splits) figures are means, and
        intervals allow for the rows that the splits share. Models that failed with any seed stand at
        the end, without scores; nothing is compared with a baseline that failed.

    Raises InputError if no model is left.
    """
    failures = failures_of(metrics)
    metrics = metrics[~metrics["model"].isin(failures)]
    if metrics.empty:
        raise InputError(
            "no model could be trained with all seeds: "
            + "; ".join(f"{model}: {reason}" for model, reason in failures.items())
        )
    metrics = metrics[metrics["seed"].isin(list(predictions))]
    oof_scores = oof_scores[~oof_scores["model"].isin(failures)]
    predictions = {seed: of[~of["model"].isin(failures)] for seed, of in predictions.items()}
    if settings["baseline"] in failures:
        settings = settings | {"baseline": None}
    order = ranked(oof_scores, settings["select_by"])
    notes = metrics.dropna(subset="reason").query("reason != ''").drop_duplicates("model")
    notes = notes.set_index("model")["reason"]
    # A model that answers differently when asked twice is chosen only where there is no other.
    order = order.iloc[order.index.isin(notes.index).argsort(kind="stable")]
    # In time order all holdouts are the same rows.
    test_share = max(metrics["rows"].mean() / table_rows, shared_rows(list(predictions.values())))
    rows = []
    for rank, (model, oof_score) in enumerate(order.items(), start=1):
        of_model = metrics[metrics["model"] == model]
        row = {
            "dataset": of_model["dataset"].iloc[0],
            "model": model,
            "rank": rank,
            "selected": rank == 1,
            f"oof_{settings['select_by']}": oof_score,
        }
        for name in METRICS:
            figures = [name, f"{name}_low", f"{name}_high"]
            value, low, high = of_model[figures].to_numpy(dtype=float).T
            combined = combine_over_splits(value, low, high, test_share)
            row |= dict(zip(figures, combined, strict=True))
            row[f"{name}_reliable"] = bool(of_model[f"{name}_reliable"].all())
        row["reliable"] = row[f"{settings['select_by']}_reliable"]
        row |= of_model[["threshold", "prevalence", "rows", "units"]].mean().to_dict()
        row["unit"] = settings["unit"] if row["units"] < row["rows"] else "row"
        rows.append(row | {"seeds": len(of_model), "level": settings["level"]})
    compared = compared_models(predictions, order.index[0], settings, table_rows, test_share)
    table = pd.DataFrame(rows).join(compared[list(COMPARED)], on="model")
    does = what_the_baseline_does(predictions, settings)
    table["verdict"] = [
        verdict_of(row, settings, does, best=order.index[0]) for row in table.to_dict("records")
    ]
    table["baseline"] = settings["baseline"] or ""
    table["blind"] = BLIND[metric_named(settings["select_by"]).blind]
    table["status"] = FITTED
    table["reason"] = [notes.get(model, "") for model in table["model"]]
    known = ["dataset", "threshold", "prevalence", "rows", "units", "unit", "seeds", "level"]
    same = table.iloc[0][[*known, "baseline"]].to_dict()
    same |= {"selected": False, "reliable": False, "verdict": FAILED, "status": FAILED}
    same |= {f"{name}_reliable": False for name in METRICS}
    failed = [same | {"model": model, "reason": reason} for model, reason in failures.items()]
    return pd.concat([table, pd.DataFrame(failed, columns=table.columns)], ignore_index=True)


def what_the_baseline_does(predictions: Predictions, settings: dict) -> str:
    """Return in words what the baseline does if that is the same for every row, else ""."""
    kinds = set()
    for of_seed in predictions.values():
        own = of_seed[of_seed["model"] == settings["baseline"]]
        if own["probability"].nunique() != 1:
            return ""
        ones = own["probability"].iloc[0] >= settings["threshold"]
        kinds.add("more frequent" if ones == (own["target"].mean() >= 0.5) else "rarer")
    return f"always predicts the {kinds.pop()} class" if len(kinds) == 1 else ""


def verdict_of(row: dict, settings: dict, does: str, best: str) -> str:
    """Return in words what a model's comparisons show.

    Better than the baseline by the metric is not enough: by F1 or recall a coin flip is better than
    a model that predicts no ones. A model has shown skill where its ROC-AUC is above chance and it is
    better by the metric than any answer without a look at a row. `does` is what
    `what_the_baseline_does` returns, `best` the name of the best model.
    """
    metric = metric_named(settings["select_by"])
    sign = 1 if metric.higher_is_better else -1
    alpha, baseline = 1 - settings["level"], settings["baseline"]
    blind = BLIND[metric.blind]
    beats_blind = row["blind_p_adjusted"] <= alpha and sign * row["blind_difference"] > 0
    words = []
    if row["model"] == baseline:
        words.append(f"the baseline, which {does}" if does else "the baseline")
    elif baseline is not None:
        above = f"above {baseline} by {metric.title}, but"
        if row["baseline_p_adjusted"] > alpha:
            words.append(f"not shown to be better than {baseline}")
        elif sign * row["baseline_difference"] <= 0:
            words.append(f"worse than {baseline}")
        elif row["roc_auc_low"] <= 0.5:
            words.append(f"no skill shown: {above} its ROC-AUC may be chance")
        elif not beats_blind:
            words.append(f"{above} not shown to be better than {blind}")
        elif sign * (row["baseline_difference"] - row["blind_difference"]) > NO_FARTHER:
            words.append(f"better than {baseline} and than {blind}")
        else:
            words.append(f"better than {baseline}")
    if row["model"] == best:
        words.append("the best of those tried")
    elif row["best_p_adjusted"] > alpha:
        words.append(f"not distinguishable from {best}")
    else:
        better = sign * row["best_difference"] > 0
        here = f"better here than {best}, which was chosen in training"
        words.append(here if better else f"worse than {best}")
    return "; ".join(words)


def failures_of(metrics: pd.DataFrame) -> dict[str, str]:
    """Return the models that failed with any seed, and why, in the order of their names."""
    failed = metrics[metrics["status"] == FAILED]
    seeds, found = metrics["seed"].nunique(), {}
    for model, rows in failed.groupby("model"):
        reasons = rows["reason"].tolist()
        if len(reasons) == seeds and len(set(reasons)) == 1:
            found[model] = reasons[0]
        else:
            found[model] = "; ".join(f"seed {row.seed}: {row.reason}" for row in rows.itertuples())
    return found


def compared_models(
    predictions: Predictions, best: str, settings: dict, table_rows: int, test_share: float
) -> pd.DataFrame:
    """Return the comparison of each model with the baseline and the best, indexed by model."""
    comparisons = []
    for of_seed in predictions.values():
        parts = dict(list(of_seed.groupby("model", sort=False)))
        compared = compare(
            parts[best]["target"].to_numpy(),
            {name: part["probability"].to_numpy() for name, part in parts.items()},
            best=best,
            metric=settings["select_by"],
            units=parts[best].get("unit"),
            table_rows=stratified_rows(settings["strategy"], table_rows),
            **{name: settings[name] for name in ("baseline", "threshold", "level")},
        )
        comparisons.append(compared)
    return compare_over_splits(comparisons, test_share, settings["level"]).set_index("model")
