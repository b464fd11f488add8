"""A model that fails costs the other models nothing, and the run says so."""

import os

import pytest
from running import QUICK_MODELS, rows_of, small_table

from ml_baseline.registry import find_run

HOLDOUT_ROWS = 24
# Estimators as users write them, each with a fault of its own. `FAULTY` names a file: as long as it
# is there, they fail.
ESTIMATORS = f'''
import ctypes, os, signal, subprocess, sys, time
from pathlib import Path
import numpy as np
from sklearn.linear_model import LogisticRegression

class Faulty(LogisticRegression):
    def fit(self, X, y):
        if self.is_faulty():
            self.fail(X)
        return super().fit(X, y)
    def is_faulty(self):
        return Path(os.environ["FAULTY"]).exists()
    def fail(self, X):
        pass

class Raises(Faulty):
    def fail(self, X):
        raise ValueError("cannot invert: the matrix\\nis singular")

class TalksTooMuch(Faulty):
    def fail(self, X):
        print("x" * 5_000_000)
        raise ValueError("y" * 5_000_000)

class Killed(Faulty):
    """What the system does to a process when memory runs out."""
    def fail(self, X):
        os.kill(os.getpid(), signal.SIGKILL)

class OutOfMemory(Faulty):
    def fail(self, X):
        np.ones((1 << 40, 1 << 10))

class DiskFull(Faulty):
    def fail(self, X):
        open("/dev/full", "w").write("x" * 100_000)

class Exits(Faulty):
    def fail(self, X):
        sys.exit(0)

class ExitsAtOnce(Faulty):
    def fail(self, X):
        os._exit(0)

class Interrupts(Faulty):
    def fail(self, X):
        raise KeyboardInterrupt

class RaisesWhatNobodyCatches(Faulty):
    def fail(self, X):
        raise BaseException("so there")

class Crashes(Faulty):
    def fail(self, X):
        ctypes.string_at(0)

class Aborts(Faulty):
    def fail(self, X):
        os.abort()

class Hangs(Faulty):
    def fail(self, X):
        time.sleep(600)

class CannotBeLoaded(Faulty):
    def __setstate__(self, state):
        if self.is_faulty():
            raise RuntimeError("no way back")
        super().__setstate__(state)

class Unsteady(Faulty):
    def predict_proba(self, X):
        self.asked = getattr(self, "asked", 0) + 1
        chance = np.random.default_rng(self.asked).random(len(X))
        return np.column_stack([1 - chance, chance])

class Tires(Faulty):
    def predict_proba(self, X):
        if len(X) > 100 and self.is_faulty():
            raise RuntimeError("enough for today")
        return super().predict_proba(X)

class TiresOfFreshCustomers(Faulty):
    def predict_proba(self, X):
        if len(X) > 10_000 and self.is_faulty():
            ctypes.string_at(0)
        return super().predict_proba(X)

class FailsOnAllRows(Faulty):
    def fail(self, X):
        if len(X) > 100:
            raise RuntimeError("more than I can learn")

class HangsOnAllRows(Faulty):
    def fail(self, X):
        time.sleep(600 * (len(X) > 100))

class LeavesAChild(Faulty):
    def fail(self, X):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(os.environ["FAULTY"]).with_name("child").write_text(str(child.pid))

class Answers(Faulty):
    def predict_proba(self, X):
        found = super().predict_proba(X)
        return self.spoil(found) if self.is_faulty() else found

class NotANumber(Answers):
    def spoil(self, found):
        found[3] = np.nan
        return found

class OutOfRange(Answers):
    def spoil(self, found):
        return found * 1.5

class OneColumn(Answers):
    def spoil(self, found):
        return found[:, 1]

class TooFew(Answers):
    def spoil(self, found):
        return found[:-1]

class Words(Answers):
    def spoil(self, found):
        return np.full(found.shape, "yes")

class OtherClasses(Faulty):
    def fit(self, X, y):
        super().fit(X, y)
        if self.is_faulty():
            self.classes_ = np.array(["no", "yes"])
        return self

class OnHoldout(Answers):
    def spoil(self, found):
        return self.spoil_holdout(found) if len(found) == {HOLDOUT_ROWS} else found

class NotANumberOnHoldout(OnHoldout):
    def spoil_holdout(self, found):
        return found * np.nan

class CrashesOnHoldout(OnHoldout):
    def spoil_holdout(self, found):
        ctypes.string_at(0)

class ExitsOnHoldout(OnHoldout):
    def spoil_holdout(self, found):
        sys.exit(0)
'''
# The fault, and what the leaderboard says of it.
REASONS = {
    "raises": "ValueError: cannot invert: the matrix is singular",
    "talks_too_much": "ValueError: yyy",
    "killed": "killed (SIGKILL) before it finished",
    "out_of_memory": "MemoryError",
    "disk_full": "No space left on device",
    "exits": "SystemExit: 0",
    "exits_at_once": "ended with exit code 0 before it finished",
    "interrupts": "KeyboardInterrupt",
    "raises_what_nobody_catches": "BaseException: so there",
    "crashes": "crashed with SIGSEGV",
    "aborts": "crashed with SIGABRT",
    "hangs": "stopped after 5 s, the time limit of this job",
    "cannot_be_loaded": "RuntimeError: no way back",
    "not_a_number": "`predict_proba` gives nan as a probability",
    "out_of_range": "rows have no number from 0 to 1",
    "one_column": "an array of shape (19,)",
    "too_few": "an array of shape (18, 2)",
    "words": "`predict_proba` does not give numbers",
    "other_classes": "the model's classes are",
    "not_a_number_on_holdout": "`predict_proba` gives nan",
    "crashes_on_holdout": "crashed with SIGSEGV",
    "exits_on_holdout": "SystemExit: 0",
    # Of equal models the ensemble has the first, which crashes.
    "ensemble": "crashed with SIGSEGV",
}
# Faults that spoil no score, and what is said of them.
HARMLESS = {"unsteady": "not reproducible", "leaves_a_child": ""}


