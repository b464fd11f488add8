"""A run goes to another machine as one file; a file that is anything else leaves nothing behind."""

import stat
import zipfile

import pytest
from publishing import NOON, publish_smallest, snapshot

from ml_baseline.cli import command
from ml_baseline.errors import InputError
from ml_baseline.registry.runs import find_run
from ml_baseline.registry.shipping import export_run, import_run
from ml_baseline.seal import KEY_VARIABLE


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """An exported run, with this account's own key."""
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "key"))
    publish_smallest(tmp_path / "results/shop/runs", now=lambda: NOON)
    export_run(find_run("latest", tmp_path / "results"), tmp_path / "run.zip")
    return tmp_path / "run.zip"


def test_what_is_imported_is_what_was_exported_byte_for_byte(shipped, tmp_path, capsys):
    there = tmp_path / "there"
    for _ in range(2):  # a second time it is there already
        assert command.main(["runs", "import", str(shipped), "--results", str(there)]) == 0
    first, again = capsys.readouterr().err.splitlines()[-2:]
    assert "of the table shop was imported: " in first and "shop is there already: " in again
    lock = "shop/runs/.lock"
    first, second = (snapshot(tmp_path / name) for name in ("results", "there"))
    assert {k: v for k, v in first.items() if k != lock} == {
        k: v for k, v in second.items() if k != lock
    }
    again = tmp_path / "again.zip"
    assert command.main(["runs", "export", "latest", str(again), "--results", str(there)]) == 0
    assert again.read_bytes() == shipped.read_bytes()
    assert command.main(["runs", "export", "latest", str(again), "--results", str(there)]) == 1
    assert "exists and is kept" in capsys.readouterr().err


def test_a_folder_for_an_image_holds_the_run_and_how_it_is_built(shipped, tmp_path, capsys):
    words = ["runs", "export", "latest", str(tmp_path / "image"), "--container"]
    words += ["--results", str(tmp_path / "results")]
    assert command.main(words) == 0
    content = snapshot(tmp_path / "image")
    assert set(content) == {"Containerfile", "run.zip"}
    assert content["run.zip"] == shipped.read_bytes()
    assert command.main(words) == 1
    assert "image cannot be made: File exists; choose another name" in capsys.readouterr().err
    assert snapshot(tmp_path / "image") == content


def test_an_imported_run_is_the_latest_only_where_there_is_none(shipped, tmp_path):
    there = tmp_path / "there"
    newest = publish_smallest(there / "shop/runs", "b")
    import_run(shipped, there)
    assert find_run("latest", there).run_id == newest


def test_another_account_needs_the_key_or_has_to_vouch(shipped, tmp_path, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "another key"))
    with pytest.raises(InputError, match="not published from this account"):
        import_run(shipped, tmp_path / "there")
    assert not (tmp_path / "there").exists()
    assert not import_run(shipped, tmp_path / "trusted", trusted=True).sealed
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "key"))
    assert import_run(shipped, tmp_path / "there").sealed


def test_a_run_that_is_not_as_published_is_not_exported(shipped, tmp_path):
    run = find_run("latest", tmp_path / "results")
    (run.folder / "README.md").write_text("something else")
    with pytest.raises(InputError, match=r"README\.md: changed"):
        export_run(run, tmp_path / "other.zip")
    assert not (tmp_path / "other.zip").exists()


def renamed(name):
    def change(entry, content):
        if entry.filename.endswith("README.md"):
            entry.filename = name.replace("RUN", entry.filename.split("/")[0])
        return [(entry, content)]

    return change


def added(name, content=b"x", **attributes):
    def change(entry, data):
        if not entry.filename.endswith("README.md"):
            return [(entry, data)]
        more = zipfile.ZipInfo(name.replace("RUN", entry.filename.split("/")[0]))
        more.compress_type = zipfile.ZIP_DEFLATED
        for key, value in attributes.items():
            setattr(more, key, value)
        return [(entry, data), (more, content)]

    return change


def with_content(end, content):
    return lambda entry, data: [(entry, content if entry.filename.endswith(end) else data)]


# How an archive was tampered with, and what is said of it.
TAMPERED = {
    "a path upwards": (added("RUN/../../evil"), "no file of a run"),
    "a path from the root": (added("/evil"), "no file of a run"),
    "a path for Windows": (added("RUN/..\\evil"), "no file of a run"),
    "a hidden file": (added("RUN/.evil"), "no file of a run"),
    "a file beside the run": (added("evil"), "no file of a run"),
    "another run too": (
        added("2026-01-01T12-00-00Z__classification__seed7/x"),
        "does not hold one published run",
    ),
    "a link": (added("RUN/x", b"/etc", external_attr=(stat.S_IFLNK | 0o777) << 16), "a link"),
    "a name twice": (added("RUN/readme.md"), "twice"),
    "a file for a folder": (added("RUN/model"), "holds 'model' as a file and as a folder"),
    "a folder for a file": (added("RUN/seal.txt/x"), "holds 'seal.txt' as a file and as a folder"),
    "a file more": (
        added("RUN/model/more.joblib"),
        "model/more.joblib is not part of the published run",
    ),
    "a file less": (renamed("RUN/other.md"), "README.md is missing"),
    "a bomb": (added("RUN/bomb", b"\0" * (150 << 20)), "more than a run of its size can have"),
    "many files": (
        lambda entry, data: [(zipfile.ZipInfo(f"{entry.filename}{i}"), b"") for i in range(300)],
        "more than a run of its size can have",
    ),
    "a changed model": (with_content("model.joblib", b"b"), "model.joblib is changed"),
    "a changed manifest": (with_content("run_meta.json", b"{}"), "changed since"),
    "no seal": (
        lambda entry, data: [] if entry.filename.endswith("seal.txt") else [(entry, data)],
        "has no seal",
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_what_was_tampered_with_is_refused_in_words_and_leaves_nothing(shipped, tmp_path, how):
    change, words = TAMPERED[how]
    other = tmp_path / "tampered.zip"
    with zipfile.ZipFile(shipped) as old, zipfile.ZipFile(other, "w") as new:
        for entry in old.infolist():
            for changed, content in change(entry, old.read(entry.filename)):
                new.writestr(changed, content)
    before = snapshot(tmp_path)
    with pytest.raises(InputError, match=f"^{other}.*{words}"):
        import_run(other, tmp_path / "there")
    left = snapshot(tmp_path)
    left.pop("there/shop/runs/.lock", None)
    assert left == before


def test_a_file_that_is_no_or_half_an_archive_is_refused(shipped, tmp_path):
    whole = shipped.read_bytes()
    for content in (
        b"",
        b"no archive",
        whole[: len(whole) // 2],
        whole[:40] + b"\xff" * 200 + whole[240:],
    ):
        (tmp_path / "bad.zip").write_bytes(content)
        with pytest.raises(InputError):
            import_run(tmp_path / "bad.zip", tmp_path / "there")
    (tmp_path / "note.zip").write_text("no archive")
    with pytest.raises(InputError, match="is not a zip file"):
        import_run(tmp_path / "note.zip", tmp_path / "there")
    with pytest.raises(InputError, match=r"no such file; did you mean .*note\.zip"):
        import_run(tmp_path / "notes.zip", tmp_path / "there")
