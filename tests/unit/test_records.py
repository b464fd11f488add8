"""What a job reads is what the job before it wrote: anything else is noticed and named."""

import json
import os
import pickle
import shutil
from pathlib import Path

import joblib
import pytest

from ml_baseline import records
from ml_baseline.errors import InputError
from ml_baseline.modelling.failure import write_failure
from ml_baseline.modelling.model_files import load_models, save_model
from ml_baseline.records import (
    keep_record,
    not_as_written,
    read_as_written,
    require_as_written,
)
from ml_baseline.seal import KEY_VARIABLE, RUN_KEY_VARIABLE, key_is_kept


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def written():
    path = Path("train.csv")
    path.write_text("a,b\n1,2\n3,4\n")
    keep_record(path)
    return path


# What may happen to a file between the job that writes it and the job that reads it.
DAMAGES = {
    "cut short": lambda path: path.write_text("a,b\n1,2\n"),
    "a line more": lambda path: path.write_text(path.read_text() + "xxx\n"),
    "emptied": lambda path: path.write_text(""),
    "a cell edited": lambda path: path.write_text(path.read_text().replace("4", "5")),
    "another file put in its place": lambda path: (
        Path("other").write_text("a,b\n1,2\n3,5\n"),
        Path("other").replace(path),
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_changed_file_is_refused_and_found(written, damage):
    require_as_written(written)
    assert list(not_as_written([written])) == []
    DAMAGES[damage](written)
    assert list(not_as_written([written])) == [(written, True)]
    for read in (require_as_written, read_as_written):
        with pytest.raises(
            InputError, match=r"train.csv: this file is not what the workflow wrote"
        ):
            read(written)


def test_a_change_that_its_time_does_not_show_is_found_after_a_job_has_seen_it(
    written, monkeypatch
):
    monkeypatch.setattr(records, "_status", lambda path: [1, 2, 3])
    keep_record(written)
    DAMAGES["a cell edited"](written)
    assert list(not_as_written([written])) == []
    with pytest.raises(InputError):
        require_as_written(written)
    assert list(not_as_written([written])) == [(written, True)]


def test_a_copied_or_touched_file_is_as_it_was(written):
    copy = Path("copy.csv")
    shutil.copy(written, copy)
    copy.replace(written)
    assert list(not_as_written([written])) == []
    os.utime(written)
    assert list(not_as_written([written])) == []
    assert read_as_written(written) == written.read_bytes()


def test_a_file_without_a_record_is_found_and_no_model(written):
    Path("other.csv").write_text("mine")
    assert list(not_as_written(["other.csv"])) == [("other.csv", False)]
    require_as_written("other.csv")  # a raw table, say
    with pytest.raises(InputError, match="nothing shows that this account's workflow wrote"):
        read_as_written("other.csv")


NO_RECORDS = ["", "[]", "{}", '{"path": "train.csv"}', "xxx", '{"path": 1}']
NO_RECORDS += [
    "[" * 60_000,
    "1" * 10_000,
    '{"sha256": 1, "status": 2, "seal": 3}',
    '{"sha256": "", "status": null, "seal": "\\ud800"}',
]


@pytest.mark.parametrize("content", NO_RECORDS)
def test_a_damaged_record_is_none(written, content):
    (record,) = records.FOLDER.iterdir()
    record.write_text(content)
    assert list(not_as_written([written])) == [(written, False)]


@pytest.mark.parametrize("kind", ["folder", "pipe", "endless", "dangling", "huge"])
def test_what_is_no_file_is_no_record(written, kind):
    (record,) = records.FOLDER.iterdir()
    record.unlink()
    if kind == "folder":
        record.mkdir()
    elif kind == "pipe":
        os.mkfifo(record)
    elif kind == "huge":
        record.touch()
        os.truncate(record, 1 << 40)  # it takes no room on the disk
    else:
        record.symlink_to({"endless": "/dev/zero", "dangling": "nowhere"}[kind])
    assert list(not_as_written([written])) == [(written, False)]


def test_the_record_of_one_file_does_not_fit_another(written):
    (record,) = records.FOLDER.iterdir()
    other = Path("holdout.csv")
    shutil.copy(written, other)
    forged = json.loads(record.read_text()) | {"path": str(other)}
    records._place(other).write_text(json.dumps(forged))
    assert list(not_as_written([other])) == [(other, False)]
    with pytest.raises(InputError):
        read_as_written(other)


@pytest.mark.parametrize("change", [{"path": "holdout.csv"}, {}], ids=["another path", "no path"])
def test_what_the_seal_does_not_cover_is_not_used(written, change):
    """A record that names another file must not become that file's."""
    (record,) = records.FOLDER.iterdir()
    content = json.loads(record.read_text())
    del content["path"]
    record.write_text(json.dumps(content | change))
    os.utime(written)
    assert list(not_as_written([written])) == []
    assert list(records.FOLDER.glob("*.json")) == [record]
    DAMAGES["emptied"](written)
    with pytest.raises(InputError, match=r"train.csv: this file is not what the workflow wrote"):
        require_as_written(written)


def test_another_account_made_it(written, monkeypatch, tmp_path):
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "other.key"))
    assert key_is_kept()
    assert list(not_as_written([written])) == [(written, False)]
    with pytest.raises(InputError, match="nothing shows that this account's workflow wrote"):
        read_as_written(written)


def test_where_no_key_can_be_kept_the_jobs_of_one_run_know_each_other(written, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "/dev/null/key")
    monkeypatch.delenv(RUN_KEY_VARIABLE, raising=False)
    assert not key_is_kept()
    keep_record(written)
    assert read_as_written(written)
    monkeypatch.delenv(RUN_KEY_VARIABLE)  # the next run
    assert not key_is_kept()
    assert list(not_as_written([written])) == [(written, False)]


def test_where_no_record_can_be_written_looking_still_works(written, monkeypatch):
    os.utime(written)

    def refuse(*arguments, **named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(records.tempfile, "mkstemp", refuse)
    assert list(not_as_written([written])) == []
    with pytest.raises(InputError, match=r"no record of train.csv can be written .*Permission"):
        keep_record(written)
    written.write_text("")
    with pytest.raises(InputError, match="not what the workflow wrote"):
        require_as_written(written)


# ------------------------------------------------------------------ models


class RunsCode:
    """What a stranger's pickle does when it is loaded."""

    def __reduce__(self):
        return (os.mkdir, ("it ran",))


def test_models_and_failures_come_back(tmp_path):
    for name in ("tree", "line"):
        save_model({"name": name}, f"models/{name}.joblib")
        keep_record(f"models/{name}.joblib")
    write_failure("ValueError: singular", "models/bad.joblib")
    paths = [f"models/{name}.joblib" for name in ("bad", "line", "tree")]
    assert load_models(paths) == (
        {"line": {"name": "line"}, "tree": {"name": "tree"}},
        {"bad": "ValueError: singular"},
    )


@pytest.mark.parametrize("known", [True, False])
def test_a_strangers_model_is_refused_before_it_is_unpickled(known):
    path = Path("tree.joblib")
    if known:
        save_model({}, path)
        keep_record(path)
    path.write_bytes(pickle.dumps(RunsCode()))
    with pytest.raises(InputError, match=r"tree.joblib: .*workflow wrote"):
        load_models([path])
    assert not Path("it ran").exists()
    joblib.load(path)  # and it would have run
    assert Path("it ran").exists()


def test_half_a_model_is_named():
    path = Path("tree.joblib")
    save_model(list(range(1000)), path)
    keep_record(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match=r"tree.joblib: this file is not what"):
        load_models([path])
