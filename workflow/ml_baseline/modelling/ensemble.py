"""The ensemble: the weighted mean of the models' probabilities, with weights learned out of fold."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ml_baseline.data.split import fold_rows

# So many times a model is added to the mean. From 10 to 100 no number is better on new rows, nor is a start
# with the best models or bagging (docs/ensemble.md).
ROUNDS = 25
# A model may be certain of what does not happen, but not infinitely so.
LEAST = np.finfo(float).eps


def greedy_weights(likelihood: np.ndarray) -> np.ndarray:
    """Return the weights of the models in the mean with the least log loss, shape (models,).

    Greedy forward selection with replacement: the mean begins with the best model, and the one that
    improves it most is added again and again; a model's weight is how often that was. Caruana,
    Niculescu-Mizil, Crew and Ksikes (2004), "Ensemble selection from libraries of models", ICML. Of
    equally good models the first is taken.

    `likelihood` is the probability that each model gave to what was the case, shape (models, rows);
    with no rows the weights are equal.
    """
    models, rows = likelihood.shape
    if not rows:
        return np.full(models, 1 / models)
    counts, total = np.zeros(models), np.zeros(rows)
    for _ in range(ROUNDS):
        # Of a sum and of a mean the same model has the least loss.
        added = np.log(total + likelihood).sum(axis=1).argmax()
        counts[added] += 1
        total += likelihood[added]
    return counts / ROUNDS


def _likelihood(probability: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.clip(np.where(target == 1, probability, 1 - probability), LEAST, 1)


def learn_weights(
    oof: Mapping[str, pd.DataFrame], strategy: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the weights of the models, and the out-of-fold predictions of their weighted mean.

    The rows of a fold are predicted with weights learned from the other folds, under the strategy
    "time" from those before it: no weight is scored on a row that it was learned from. For the first
    fold in time nothing is known, and the models that tell its rows apart weigh the same. If the mean
    is then worse than a model that tells no rows apart, the baseline, the ensemble is that model.

    `oof` has for each model its out-of-fold predictions, all of the same rows. Returns `model, weight,
    log_loss`, the heaviest first: of each model the weight learned from all rows, and its own
    out-of-fold log loss; and `row_id, fold, target, probability`.
    """
    probability = np.array([predictions["probability"] for predictions in oof.values()])
    found = next(iter(oof.values())).copy()
    target, fold = found["target"].to_numpy(), found["fold"].to_numpy()
    likelihood = _likelihood(probability, target)
    blind = np.full(len(oof), True)
    for number in np.unique(fold):
        others, own = fold_rows(fold, number, strategy)
        able = np.ptp(probability[:, own], axis=1) > 0
        blind &= ~able
        candidates = able if able.any() and not others.any() else np.full(len(oof), True)
        weights = greedy_weights(likelihood[np.ix_(candidates, others)])
        mean = weights @ probability[np.ix_(candidates, own)]
        found.loc[own, "probability"] = np.clip(mean, 0, 1)  # sums are rounded
    weights = greedy_weights(likelihood)
    losses = -np.log(likelihood).mean(axis=1)
    least = np.where(blind, losses, np.inf).argmin()
    if blind[least] and -np.log(_likelihood(found["probability"], target)).mean() > losses[least]:
        weights = np.eye(len(oof))[least]
        found["probability"] = probability[least]
    learned = pd.DataFrame({"model": [*oof], "weight": weights, "log_loss": losses})
    ranked = learned.sort_values("weight", ascending=False, kind="stable", ignore_index=True)
    return ranked, found
