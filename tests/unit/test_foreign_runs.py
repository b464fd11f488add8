"""Runs that anybody may have made: refused in a line each, whatever is in them, and nothing is run."""

import hashlib
import json
import os
import random
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import joblib
import pytest
from publishing import publish_smallest
from small_shop import shop

from ml_baseline.cli import command
from ml_baseline.errors import InputError
from ml_baseline.registry.manifest import HoldoutMetrics, Manifest, read_json_as
from ml_baseline.registry.overview import overview
from ml_baseline.text import for_terminal

RUN_ID = "2026-01-01T12-00-00Z__classification__seed42"
MANIFEST = "run_meta.json"
ODD = (
    None,
    True,
    0,
    -1,
    1e308,
    10**400,
    "",
    "\x1b[2J\x07\u202e",
    "x" * 5000,
    "\ud800",
    [],
    [1],
    {},
)
ODD += ({"": ""}, {"a": [None]}, [[[]]])


@pytest.fixture
def folder(published, tmp_path, monkeypatch) -> Path:
    """A folder with a published run, which a test may spoil, and a sound one of another table."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(published, tmp_path / "results")
    publish_smallest(tmp_path / "results/other/runs")
    shop(20).to_csv(tmp_path / "batch.csv", index=False)
    return tmp_path / "results/shop/runs" / RUN_ID


class Evil:
    """Something that creates a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return (open, (str(self.marker), "w"))


def rehash(run: Path) -> None:
    """Give a run's manifest the hashes of the files that are there, as whoever forges it would."""
    manifest = run / MANIFEST
    if manifest.is_file() and not manifest.is_symlink():
        try:
            meta = json.loads(manifest.read_bytes())
            for name in meta["files"]:
                meta["files"][name] = hashlib.sha256((run / name).read_bytes()).hexdigest()
            manifest.write_text(json.dumps(meta))
        except (ValueError, OSError, TypeError, KeyError, RecursionError, AttributeError):
            pass


def says_one_line(arguments: list[str], capsys) -> str:
    """Run the program; return what it says if that is whole, and fit for a terminal."""
    try:
        code = command.main(arguments)
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    assert code in (0, 1), said
    assert "Traceback" not in said.out + said.err
    assert for_terminal(said.out + said.err) == said.out + said.err
    if code == 1 and arguments[1] != "verify":
        (line,) = [line for line in said.err.splitlines() if "error: " in line]
        assert line.startswith("ml-baseline: error: ")
    return said.out


def check(folder: Path, capsys, trust: bool) -> None:
    trusted = ["--trust"] * trust
    for wanted in (["--json"], []):
        said = says_one_line(["runs", "list", *trusted, *wanted], capsys)
        assert "other" in said  # the sound run is still there
    lines = overview(Path("results"), trusted=trust)
    assert len(lines) == 2 and all(isinstance(line["problem"], str | None) for line in lines)
    for action in (["show", RUN_ID], ["compare", RUN_ID, RUN_ID], ["verify", RUN_ID]):
        says_one_line(["runs", *action, *trusted], capsys)
    batch = ["predict", "--run", RUN_ID, "--input", "batch.csv", "--output", "out.csv", *trusted]
    says_one_line(batch, capsys)


