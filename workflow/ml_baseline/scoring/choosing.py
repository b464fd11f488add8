"""Which model is best, by rows that nothing it is then reported with has been measured on."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from ml_baseline.config.estimator_rules import ENSEMBLE
from ml_baseline.scoring.metrics import metric_named
from ml_baseline.scoring.sample import sample_of
from ml_baseline.scoring.scores import value
from ml_baseline.scoring.significance import compare

# The rows left to choose by, as a share of one split's training rows of each class: splits whose
# holdouts would leave less are not reported.
LEAST_TO_CHOOSE_BY = 0.45
# A model that is shown to be better than the ensemble has a p-value of at most this, adjusted for
# the number of models.
ALPHA = 0.05

Rows = Mapping[int, pd.DataFrame]  # of each seed, with `row_id` and `target`


def reported_seeds(training: Rows, holdouts: Rows, seeds: Sequence[int]) -> list[int]:
    """Return the seeds of the splits whose holdout scores are reported: the first ones of `seeds`.

    The holdouts of several splits of a table cover more and more of it, and where a model was chosen
    by rows that it is then reported on, the report is too good. So the rows of the reported
    holdouts choose nothing in any split, and only so many splits are reported as leave rows to
    choose by. In time order, where all holdouts are the same rows, that is all of them.

    Args:
        training: the rows of each split with out-of-fold predictions.
        holdouts: the rows held out in each split.
        seeds: all seeds, that of the published model first.
    """
    first = training[seeds[0]]
    there = first["target"].value_counts()
    reported, held_out = [seeds[0]], set(holdouts[seeds[0]]["row_id"])
    for seed in seeds[1:]:
        held_out |= set(holdouts[seed]["row_id"])
        left = first.loc[~first["row_id"].isin(held_out), "target"].value_counts()
        if (left.reindex(there.index, fill_value=0) < LEAST_TO_CHOOSE_BY * there).any():
            break
        reported.append(seed)
    return reported


def choosing_scores(
    oof: Mapping[int, Mapping[str, pd.DataFrame]],
    holdouts: Rows,
    seeds: Sequence[int],
    select_by: str,
    threshold: float,
    groups: pd.Series | None = None,
) -> tuple[pd.DataFrame, list[int]]:
    """Return the scores that models are ranked by, and the seeds that are reported.

    `oof` holds for each seed the out-of-fold predictions of each model that has some; `holdouts`,
    `seeds` and what is reported are as in `reported_seeds`. The scores are `seed, model` and the
    metric `select_by`, one row a seed and model, of the rows that are in no reported holdout; with an
    ensemble and by log loss also `beats_ensemble`, whether the model is shown to be better than that.
    `groups` has the number of each row's group by `row_id`, where rows that belong together are one
    piece of evidence.
    """
    if not oof:  # no model could be trained with any seed
        return pd.DataFrame(columns=["seed", "model", select_by]), list(seeds[:1])
    training = {seed: next(iter(of_seed.values())) for seed, of_seed in oof.items()}
    reported = reported_seeds(training, holdouts, [seed for seed in seeds if seed in training])
    held_out = np.concatenate([holdouts[seed]["row_id"].unique() for seed in reported])
    found = []
    for seed, of_seed in oof.items():
        by_ensemble = of_seed.get(ENSEMBLE) if select_by == "log_loss" else None
        for model, predictions in of_seed.items():
            keep = (~predictions["row_id"].isin(held_out)).to_numpy()
            left = predictions[keep]
            # A split that is not reported may have no row of the rarer class left.
            if left["target"].nunique() < 2:
                continue
            score = out_of_fold_score(left, select_by, threshold)
            found.append({"seed": seed, "model": model, select_by: score})
            if by_ensemble is not None:
                both = {ENSEMBLE: by_ensemble[keep]["probability"], model: left["probability"]}
                units = None if groups is None else groups.loc[left["row_id"]]
                test = compare(
                    left["target"], both, None, ENSEMBLE, metric=select_by, units=units
                ).iloc[-1]
                is_shown = test["best_p"] * (len(of_seed) - 1) <= ALPHA  # Bonferroni
                found[-1]["beats_ensemble"] = bool(test["best_difference"] < 0 and is_shown)
    return pd.DataFrame(found), reported


def shared_rows(holdouts: Sequence[pd.DataFrame]) -> float:
    """Return the share of its rows that a holdout has in common with another, on average: 0 to 1."""
    rows = [set(holdout["row_id"]) for holdout in holdouts]
    pairs = [len(a & b) / np.sqrt(len(a) * len(b)) for a, b in combinations(rows, 2)]
    return float(np.mean(pairs)) if pairs else 1.0


def out_of_fold_score(oof: pd.DataFrame, name: str, threshold: float) -> float:
    """Return a metric of a model's out-of-fold predictions (`row_id, fold, target, probability`).

    A metric of ranking is a mean over the folds, weighted by their rows: the folds' models differ
    a little in level, and pooling their probabilities would mix that into the ranking (a constant
    model would get less than 0.5). Folds in which only rows of one class are left rank nothing. Any
    other metric is taken over all rows at once, as a mean of F1 over small folds is biased (Forman
    and Scholz 2010, SIGKDD Explorations 12(1), pp. 49-57).
    """

    target, probability, fold = (oof[c].to_numpy() for c in ("target", "probability", "fold"))
    parts = [np.flatnonzero(fold == number) for number in np.unique(fold)]
    parts = [rows for rows in parts if np.ptp(target[rows]) > 0]
    if not (parts and metric_named(name).ranks):
        return value(name, sample_of(target, probability, threshold))
    scores = [value(name, sample_of(target[r], probability[r], threshold)) for r in parts]
    # Divided at the end, so that folds of 0.5 each make 0.5 and not a digit less.
    rows = np.array([part.size for part in parts])
    return float(np.sum(rows * scores) / rows.sum())


def ranked(oof_scores: pd.DataFrame, select_by: str) -> pd.Series:
    """Return the models' mean out-of-fold scores over the seeds, the best model first.

    Choosing by the holdout would make the winner's holdout score too good. A tie goes to the model
    that stands first in the config. By log loss the ensemble is first, unless a model is shown to be
    better with each seed: the lowest of several scores is partly luck, which the ensemble's own score
    has no part in (docs/ensemble.md). `oof_scores` is as `choosing_scores` returns it.
    """
    of_models = oof_scores.groupby("model", sort=False)
    means = of_models[select_by].mean()
    ascending = not metric_named(select_by).higher_is_better
    means = means.sort_values(ascending=ascending, kind="stable")
    if ENSEMBLE in means and "beats_ensemble" in oof_scores:
        # With the score of a model alone, such as the baseline's, it is no mixture.
        is_mixture = (means == means[ENSEMBLE]).sum() == 1
        if is_mixture and not of_models["beats_ensemble"].all().any():
            means = means.iloc[(means.index != ENSEMBLE).argsort(kind="stable")]
    return means
