"""A model that fails costs the other models nothing, and the run says so."""

import pytest
from running import QUICK_MODELS, rows_of, small_table

# Estimators as users write them, each with a fault of its own. `FAULTY` names a file: as long as it
# is there, they fail.
ESTIMATORS = '''
import os, signal
from pathlib import Path
import numpy as np
from sklearn.linear_model import LogisticRegression

class Faulty(LogisticRegression):
    def fit(self, X, y):
        if Path(os.environ["FAULTY"]).exists():
            self.fail(X)
        return super().fit(X, y)

class Raises(Faulty):
    def fail(self, X):
        raise ValueError("cannot invert: the matrix\\nis singular")

class Killed(Faulty):
    """What the system does to a process when memory runs out."""
    def fail(self, X):
        os.kill(os.getpid(), signal.SIGKILL)

class OutOfMemory(Faulty):
    def fail(self, X):
        np.ones((1 << 40, 1 << 10))
'''
REASONS = {
    "raises": "ValueError: cannot invert: the matrix is singular",
    "killed": "killed before it finished",
    "out_of_memory": "MemoryError",
}
CLASSES = {"raises": "Raises", "killed": "Killed", "out_of_memory": "OutOfMemory"}


@pytest.fixture(scope="module")
def faulty(module_project):
    """A project with three models that fail and two that do not, run once."""
    with pytest.MonkeyPatch.context() as patch:
        module_project.write("library/faulty_models.py", ESTIMATORS)
        patch.setenv("PYTHONPATH", str(module_project.folder / "library"))
        patch.setenv("FAULTY", str(module_project.write("faulty", "")))
        module_project.write("table.csv", small_table())
        models = {
            name: {"estimator": f"faulty_models.{class_name}"}
            for name, class_name in CLASSES.items()
        }
        module_project.write_config(
            datasets={"small": {"table": "table.csv", "target": "answer", "plots": []}},
            models=QUICK_MODELS | models,
            naive=True,
        )
        module_project.done = module_project.snakemake()
        yield module_project


def test_the_exit_code_and_the_closing_words_say_so(faulty):
    assert faulty.done.returncode == 1
    said = " ".join(faulty.done.stdout.split("What went wrong:")[1].split())
    for reason in REASONS.values():
        assert reason in said
    assert "logistic_regression" in faulty.done.stdout


def test_their_rows_are_marked_with_the_reason(faulty):
    for path in ("results/small/metrics.csv", "results/metrics.csv"):
        rows = {row["model"]: row for row in rows_of(faulty.folder / path)}
        assert set(rows) == set(QUICK_MODELS) | set(CLASSES)
        for name, row in rows.items():
            assert row["status"] == ("failed" if name in CLASSES else "fitted")
            assert REASONS.get(name, "") in row["reason"]
            assert bool(row["roc_auc"]) == (name not in CLASSES)


def test_the_other_models_are_compared_and_contrasted(faulty):
    rows = rows_of(faulty.folder / "results/small/metrics.csv")
    assert next(row for row in rows if row["selected"] == "true")["model"] == "logistic_regression"
    assert rows[0]["verdict"].startswith("better than")
    naive = rows_of(faulty.folder / "results/small/naive.csv")
    assert {row["model"] for row in naive} == set(QUICK_MODELS)


def test_the_next_run_tries_them_again_and_then_all_is_as_if_nothing_had_been(faulty, tmp_path):
    assert faulty.snakemake().returncode == 1
    (faulty.folder / "faulty").unlink()
    faulty.run()
    assert {row["status"] for row in rows_of(faulty.folder / "results/small/metrics.csv")} == {
        "fitted"
    }
    assert "Nothing to be done" in faulty.run()
    undisturbed = type(faulty)(tmp_path)
    undisturbed.write("table.csv", small_table())
    config = (faulty.folder / "config/config.yaml").read_text()
    undisturbed.write("config/config.yaml", config)
    undisturbed.run()
    assert faulty.checksums() == undisturbed.checksums()


def test_a_table_of_which_every_model_fails_has_no_leaderboard(project, monkeypatch):
    project.write("library/faulty_models.py", ESTIMATORS)
    monkeypatch.setenv("PYTHONPATH", str(project.folder / "library"))
    monkeypatch.setenv("FAULTY", str(project.write("faulty", "")))
    project.write("table.csv", small_table())
    bad = {"estimator": "faulty_models.Raises"}
    project.write_config(
        datasets={
            "bad": {
                "table": "table.csv",
                "target": "answer",
                "models": dict.fromkeys(QUICK_MODELS) | {"bad": bad},
                "baseline": "bad",
                "plots": [],
            },
            "good": {"table": "table.csv", "target": "answer", "plots": []},
        }
    )
    done = project.snakemake()
    assert done.returncode == 1
    assert REASONS["raises"] in " ".join(done.stdout.split())
    assert not (project.folder / "results/bad/metrics.csv").exists()
    assert (project.folder / "results/good/metrics.csv").exists()
    # What there is of all tables is gathered, and what is missing is said.
    gathered = project.folder / "results/metrics.csv"
    assert {row["dataset"] for row in rows_of(gathered)} == {"good"}
    assert "No results in this run: bad" in done.stdout
    (project.folder / "faulty").unlink()
    project.run()
    assert {row["dataset"] for row in rows_of(gathered)} == {"bad", "good"}
    assert "Nothing to be done" in project.run()
    # Rows of an earlier run do not stand for a table that fails in this one.
    project.write("faulty", "")
    done = project.snakemake("--forcerun", "train_bad")
    assert {row["dataset"] for row in rows_of(gathered)} == {"good"}
    # And the gathered file is made again once the table is gone, though nothing else is due.
    project.write_config(
        datasets={"good": {"table": "table.csv", "target": "answer", "plots": []}},
    )
    project.run("results/metrics.csv")
    assert gathered.stat().st_mtime > 1
    assert "Nothing to be done" in project.run("results/metrics.csv")
