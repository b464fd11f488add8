"""What was damaged or put among the workflow's files is made again in the same run, unread."""

import os
import pickle

import pytest
from running import small_table

from ml_baseline.records import keep_record
from ml_baseline.seal import KEY_VARIABLE

DATA, RESULTS = "data/processed/small", "results/small"


@pytest.fixture(autouse=True)
def ran(monkeypatch, tmp_path):
    """The folder that the stranger's pickle makes when it is loaded."""
    monkeypatch.setenv("RAN", str(tmp_path / "ran"))
    return tmp_path / "ran"


class RunsCode:
    def __reduce__(self):
        return (os.mkdir, (os.environ["RAN"],))


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def first_lines(path):
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:5]))


def line_more(path):
    path.write_text(path.read_text() + "xxx\n")


def cell_edited(path):
    path.write_text(path.read_text().replace("red", "green", 1))


def strangers_pickle(path):
    path.write_bytes(pickle.dumps(RunsCode()))


# What happens to which file.
DAMAGES = {
    f"{DATA}/cleaned_data.csv": cell_edited,
    f"{DATA}/input_schema.json": half,
    f"{DATA}/seed42/train.csv": first_lines,
    f"{DATA}/seed42/holdout.csv": line_more,
    f"{DATA}/seed42/augmented_data.csv": first_lines,
    f"{RESULTS}/seed42/oof/dummy.csv": line_more,
    f"{RESULTS}/seed42/models/dummy.joblib": half,
    f"{RESULTS}/seed42/models/logistic_regression.joblib": strangers_pickle,
    f"{RESULTS}/seed42/holdout_predictions.csv": first_lines,
    f"{RESULTS}/seed42/metrics.csv": half,
    f"{RESULTS}/audit.csv": first_lines,
    f"{RESULTS}/metrics.csv": line_more,
    f"{RESULTS}/curves/roc.csv": first_lines,
    f"{RESULTS}/report.html": half,
}


@pytest.fixture(scope="module")
def finished(module_project):
    module_project.write("table.csv", small_table())
    module_project.write_config(
        datasets={"small": {"table": "table.csv", "target": "answer", "plots": []}}
    )
    module_project.run()
    return module_project


def test_what_is_damaged_is_made_again_and_nothing_of_it_is_used(finished, ran):
    before = finished.checksums()
    runs = list((finished.folder / RESULTS / "runs").iterdir())
    for path, damage in DAMAGES.items():
        damage(finished.folder / path)
    planned = finished.run("--dry-run")
    assert "not as the workflow wrote them" in planned
    assert f"and {len(DAMAGES) - 5} more" in planned
    said = finished.run()
    for path in DAMAGES:
        assert f"{path}: the changed file is kept as {path}.changed" in said
        (finished.folder / f"{path}.changed").unlink()
    assert finished.checksums() == before
    assert list((finished.folder / RESULTS / "runs").iterdir()) == runs
    assert not ran.exists()
    assert "Nothing to be done" in finished.run()


def test_a_model_with_a_strangers_record_is_not_loaded(finished, monkeypatch, tmp_path, ran):
    model = f"{RESULTS}/seed42/models/dummy.joblib"
    strangers_pickle(finished.folder / model)
    with monkeypatch.context() as patch:
        patch.setenv(KEY_VARIABLE, str(tmp_path / "strangers.key"))
        patch.chdir(finished.folder)
        keep_record(model)
    assert model in finished.run()
    assert not ran.exists()
    assert "Nothing to be done" in finished.run()
