"""Fitted models that predict together: one classifier whose probability is their weighted mean."""

from collections.abc import Mapping

import numpy as np
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder

from ml_baseline.errors import InputError


def weights_of(ensemble: VotingClassifier) -> dict[str, float]:
    """Return the weights of an ensemble's members by name, the heaviest first."""
    names = [name for name, _ in ensemble.estimators]
    return dict(zip(names, ensemble.weights, strict=True))


def weighted_mean(models: Mapping[str, Pipeline], weights: Mapping[str, float]) -> VotingClassifier:
    """Return fitted models as one fitted classifier, whose probability is their weighted mean.

    Raises:
        InputError: the classes of a model are not 0 and 1, in this order.
    """
    for name, model in models.items():
        if (classes := np.asarray(model.classes_).tolist()) != [0, 1]:
            raise InputError(
                f"the classes of {name} are {classes}; expected 0 and 1 in this order. "
                "Sort its `classes_`, or write `ensemble: false`"
            )
    ensemble = VotingClassifier(
        [*models.items()], voting="soft", weights=[weights[name] for name in models]
    )
    ensemble.estimators_ = [*models.values()]
    ensemble.le_ = LabelEncoder().fit([0, 1])
    ensemble.classes_ = ensemble.le_.classes_
    return ensemble
