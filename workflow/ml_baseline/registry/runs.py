"""Finding published runs and loading their models, after checking that both are what they say."""

import hashlib
import io
import json
import os
import re
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ml_baseline.errors import InputError
from ml_baseline.files import content_hash
from ml_baseline.seal import KEY_VARIABLE, is_sealed

if TYPE_CHECKING:  # importing it takes longer than all else here
    from sklearn.pipeline import Pipeline

RESULTS = Path("results")
RUN_ID = re.compile(
    r"(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}Z)"
    r"__classification__seed(?P<seed>[0-9]{1,10})(?:-(?P<number>[0-9]{1,9}))?"
)
DATASET = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")

LATEST = "latest"
LATEST_FILE = "latest.txt"
MANIFEST = "run_meta.json"
SEAL = "seal.txt"
MODEL = "model/model.joblib"
SCHEMA = "schema/input_schema.json"
GOLDEN = "golden/golden_rows.json"
# What stands in a run and cannot be in its own list of hashes.
UNLISTED = (MANIFEST, SEAL)
FORMAT = 1
# What a manifest must have, and as what, for the rest of the program to rely on.
MANIFEST_KEYS = {
    "format": int,
    "run_id": str,
    "dataset": str,
    "published": str,
    "threshold": (int, float),
    "model": dict,
    "files": dict,
    "packages": dict,
}


@dataclass(frozen=True)
class Run:
    """A published run.

    Attributes:
        folder: where it is.
        run_id: its name.
        dataset: the table it was made from.
        meta: the content of `run_meta.json`, which lists the hash of every other file.
        schema: the content of `schema/input_schema.json`.
        sealed: it was published from this account, and its manifest has not changed since.
        trusted: the user has said that it may be loaded all the same.
    """

    folder: Path
    run_id: str
    dataset: str
    meta: dict
    schema: dict
    sealed: bool
    trusted: bool = False


def find_run(
    name: str, results: Path = RESULTS, dataset: str | None = None, trusted: bool = False
) -> Run:
    """Return the run that `name` stands for.

    Args:
        name: a run id, "latest", or the path of a run's folder. "latest" is the run that was last
            published or trained: of `dataset`, or without one of all tables.
        results: the folder of the results.
        dataset: look among the runs of this table only.
        trusted: the user vouches for the run, so that its model may be loaded even if it was
            published elsewhere.

    Raises:
        InputError: there is no such run, more than one, or its manifest or schema is damaged.
    """
    folder = run_folder(name, Path(results), dataset)
    run = open_run(folder, trusted)
    if dataset is not None and run.dataset != dataset:
        raise InputError(f"{folder} is a run of the table {run.dataset}, not of {dataset}")
    return with_schema(run)


def with_schema(run: Run) -> Run:
    """Return a run together with its input schema; InputError if it is not as published."""
    return replace(run, schema=_checked_json(run, SCHEMA))


