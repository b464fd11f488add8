"""The locks of runs: one starts at a time, and what the dead leave is cleared by the next."""

import socket
import subprocess
import sys
import threading

import pytest

from ml_baseline.jobs.run_lock import RunLock, forget_broken_records

HERE = socket.gethostname()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "locks").mkdir()
    return tmp_path


def left_lock(folder):
    path = folder / "locks" / "0.output.lock"
    path.write_text("results/metrics.csv\n")
    return path


def test_the_first_is_alone_and_recovers_nothing(folder):
    lock = RunLock(folder)
    assert (lock.alone, lock.recovered) == (True, False)
    assert (folder / "running").read_text() == HERE


def test_locks_of_a_dead_run_are_taken_away(folder):
    RunLock(folder)
    path = left_lock(folder)
    assert RunLock(folder).recovered
    assert not path.exists()


def test_those_of_a_living_one_are_not(folder):
    living = RunLock(folder)
    living.started()
    path = left_lock(folder)
    second = RunLock(folder)
    assert (second.alone, second.recovered) == (False, False)
    assert path.exists()


def test_nor_those_of_another_machine(folder):
    (folder / "running").write_text("elsewhere")
    path = left_lock(folder)
    assert not RunLock(folder).recovered
    assert path.exists()


def test_the_second_waits_until_the_first_has_started(folder):
    first = RunLock(folder)
    done = threading.Event()
    code = f"from ml_baseline.jobs.run_lock import RunLock; RunLock(__import__('pathlib').Path({str(folder)!r}))"
    second = subprocess.Popen([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)})
    threading.Thread(target=lambda: (second.wait(), done.set())).start()
    assert not done.wait(1)
    first.started()
    assert done.wait(30)
    assert second.returncode == 0


def test_a_folder_that_cannot_be_written_is_left_to_snakemake(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    lock = RunLock(file)
    lock.started()
    assert not lock.recovered


def test_only_broken_records_are_forgotten(folder):
    records = {"good": '{"rule": "clean"}', "empty": "", "half": '{"rule": "cl', "zeros": "\0\0"}
    for name, content in records.items():
        path = folder / "metadata" / "deep" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    broken = {path.name for path in forget_broken_records(folder)}
    assert broken == {"empty", "half", "zeros"}
    assert {path.name for path in (folder / "metadata").rglob("*") if path.is_file()} == {"good"}
    assert {path.name for path in (folder / "incomplete/deep").iterdir()} == broken
