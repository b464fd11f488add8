"""Asking fitted models for probabilities, so that one that misbehaves costs only itself."""

import multiprocessing
import sys
from collections.abc import Callable, Iterable
from functools import partial
from multiprocessing.connection import Connection
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ml_baseline.data.schema import Schema
from ml_baseline.errors import InputError
from ml_baseline.modelling.failure import death, in_one_line
from ml_baseline.modelling.train import predict_probability

T = TypeVar("T")

# So many rows are asked for twice more, to see whether the answer stays the same.
ROWS_ASKED_AGAIN = 200
# Sums may be taken in another order; more than that is another answer.
TOLERANCE = 1e-9
NOT_REPRODUCIBLE = (
    "not reproducible: it gives different probabilities when asked twice for the same rows; set its "
    "`random_state`"
)


class Answers(NamedTuple):
    """What models answered, by their names."""

    probabilities: dict[str, np.ndarray]  # of class 1 for each row, shape (rows,)
    failures: dict[str, str]  # why a model has given no such answer
    notes: dict[str, str]  # why an answer is of little worth


def ask(models: Iterable[tuple[str, Pipeline]], rows: pd.DataFrame, schema: Schema) -> Answers:
    """Ask each model, in a process of its own, for the probabilities of the rows of a cleaned table."""
    answers = Answers({}, {}, {})
    for name, model in models:
        try:
            probability, same = isolated(partial(_asked_repeatedly, model, rows, schema))
        except InputError as error:
            answers.failures[name] = str(error)
            continue
        answers.probabilities[name] = probability
        if not same:
            answers.notes[name] = NOT_REPRODUCIBLE
    return answers


def isolated(work: Callable[[], T]) -> T:
    """Return what `work` returns, done in a process of its own.

    Raises InputError if it raised, tried to end Python, or crashed; the message says which.
    """
    fork = multiprocessing.get_context("fork")  # nothing has to be pickled on the way there
    receiver, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=_send_result, args=[work, sender])
    process.start()
    sender.close()
    try:
        error, result = receiver.recv()
    except EOFError:
        process.join()
        raise InputError(death(process.exitcode or 0)) from None
    finally:
        receiver.close()
    process.kill()  # it may have threads that would keep it
    process.join()
    if error is not None:
        raise InputError(error)
    return result


def _send_result(work: Callable[[], T], sender: Connection) -> None:
    told: tuple[str | None, T | None]
    try:
        told = (None, work())
    except BaseException as error:
        told = (in_one_line(error), None)
    sys.stdout.flush()
    sys.stderr.flush()
    sender.send(told)


def _asked_repeatedly(
    model: Pipeline, rows: pd.DataFrame, schema: Schema
) -> tuple[np.ndarray, bool]:
    """Return the probabilities of the rows, and whether some of them stay the same when repeated."""
    few = rows.head(ROWS_ASKED_AGAIN)
    once, again = (predict_probability(model, few, schema) for _ in range(2))
    same = bool(np.allclose(once, again, rtol=0, atol=TOLERANCE))
    return predict_probability(model, rows, schema), same
