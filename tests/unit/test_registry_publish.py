"""Runs are published whole or not at all, never twice, never over another."""

import fcntl
import json
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from publishing import CIRCUMSTANCES, NOON, publish_smallest, smallest_facts, snapshot

from ml_baseline import seal as seals
from ml_baseline.errors import InputError
from ml_baseline.registry import environment as environment_module
from ml_baseline.registry.manifest import RUN_ID
from ml_baseline.registry.publish import publish
from ml_baseline.registry.runs import changed_files, find_run, list_runs, open_run
from ml_baseline.seal import KEY_VARIABLE

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
    assert open_run(runs / second).sealed and not open_run(runs / FIRST, trusted=True).sealed
    assert publish_smallest(runs, **at(6)) == second


def test_without_a_place_for_the_key_runs_are_published_unsealed(runs, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "file" / "registry.key"))
    publish_smallest(runs, **at())
    assert not open_run(runs / FIRST, trusted=True).sealed
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


# --- content, names, locks -----------------------------------------------------------------------


def publish_with(runs: Path, files: dict | None = None, facts: dict | None = None, **more) -> str:
    circumstances = {name: more.pop(name, value) for name, value in CIRCUMSTANCES.items()}
    return publish(
        runs,
        {"model/model.joblib": b"m", "env/pip_freeze.txt": b"a==1\n"} | (files or {}),
        smallest_facts() | (facts or {}),
        circumstances,
        card=more.pop("card", lambda meta: "card"),
        **at(more.pop("seconds", 0)),
    )


def test_time_machine_versions_and_the_cards_words_are_no_new_content(runs):
    first = publish_with(runs)
    later = publish_with(
        runs,
        files={"env/pip_freeze.txt": b"a==2\n"},
        packages={"numpy": "9"},
        python="3.99",
        card=lambda meta: "other words",
        seconds=9,
    )
    assert later == first


@pytest.mark.parametrize(
    "change",
    [
        {"files": {"model/model.joblib": b"n"}},
        {"files": {"metrics/more.json": b"{}"}},
        {"facts": {"seed": 43}},
        {"facts": {"config": {"threshold": 0.4}}},
        {"facts": {"data": smallest_facts()["data"] | {"sha256": "1"}}},
    ],
    ids=str,
)
def test_whatever_else_a_run_says_is_content(runs, change):
    assert publish_with(runs) != publish_with(runs, **change)


def test_what_could_not_be_read_again_is_not_published(runs):
    with pytest.raises(InputError, match="`task` is 5, expected a valid string"):
        publish_with(runs, facts={"task": 5})
    assert {path.name for path in runs.iterdir()} == {".lock"}


def test_a_name_taken_at_the_last_moment_is_not_merged_into(runs, monkeypatch):
    """Another process, on a disk without locks, was faster than the look at what is there."""
    (runs / FIRST).mkdir(parents=True)
    (runs / FIRST / "mine.txt").write_text("mine")
    monkeypatch.setattr(os.path, "lexists", lambda path: False)
    assert publish_smallest(runs, **at()) == f"{FIRST}-2"
    assert snapshot(runs / FIRST) == {"mine.txt": b"mine"}


