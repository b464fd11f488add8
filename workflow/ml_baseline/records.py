"""What the workflow wrote: a sealed record of every file that a job has made.

A file that was cut short, edited or put there by someone else would go into models and scores without
a word, and a model file runs code when it is loaded. So each job leaves a record of its outputs, sealed
with this account's key (`seal`). Jobs that read a file compare, and a run looks at its start for files
that are not as they were written, to make them again.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from ml_baseline.errors import InputError
from ml_baseline.files import content_hash
from ml_baseline.seal import WRITTEN_FILE, is_sealed, seal_of

FOLDER = Path(".snakemake", "ml-baseline")
LARGEST = 1 << 16  # no record has more bytes
ADVICE = (
    "Run `snakemake` again to rebuild it. To change the data, edit your own table, not a file that is "
    "made from it"
)


class Record(NamedTuple):
    """What a job wrote. Without a status (see `_status`) the content has to be looked at."""

    sha256: str
    status: list[int] | None


def keep_record(path: str | Path) -> None:
    """Record a file as one that the workflow has just written; InputError if that cannot be done."""
    status = _status(path)
    try:
        _write(path, content_hash(path), status)
    except OSError as error:
        raise InputError(
            f"{FOLDER}: no record of {path} can be written there ({error.strerror}); make room on "
            "the disk, or give yourself the right to write there, and run `snakemake` again"
        ) from error


def require_as_written(path: str | Path) -> None:
    """Raise InputError if a file differs from what the workflow wrote; files of others pass."""
    record = _read(path)
    if record and content_hash(path) != record.sha256:
        _refuse(path, record)


def read_as_written(path: str | Path) -> bytes:
    """Return the content of a file; InputError if this account's workflow did not write it so."""
    record, content = _read(path), Path(path).read_bytes()
    if record is None:
        raise InputError(
            f"{path}: nothing shows that this account's workflow wrote this file. {ADVICE}"
        )
    if hashlib.sha256(content).hexdigest() != record.sha256:
        _refuse(path, record)
    return content


def not_as_written(paths: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield the files that are not as the workflow wrote them, and whether it ever wrote them.

    A file whose size, number and time of change are as recorded is not read.
    """
    for path in paths:
        status, record = _status(path), _read(path)
        if record is None:
            yield path, False
        elif record.status == status:
            continue
        elif content_hash(path) != record.sha256:
            yield path, True
        else:  # copied or touched
            with contextlib.suppress(OSError):  # looked at again next time
                _write(path, record.sha256, status)


def _refuse(path: str | Path, record: Record) -> NoReturn:
    with contextlib.suppress(OSError):
        # The next run looks at the content, whatever the file's status says.
        _write(path, record.sha256, None)
    raise InputError(
        f"{path}: this file is not what the workflow wrote: it has been changed or damaged since. {ADVICE}"
    )


def _status(path: str | Path) -> list[int]:
    """Return what changes with any write to a file: its size, its number, its time of change."""
    found = os.stat(path)  # noqa: PTH116 (a run looks at every file it has made)
    return [found.st_size, found.st_ino, found.st_ctime_ns]


def _place(path: str | Path) -> Path:
    return FOLDER / f"{hashlib.sha256(str(path).encode()).hexdigest()[:32]}.json"


def _sealed_text(path: str | Path, sha256: str, status: list[int] | None) -> bytes:
    return json.dumps([str(path), sha256, status]).encode()


def _read(path: str | Path) -> Record | None:
    """Return the record of a file, None if this account has made none."""
    place = _place(path)
    # The folder may have come with a stranger's project: any file that is no record counts as none.
    with contextlib.suppress(Exception):
        if place.is_file():  # a pipe would be waited for
            with place.open("rb") as file:
                found = json.loads(file.read(LARGEST))
            record = Record(found["sha256"], found["status"])  # only what the seal covers is used
            if is_sealed(_sealed_text(path, *record), found["seal"], WRITTEN_FILE):
                return record
    return None


def _write(path: str | Path, sha256: str, status: list[int] | None) -> None:
    """Write a record in one step. A power cut may lose it; then the file is made again."""
    seal = seal_of(_sealed_text(path, sha256, status), make_key=True, purpose=WRITTEN_FILE)
    record = {"path": str(path), "sha256": sha256, "status": status, "seal": seal or ""}
    FOLDER.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=FOLDER)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(record, file)
    Path(temporary).replace(_place(path))
