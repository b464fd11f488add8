"""Fitted models as files between jobs: nothing is unpickled but what the workflow wrote."""

import io
from collections.abc import Iterable
from pathlib import Path

import joblib
from sklearn.pipeline import Pipeline

from ml_baseline.files import whole_file
from ml_baseline.modelling.failure import failure
from ml_baseline.records import read_as_written


def save_model(model: Pipeline, path: str | Path) -> None:
    """Write a fitted pipeline, whole or not at all."""
    with whole_file(path) as temporary:
        joblib.dump(model, temporary)


def load_model(content: bytes) -> Pipeline:
    """Return the pipeline in the content of a model file. Unpickling runs code: know its origin."""
    return joblib.load(io.BytesIO(content))


def load_models(paths: Iterable[str | Path]) -> tuple[dict[str, Pipeline], dict[str, str]]:
    """Return the fitted models by name, and for those that failed in training the reason.

    Args:
        paths: the model files that training jobs wrote, named after their models.

    Raises:
        InputError: a file is not as this account's workflow wrote it; nothing of it is unpickled.
    """
    models, failures = {}, {}
    for path in map(Path, paths):
        reason = failure(path)
        if reason is None:
            models[path.stem] = load_model(read_as_written(path))
        else:
            failures[path.stem] = reason
    return models, failures
