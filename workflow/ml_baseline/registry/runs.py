"""Finding published runs and opening them, after checking that they are what they say."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ml_baseline.data.schema import Schema
from ml_baseline.errors import InputError, did_you_mean, similar
from ml_baseline.files import content_hash
from ml_baseline.registry.manifest import (
    DATASET,
    FILE,
    FORMAT,
    RUN_ID,
    Manifest,
    Record,
    read_json_as,
)
from ml_baseline.seal import KEY_VARIABLE, is_sealed
from ml_baseline.text import for_terminal

RESULTS = Path("results")
LATEST = "latest"
LATEST_FILE = "latest.txt"
MANIFEST = "run_meta.json"
SEAL = "seal.txt"
MODEL = "model/model.joblib"
SCHEMA = "schema/input_schema.json"
GOLDEN = "golden/golden_rows.json"
METRICS = "metrics/holdout_metrics.json"
CARD = "README.md"
# What stands in a run and cannot be in its own list of hashes.
UNLISTED = (MANIFEST, SEAL)
# No file that is read as text comes near it.
LARGEST_TEXT = 64 << 20


@dataclass(frozen=True)
class Run:
    """A published run.

    Attributes:
        folder: where it is.
        run_id: its name.
        dataset: the table it was made from.
        meta: the content of `run_meta.json`, which lists the hash of every other file.
        schema: the content of `schema/input_schema.json`.
        sealed: it was published from this account, and its manifest has not changed since. If not,
            the user vouches for it.
    """

    folder: Path
    run_id: str
    dataset: str
    meta: Manifest
    schema: Schema
    sealed: bool


def find_run(
    name: str, results: Path = RESULTS, dataset: str | None = None, trusted: bool = False
) -> Run:
    """Return the run that `name` stands for.

    Args:
        name: a run id, "latest", or the path of a run's folder. "latest" is the run that was last
            published or trained: of `dataset`, or without one of all tables.
        results: the folder of the results.
        dataset: look among the runs of this table only.
        trusted: the user vouches for the run, even if it was published elsewhere.

    Raises:
        InputError: there is no such run, more than one, it comes from elsewhere and is not trusted,
            or its manifest or schema is damaged.
    """
    folder = run_folder(name, Path(results), dataset)
    run = open_run(folder, trusted)
    if dataset is not None and run.dataset != dataset:
        raise InputError(f"{folder} is a run of the table {run.dataset}, not of {dataset}")
    return with_schema(run)


def with_schema(run: Run) -> Run:
    """Return a run together with its input schema; InputError if it is not as published."""
    return replace(run, schema=checked_json(run, SCHEMA, Schema))


def run_folder(name: str, results: Path = RESULTS, dataset: str | None = None) -> Path:
    """Return the folder of the run that `name` stands for, as `find_run` explains it."""
    if dataset is not None and not DATASET.fullmatch(dataset):
        raise InputError(
            f"{dataset!r} cannot be the name of a table; expected letters, digits, _ and -, a letter "
            "first"
        )
    if name == LATEST:
        return _latest_folder(results, dataset)
    if RUN_ID.fullmatch(name):
        found = [folder for folder in run_folders(results, dataset) if folder.name == name]
        if len(found) > 1:
            tables = " or ".join(folder.parts[-3] for folder in found)
            raise InputError(f"there is a run {name} of several tables; add --dataset {tables}")
        if found:
            return found[0]
    elif dataset is None and Path(name, MANIFEST).is_file():
        return Path(name)
    known = sorted(run_folders(results, dataset), key=by_time)
    newest = [folder.name for folder in known[:-4:-1]]
    advice = f"the newest are {', '.join(newest)}" if newest else f"{results} has no published runs"
    raise InputError(f"there is no run {name!r}; {advice}: see `ml-baseline runs list`")


def run_folders(results: Path = RESULTS, dataset: str | None = None) -> Iterator[Path]:
    """Yield the folders of all published runs, table by table, the oldest first."""
    names = [dataset] if dataset else sorted(path.name for path in _listed(results))
    for name in names:
        if DATASET.fullmatch(name):
            folders = [f for f in _listed(results / name / "runs") if RUN_ID.fullmatch(f.name)]
            yield from sorted(folders, key=by_time)


def list_runs(results: Path = RESULTS, dataset: str | None = None) -> list[Run]:
    """Return all runs that can be opened, the oldest first; their `schema` is empty."""
    opened = [opened_or_problem(folder) for folder in run_folders(Path(results), dataset)]
    runs = [run for run in opened if isinstance(run, Run)]
    return sorted(runs, key=lambda run: by_time(run.folder))


def opened_or_problem(folder: Path, trusted: bool = False) -> Run | str:
    """Return the run in a folder, or in words why it cannot be used."""
    try:
        return open_run(folder, trusted)
    except InputError as error:
        return str(error)


def open_run(folder: Path, trusted: bool = False) -> Run:
    """Return the run in a folder, its schema not read yet.

    Nothing that stands in the folder is interpreted before its seal has shown that this account
    published it, unless the user vouches for it.

    Raises:
        InputError: the folder is none of a run, the run comes from elsewhere and is not trusted,
            or its manifest is damaged.
    """
    if folder.is_symlink():
        raise InputError(f"{folder} is a symbolic link; name the run's own folder")
    content = read_plain_file(folder, MANIFEST, LARGEST_TEXT)
    seal = ""
    with contextlib.suppress(InputError):
        seal = read_plain_file(folder, SEAL, LARGEST_TEXT).decode("ascii", errors="replace")
    sealed = is_sealed(content, seal)
    if not (sealed or trusted):
        why = (
            "was not published from this account, or was changed since"
            if seal
            else "has no seal, so its origin is unknown (if you published it here, no key could be "
            f"stored: set {KEY_VARIABLE} to a file that can hold one)"
        )
        raise InputError(
            f"{folder}: this run {why}. Loading a model can run code, so the run is not used. If "
            "you know where it comes from, add --trust"
        )
    meta = read_json_as(Manifest, content, folder / MANIFEST)
    if meta["format"] != FORMAT:
        raise InputError(
            f"{folder / MANIFEST} has the format {meta['format']}, but this version of ml-baseline "
            f"reads format {FORMAT}; use the version that made it"
        )
    if RUN_ID.fullmatch(folder.name) and folder.name != meta["run_id"]:
        raise InputError(f"{folder} holds another run: {meta['run_id']}")
    nothing: Schema = {"target": meta["target"], "columns": []}
    return Run(folder, meta["run_id"], meta["dataset"], meta, nothing, sealed)


def checked_bytes(run: Run, name: str) -> bytes:
    """Return the content of a run's file, if it is what the manifest says.

    Raises:
        InputError: the file is missing, no plain file, not in the manifest, or has changed.
    """
    listed = run.meta["files"].get(name)
    path = plain_file(run.folder, name)
    # Hashed before it is read, as it may be larger than memory, and after, as it may change.
    with _told(path):
        content = path.read_bytes() if content_hash(path) == listed else b""
    if hashlib.sha256(content).hexdigest() != listed:
        raise InputError(
            f"{path} is not the file that was published: its hash is not the one in {MANIFEST}. It "
            f"is not used; `ml-baseline runs verify {run.folder}` checks all files"
        )
    return content


def checked_json(run: Run, name: str, kind: type[Record]) -> Record:
    """Return the content of a run's JSON file, if it is as published and of a type."""
    return read_json_as(kind, checked_bytes(run, name), run.folder / name)


