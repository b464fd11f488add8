"""Finding published runs and opening them, after checking that they are what they say."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ml_baseline.data.schema import Schema
from ml_baseline.errors import InputError, did_you_mean, similar
from ml_baseline.files import content_hash
from ml_baseline.registry import manifest
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
    """A published run."""

    folder: Path
    run_id: str
    dataset: str
    meta: manifest.Manifest
    schema: Schema
    sealed: bool  # published from this account, and unchanged; if not, the user vouches for it


def find_run(
    name: str, results: Path = RESULTS, dataset: str | None = None, trusted: bool = False
) -> Run:
    """Return the run that `name` stands for: a run id, the path of its folder, or "latest".

    The latest is the one that was last published or trained. With `dataset`, only runs of this table are
    looked at; `trusted` says that the user vouches for it, even if it was published elsewhere. Raises
    InputError if there is no such run, more than one, or none that can be used.
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
    """Return the folder of the run that `name` stands for, as `find_run` explains."""
    if dataset is not None and not manifest.DATASET.fullmatch(dataset):
        raise InputError(
            f"{dataset!r} cannot be the name of a table; expected a letter, then letters, digits, _, -"
        )
    if name == LATEST:
        return _latest_folder(results, dataset)
    if manifest.RUN_ID.fullmatch(name):
        found = [folder for folder in run_folders(results, dataset) if folder.name == name]
        if len(found) > 1:
            tables = " or ".join(folder.parts[-3] for folder in found)
            raise InputError(f"there is a run {name} of several tables; add --dataset {tables}")
        if found:
            return found[0]
    elif dataset is None and Path(name, MANIFEST).is_file():
        return Path(name)
    newest = [folder.name for folder in run_folders(results, dataset)[:-4:-1]]
    advice = f"the newest are {', '.join(newest)}" if newest else f"{results} has no published runs"
    raise InputError(f"there is no run {name!r}; {advice}: see `ml-baseline runs list`")


def tables(results: Path = RESULTS, dataset: str | None = None) -> list[str]:
    """Return the names of the tables that may have runs, or that of `dataset` alone."""
    names = [dataset] if dataset else sorted(path.name for path in _listed(results))
    return [name for name in names if manifest.DATASET.fullmatch(name)]


def runs_of(runs: Path) -> list[Path]:
    """Return the folders of a table's runs, the oldest first; InputError if they cannot be listed."""
    return sorted((f for f in _listed(runs) if manifest.RUN_ID.fullmatch(f.name)), key=by_time)


def run_folders(results: Path = RESULTS, dataset: str | None = None) -> list[Path]:
    """Return the folders of all runs that can be listed; InputError if those of `dataset` cannot."""
    found: list[Path] = []
    for name in tables(results, dataset):
        with contextlib.nullcontext() if dataset else contextlib.suppress(InputError):
            found += runs_of(results / name / "runs")
    return sorted(found, key=by_time)


def list_runs(results: Path = RESULTS, dataset: str | None = None) -> list[Run]:
    """Return all runs that can be opened, the oldest first; their `schema` is empty."""
    return list(opened(run_folders(Path(results), dataset)))


def opened(folders: Iterable[Path], trusted: bool = False) -> Iterator[Run]:
    """Yield the runs in folders, leaving out those that cannot be used."""
    for folder in folders:
        with contextlib.suppress(InputError):
            yield open_run(folder, trusted)


