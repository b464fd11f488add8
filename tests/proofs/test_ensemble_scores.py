"""The ensemble flatters nobody: its out-of-fold score, and the holdout score of what is chosen.

By simulation, where the truth is known: 20 equally good models whose errors have much or little in
common, so that there is much or little to be won by a mixture; each gives a row the same probability
in every split.
"""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from test_choosing import ROWS, SIGNAL, TEST_SIZE, splits

from ml_baseline.modelling.ensemble import learn_weights
from ml_baseline.scoring.choosing import choosing_scores, ranked, shared_rows
from ml_baseline.scoring.scores import confidence_intervals, scores
from ml_baseline.scoring.significance import combine_over_splits

pytestmark = pytest.mark.proof

MODELS, FRESH_ROWS, EXPERIMENTS, METRIC = 20, 4_000, 400, "log_loss"


def draw(rows, in_common, generator):
    """Return a target and what the models say of it, whose errors correlate by `in_common`."""
    target = (np.arange(rows) % 5 < 2).astype(int)
    shared = generator.standard_normal(rows) * math.sqrt(in_common)
    own = generator.standard_normal((MODELS, rows)) * math.sqrt(1 - in_common)
    return target, expit(SIGNAL * target + shared + own - 1)


def experiment(in_common, seeds, generator):
    """Return for one table what is reported less what is true, of the chosen model and the ensemble."""
    target, probability = draw(ROWS, in_common, generator)
    fresh_target, fresh = draw(FRESH_ROWS, in_common, generator)
    oof, holdouts, weights, seen = {}, {}, {}, []
    names = [f"model{i}" for i in range(MODELS)]
    for seed, (held_out, fold) in enumerate(splits(target, seeds, generator)):
        rows = np.setdiff1d(np.arange(ROWS), held_out)
        of_rows = pd.DataFrame({"row_id": rows, "fold": fold[rows], "target": target[rows]})
        models = {n: of_rows.assign(probability=probability[i, rows]) for i, n in enumerate(names)}
        found, mixed = learn_weights(models, "stratified")
        weights[seed] = found.set_index("model")["weight"].loc[names].to_numpy()
        oof[seed] = models | {"ensemble": mixed}
        holdouts[seed] = pd.DataFrame({"row_id": held_out, "target": target[held_out]})
        true = scores(fresh_target, weights[seed] @ fresh)[METRIC]
        same_rows = scores(target[rows], weights[seed] @ probability[:, rows])[METRIC]
        seen.append((scores(target[rows], mixed["probability"])[METRIC] - true, same_rows - true))
    scored, reported = choosing_scores(oof, holdouts, list(range(seeds)), METRIC, 0.5)
    best = ranked(scored, METRIC).index[0]
    intervals, truths = [], []
    for seed in reported:
        mixture = (
            weights[seed] if best == "ensemble" else np.array([n == best for n in names]) * 1.0
        )
        held_out = holdouts[seed]["row_id"]
        interval = confidence_intervals(
            target[held_out], mixture @ probability[:, held_out], table_rows=ROWS
        )
        intervals.append(interval.loc[METRIC, ["value", "low", "high"]].tolist())
        truths.append(scores(fresh_target, mixture @ fresh)[METRIC])
    value, low, high = np.array(intervals).T
    share = max(TEST_SIZE, shared_rows([holdouts[seed] for seed in reported]))
    found = (value[0], low[0], high[0])
    if len(reported) > 1:
        found = combine_over_splits(value, low, high, share)
    truth = np.mean(truths)
    covered = found[1] <= truth <= found[2]
    return found[0] - truth, covered, best == "ensemble", *np.mean(seen, axis=0)


@pytest.mark.parametrize("in_common", [0.2, 0.95])
@pytest.mark.parametrize("seeds", [1, 3])
def test_neither_the_ensemble_nor_what_is_chosen_is_flattered(seeds, in_common):
    generator = np.random.default_rng([seeds, round(100 * in_common)])
    found = np.array([experiment(in_common, seeds, generator) for _ in range(EXPERIMENTS)])
    off, covered, chosen, out_of_fold, same_rows = found.mean(axis=0)
    error = found.std(axis=0) / math.sqrt(EXPERIMENTS)
    print(
        f"| {seeds} | {in_common} | {100 * chosen:.0f} % | {off:+.4f} ± {error[0]:.4f} "
        f"| {100 * covered:.1f} | {out_of_fold:+.4f} ± {error[3]:.4f} "
        f"| {same_rows:+.4f} ± {error[4]:.4f} |"
    )
    assert off > -2.5 * error[0]  # less is better: what is reported is not too good
    assert 0.92 <= covered <= 0.99
    assert out_of_fold > -2.5 * error[3]
    assert out_of_fold < 0.02  # nor much too bad
    # The score of weights on the rows that they were learned from is: the simulation can tell.
    assert same_rows < out_of_fold - 0.003
