"""A model is asked where it can harm nobody else, and its answer is looked at."""

import os
import signal
import sys

import numpy as np
import pytest

from ml_baseline.errors import InputError
from ml_baseline.modelling.answers import ask, isolated
from ml_baseline.modelling.failure import LONGEST_REASON, death, in_one_line
from ml_baseline.modelling.train import predict_probability


class Says:
    """A fitted model that answers what it is told to."""

    def __init__(self, answer, classes=(0, 1)):
        self.answer = answer
        self.classes_ = np.array(classes)

    def predict_proba(self, features):
        return self.answer(len(features)) if callable(self.answer) else self.answer


def halves(rows):
    return np.full((rows, 2), 0.5)


# What is no probability, and what is said of it.
NO_PROBABILITIES = {
    "NaN": (lambda n: halves(n) * np.nan, "gives nan as a probability; 4 of 4"),
    "one NaN": (lambda n: np.vstack([halves(n - 1), [[0.5, np.nan]]]), "1 of 4 rows"),
    "infinite": (lambda n: halves(n) / 0.0, "gives inf"),
    "below 0": (lambda n: halves(n) - 0.6, "gives -0.1 "),
    "above 1": (lambda n: halves(n) * 3, "gives 1.5 "),
    "a score": (lambda n: np.full(n, 0.5), r"shape \(4,\); expected .* \(4, 2\)"),
    "a class too many": (lambda n: np.full((n, 3), 0.3), r"shape \(4, 3\)"),
    "a row too few": (lambda n: halves(n - 1), r"shape \(3, 2\)"),
    "ragged": (lambda n: [[0.5, 0.5]] * (n - 1) + [[1]], "does not give numbers"),
    "words": (lambda n: np.full((n, 2), "yes"), "does not give numbers"),
    "nothing": (None, r"shape \(\)"),
}


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("answer", NO_PROBABILITIES)
def test_what_is_no_probability_is_refused(numbers_table, answer):
    table, schema = numbers_table(4)
    given, message = NO_PROBABILITIES[answer]
    with pytest.raises(InputError, match=message):
        predict_probability(Says(given), table, schema)


@pytest.mark.parametrize("classes", [["no", "yes"], [0], [0, 1, 2], [1, 2]])
def test_other_classes_are_refused(numbers_table, classes):
    table, schema = numbers_table(4)
    with pytest.raises(InputError, match="expected 0 and 1"):
        predict_probability(Says(halves, classes), table, schema)


def test_the_probability_is_that_of_a_one_wherever_it_stands(numbers_table):
    table, schema = numbers_table(4)
    answer = np.array([[0.25, 0.75]] * 4)
    assert predict_probability(Says(answer), table, schema).tolist() == [0.75] * 4
    assert predict_probability(Says(answer, [1, 0]), table, schema).tolist() == [0.25] * 4


def test_what_rounding_has_added_is_taken_off(numbers_table):
    table, schema = numbers_table(1)
    answer = np.array([[-1e-16, 1 + 1e-15]])
    assert predict_probability(Says(answer), table, schema).tolist() == [1.0]


# Ways to end a process in the middle of a prediction, and what is said of each.
ENDS = {
    "raises": (lambda n: 1 / 0, "ZeroDivisionError: division by zero"),
    "exits": (lambda n: sys.exit(0), "SystemExit: 0"),
    "interrupts": (lambda n: signal.raise_signal(signal.SIGINT), "KeyboardInterrupt"),
    "ends at once": (lambda n: os._exit(3), "ended with exit code 3"),
    "crashes": (lambda n: signal.raise_signal(signal.SIGSYS), "crashed with SIGSYS"),
    "is killed": (lambda n: os.kill(os.getpid(), signal.SIGKILL), "killed (SIGKILL)"),
}


def test_each_model_fails_by_itself(numbers_table):
    table, schema = numbers_table(4)
    models = {name: Says(end) for name, (end, _) in ENDS.items()}
    answers = ask((models | {"well": Says(halves)}).items(), table, schema)
    assert list(answers.probabilities) == ["well"]
    assert answers.notes == {}
    for name, (_, reason) in ENDS.items():
        assert reason in answers.failures[name]


def test_who_answers_differently_is_noted(numbers_table):
    table, schema = numbers_table(4)
    random = np.random.default_rng(0)
    unsteady = Says(lambda n: np.tile(random.random((n, 1)), 2))
    answers = ask({"unsteady": unsteady, "steady": Says(halves)}.items(), table, schema)
    assert list(answers.notes) == ["unsteady"]
    assert "not reproducible" in answers.notes["unsteady"]
    assert list(answers.probabilities) == ["unsteady", "steady"]


def test_isolated_work_changes_nothing_here():
    found = []
    assert isolated(lambda: found.append(1) or "done") == "done"
    assert found == []


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "ended with exit code 0 before it finished"),
        (-signal.SIGKILL, "memory ran out"),
        (-signal.SIGABRT, "crashed with SIGABRT (Aborted)"),
        (-signal.SIGBUS, "crashed with SIGBUS"),
    ],
)
def test_a_death_has_its_name(code, words):
    assert words in death(code)


def test_an_error_is_one_line_of_some_length():
    assert in_one_line(ValueError("a\n  b")) == "ValueError: a b"
    assert in_one_line(InputError("no rows")) == "no rows"
    assert len(in_one_line(ValueError("x" * 10_000_000))) < LONGEST_REASON + 10
