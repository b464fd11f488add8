"""Which files a prediction may write, so that no file of the user's or of the workflow's is lost.

Paths are compared by what they resolve to: links, `..`, absolute or relative, upper or lower case.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ml_baseline.errors import InputError
from ml_baseline.files import content_hash, whole_file, write_text

RESULT_FOLDERS = ("results", "data/processed")
# Where no output belongs, in the folder in which the workflow runs and where its code stands.
CHECKOUT = Path(__file__).resolve().parents[3]
RESERVED_FOLDERS: tuple[str | Path, ...] = (
    *("config", ".snakemake", ".git"),
    *(CHECKOUT / name for name in ("config", "workflow", "profiles", "envs", "docs", "tests")),
    *(CHECKOUT / name for name in ("benchmarks", ".git", ".github")),
)
# Of a prediction the last contents are known: a killed job may leave the one before the last.
REMEMBERED = 3
# What is added to the name of predictions, for what is unlike training in their rows.
CHECK_SUFFIX = ".check.json"


def output_problem(
    path: str | Path, reads: Mapping[Any, str] | None = None, overwrite: bool = False
) -> str | None:
    """Return why predictions must not be written to `path`, None if they may be.

    They may replace what an earlier prediction wrote there (with `whole_prediction`), and nothing
    else. The words go after the name of the file: "is the table of churn; name another file".

    A path that is neither file, link nor folder (a pipe) is always fine. `reads` are the files that must
    stay as they are, each with what it is ("the table of churn"); `overwrite` says whether the user
    wants a file replaced that no prediction wrote.
    """
    path = Path(path)
    target = resolved(path)
    for other, what in (reads or {}).items():
        if same_path(other, path):
            return f"is {what}, which is read and must stay as it is; name another file"
    if target.is_dir():
        return "is a folder; name a file in it"
    if path.parts[1:] and path.parts[0].startswith("~") and not Path(path.parts[0]).exists():
        return "starts with ~, which only a shell takes for the home folder; write that folder out"
    if os.path.lexists(path) and not (path.is_file() or path.is_symlink()):
        return None
    for parent in target.parents:
        if parent.exists() and not parent.is_dir():
            return f"cannot be written: {parent} is a file, not a folder"
        if (parent / "run_meta.json").exists():
            return f"lies in the published run {parent.name}, which must stay as it is; name another file"
    if in_predictions(path):
        return None
    for folder in RESULT_FOLDERS:
        if is_inside(target, folder):
            return (
                f"lies in {folder}, which holds the workflow's own files; name a file elsewhere "
                "(a batch of the config without `output` has results/<table>/predictions)"
            )
    for reserved in RESERVED_FOLDERS:
        if is_inside(target, reserved):
            return f"lies in {reserved}, which belongs to the workflow; name a file elsewhere"
    if path.is_symlink() and not path.exists():
        return f"is a link to {path.readlink()}, which is not there; name the file itself"
    if path.is_file() and not overwrite and not _was_predicted(target):
        return (
            "is there already, and no prediction wrote it, or it was edited since; name another file or "
            "move this one away (`ml-baseline predict --overwrite` replaces it)"
        )
    return None


@contextmanager
def whole_prediction(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path to write predictions to, as `files.whole_file` does.

    What is written is remembered by its content (in a hidden file beside it), so that the next
    prediction may replace it. A file that was edited since, or put there by someone, may not be.
    """
    path = resolved(path)
    is_remembered = not in_predictions(path)
    known: list[str] = []
    with whole_file(path) as temporary:
        yield temporary
        if is_remembered:
            # Before the file gets its name: a job may be killed at any moment.
            known = [*_remembered(path), content_hash(temporary)][-REMEMBERED:]
            _remember(path, known)
    if is_remembered:
        _remember(path, [*known, f"{known[-1]} {_identity(path)}"][-REMEMBERED:])


def is_readable(path: str) -> bool:
    """Return whether there is a plain file under a path: reading a pipe or a device may never end."""
    return Path(path).is_file() and os.access(path, os.R_OK)


def are_results(paths: Iterable[str], datasets: Iterable[str]) -> list[bool]:
    """Return for each file whether the workflow makes it of the tables with these names."""
    folders = ["results", *(f"data/processed/{name}" for name in datasets)]
    made = {_folded(resolved(folder)) for folder in folders}
    return [not made.isdisjoint(map(_folded, resolved(path).parents)) for path in paths]


def same_path(first: str | Path, second: str | Path) -> bool:
    """Return whether two paths lead to one file; names that differ by case only count as one."""
    return _folded(resolved(first)) == _folded(resolved(second))


def is_inside(path: str | Path, folder: str | Path) -> bool:
    """Return whether a file lies in a folder or in one below it, likewise."""
    above = _folded(resolved(folder))
    return any(_folded(parent) == above for parent in resolved(path).parents)


def in_predictions(path: str | Path) -> bool:
    """Return whether a file lies directly in results/<table>/predictions of the current folder."""
    folder = resolved(path).parent
    return folder.name == "predictions" and folder.parent.parent == resolved("results")


def resolved(path: str | Path) -> Path:
    """Return the absolute path behind links and `..`; the file need not exist."""
    return Path(os.path.realpath(path))


def _folded(path: Path) -> str:
    return str(path).casefold()


def _record(path: Path) -> Path:
    return path.with_name(f".{path.name}.predicted")


def _remembered(path: Path) -> list[str]:
    try:
        return _record(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _remember(path: Path, known: list[str]) -> None:
    write_text("\n".join(known) + "\n", _record(path))


def _identity(path: Path) -> str:
    """Return what tells, without reading a file, that nobody has touched it: ctime can't be set."""
    about = path.stat()
    return f"{about.st_size} {about.st_ctime_ns} {about.st_ino}"


def _was_predicted(path: Path) -> bool:
    """Return whether a file holds what a prediction wrote there."""
    known = [line.partition(" ") for line in _remembered(path)]
    if any(identity == _identity(path) for _, _, identity in known):
        return True
    return bool(known) and content_hash(path) in [content for content, _, _ in known]


def require_output(
    path: str | Path, reads: Mapping[Any, str] | None = None, overwrite: bool = False
) -> None:
    """Raise InputError if predictions must not be written to `path`; see `output_problem`."""
    if problem := output_problem(path, reads, overwrite):
        raise InputError(f"{path} {problem}")