def changed_files(run: Run) -> dict[str, str]:
    """Return what is wrong with a run's files, by name: empty if they are as published."""
    listed = run.meta["files"]
    found = {}
    for folder, folders, files in os.walk(run.folder):
        for name in [*folders, *files]:
            path = Path(folder, name)
            relative = path.relative_to(run.folder).as_posix()
            if path.is_symlink():
                found[relative] = "a symbolic link"
            elif name in files and relative not in listed and relative not in UNLISTED:
                found[relative] = "not part of the published run"
    for name, digest in listed.items():
        path = run.folder / name
        if name in found:
            continue
        if not path.is_file():
            found[name] = "missing"
            continue
        try:
            if content_hash(path) != digest:
                found[name] = f"changed: its hash is not the one in {MANIFEST}"
        except OSError as error:
            found[name] = f"cannot be read: {error.strerror}"
    return dict(sorted(found.items()))


def read_plain_file(folder: Path, name: str, limit: int) -> bytes:
    """Return the content of a file inside a run's folder, which has at most `limit` bytes."""
    path = plain_file(folder, name)
    with _told(path), path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise InputError(f"{path} has more than {limit:,} bytes, too many for a file of a run")
    return content


def plain_file(folder: Path, name: str) -> Path:
    """Return the path of a file inside a run's folder; symbolic links are refused.

    Args:
        folder: the run's folder.
        name: the file's path in it, with slashes.
    """
    if not FILE.fullmatch(name):
        raise InputError(f"{name!r} is not a path inside a run; expected one like {MODEL}")
    path = folder
    with _told(folder / name):
        for part in PurePosixPath(name).parts:
            path = path / part
            if path.is_symlink():
                raise InputError(f"{path} is a symbolic link; a published run has none")
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path} is not a regular file")
    return path


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def latest_run_id(runs: Path) -> str | None:
    """Return the run id that a table's pointer names, None if there is no pointer.

    Raises:
        InputError: what stands there is no run id, or it is no plain file.
    """
    if not os.path.lexists(runs / LATEST_FILE):
        return None
    text = read_plain_file(runs, LATEST_FILE, 1 << 16).decode("utf-8", errors="replace").strip()
    if not RUN_ID.fullmatch(text):
        shown = for_terminal(repr(text[:100]))
        raise InputError(f"{runs / LATEST_FILE} holds {shown}; expected a run id and nothing else")
    return text