def open_run(folder: Path, trusted: bool = False) -> Run:
    """Return the run in a folder, its schema not read yet.

    Nothing that stands there is interpreted before its seal has shown that this account published it,
    unless the user vouches for it. Raises InputError if there is none, or it cannot be used.
    """
    if folder.is_symlink():
        raise InputError(f"{folder} is a symbolic link; name the run's own folder")
    content = read_plain_file(folder, MANIFEST)
    seal = ""
    with contextlib.suppress(InputError):
        seal = read_plain_file(folder, SEAL).decode("ascii", errors="replace")
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
    meta = manifest.read_json_as(manifest.Manifest, content, folder / MANIFEST)
    if meta["format"] != manifest.FORMAT:
        raise InputError(
            f"{folder / MANIFEST} has the format {meta['format']}, but this version of ml-baseline "
            f"reads format {manifest.FORMAT}; use the version that made it"
        )
    if manifest.RUN_ID.fullmatch(folder.name) and folder.name != meta["run_id"]:
        raise InputError(f"{folder} holds another run: {meta['run_id']}")
    nothing: Schema = {"target": meta["target"], "columns": []}
    return Run(folder, meta["run_id"], meta["dataset"], meta, nothing, sealed)


def checked_bytes(run: Run, name: str) -> bytes:
    """Return the content of a run's file; InputError if it is not what the manifest says."""
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


def checked_json(run: Run, name: str, kind: type[manifest.Record]) -> manifest.Record:
    """Return the content of a run's JSON file, if it is as published and of a type."""
    return manifest.read_json_as(kind, checked_bytes(run, name), run.folder / name)


def changed_files(run: Run) -> dict[str, str]:
    """Return what is wrong with a run's files, by name: empty if they are as published."""
    listed = run.meta["files"]
    found = {}
    for path in run.folder.rglob("*"):
        name = path.relative_to(run.folder).as_posix()
        if path.is_symlink():
            found[name] = "a symbolic link"
        elif not path.is_dir() and name not in (*listed, *UNLISTED):
            found[name] = "not part of the published run"
    for name in [name for name in listed if name not in found]:
        path = run.folder / name
        try:
            if not path.is_file():
                found[name] = "missing"
            elif content_hash(path) != listed[name]:
                found[name] = f"changed: its hash is not the one in {MANIFEST}"
        except OSError as error:
            found[name] = f"cannot be read: {error.strerror}"
    return dict(sorted(found.items()))


def read_plain_file(folder: Path, name: str) -> bytes:
    """Return the content of a text file inside a run's folder."""
    path = plain_file(folder, name)
    with _told(path), path.open("rb") as file:
        content = file.read(LARGEST_TEXT + 1)
    if len(content) > LARGEST_TEXT:
        raise InputError(f"{path} has more than {LARGEST_TEXT:,} bytes, too many for such a file")
    return content


def plain_file(folder: Path, name: str) -> Path:
    """Return the path of a file inside a run's folder, by its name with slashes; links are refused."""
    if not manifest.FILE.fullmatch(name):
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
    """Return the run id that a table's pointer names, None without one; InputError if damaged."""
    if not os.path.lexists(runs / LATEST_FILE):
        return None
    text = read_plain_file(runs, LATEST_FILE).decode("utf-8", errors="replace").strip()
    if not manifest.RUN_ID.fullmatch(text):
        shown = for_terminal(repr(text[:100]))
        raise InputError(f"{runs / LATEST_FILE} holds {shown}; expected a run id and nothing else")
    return text


def touch_latest(runs: str | Path) -> None:
    """Make a table the one that was used last, for whoever asks for the latest run of all."""
    pointer = Path(runs) / LATEST_FILE
    if pointer.is_file() and not pointer.is_symlink():
        pointer.touch()


def _latest_folder(results: Path, dataset: str | None) -> Path:
    dataset = dataset or _last_table(results)
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
    pointers = [results / name / "runs" / LATEST_FILE for name in tables(results)]
    pointers = [path for path in pointers if os.path.lexists(path)]
    newest = max(pointers, key=lambda p: (p.lstat().st_mtime_ns, p.parts[-3]), default=None)
    return newest.parts[-3] if newest else None


def _listed(folder: Path) -> list[Path]:
    with _told(folder):
        return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def by_time(folder: Path) -> tuple[str, int]:
    """Return the key that sorts the folders of runs by when they were published."""
    match = manifest.RUN_ID.fullmatch(folder.name)
    assert match
    return match["time"], int(match["number"] or 1)
