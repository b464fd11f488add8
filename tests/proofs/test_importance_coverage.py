"""Do the error bars of permutation importance hold the truth? Simulated, with the truth known.

Takes some five minutes on one core. The table it prints is that of docs/intervals.md:

    python -m pytest -m proof tests/proofs/test_importance_coverage.py -s
"""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from ml_baseline.scoring import importance
from ml_baseline.scoring.importance import permutation_importance
from ml_baseline.scoring.metrics import metric_named
from ml_baseline.scoring.scores import scores

pytestmark = pytest.mark.proof

FEATURES = ["strong", "correlated", "interacting"]
COLUMNS = [{"name": name, "role": "feature", "kind": "number"} for name in FEATURES]
SCHEMA = {"target": "y", "columns": [*COLUMNS, {"name": "y", "role": "target", "kind": "boolean"}]}
METRICS = ("roc_auc", "f1", "brier", "pr_auc", "log_loss")
POPULATION_ROWS, EXPERIMENTS = 1_000_000, 400
# Never much less than promised; more is the price of having shuffled a few times only.
LOWEST = 0.93
# Rows of the holdout and repeats.
CELLS = [(100, 10), (200, 10), (200, 2), (600, 10), (600, 2), (600, 1)]


def draw(rows: int, base: float, random: np.random.Generator) -> pd.DataFrame:
    x = random.normal(size=(rows, 3))
    x[:, 1] = 0.7 * x[:, 0] + 0.7 * x[:, 1]
    table = pd.DataFrame(x, columns=FEATURES)
    log_odds = base + 1.2 * x[:, 0] + 0.5 * x[:, 1] * x[:, 2]
    return table.assign(y=(random.random(rows) < expit(log_odds)).astype(int))


def model(base: float):
    """A model that is not quite right, as fitted models are."""
    return lambda table: expit(
        base
        + table["strong"].to_numpy()
        + 0.7 * table["correlated"].to_numpy()
        + 0.4 * (table["correlated"] * table["interacting"]).to_numpy()
    )


def true_importances(base: float, threshold: float) -> dict[tuple[str, str], float]:
    random = np.random.default_rng(1)
    table, predict = draw(POPULATION_ROWS, base, random), model(base)
    own = scores(table["y"], predict(table), threshold)
    truth = {}
    for name in FEATURES:
        shuffled = table.assign(**{name: random.permutation(table[name].to_numpy())})
        found = scores(table["y"], predict(shuffled), threshold)
        for metric in METRICS:
            loss = own[metric] - found[metric]
            truth[name, metric] = loss if metric_named(metric).higher_is_better else -loss
    return truth


@pytest.mark.parametrize(("base", "threshold"), [(-0.3, 0.5), (-2.0, 0.25)])
def test_error_bars_hold_the_importance_in_the_population(base, threshold, monkeypatch):
    truth, predict = true_importances(base, threshold), model(base)
    for rows, repeats in CELLS:
        monkeypatch.setattr(importance, "importance_budget", lambda *_, r=(rows, repeats): r)
        held = dict.fromkeys(METRICS, 0)
        for metric in METRICS:
            for i in range(EXPERIMENTS):
                holdout = draw(rows, base, np.random.default_rng(1_000 + i))
                found = permutation_importance(
                    predict, holdout, SCHEMA, metric, threshold, 0.95, random_state=i
                ).set_index("feature")
                held[metric] += sum(
                    found.loc[name, "low"] <= truth[name, metric] <= found.loc[name, "high"]
                    for name in FEATURES
                )
        shares = {metric: count / EXPERIMENTS / len(FEATURES) for metric, count in held.items()}
        cells = " | ".join(f"{shares[metric]:.3f}" for metric in METRICS)
        print(f"| {expit(base):.2f} | {rows} | {repeats} | {cells} |", flush=True)
        assert min(shares.values()) >= LOWEST, (rows, repeats, shares)
