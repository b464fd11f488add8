"""Runs are published whole or not at all, never twice, never over another."""

import json
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from publishing import NOON, publish_smallest, snapshot

from ml_baseline.registry.runs import RUN_ID, find_run, list_runs, open_run
from ml_baseline.registry.seal import KEY_VARIABLE
from ml_baseline.registry.verify import changed_files

FIRST = "2026-01-01T12-00-00Z__classification__seed42"


@pytest.fixture
def runs(tmp_path) -> Path:
    return tmp_path / "results" / "shop" / "runs"


def at(seconds: float = 0.0) -> dict:
    return {"now": lambda: NOON + timedelta(seconds=seconds)}


def test_a_run_is_named_after_its_time_and_seed_and_is_the_latest(runs):
    assert publish_smallest(runs, **at()) == FIRST
    assert (runs / "latest.txt").read_text() == f"{FIRST}\n"
    assert changed_files(open_run(runs / FIRST)) == {}
    assert (runs / FIRST / "README.md").read_text() == f"# {FIRST}\n"
    assert not list(runs.glob(".publishing-*"))


def test_every_file_is_in_the_manifest(runs):
    publish_smallest(runs, **at())
    meta = json.loads((runs / FIRST / "run_meta.json").read_text())
    files = set(snapshot(runs / FIRST)) - {"run_meta.json", "seal.txt"}
    assert set(meta["files"]) == files
    assert meta["published"] == "2026-01-01T12:00:00.000000+00:00"


def test_others_may_read_a_run_as_they_may_read_other_new_folders(runs):
    publish_smallest(runs, **at())
    usual = runs / "usual"
    usual.mkdir()
    assert (runs / FIRST).stat().st_mode == usual.stat().st_mode
    assert (runs / FIRST / "model").stat().st_mode == usual.stat().st_mode


def test_unchanged_content_is_not_published_again(runs):
    publish_smallest(runs, **at())
    before = snapshot(runs)
    assert publish_smallest(runs, **at(5)) == FIRST
    assert snapshot(runs) == before


def test_new_content_is_a_new_run_and_the_old_one_stays_as_it_is(runs):
    publish_smallest(runs, "a", **at())
    before = snapshot(runs / FIRST)
    times = {path: path.stat().st_mtime_ns for path in (runs / FIRST).rglob("*")}
    second = publish_smallest(runs, "b", **at(5))
    assert second == FIRST.replace("12-00-00", "12-00-05")
    assert (runs / "latest.txt").read_text().strip() == second
    assert snapshot(runs / FIRST) == before
    assert times == {path: path.stat().st_mtime_ns for path in times}


def test_going_back_to_earlier_content_is_a_new_run(runs):
    """The latest run is always the one that the results show."""
    ids = [publish_smallest(runs, content, **at(i)) for i, content in enumerate("aba")]
    assert len(set(ids)) == 3
    assert (runs / "latest.txt").read_text().strip() == ids[2]


def test_runs_of_one_second_get_names_of_their_own(runs):
    ids = [publish_smallest(runs, content, **at()) for content in "abcdefghijkl"]
    assert ids == [FIRST, *(f"{FIRST}-{i}" for i in range(2, 13))]
    assert all(RUN_ID.fullmatch(name) for name in ids)
    assert [run.run_id for run in list_runs(runs.parents[1])] == ids
    assert find_run("latest", runs.parents[1]).run_id == ids[-1]


@pytest.mark.parametrize("what", ["folder", "file", "dangling link"])
def test_a_name_that_is_taken_is_left_alone(runs, what):
    runs.mkdir(parents=True)
    taken = runs / FIRST
    if what == "folder":
        taken.mkdir()
    elif what == "file":
        taken.write_text("mine")
    else:
        taken.symlink_to(runs / "nowhere")
    assert publish_smallest(runs, **at()) == f"{FIRST}-2"
    assert taken.is_symlink() or taken.is_file() or not list(taken.iterdir())


