"""Files written whole or not at all."""

import glob
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ml_baseline.errors import InputError


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write to; give it the name `path` at the end.

    The content is on the disk before the name changes hands, so neither a killed job nor a power
    cut leaves a truncated file under `path`. If the block raises, `path` is left as it was and the
    temporary file is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.stem}-"
    # What a killed job has left of the same file.
    for left in path.parent.glob(f"{glob.escape(prefix)}????????{glob.escape(path.suffix)}"):
        left.unlink(missing_ok=True)
    # The suffix stays, because some writers choose their format by it.
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
        sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Put a folder's names on the disk, so that a power cut can't bring back the file of before."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def content_hash(path: str | Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_content(path: str | Path, expected: str) -> None:
    """Raise InputError if a file's content is not the expected one (a `content_hash`)."""
    if content_hash(path) != expected:
        raise InputError(
            f"{path}: the file has changed while the run was going; run `snakemake` again, it "
            "starts from what the file holds now"
        )


def require_writable(*folders: str | Path) -> None:
    """Raise InputError if nothing can be written into one of the folders; make those missing."""
    for folder in folders:
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            raise InputError(
                f"{folder}: nothing can be written into this folder ({error.strerror}); give "
                "yourself the right to, make room on the disk, or run in another folder with "
                "`snakemake --directory`"
            ) from error


def write_json(content: object, path: str | Path) -> None:
    """Write `content` as indented JSON, whole or not at all; NaN is refused with ValueError."""
    with whole_file(path) as temporary:
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | Path) -> dict:
    """Return the content of a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))
