"""Fitted models as files between jobs: nothing is unpickled but what the workflow wrote."""

import io
import sys
from collections.abc import Iterable
from pathlib import Path

import joblib
import numpy as np
from joblib.numpy_pickle import NumpyPickler
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import Pipeline

from ml_baseline.files import whole_file
from ml_baseline.modelling.failure import failure
from ml_baseline.records import read_as_written

# What CatBoost (1.2) writes into a model that is another with each fit.
OF_THE_MOMENT = ("model_guid", "train_finish_time")


class _Pickler(NumpyPickler):
    """As `joblib.dump`, but nothing is kept of padding, clocks, threads and the version of Python.

    The nodes of trees are records with padding between their fields. When they are read again there is
    whatever the memory held, and the file of an ensemble would be another one each time. CatBoost notes
    when it has fitted, scikit-learn's boosting with how many threads. A string is written once; whether
    an equal one is the same object depends on Python's version.
    """

    def save(self, obj: object) -> None:
        if type(obj) is str:
            obj = sys.intern(obj)
        elif type(obj) is np.ndarray and obj.dtype.names and not obj.dtype.hasobject:
            fields = obj
            obj = np.zeros(fields.shape, fields.dtype)
            obj[...] = fields
        elif type(obj).__module__ == "catboost.core" and hasattr(obj, "get_metadata"):
            noted = obj.get_metadata()
            for key in set(OF_THE_MOMENT).intersection(noted.keys()):
                noted[key] = ""
        elif hasattr(obj, "bin_thresholds_"):  # of scikit-learn's boosting (1.9)
            vars(obj)["n_threads"] = 1
        super().save(obj)


def save_model(model: Pipeline | VotingClassifier, path: str | Path) -> None:
    """Write a fitted model, whole or not at all; equal ones give equal bytes."""
    with whole_file(path) as temporary, Path(temporary).open("wb") as file:
        _Pickler(file).dump(model)


def load_model(content: bytes) -> Pipeline:
    """Return the pipeline in the content of a model file. Unpickling runs code: know its origin."""
    return joblib.load(io.BytesIO(content))


def load_models(paths: Iterable[str | Path]) -> tuple[dict[str, Pipeline], dict[str, str]]:
    """Return the fitted models by name, and for those that failed in training the reason.

    The files are named after their models. Raises InputError if one is not as this account's workflow
    wrote it; nothing of it is unpickled.
    """
    models, failures = {}, {}
    for path in map(Path, paths):
        reason = failure(path)
        if reason is None:
            models[path.stem] = load_model(read_as_written(path))
        else:
            failures[path.stem] = reason
    return models, failures
