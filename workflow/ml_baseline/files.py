"""Files written whole or not at all."""

import contextlib
import csv
import errno
import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ml_baseline.errors import InputError

# Begins the name of every file that is being written.
UNFINISHED = ".ml-baseline-"
# Begins the name of every temporary folder.
OWN_FOLDER = "ml-baseline-"
# What the system may refuse whatever is right about a program, and what to do.
REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
ADVICE = (
    "give yourself the right to write there, make room on the disk, or run in another folder with "
    "`snakemake --directory`"
)
# A folder that is younger may just be about to be held.
YOUNG_SECONDS = 5.0


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write to; give it the name `path` at the end.

    The content is on the disk before the name changes hands, so neither a killed job nor a power
    cut leaves a truncated file under `path`. If the block raises, `path` is left as it was and the
    temporary file is removed. Of several processes that write the same file at the same time, the
    last to finish wins; none gets in another's way.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent)
    # The suffix stays, because some writers choose their format by it.
    with _claimed_file(path.parent, path.suffix) as temporary:
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~current_umask())
            temporary.replace(path)
            sync_folder(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextmanager
def _claimed_file(folder: Path, suffix: str) -> Iterator[Path]:
    """Yield a new temporary file, locked so that `_sweep` knows that its writer is alive."""
    while True:
        descriptor, name = tempfile.mkstemp(prefix=UNFINISHED, suffix=suffix, dir=folder)
        with contextlib.suppress(OSError):  # a file system without locks, where nothing is swept
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            break
        os.close(descriptor)  # swept between being made and being locked
    try:
        yield Path(name)
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Remove the temporary files of processes that have died: those that nobody has locked."""
    for path in folder.glob(f"{UNFINISHED}????????*"):
        with contextlib.suppress(OSError, InputError), open_lock_file(path, create=False) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def current_umask() -> int:
    """Return the permissions that the user's new files do not get."""
    umask = os.umask(0)
    os.umask(umask)
    return umask


def open_new(path: str | Path) -> IO[str]:
    """Open a text file to be written anew, such as a log, with no promise of being whole.

    What stood there is removed first: a symbolic link is replaced, never written through.
    """
    path = Path(path)
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o666), "w", encoding="utf-8", errors="replace")


@contextmanager
def own_folder(parent: str | Path | None = None) -> Iterator[Path]:
    """Yield a temporary folder in `parent`, or the system's, that nobody else can read.

    It is removed at the end, and those that killed processes have left there are before.
    """
    remove_left_folders(parent)
    made = tempfile.TemporaryDirectory(prefix=OWN_FOLDER, dir=parent, ignore_cleanup_errors=True)
    with made as name, hold_folder(name):
        yield Path(name)


def remove_left_folders(parent: str | Path | None = None) -> None:
    """Remove the folders of `own_folder` that this user's processes have left, killed before their end."""
    parent = Path(parent or tempfile.gettempdir())
    for left in parent.glob(f"{OWN_FOLDER}*"):
        with contextlib.suppress(OSError):
            found = left.stat()
            if time.time() - found.st_mtime > YOUNG_SECONDS and found.st_uid == os.getuid():
                with hold_folder(left, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    shutil.rmtree(left, ignore_errors=True)


@contextmanager
def hold_folder(folder: str | Path, how: int = fcntl.LOCK_SH) -> Iterator[None]:
    """Keep others from removing a folder of `own_folder` as one that a killed process has left."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def open_lock_file(path: str | Path, create: bool = True) -> IO[str]:
    """Open a file to be locked with `flock`, without changing what is in it.

    Raises InputError if it is no plain file: a symbolic link may lead to anything.
    """
    path = Path(path)
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        raise InputError(f"{path}: expected a plain file, as this is a lock; remove what is there")
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT * create)
    return os.fdopen(os.open(path, flags, 0o666), "r+", encoding="utf-8")


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


def system_refusal(error: BaseException) -> str | None:
    """Return what the system would not do and what helps, None if that is not what the error says."""
    if not isinstance(error, OSError) or error.errno not in REFUSALS:
        return None
    # Without a name it is about a device, a process or a limit.
    if error.filename is None and isinstance(error, PermissionError):
        return None
    # The folder, as a temporary name says nothing to a user.
    of = f": '{str(error.filename).partition(UNFINISHED)[0]}'" if error.filename else ""
    return f"{error.strerror}{of}; {ADVICE}"


def require_writable(*folders: str | Path) -> None:
    """Raise InputError if nothing can be written into one of the folders; make those missing."""
    for folder in folders:
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            raise InputError(
                f"{folder}: nothing can be written into this folder ({error.strerror}); {ADVICE}"
            ) from error


def write_text(text: str, path: str | Path) -> None:
    """Write a text file, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def json_text(content: object) -> str:
    """Return `content` as indented JSON; NaN is refused with ValueError."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(content: object, path: str | Path) -> None:
    """Write `content` as `json_text`, whole or not at all."""
    write_text(json_text(content), path)


def read_json(path: str | Path) -> dict:
    """Return the content of a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_rows(*paths: str | Path) -> list[dict[str, str]]:
    """Return the rows of CSV files, every cell as text."""
    rows: list[dict[str, str]] = []
    for path in paths:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows += csv.DictReader(file)
    return rows
