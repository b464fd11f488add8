"""A failed model leaves its reason where the model would be."""

import signal

import joblib
import pytest

from ml_baseline.modelling.failure import death, failure, in_one_line, write_failure


def test_the_reason_comes_back(tmp_path):
    model, oof = tmp_path / "deep" / "forest.joblib", tmp_path / "deep" / "forest.csv"
    write_failure("ValueError: größer", model, oof)
    assert failure(model) == "ValueError: größer"
    assert oof.read_text() == "row_id,fold,target,probability\n"


def test_a_model_is_no_failure(tmp_path):
    joblib.dump({"failed: ": 1}, tmp_path / "model.joblib")
    assert failure(tmp_path / "model.joblib") is None


@pytest.mark.parametrize("content", [b"", b"fail", b"row_id,target\n"])
def test_nor_is_any_other_file(tmp_path, content):
    (tmp_path / "x.csv").write_bytes(content)
    assert failure(tmp_path / "x.csv") is None


def test_nor_one_that_is_not_there(tmp_path):
    assert failure(tmp_path / "x.csv") is None


def test_the_same_failure_has_the_same_words_in_each_run():
    errors = [TypeError(f"cannot pickle {object()} nor {print}") for _ in range(2)]
    assert in_one_line(errors[0]) == in_one_line(errors[1])
    assert "0x" not in in_one_line(errors[0])


def test_a_process_that_was_told_to_end_has_not_crashed():
    assert (
        death(-signal.SIGTERM) == "the process was ended by SIGTERM (Terminated) before it finished"
    )
    assert "crashed with SIGSEGV" in death(-signal.SIGSEGV)
