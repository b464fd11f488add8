"""The locks of runs: one starts at a time, and whether others are at work is known."""

import os
import socket
import subprocess
import sys
import threading

import pytest

from ml_baseline.errors import InputError
from ml_baseline.jobs.run import RunLock

HERE = socket.gethostname()


def test_the_first_is_alone_and_notes_its_machine(tmp_path):
    lock = RunLock(tmp_path)
    assert (lock.alone, lock.ran_here) == (True, False)
    lock.note_machine()
    assert (tmp_path / "running").read_text() == HERE


def test_the_next_knows_that_the_dead_was_of_this_machine(tmp_path):
    RunLock(tmp_path).note_machine()
    lock = RunLock(tmp_path)
    assert (lock.alone, lock.ran_here) == (True, True)


def test_a_second_one_is_not_alone(tmp_path):
    living = RunLock(tmp_path)
    living.started()
    assert not RunLock(tmp_path).alone


def test_a_longer_name_of_another_machine_is_written_over(tmp_path):
    (tmp_path / "running").write_text("elsewhere" * 20)
    lock = RunLock(tmp_path)
    assert not lock.ran_here
    lock.note_machine()
    assert (tmp_path / "running").read_text() == HERE


def test_the_second_waits_until_the_first_has_started(tmp_path):
    first = RunLock(tmp_path)
    done = threading.Event()
    code = (
        "import sys; from pathlib import Path; from ml_baseline.jobs.run import RunLock; "
        "RunLock(Path(sys.argv[1]))"
    )
    second = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], env={"PYTHONPATH": ":".join(sys.path)}
    )
    threading.Thread(target=lambda: (second.wait(), done.set())).start()
    assert not done.wait(1)
    first.started()
    assert done.wait(30)
    assert second.returncode == 0


def test_a_folder_that_cannot_be_written_is_left_to_snakemake(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    lock = RunLock(file)
    lock.note_machine()
    lock.started()
    assert lock.alone and not lock.ran_here


@pytest.mark.parametrize("name", ["running", "starting"])
@pytest.mark.parametrize("kind", ["a link", "a pipe"])
def test_a_lock_that_is_something_else_is_refused_and_left_as_it_is(tmp_path, name, kind):
    precious = tmp_path / "precious"
    precious.write_text("all my work")
    folder = tmp_path / ".snakemake"
    folder.mkdir()
    if kind == "a link":
        (folder / name).symlink_to(precious)
    else:
        os.mkfifo(folder / name)
    with pytest.raises(InputError, match=f"{name}: expected a plain file"):
        RunLock(folder)
    assert precious.read_text() == "all my work"