def touch_latest(runs: str | Path) -> None:
    """Make a table the one that was used last, for whoever asks for the latest run of all."""
    pointer = Path(runs) / LATEST_FILE
    if pointer.is_file() and not pointer.is_symlink():
        pointer.touch()


def is_newer(run: Run, other: Run) -> bool:
    """Return whether a run was published after another."""
    return by_time(run.folder) > by_time(other.folder)


def _latest_folder(results: Path, dataset: str | None) -> Path:
    if dataset is None:
        dataset = _last_table(results)
    if dataset is None:
        raise InputError(
            f"there is no published run in {results.resolve()}; train one first: "
            "`ml-baseline train --target <column>`"
        )
    runs = results / dataset / "runs"
    name = latest_run_id(runs)
    if name is None:
        published = [path.name for path in _listed(results) if (path / "runs").is_dir()]
        meant = did_you_mean(similar(dataset, {*published} - {dataset}))
        raise InputError(
            f"the table {dataset} has no published run ({runs / LATEST_FILE} does not exist); "
            f"{meant or 'train it first, or see `ml-baseline runs list`'}"
        )
    folder = runs / name
    if not (folder / MANIFEST).is_file():
        raise InputError(
            f"{runs / LATEST_FILE} names the run {name}, which does not exist; choose another run, or "
            f"delete {results / dataset / 'published.json'} and train again to publish one"
        )
    return folder


def _last_table(results: Path) -> str | None:
    """Return the table that was last published or trained: the newest pointer's."""
    tables = [path for path in _listed(results) if DATASET.fullmatch(path.name)]
    pointers = [path / "runs" / LATEST_FILE for path in tables]
    pointers = [path for path in pointers if os.path.lexists(path)]
    newest = max(pointers, key=lambda p: (p.lstat().st_mtime_ns, p.parts[-3]), default=None)
    return newest.parts[-3] if newest else None


def _listed(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def by_time(folder: Path) -> tuple[str, int]:
    """Return the key that sorts the folders of runs by when they were published."""
    match = RUN_ID.fullmatch(folder.name)
    assert match
    return match["time"], int(match["number"] or 1)
