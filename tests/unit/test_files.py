"""Files are whole or absent, whatever happens while they are written."""

import json
import os
import signal
import subprocess
import sys

import pytest
from running import ROOT

from ml_baseline.errors import InputError
from ml_baseline.files import (
    content_hash,
    open_lock_file,
    read_json,
    require_content,
    whole_file,
    write_json,
)

pytestmark = pytest.mark.filterwarnings("error")


def test_json_survives_the_round_trip(tmp_path):
    content = {"ü": [0.1, 1e-320, -0.0, 2**53 + 1], "none": None, "b": True, "nested": {"1": []}}
    write_json(content, tmp_path / "new" / "folder" / "a.json")
    assert read_json(tmp_path / "new" / "folder" / "a.json") == content
    assert "ü" in (tmp_path / "new" / "folder" / "a.json").read_text(encoding="utf-8")


def test_the_same_content_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_json({"x": [1, 2.5], "y": "é"}, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("content", [{"x": float("nan")}, {"x": float("inf")}, {"x": {1, 2}}])
def test_what_json_cannot_hold_is_refused_and_the_old_file_stays(tmp_path, content):
    path = tmp_path / "a.json"
    write_json({"old": 1}, path)
    with pytest.raises((ValueError, TypeError)):
        write_json(content, path)
    assert read_json(path) == {"old": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def fail_while_writing(path):
    with whole_file(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt


def test_an_interrupted_write_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fail_while_writing(tmp_path / "a.txt")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        fail_while_writing(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_nothing_stands_under_the_name_before_the_end(tmp_path):
    path = tmp_path / "table.csv"
    with whole_file(path) as temporary:
        temporary.write_text("x")
        assert not path.exists()
        assert temporary.parent == tmp_path  # the same file system, so that renaming is one step
        assert temporary.suffix == ".csv"  # some writers choose their format by it
        assert temporary.name.startswith(".")  # no pattern for tables finds it
    assert path.read_text() == "x"
    assert len(list(tmp_path.iterdir())) == 1


WRITER = """
import sys
from ml_baseline.files import whole_file
with whole_file(sys.argv[1]) as temporary:
    temporary.write_text(sys.argv[2] * 1000)
    print("writing", flush=True)
    sys.stdin.readline()
"""


def start_writer(path, letter) -> subprocess.Popen:
    command = [sys.executable, "-c", WRITER, str(path), letter]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow")}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    writer = subprocess.Popen(command, env=environment, text=True, **pipes)
    assert writer.stdout.readline() == "writing\n"
    return writer


def test_processes_that_write_the_same_file_leave_each_other_alone(tmp_path):
    path = tmp_path / "a.csv"
    writers = [start_writer(path, letter) for letter in "ab"]
    with whole_file(path) as temporary:
        temporary.write_text("c")
    for writer, letter in zip(writers, "ab", strict=True):
        writer.communicate("go on\n", timeout=30)
        assert writer.returncode == 0
        assert path.read_text() == letter * 1000
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path):
    others = [tmp_path / ".a-20240101.csv", tmp_path / ".ml-baseline-linked__.csv"]
    others[0].write_text("mine")
    others[1].symlink_to(others[0])
    killed, alive = (start_writer(tmp_path / "a.csv", letter) for letter in "ab")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert len(list(tmp_path.iterdir())) == 4
    write_json({}, tmp_path / "b.json")
    assert len(list(tmp_path.iterdir())) == 4  # the new file and one temporary file fewer
    alive.communicate("go on\n", timeout=30)
    assert sorted(tmp_path.iterdir()) == sorted([*others, tmp_path / "a.csv", tmp_path / "b.json"])
    assert others[0].read_text() == "mine"


def test_a_lock_changes_nothing_and_follows_no_link(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "mine.txt")
    (tmp_path / "nowhere").symlink_to(tmp_path / "new.txt")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "nowhere", "folder", "pipe"):
        with pytest.raises(InputError, match="expected a plain file"):
            open_lock_file(tmp_path / name)
    open_lock_file(tmp_path / "mine.txt").close()
    assert (tmp_path / "mine.txt").read_text() == "mine" and not (tmp_path / "new.txt").exists()


def test_the_content_is_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append((tmp_path / "a.json").exists()))
    write_json({}, tmp_path / "a.json")
    assert synced == [False, True]  # the content, then the folder's entry for it


def test_a_files_content_is_what_counts(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a\n1\n")
    before = content_hash(path)
    os.utime(path, (1, 1))
    require_content(path, before)
    path.write_text("a\n2\n")
    with pytest.raises(InputError, match=r"table\.csv: the file has changed.*again"):
        require_content(path, before)


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_others_may_read_what_the_umask_lets_them(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_json({}, tmp_path / "a.json")
    finally:
        os.umask(before)
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == mode


def test_the_file_is_indented_json_with_a_final_newline(tmp_path):
    write_json({"a": [1]}, tmp_path / "a.json")
    text = (tmp_path / "a.json").read_text()
    assert text == json.dumps({"a": [1]}, indent=1) + "\n"