def run_folder(name: str, results: Path = RESULTS, dataset: str | None = None) -> Path:
    """Return the folder of the run that `name` stands for, as `find_run` explains it."""
    if dataset is not None and not DATASET.fullmatch(dataset):
        raise InputError(
            f"{dataset!r} is no name of a table; expected letters, digits, _ and -, the first a "
            "letter"
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
    known = [folder.name for folder in run_folders(results, dataset)]
    newest = sorted(known, key=_order)[:-4:-1]
    advice = f"the newest are {', '.join(newest)}" if newest else f"none is published in {results}"
    raise InputError(f"there is no run {name!r}; {advice}: see `ml-baseline runs list`")


def run_folders(results: Path = RESULTS, dataset: str | None = None) -> Iterator[Path]:
    """Yield the folders of all published runs, table by table, the oldest first."""
    names = [dataset] if dataset else sorted(path.name for path in _listed(results))
    for name in names:
        if DATASET.fullmatch(name):
            folders = _listed(results / name / "runs")
            yield from sorted(
                (f for f in folders if RUN_ID.fullmatch(f.name) and (f / MANIFEST).is_file()),
                key=lambda folder: _order(folder.name),
            )


def list_runs(results: Path = RESULTS, dataset: str | None = None) -> list[Run]:
    """Return all runs whose manifest can be read, the oldest first; their `schema` is empty."""
    runs = []
    for folder in run_folders(Path(results), dataset):
        try:
            runs.append(open_run(folder))
        except InputError:  # `find_run` and `verify_run` say what is wrong with it
            continue
    return sorted(runs, key=lambda run: (run.meta["published"], _order(run.run_id)))


def open_run(folder: Path, trusted: bool = False) -> Run:
    """Return the run in a folder, its schema not read yet.

    Raises:
        InputError: the folder is none of a run, or its manifest is damaged.
    """
    if folder.is_symlink():
        raise InputError(f"{folder} is a symbolic link; name the run's own folder")
    content = read_plain_file(folder, MANIFEST)
    meta = _manifest(folder, content)
    try:
        seal = read_plain_file(folder, SEAL).decode("ascii", errors="replace")
    except InputError:
        seal = ""
    return Run(
        folder=folder,
        run_id=meta["run_id"],
        dataset=meta["dataset"],
        meta=meta,
        schema={},
        sealed=bool(seal) and is_sealed(content, seal),
        trusted=trusted,
    )


def load_model(run: Run) -> "Pipeline":
    """Return a run's fitted pipeline.

    Nothing is unpickled before the bytes in hand are those of the manifest, and the manifest is one
    that this account has sealed or that the user vouches for.

    Raises:
        InputError: the model is not the one that was published, was published elsewhere, or cannot
            be loaded with the packages that are installed here.
    """
    if not (run.sealed or run.trusted):
        sealed = (run.folder / SEAL).exists()
        why = (
            "was not published from this account, or was changed since"
            if sealed
            else "has no seal, so nobody can tell where it comes from (if it was published here, no "
            f"key could be kept: set {KEY_VARIABLE} to a file that can)"
        )
        raise InputError(
            f"{run.folder}: this run {why}. Loading a model can run code, so it is refused; if you "
            "know where the run comes from, add --trust"
        )
    content = checked_bytes(run, MODEL)
    import joblib

    try:
        with warnings.catch_warnings():
            # `version_changes` says it in one line; scikit-learn would in one for each estimator.
            warnings.filterwarnings("ignore", message="Trying to unpickle estimator")
            return joblib.load(io.BytesIO(content))
    except Exception as error:
        changes = "; ".join(version_changes(run)) or "the versions are the same"
        raise InputError(
            f"{run.folder / MODEL} cannot be loaded with the packages installed here "
            f"({type(error).__name__}: {error}); {changes}. Install the versions that the run was "
            f"published with: {install_command(run)}"
        ) from error


def version_changes(run: Run) -> list[str]:
    """Return in words which packages, of those that matter, differ from when the run was made."""
    from ml_baseline.registry.environment import package_versions

    here = package_versions(run.meta["packages"])
    return [
        f"{name} was {then} and is {here[name] or 'not installed'}"
        for name, then in run.meta["packages"].items()
        if here[name] != then
    ]


def install_command(run: Run) -> str:
    """Return the command that installs what a run was published with, of the packages that matter."""
    versions = [f"{name}=={then}" for name, then in run.meta["packages"].items() if then]
    return f"`pip install {' '.join(versions)}` (all packages: {run.folder / 'env/pip_freeze.txt'})"


def checked_bytes(run: Run, name: str) -> bytes:
    """Return the content of a run's file, if it is what the manifest says.

    Raises:
        InputError: the file is missing, no plain file, not in the manifest, or has changed.
    """
    content = read_plain_file(run.folder, name)
    if hashlib.sha256(content).hexdigest() != run.meta["files"].get(name):
        raise InputError(
            f"{run.folder / name} is not the file that was published: its hash is not the one in "
            f"{MANIFEST}. It is not used; `ml-baseline runs verify {run.folder}` checks all files"
        )
    return content


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
        elif content_hash(path) != digest:
            found[name] = f"changed: its hash is not the one in {MANIFEST}"
    return dict(sorted(found.items()))


def read_plain_file(folder: Path, name: str) -> bytes:
    """Return the content of a file inside a run's folder; symbolic links are refused.

    Args:
        folder: the run's folder.
        name: the file's path in it, with slashes.
    """
    if not is_inside(name):
        raise InputError(f"{name!r} is no path inside a run; expected one such as {MODEL}")
    path = folder
    for part in PurePosixPath(name).parts:
        path = path / part
        if path.is_symlink():
            raise InputError(f"{path} is a symbolic link; a published run has none")
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path} is no plain file")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def is_inside(name: str) -> bool:
    """Return whether a file's name in a manifest stays inside the run's folder."""
    parts = name.split("/")
    return (
        "\\" not in name
        and "\0" not in name
        and all(part not in ("", ".", "..") for part in parts)
        and ":" not in parts[0]
    )


