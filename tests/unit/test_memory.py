"""Hashes are remembered, and never of a file that has changed since."""

import json
import os
import time

import pytest

from ml_baseline.files import content_hash
from ml_baseline.jobs import memory
from ml_baseline.jobs.memory import Memory, remembered_hash


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A file that is old enough to be remembered, as time goes fast here."""
    monkeypatch.setattr(memory, "RACY_SECONDS", -1.0)
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    return path


@pytest.fixture
def counted(monkeypatch):
    """The files that were read to be hashed."""
    read = []
    monkeypatch.setattr(
        memory, "content_hash", lambda path: read.append(path) or content_hash(path)
    )
    return read


def asked(folder, path):
    """Ask as a run does that starts, asks and saves what it knows."""
    known = Memory(folder / "memory.json")
    found = remembered_hash(path, known)
    known.save()
    return found


def test_a_file_that_is_as_it_was_is_read_once(tmp_path, table, counted):
    assert {asked(tmp_path, table) for _ in range(3)} == {content_hash(table)}
    assert len(counted) == 1


CHANGES = {
    "longer": lambda path: path.write_text("a,b\n1,2\n3,4\n"),
    "the same size": lambda path: path.write_text("a,b\n1,3\n"),
    "another file of the same size": lambda path: (
        path.with_name("other").write_text("a,b\n1,3\n"),
        path.with_name("other").replace(path),
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_is_seen_even_if_the_time_is_set_back(tmp_path, table, case):
    asked(tmp_path, table)
    before = table.stat()
    CHANGES[case](table)
    os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert asked(tmp_path, table) == content_hash(table)


def test_a_young_file_is_not_believed(tmp_path, table, counted, monkeypatch):
    monkeypatch.setattr(memory, "RACY_SECONDS", 3.0)
    asked(tmp_path, table)
    asked(tmp_path, table)
    assert len(counted) == 2
    monkeypatch.setattr(time, "time", lambda: table.stat().st_ctime + 4)
    asked(tmp_path, table)
    asked(tmp_path, table)
    assert len(counted) == 3


@pytest.mark.parametrize("content", ["", "[]", "{", "null", '{"content /x": 3}', "\0"])
def test_a_damaged_memory_is_an_empty_one(tmp_path, table, content):
    (tmp_path / "memory.json").write_text(content)
    assert asked(tmp_path, table) == content_hash(table)
    assert json.loads((tmp_path / "memory.json").read_text())


def test_what_is_not_asked_for_is_forgotten(tmp_path, table):
    asked(tmp_path, table)
    other = tmp_path / "other.csv"
    other.write_text("x")
    asked(tmp_path, other)
    assert list(json.loads((tmp_path / "memory.json").read_text())) == [f"content {other}"]


def test_a_folder_that_cannot_be_written_is_no_matter(tmp_path, table):
    (tmp_path / "file").write_text("")
    assert asked(tmp_path / "file", table) == content_hash(table)