def test_a_lock_that_is_a_link_is_refused_and_not_followed(runs, tmp_path):
    runs.mkdir(parents=True)
    (tmp_path / "mine.txt").write_text("mine")
    (runs / ".lock").symlink_to(tmp_path / "mine.txt")
    with pytest.raises(InputError, match=r"\.lock: expected a plain file"):
        publish_smallest(runs, **at())
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_link_among_the_leftovers_leads_to_no_deletion(runs, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file.txt").write_text("mine")
    runs.mkdir(parents=True)
    (runs / ".publishing-x").symlink_to(tmp_path / "mine")
    publish_smallest(runs, **at())
    assert snapshot(tmp_path / "mine") == {"file.txt": b"mine"}


def test_without_locks_nothing_of_others_is_swept(runs, monkeypatch):
    def unsupported(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    theirs = runs / ".publishing-theirs"
    theirs.mkdir(parents=True)
    assert publish_smallest(runs, **at()) == FIRST
    assert theirs.is_dir()
    monkeypatch.undo()
    publish_smallest(runs, "b", **at(1))
    assert not theirs.exists()


# --- where it was made ---------------------------------------------------------------------------


def test_the_code_is_named_by_its_commit(tmp_path, monkeypatch):
    source = tmp_path / "workflow/ml_baseline/registry/environment.py"
    source.parent.mkdir(parents=True)
    source.write_text("x = 1\n")
    monkeypatch.setattr(environment_module, "__file__", str(source))
    assert environment_module.code_version()["commit"] is None  # not from a checkout
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "9.8"\n')

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    found = environment_module.code_version()
    assert found["commit"] == git("rev-parse", "HEAD") and found["dirty"] is False
    assert found["version"] == "9.8"
    source.write_text("x = 2\n")
    assert environment_module.code_version()["dirty"] is True


def test_installed_code_has_no_version_of_the_project_around_it(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").write_text('[tool.poetry]\nname = "another"\n')
    inside = tmp_path / "lib/ml_baseline/registry/environment.py"
    monkeypatch.setattr(environment_module, "__file__", str(inside))
    own = environment_module._version("ml-baseline")
    assert environment_module.code_version() == {"version": own, "commit": None, "dirty": None}


def test_all_packages_are_listed_as_pip_would():
    lines = environment_module.installed_packages().splitlines()
    assert lines == sorted(lines, key=lambda line: line.split("==")[0].lower())
    assert f"pytest=={pytest.__version__}" in lines


# --- the key -------------------------------------------------------------------------------------


def test_where_the_key_is_kept(monkeypatch, tmp_path):
    assert str(seals.key_path()) == os.environ[KEY_VARIABLE]
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert seals.key_path() == tmp_path / "ml-baseline" / "registry.key"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert seals.key_path() == tmp_path / "home/.local/state/ml-baseline/registry.key"


def test_a_relative_place_for_the_key_is_not_obeyed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    assert seals.key_path() == tmp_path / "home/.local/state/ml-baseline/registry.key"
    monkeypatch.setenv(KEY_VARIABLE, "state/registry.key")
    with pytest.raises(InputError, match="expected the full path"):
        seals.seal_of(b"x", make_key=True)
    monkeypatch.setenv(KEY_VARIABLE, "~/registry.key")
    assert seals.key_path() == tmp_path / "home/registry.key"


HEX = "ab" * 32


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        ("", 0o600, "is not valid"),
        ("no hex", 0o600, "is not valid"),
        ("ab" * 8, 0o600, "is not valid"),
        ("é" * 64, 0o600, "is not valid"),
        (HEX, 0o644, "chmod 600"),
        (HEX, 0o640, "chmod 600"),
        (HEX, 0o602, "chmod 600"),
    ],
)
@pytest.mark.parametrize("linked", [False, True])
def test_a_key_that_cannot_be_relied_on_is_refused(
    monkeypatch, tmp_path, content, mode, words, linked
):
    path = own_key_path(monkeypatch, tmp_path)
    target = tmp_path / "elsewhere.key" if linked else path
    target.write_text(content)
    target.chmod(mode)
    if linked:
        path.symlink_to(target)
    for call in (lambda: seals.seal_of(b"x", make_key=True), lambda: seals.is_sealed(b"x", "0")):
        with pytest.raises(InputError, match=words) as caught:
            call()
        assert str(path) in str(caught.value)
    assert target.read_text() == content


def own_key_path(monkeypatch, tmp_path) -> Path:
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = seals.key_path()
    path.parent.mkdir()
    return path


@pytest.mark.parametrize("kind", ["folder", "pipe", "dangling", "of another account"])
def test_what_is_no_key_file_of_this_account_is_refused(monkeypatch, tmp_path, kind):
    path = own_key_path(monkeypatch, tmp_path)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_text(HEX)
        path.chmod(0o600)
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(InputError, match=r"plain file|not there|another account"):
        seals.seal_of(b"x", make_key=True)
    assert not (tmp_path / "nowhere").exists()


def test_a_key_that_is_named_may_be_shared_with_a_group(monkeypatch, tmp_path):
    path = tmp_path / "shared.key"
    path.write_text(HEX)
    path.chmod(0o640)
    monkeypatch.setenv(KEY_VARIABLE, str(path))
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert seals.seal_of(b"x")
    path.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        seals.seal_of(b"x")


def test_a_seal_fits_one_manifest_only():
    seal = seals.seal_of(b"manifest", make_key=True)
    assert seals.is_sealed(b"manifest", f"{seal}\n")
    assert not seals.is_sealed(b"manifest ", seal)
    assert not seals.is_sealed(b"manifest", seal[:-1])


def test_accounts_that_publish_first_at_once_agree_on_one_key(monkeypatch, tmp_path):
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "new" / "registry.key"))
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(seals.seal_of(b"x", make_key=True)))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16 and len(set(found)) == 1 and None not in found
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["registry.key"]
