"""What a run does before its first job and after its last, with Snakemake played by a few lines."""

import os
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from ml_baseline.jobs import run as run_module
from ml_baseline.jobs import snakemake_internals
from ml_baseline.jobs.progress import WatchedJob
from ml_baseline.jobs.run import Plan, Run

MODEL = "results/small/seed1/models/forest.joblib"


class Persistence:
    """Snakemake's records: a list of locks, and what was forgotten."""

    def __init__(self) -> None:
        self.locks = []
        self.forgotten = []

    def _read_locks(self):
        return iter(self.locks)

    def cleanup_locks(self):
        self.locks.clear()

    def cleanup_metadata(self, path):
        self.forgotten.append(str(path))


@pytest.fixture
def workflow(tmp_path, monkeypatch):
    """A workflow of two jobs: the one that makes results/small/metrics.csv, and gather."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_module, "WarmProcesses", lambda kinds: SimpleNamespace(close=list))
    monkeypatch.setattr(snakemake_internals, "jobs_to_run", lambda workflow: [])
    monkeypatch.setattr(snakemake_internals, "watch_jobs", lambda *arguments: None)
    monkeypatch.setattr(snakemake_internals, "tells_each_job", lambda workflow: True)
    run_module._lock_of.cache_clear()
    jobs = [
        SimpleNamespace(
            rule=SimpleNamespace(script=f"../scripts/{name}.py"),
            output=[path],
            wildcards_dict=found,
        )
        for name, path, found in (
            ("compare", "results/small/metrics.csv", {"dataset": "small"}),
            ("gather", "results/metrics.csv", {}),
        )
    ]
    played = SimpleNamespace(jobs=jobs, done=list(jobs), rules=[], persistence=Persistence())
    played.local_exec, played.remote_exec, played.envvars = True, False, set()
    played.execution_settings = SimpleNamespace(retries=2)
    played.dag_settings = SimpleNamespace(batch=None)
    played.executor_plugin, played.touch = object(), False
    played.dag = SimpleNamespace(
        jobs=jobs,
        needrun_jobs=lambda: jobs,
        finished=lambda job: job in played.done,
        forcefiles=set(),
        targetfiles={"results/asked/report.html"},
    )
    return played


def started(workflow, **plan) -> Run:
    made = Run(workflow, Path("scripts"))
    made._plan = Plan(**{"tables": ["small"], "folders": [], "trained": [MODEL]} | plan)
    return made


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


@pytest.mark.parametrize("left_by", [socket.gethostname(), "elsewhere", ""])
def test_locks_of_a_killed_run_go_if_it_was_of_this_machine(workflow, capsys, left_by):
    write(".snakemake/running", left_by)
    workflow.persistence.locks = [("output", "a.txt")]
    started(workflow).before_graph(executes=True)
    here = left_by == socket.gethostname()
    assert workflow.persistence.locks == ([] if here else [("output", "a.txt")])
    assert (
        "The previous run was killed; its unfinished outputs" in capsys.readouterr().err
    ) == here
    assert Path(".snakemake/running").read_text() == left_by


def test_a_run_notes_where_it_is(workflow, capsys):
    write(".snakemake/running", "elsewhere")
    started(workflow).before_graph(executes=True)
    assert Path(".snakemake/running").read_text() == socket.gethostname()
    assert capsys.readouterr().err == ""


def test_a_run_ends_before_its_graph_only_if_no_table_is_there(workflow, capsys):
    started(workflow, unfit=lambda of_rules: ("a.csv: gone", False)).before_graph(executes=True)
    assert "a.csv: gone\nEverything else is run." in capsys.readouterr().err
    run = started(workflow, unfit=lambda of_rules: ("a.csv: gone", True))
    with pytest.raises(SystemExit, match=r"a\.csv: gone"):
        run.before_graph(executes=False)
    workflow.executor_plugin = None  # --unlock and --summary
    run.before_graph(executes=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("executes", [True, False])
def test_folders_that_a_killed_run_left_go_where_no_job_is_left_either(
    workflow, tmp_path, monkeypatch, executes
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = tmp_path / "ml-baseline-12345678"
    left.mkdir()
    os.utime(left, (1, 1))
    started(workflow).before_graph(executes)
    assert left.exists() != executes


@pytest.mark.parametrize("executes", [True, False])
def test_failed_models_of_a_killed_run_and_pages_that_are_not_wanted_go(workflow, executes):
    page, asked_for = "results/small/report.html", "results/asked/report.html"
    write(MODEL, "failed: no memory\n")
    write(page, "<html>")
    write(asked_for, "<html>")
    unwanted = [page, asked_for, "results/report.html"]
    started(workflow, unwanted=unwanted).before_graph(executes)
    for path in (MODEL, page):
        assert Path(path).exists() == (not executes)  # a dry run changes nothing
    assert Path(asked_for).exists()  # made once, and not in each run that names it


def test_while_another_run_is_at_work_nothing_is_touched(workflow, capsys):
    other = Run(workflow, Path("scripts"))
    other.before_graph = None
    run_module._lock_of.cache_clear()
    other._lock.started()
    write(MODEL, "failed: no memory\n")
    workflow.persistence.locks = [("output", "a.txt")]
    started(workflow).before_graph(executes=True)
    assert "Another run is at work in this folder; wait" in capsys.readouterr().err
    assert Path(MODEL).exists() and workflow.persistence.locks


def test_two_modules_of_one_workflow_share_the_lock(workflow, capsys):
    Run(workflow, Path("scripts"))
    Run(workflow, Path("scripts"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("ended_well", [True, False])
@pytest.mark.parametrize("failed", [True, False])
def test_a_run_has_ended_well_if_no_job_and_no_model_failed(workflow, capsys, ended_well, failed):
    write(MODEL, "failed: \x1b[31mno memory\n" if failed else "a model")
    made = started(workflow)
    made.before_jobs()
    assert made.after_jobs(ended_well) == (ended_well and not failed)
    assert Path(MODEL).exists() == (not failed)
    said = capsys.readouterr().out
    assert ("failed" in said) == (failed or not ended_well)
    assert "\x1b" not in said


def test_what_there_is_is_gathered_and_due_again(workflow, capsys):
    workflow.done = []
    asked = []

    def gather(unfinished, began):
        asked.append(unfinished)
        write("results/metrics.csv", "dataset\nother\n")
        return True

    made = started(workflow, gathered={"results/metrics.csv": gather, "results/other": None})
    made.before_jobs()
    assert not made.after_jobs(False)
    assert asked == [{"results/small/metrics.csv", "results/metrics.csv"}]
    assert workflow.persistence.forgotten == ["results/metrics.csv"]
    assert Path("results/metrics.csv").stat().st_mtime == 1
    assert "No results in this run: small." in capsys.readouterr().out
    # After a run that has ended well the rule has written it.
    made.before_jobs()
    made.after_jobs(True)
    assert len(asked) == 1


def test_nothing_is_gathered_of_nothing(workflow):
    workflow.done = []
    made = started(workflow, gathered={"results/metrics.csv": lambda unfinished, began: False})
    made.before_jobs()
    made.after_jobs(False)
    assert workflow.persistence.forgotten == []


def test_results_that_cannot_be_written_are_refused(workflow):
    write("results", "a file")
    with pytest.raises(SystemExit, match="results: nothing can be written into this folder"):
        started(workflow).before_jobs()


def test_what_was_kept_of_a_changed_file_is_not_replaced(workflow, monkeypatch, capsys):
    path = Path("data/train.csv")
    monkeypatch.setattr(snakemake_internals, "outputs_of_rules", lambda _, paths: list(paths))
    job = WatchedJob("split", "small", None, "split.py", (str(path),))
    monkeypatch.setattr(snakemake_internals, "jobs_to_run", lambda _: [job])
    monkeypatch.setattr(run_module, "not_as_written", lambda _: [(str(path), True)])
    for text in ("first", "second", "third"):
        write(str(path), text)
        made = started(workflow)
        made.before_graph(executes=True)
        made.before_jobs()
    kept = {file.name: file.read_text() for file in path.parent.glob("train.csv*")}
    assert kept == {
        "train.csv.changed": "first",
        "train.csv.changed.2": "second",
        "train.csv.changed.3": "third",
    }
    assert f"kept as {path}.changed.3" in capsys.readouterr().err
