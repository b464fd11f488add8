"""A failed model leaves its reason where the model would be."""

import joblib
import pytest

from ml_baseline.modelling.failure import failure, write_failure


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