def touch_latest(runs: str | Path) -> None:
    """Make a table the one that was used last, for whoever asks for the latest run of all."""
    pointer = Path(runs) / LATEST_FILE
    if pointer.is_file():
        pointer.touch()


def is_newer(run: Run, other: Run) -> bool:
    """Return whether a run was published after another."""
    key = [(r.meta["published"], _order(r.run_id)) for r in (run, other)]
    return key[0] > key[1]


def _checked_json(run: Run, name: str) -> dict:
    try:
        content = json.loads(checked_bytes(run, name))
    except ValueError as error:
        raise InputError(f"{run.folder / name} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{run.folder / name} holds no mapping")
    return content


def _manifest(folder: Path, content: bytes) -> dict:
    path = folder / MANIFEST
    try:
        meta = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged: it is no JSON ({error})") from error
    wrong = (
        [key for key, kind in MANIFEST_KEYS.items() if not isinstance(meta.get(key), kind)]
        if isinstance(meta, dict)
        else list(MANIFEST_KEYS)
    )
    if wrong:
        raise InputError(f"{path} is damaged: it lacks {', '.join(wrong)}")
    if meta["format"] != FORMAT:
        raise InputError(
            f"{path} has the format {meta['format']}, and this version of ml-baseline reads "
            f"{FORMAT}; use the version that made it"
        )
    hashes = meta["files"].items()
    if not (
        RUN_ID.fullmatch(meta["run_id"])
        and DATASET.fullmatch(meta["dataset"])
        and all(is_inside(name) and isinstance(digest, str) for name, digest in hashes)
    ):
        raise InputError(f"{path} is damaged: a name in it is not one that this program writes")
    if RUN_ID.fullmatch(folder.name) and folder.name != meta["run_id"]:
        raise InputError(f"{folder} holds another run: {meta['run_id']}")
    return meta


def _latest_folder(results: Path, dataset: str | None) -> Path:
    if dataset is None:
        dataset = _last_table(results)
    if dataset is None:
        raise InputError(
            f"there is no published run in {results.resolve()}; train one first: "
            "`ml-baseline train --target <column>`"
        )
    pointer = results / dataset / "runs" / LATEST_FILE
    if not pointer.is_file():
        raise InputError(
            f"there is no published run of the table {dataset}: {pointer} is missing; train it "
            "first, or see `ml-baseline runs list`"
        )
    name = pointer.read_text(encoding="utf-8", errors="replace")[:200].strip()
    if not RUN_ID.fullmatch(name):
        raise InputError(
            f"{pointer} names {name!r}, which is no run id; expected one line with one"
        )
    folder = pointer.parent / name
    if not (folder / MANIFEST).is_file():
        raise InputError(
            f"{pointer} names {name}, which is not there (any more); name another run, or delete "
            f"{results / dataset / 'published.json'} and train again to publish it anew"
        )
    return folder


def _last_table(results: Path) -> str | None:
    """Return the table that was last published or trained: the newest pointer's."""
    pointers = [
        path / "runs" / LATEST_FILE for path in _listed(results) if DATASET.fullmatch(path.name)
    ]
    pointers = [path for path in pointers if path.is_file()]
    if not pointers:
        return None
    newest = max(pointers, key=lambda path: (path.stat().st_mtime_ns, path.parts[-3]))
    return newest.parts[-3]


def _listed(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def _order(run_id: str) -> tuple[str, int]:
    """Return the key that sorts run ids by time."""
    match = RUN_ID.fullmatch(run_id)
    return match["time"], int(match["number"] or 1)