def class_of(name):
    return name.title().replace("_", "")


def write_estimators(project, patch):
    project.write("library/faulty_models.py", ESTIMATORS)
    patch.setenv("PYTHONPATH", str(project.folder / "library"))
    patch.setenv("FAULTY", str(project.write("faulty", "")))


@pytest.fixture(scope="module")
def faulty(module_project):
    """A project with models that fail in every way and two that do not, run once."""
    with pytest.MonkeyPatch.context() as patch:
        write_estimators(module_project, patch)
        module_project.write("table.csv", small_table())
        models = {
            name: {"estimator": f"faulty_models.{class_of(name)}"}
            for name in (REASONS | HARMLESS)
            if name != "ensemble"
        }
        models["hangs"]["time_limit"] = 5
        module_project.write_config(
            datasets={
                "small": {"table": "table.csv", "target": "answer", "plots": []},
                "naive": {
                    "table": "table.csv",
                    "target": "answer",
                    "plots": [],
                    "naive": True,
                    "models": dict.fromkeys(sorted(models.keys() - {"raises"})),
                },
            },
            models=QUICK_MODELS | models,
            select_by="roc_auc",  # by which even few rows tell them from guessing
            report=False,
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
        assert set(rows) == set(QUICK_MODELS) | set(REASONS) | set(HARMLESS)
        for name, row in rows.items():
            assert (name, row["status"]) == (name, "failed" if name in REASONS else "fitted")
            assert (REASONS | HARMLESS).get(name, "") in row["reason"]
            assert len(row["reason"]) < 600
            assert bool(row["roc_auc"]) == (name not in REASONS)


def test_a_model_that_answers_differently_each_time_is_marked(faulty):
    reasons = {
        row["model"]: row["reason"] for row in rows_of(faulty.folder / "results/small/metrics.csv")
    }
    assert [name for name, reason in reasons.items() if "not reproducible" in reason] == [
        "unsteady"
    ]
    assert "unsteady: not reproducible" in faulty.done.stdout


def test_a_process_that_a_model_has_started_ends_with_the_job(faulty):
    child = int((faulty.folder / "child").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_the_other_models_are_compared_and_contrasted(faulty):
    rows = rows_of(faulty.folder / "results/small/metrics.csv")
    assert next(row for row in rows if row["selected"] == "true")["model"] in (
        "logistic_regression",
        "leaves_a_child",
    )
    assert rows[0]["verdict"].startswith("better than")
    naive = rows_of(faulty.folder / "results/naive/naive.csv")
    assert {row["model"] for row in naive} == set(QUICK_MODELS)


def test_the_ensemble_is_made_of_those_that_did_not_fail(faulty):
    weights = rows_of(faulty.folder / "results/naive/seed42/ensemble.csv")
    assert {row["model"] for row in weights} == set(QUICK_MODELS)
    board = {row["model"]: row for row in rows_of(faulty.folder / "results/naive/metrics.csv")}
    # One that looks at the columns is left: of its order nothing has changed.
    assert board["ensemble"]["roc_auc"] == board["logistic_regression"]["roc_auc"]


@pytest.mark.proof
def test_the_next_run_tries_them_again_and_then_all_is_as_if_nothing_had_been(
    project, monkeypatch, tmp_path_factory
):
    write_estimators(project, monkeypatch)
    project.write("table.csv", small_table())
    names = ("raises", "crashes", "not_a_number_on_holdout")
    project.write_config(
        datasets={"small": {"table": "table.csv", "target": "answer", "plots": [], "naive": True}},
        models=QUICK_MODELS | {n: {"estimator": f"faulty_models.{class_of(n)}"} for n in names},
    )
    assert project.snakemake().returncode == 1
    assert project.snakemake().returncode == 1
    (project.folder / "faulty").unlink()
    project.run()
    assert {row["status"] for row in rows_of(project.folder / "results/small/metrics.csv")} == {
        "fitted"
    }
    assert "Nothing to be done" in project.run()
    undisturbed = type(project)(tmp_path_factory.mktemp("undisturbed"))
    undisturbed.write("table.csv", small_table())
    config = (project.folder / "config/config.yaml").read_text()
    undisturbed.write("config/config.yaml", config)
    undisturbed.run()
    assert project.checksums() == undisturbed.checksums()


@pytest.mark.proof
def test_a_model_that_fails_when_it_is_explained_costs_the_explanation_alone(project, monkeypatch):
    write_estimators(project, monkeypatch)
    project.write("table.csv", small_table())
    project.write_config(
        datasets={"small": {"table": "table.csv", "target": "answer", "plots": []}},
        models={"dummy": QUICK_MODELS["dummy"], "tires": {"estimator": "faulty_models.Tires"}},
    )
    done = project.snakemake()
    assert done.returncode == 1
    assert "RuntimeError: enough for today" in " ".join(done.stdout.split())
    for path in ("metrics.csv", "published.json", "report.html"):
        assert (project.folder / "results/small" / path).exists()
    (project.folder / "faulty").unlink()
    project.run()
    assert rows_of(project.folder / "results/small/importance.csv")


@pytest.mark.proof
@pytest.mark.parametrize(
    ("estimator", "why"),
    [
        ("FailsOnAllRows", "RuntimeError: more than I can learn"),
        ("HangsOnAllRows", "stopped after 30 s, the time limit of this job (`time_limit`)"),
    ],
)
def test_a_model_that_cannot_be_fitted_to_all_rows_is_published_as_it_was_judged(
    project, monkeypatch, estimator, why
):
    write_estimators(project, monkeypatch)
    project.write("table.csv", small_table())
    project.write_config(
        datasets={"small": {"table": "table.csv", "target": "answer", "plots": []}},
        models={"dummy": QUICK_MODELS["dummy"]}
        | {"choosy": {"estimator": f"faulty_models.{estimator}", "time_limit": 30}},
        augment={"method": "none"},
    )
    done = project.snakemake()
    assert done.returncode == 1
    assert f"{why} (log: results/logs/small/refit.log)" in " ".join(done.stdout.split())
    results = project.folder / "results"
    run = find_run("latest", results, "small")
    assert run.meta["fit"] == {"on": "train", "rows": 96, "failed": why}
    assert "Fitting it to all rows failed" in (run.folder / "README.md").read_text()
    judged = results / "small/seed42/models/choosy.joblib"
    assert (run.folder / "model/model.joblib").read_bytes() == judged.read_bytes()
    # The next run tries again, and what it makes of all rows is another run.
    (project.folder / "faulty").unlink()
    config = project.folder / "config/config.yaml"
    config.write_text(config.read_text().replace("time_limit: 30", "time_limit: 600"))
    project.run()
    assert find_run("latest", results, "small").meta["fit"] == {"on": "all", "rows": 120}
    assert "Nothing to be done" in project.run()


@pytest.mark.proof
def test_a_model_that_fails_in_the_positive_control_costs_itself_alone(project, monkeypatch):
    write_estimators(project, monkeypatch)
    table = {"table": "data/raw/customers.csv", "target": "purchased"}
    tires = {"estimator": "faulty_models.TiresOfFreshCustomers"}
    project.write_config(
        datasets={"customers": table | {"controls": True, "plots": []}},
        sample_data={"customers": {"rows": 400}},
        models={"dummy": QUICK_MODELS["dummy"], "tires": tires},
    )
    done = project.snakemake()
    assert done.returncode == 1
    assert "customers: tires failed on 20,000 fresh customers: the process crashed" in done.stdout
    assert "(log: results/logs/customers/controls.log)" in done.stdout
    page = (project.folder / "results/customers/report.html").read_text()
    assert "tires failed on 20,000 fresh customers" in page
    assert "Controls</a>: 1 of 3 failed" in page
    (project.folder / "faulty").unlink()
    project.run()
    verdicts = {r["verdict"] for r in rows_of(project.folder / "results/customers/controls.csv")}
    assert verdicts <= {"pass", "fail"}


@pytest.mark.proof
def test_a_table_of_which_every_model_fails_has_no_leaderboard(project, monkeypatch):
    write_estimators(project, monkeypatch)
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
