"""What was found out about files in earlier runs: a hash for a file that is as it was."""

import contextlib
import json
import time
from pathlib import Path

from ml_baseline.files import content_hash, write_text

# A file may change twice between two ticks of its clock; what is younger than this is not remembered.
RACY_SECONDS = 3.0


class Memory:
    """A dictionary of what is known, kept in a JSON file; a damaged one is an empty one.

    Only what is asked for in a run is kept in the file by it.
    """

    def __init__(self, path: Path) -> None:
        """Read what is known from the file at `path`."""
        self._path = path
        self._known: dict = {}
        self._used: dict = {}
        with contextlib.suppress(OSError, ValueError):
            known = json.loads(path.read_bytes())
            self._known = known if isinstance(known, dict) else {}

    def get(self, key: str) -> list | None:
        """Return what is known under a key, None if nothing is."""
        found = self._known.get(key)
        if isinstance(found, list):
            self._used[key] = found
            return found
        return None

    def put(self, key: str, value: list) -> None:
        """Remember something; `value` is made of what JSON can hold."""
        self._used[key] = value

    def save(self) -> None:
        """Write the file if anything in it would change; a folder that is read-only has none."""
        if self._used != self._known:
            with contextlib.suppress(OSError):
                write_text(json.dumps(self._used), self._path)


def remembered_hash(path: str | Path, memory: Memory) -> str:
    """Return the `content_hash` of a file, without reading one that is as it was.

    That is one of the same size, number and time of change and of writing: as Git does it, but with
    the time of change too, which no program can set back.
    """
    found = Path(path).stat()
    status = [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev]
    key = f"content {Path(path).absolute()}"
    known = memory.get(key)
    if known and known[:-1] == status:
        return known[-1]
    digest = content_hash(path)
    if time.time() - max(found.st_mtime, found.st_ctime) > RACY_SECONDS:
        memory.put(key, [*status, digest])
    return digest