def places(value: object, path: tuple = ()) -> list[tuple]:
    """Return the path of every part of a JSON value."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


def with_odd(content: object, place: tuple, odd: object) -> object:
    if not place:
        return odd
    changed = json.loads(json.dumps(content))
    parent = changed
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = odd
    return changed


JSON_FILES = (
    MANIFEST,
    "schema/input_schema.json",
    "metrics/holdout_metrics.json",
    "golden/golden_rows.json",
)


def check_odd_values(folder: Path, capsys, name: str, seed: int, times: int) -> None:
    choose = random.Random(f"{name} {seed}")
    content = json.loads((folder / name).read_text())
    saved = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for _ in range(times):
        changed = with_odd(content, choose.choice(places(content)[:200]), choose.choice(ODD))
        (folder / name).write_text(json.dumps(changed))
        rehash(folder)
        check(folder, capsys, trust=True)
        for path, data in saved.items():
            path.write_bytes(data)


@pytest.mark.parametrize("name", JSON_FILES)
def test_another_value_in_its_json_is_told_in_a_line(folder, capsys, name):
    """With --trust, as without it nothing of these files is read at all."""
    check_odd_values(folder, capsys, name, seed=0, times=2)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", JSON_FILES)
def test_any_other_value_anywhere_in_its_json_is_told_in_a_line(folder, capsys, name, seed):
    check_odd_values(folder, capsys, name, seed, times=10)


def test_every_key_of_a_manifest_is_missed_or_compared_with_its_type(folder):
    """The type says all that is used: none of the values below makes a manifest that is read."""
    meta = json.loads((folder / MANIFEST).read_text())
    read_json_as(Manifest, json.dumps(meta).encode(), "it")
    for key in Manifest.__annotations__:
        left = {name: value for name, value in meta.items() if name != key}
        missing = [left] if key in Manifest.__required_keys__ else []
        for odd in (*missing, meta | {key: {"\x1b": object}.keys() and ["\x1b[2J"]}):
            with pytest.raises(ValueError, match="it is damaged: ") as caught:
                read_json_as(Manifest, json.dumps(odd).encode(), "it")
            assert key in str(caught.value) and "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "odd", "words"),
    [
        (("model", "roc_auc", "low"), "x", '`model.roc_auc.low` is "x", expected a valid number'),
        (("model", "roc_auc"), {"value": 1, "low": 0}, "it lacks `model.roc_auc.high`"),
        (("against_baseline", "low"), [], "`against_baseline.low` is [], expected a valid string"),
        ((), [], "it is [], expected a valid dictionary"),
    ],
)
def test_what_is_wrong_is_named_by_its_keys_in_the_file_alone(folder, place, odd, words):
    content = json.loads((folder / "metrics/holdout_metrics.json").read_text())
    with pytest.raises(InputError, match=f"^it is damaged: {re.escape(words)}$"):
        read_json_as(HoldoutMetrics, json.dumps(with_odd(content, place, odd)).encode(), "it")


def test_a_name_that_is_none_is_told_as_a_key(folder):
    meta = json.loads((folder / MANIFEST).read_text())
    meta["files"]["../x"] = "0" * 64
    with pytest.raises(InputError, match=r'damaged: a key of `files` is "../x", expected a name'):
        read_json_as(Manifest, json.dumps(meta).encode(), "it")


BYTES = {
    "empty": b"",
    "not UTF-8": b"\xff\xfe\x00\x80" * 9,
    "deep": b"[" * 200_000,
    "deep and whole": b'{"a":' * 900 + b"1" + b"}" * 900,
    "not finite": b'{"threshold": NaN}',
    "control characters": b"\x1b]0;owned\x07\x9b2J\r\n" * 9,
    "a long number": b"1" * 10_000,
}


def pairs(kinds: Iterable[str], names: list[str]) -> list:
    """Return each kind with each name, all but one name a kind (in turn) as proofs."""
    return [
        pytest.param(kind, name, marks=() if i % len(names) == j else pytest.mark.proof)
        for i, kind in enumerate(kinds)
        for j, name in enumerate(names)
    ]


FILES = [*JSON_FILES, "README.md", "seal.txt", "model/model.joblib"]


@pytest.mark.parametrize(("kind", "name"), pairs(BYTES, FILES))
def test_any_bytes_in_any_file_are_told_in_a_line(folder, capsys, kind, name):
    (folder / name).write_bytes(BYTES[kind])
    rehash(folder)
    for trust in (False, True):
        check(folder, capsys, trust)


PLACES = [MANIFEST, "seal.txt", "README.md", "model/model.joblib", "schema", "../latest.txt"]


@pytest.mark.parametrize(
    ("kind", "name"),
    pairs(["missing", "link", "dangling", "loop", "folder", "pipe", "huge"], PLACES),
)
def test_anything_in_place_of_a_file_is_told_in_a_line(folder, capsys, kind, name):
    path, kept = folder / name, folder.parents[3] / "kept"
    path.rename(kept)
    if kind == "link":
        path.symlink_to(kept)
    elif kind == "dangling":
        path.symlink_to(folder / "nowhere")
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "huge":
        path.touch()
        os.truncate(path, 200 << 20)  # it takes no room on the disk
    for trust in (False, True):
        check(folder, capsys, trust)


@pytest.mark.parametrize("step", ["is_dir", "iterdir"])
def test_a_folder_of_runs_that_cannot_be_read_spoils_no_list(folder, capsys, monkeypatch, step):
    """Permissions do not bind root, who may run these tests."""
    allowed = getattr(Path, step)

    def refused(path):
        if path == Path("results/other/runs"):
            raise PermissionError(13, "Permission denied", str(path))
        return allowed(path)

    monkeypatch.setattr(Path, step, refused)
    shown = says_one_line(["runs", "list"], capsys)
    assert RUN_ID in shown
    assert "other: not usable. results/other/runs cannot be read: Permission denied" in shown
    says_one_line(["runs", "show", RUN_ID], capsys)
    assert command.main(["runs", "list", "--dataset", "other"]) == 0
    assert command.main(["runs", "show", RUN_ID, "--dataset", "other"]) == 1
    assert "results/other/runs cannot be read" in capsys.readouterr().err


def test_odd_names_beside_the_runs_spoil_no_list(folder, capsys):
    runs = folder.parent
    (runs / RUN_ID.replace("42", "43")).mkdir()
    (runs / RUN_ID.replace("42", "44")).symlink_to("/")
    (runs / "\x1b[2J").mkdir()
    (runs.parents[1] / "\x1b[2J" / "runs" / RUN_ID).mkdir(parents=True)
    (runs.parents[1] / "file").touch()
    said = says_one_line(["runs", "list"], capsys)
    assert said.count("not usable") == 3  # and the smallest, which has no metrics
    assert "logistic_regression" in said


def test_nothing_of_a_foreign_run_is_run(folder, capsys, tmp_path):
    marker = tmp_path / "code was run"
    for name in [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]:
        joblib.dump(Evil(marker), folder / name)
        rehash(folder)
    check(folder, capsys, trust=False)
    assert not marker.exists()
    assert "--trust" in str(overview(Path("results"))[-1]["problem"]) + str(
        overview(Path("results"))[0]["problem"]
    )
