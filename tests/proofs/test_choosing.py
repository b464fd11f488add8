"""Choosing a model over several seeds does not flatter it: by simulation, where the truth is known.

The models are equally good, so that whichever is chosen, the truth is the same; and each gives a row
the same probability in every split, so that a row that helped to choose a model is as flattering as it
can be where it is held out.
"""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, ndtr

from ml_baseline.scoring.choosing import choosing_scores, ranked, shared_rows
from ml_baseline.scoring.scores import confidence_intervals
from ml_baseline.scoring.significance import combine_over_splits

pytestmark = pytest.mark.proof

ROWS, TEST_SIZE, SIGNAL, FOLDS = 300, 0.2, 1.0, 5
TRUTH = float(ndtr(SIGNAL / math.sqrt(2)))
EXPERIMENTS = 800


def splits(target: np.ndarray, seeds: int, generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return for each seed the rows held out, stratified, and a fold for every row."""
    found = []
    for _ in range(seeds):
        of_class = [generator.permutation(np.flatnonzero(target == c)) for c in (0, 1)]
        held_out = np.concatenate([rows[: round(TEST_SIZE * rows.size)] for rows in of_class])
        fold = np.empty(target.size, dtype=int)
        for rows in of_class:
            fold[rows] = np.arange(rows.size) % FOLDS
        found.append((held_out, fold))
    return found


def chosen(models: int, seeds: int, generator) -> tuple[float, float, float]:
    """Return what is reported of the best of equal models: its ROC-AUC with its interval."""
    target = (np.arange(ROWS) % 5 < 2).astype(int)
    probability = expit(SIGNAL * target + generator.standard_normal((models, ROWS)) - 1)
    oof, holdouts = {}, {}
    for seed, (held_out, fold) in enumerate(splits(target, seeds, generator)):
        rows = np.setdiff1d(np.arange(ROWS), held_out)
        of_rows = pd.DataFrame({"row_id": rows, "fold": fold[rows], "target": target[rows]})
        oof[seed] = {m: of_rows.assign(probability=probability[m, rows]) for m in range(models)}
        holdouts[seed] = pd.DataFrame({"row_id": held_out, "target": target[held_out]})
    scores, reported = choosing_scores(oof, holdouts, list(range(seeds)), "roc_auc", 0.5)
    best = ranked(scores, "roc_auc").index[0]
    rows = [holdouts[seed]["row_id"] for seed in reported]
    intervals = [confidence_intervals(target[r], probability[best, r]).loc["roc_auc"] for r in rows]
    value, low, high = np.array([i[["value", "low", "high"]].tolist() for i in intervals]).T
    if len(reported) == 1:
        return value[0], low[0], high[0]
    share = max(TEST_SIZE, shared_rows([holdouts[seed] for seed in reported]))
    return combine_over_splits(value, low, high, share)


@pytest.mark.parametrize("models", [4, 20])
@pytest.mark.parametrize("seeds", [1, 3, 10])
def test_the_chosen_model_is_not_flattered(models, seeds):
    generator = np.random.default_rng([models, seeds])
    found = np.array([chosen(models, seeds, generator) for _ in range(EXPERIMENTS)])
    off = found[:, 0] - TRUTH
    covered = np.mean((found[:, 1] <= TRUTH) & (found[:, 2] >= TRUTH))
    error = off.std() / math.sqrt(EXPERIMENTS)
    print(f"| {seeds} | {models} | {off.mean():+.4f} ± {error:.4f} | {100 * covered:.1f} |")
    assert abs(off.mean()) < 0.007
    assert 0.93 <= covered <= 0.98
