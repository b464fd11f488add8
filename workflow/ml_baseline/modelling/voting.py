"""Fitted models that predict together: one classifier whose probability is their weighted mean."""

from collections.abc import Mapping

import numpy as np
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder

from ml_baseline.errors import InputError


def members_of(model: Pipeline | VotingClassifier) -> dict[str, float]:
    """Return the weights of the models that a fitted one is made of by name, the heaviest first.

    One that is none of scikit-learn's weighted means has its `estimators` in the same form, and no
    weights: each counts as 1. A model by itself has no members.
    """
    members = getattr(model, "estimators", [])
    weights = getattr(model, "weights", [1.0] * len(members))
    return dict(zip((name for name, _ in members), weights, strict=True))


def weighted_mean(models: Mapping[str, Pipeline], weights: Mapping[str, float]) -> VotingClassifier:
    """Return fitted models as one fitted classifier, whose probability is their weighted mean.

    Raises InputError as `of_members` does.
    """
    mean = VotingClassifier([], voting="soft", weights=[weights[name] for name in models])
    return of_members(mean, models)


def of_members(made: VotingClassifier, members: Mapping[str, Pipeline]) -> VotingClassifier:
    """Return a fitted model made of these as `made` is of others: what it knows are its parameters.

    Raises:
        InputError: the classes of a model are not 0 and 1, in this order.
    """
    for name, model in members.items():
        if (classes := np.asarray(model.classes_).tolist()) != [0, 1]:
            raise InputError(
                f"the classes of {name} are {classes}; expected 0 and 1 in this order. "
                "Sort its `classes_`, or write `ensemble: false`"
            )
    made = type(made)(**made.get_params(deep=False) | {"estimators": [*members.items()]})
    made.estimators_ = [*members.values()]
    made.le_ = LabelEncoder().fit([0, 1])
    made.classes_ = made.le_.classes_
    return made
