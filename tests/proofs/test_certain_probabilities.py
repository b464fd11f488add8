"""The interval of the log loss of models that say exactly 0, as forests and neighbours do.

python -m pytest -m proof tests/proofs/test_certain_probabilities.py -s
"""

import numpy as np
import pytest
from scipy.special import expit, logit
from test_coverage import Population, coverage, report

from ml_baseline.scoring.sample import sample_of
from ml_baseline.scoring.scores import ENOUGH_EFFECTIVE_ROWS, estimate, scores

pytestmark = pytest.mark.proof
EXPERIMENTS = 1000


def votes(prevalence: float, signal: float, trees: int, sureness: float) -> Population:
    """Return rows to which each of some trees says yes with the right probability, or a surer one."""

    def draw(generator, rows):
        target = generator.random(rows) < prevalence
        score = signal * target + generator.standard_normal(rows)
        share = expit(logit(prevalence) + sureness * signal * (score - signal / 2))
        return target, generator.binomial(trees, share) / trees

    return Population(draw, scores(*draw(np.random.default_rng(1), 4_000_000)))


def test_intervals_of_the_log_loss_of_votes_hold_what_they_promise():
    results = {}
    for prevalence, sizes in ((0.02, (1500, 4000)), (0.1, (500, 1500))):
        for trees in (20, 100, 200):
            for signal, sureness in ((1.2, 1), (2, 1), (2, 2)):
                population = votes(prevalence, signal, trees, sureness)
                for rows in sizes:

                    def experiment(generator, population=population, rows=rows):
                        target, probability = population.draw(generator, rows)
                        found = estimate("log_loss", sample_of(target, probability))
                        low, high = found.limits(0.95)
                        reliable = found.effective_rows >= ENOUGH_EFFECTIVE_ROWS
                        reliable &= target.sum() >= 20
                        return [low <= population.truth["log_loss"] <= high], [reliable], [reliable]

                    results[f"{rows} rows, {prevalence:.0%} ones", (trees, signal, sureness)] = (
                        coverage(experiment, ["log_loss"], [rows, trees], EXPERIMENTS)
                    )
    report("Log loss of votes", ["log_loss"], results)
    least = min(found.covered_if_reliable["log_loss"] for found in results.values())
    assert least >= 0.9