def test_two_at_once_with_the_same_content_make_one_run(runs):
    made = []
    threads = [
        threading.Thread(target=lambda: made.append(publish_smallest(runs))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8 and len(set(made)) == 1
    assert len(list_runs(runs.parents[1])) == 1


def test_processes_that_publish_at_once_do_not_get_in_each_others_way(runs):
    script = (
        "import sys; from pathlib import Path; from publishing import publish_smallest;"
        "[publish_smallest(Path(sys.argv[1]), sys.argv[2] + str(i)) for i in range(5)]"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(runs), name], env=environment())
        for name in "abc"
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    found = list_runs(runs.parents[1])
    assert len(found) == 15
    assert all(run.sealed and not changed_files(run) for run in found)
    assert not list(runs.glob(".publishing-*"))


# Kills itself with the signal that nothing can catch, at the n-th step that reaches the disk.
KILLED = """
import os, pathlib, signal, sys
steps = int(sys.argv[2])

def counted(function):
    def step(*arguments, **more):
        global steps
        steps -= 1
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **more)
    return step

from publishing import publish_smallest
for owner, name in ((os, "fsync"), (pathlib.Path, "rename"), (pathlib.Path, "replace"),
                    (pathlib.Path, "mkdir"), (pathlib.Path, "chmod")):
    setattr(owner, name, counted(getattr(owner, name)))
publish_smallest(pathlib.Path(sys.argv[1]), "b")
"""


def test_a_job_killed_at_any_step_leaves_no_half_run(tmp_path):
    """At each step: what is visible is whole, latest.txt names such a run, and the next one works."""
    killed = 0
    for step in range(1, 100):
        runs = tmp_path / str(step) / "shop" / "runs"
        old = publish_smallest(runs, "a", **at())
        before = snapshot(runs / old)
        command = [sys.executable, "-c", KILLED, str(runs), str(step)]
        done = subprocess.run(command, env=environment())
        found = list_runs(runs.parents[1])
        assert [run for run in found if changed_files(run) or not run.sealed] == []
        assert {path.name for path in runs.iterdir() if RUN_ID.fullmatch(path.name)} == {
            run.run_id for run in found
        }
        assert find_run("latest", runs.parents[1]).run_id in {run.run_id for run in found}
        assert snapshot(runs / old) == before
        after = publish_smallest(runs, "b")
        assert [run.run_id for run in list_runs(runs.parents[1])] == [old, after]
        assert find_run("latest", runs.parents[1]).run_id == after
        assert not list(runs.glob(".publishing-*"))
        assert snapshot(runs / old) == before
        if done.returncode == 0:
            break
        assert done.returncode == -9
        killed += 1
    assert killed > 15


def test_a_failure_while_publishing_leaves_nothing(runs, monkeypatch):
    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space"):
        publish_smallest(runs, **at())
    assert {path.name for path in runs.iterdir()} == {".lock"}


def test_a_damaged_run_does_not_count_as_published(runs):
    publish_smallest(runs, **at())
    (runs / FIRST / "model/model.joblib").write_bytes(b"something else")
    assert publish_smallest(runs, **at(3)) != FIRST


def test_a_run_of_another_account_is_published_anew(runs, tmp_path, monkeypatch):
    publish_smallest(runs, **at())
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "other.key"))
    second = publish_smallest(runs, **at(3))
    assert second != FIRST
    assert open_run(runs / second).sealed and not open_run(runs / FIRST).sealed
    assert publish_smallest(runs, **at(6)) == second


def test_without_a_place_for_the_key_runs_are_published_unsealed(runs, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "file" / "registry.key"))
    publish_smallest(runs, **at())
    assert not open_run(runs / FIRST).sealed
    assert not (runs / FIRST / "seal.txt").exists()
    assert publish_smallest(runs, **at(3)) == FIRST


def test_the_key_is_for_its_owner_alone(runs, tmp_path, monkeypatch):
    path = tmp_path / "state" / "registry.key"
    monkeypatch.setenv(KEY_VARIABLE, str(path))
    publish_smallest(runs, **at())
    assert path.stat().st_mode & 0o777 == 0o600
    key = path.read_text()
    assert len(bytes.fromhex(key)) == 32
    publish_smallest(runs, "b", **at(1))
    assert path.read_text() == key


def environment() -> dict[str, str]:
    tests = Path(__file__).parents[1]
    paths = os.pathsep.join([str(tests), str(tests.parent / "workflow")])
    return os.environ | {"PYTHONPATH": paths}
