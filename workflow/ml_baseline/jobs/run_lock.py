"""One run at a time in a folder, and none kept out by a run that was killed.

Snakemake notes in files which outputs a run is making. That leaves two gaps: a run that is killed
leaves its notes behind, and two that start at the same moment both find none. The locks here are the
operating system's (`flock`), which end with the process that holds them.
"""

import contextlib
import fcntl
import json
import socket
from pathlib import Path


class RunLock:
    """Held by a run from its first line to its end; `started` lets the next one try its luck.

    A folder that cannot be written to, or a file system without such locks, is left to Snakemake
    alone.
    """

    def __init__(self, folder: Path = Path(".snakemake")) -> None:
        """Wait until no other run is starting, and clear up after one that was killed.

        Args:
            folder: where Snakemake keeps its records.
        """
        self.recovered = False  # whether there was something to clear up
        self.alone = True  # whether no other run is at work
        self._starting = None
        with contextlib.suppress(OSError):
            folder.mkdir(exist_ok=True)
            self._starting = (folder / "starting").open("a")
            fcntl.flock(self._starting, fcntl.LOCK_EX)
            self._running = (folder / "running").open("a+")
            self.alone = self._is_alone()
            if self.alone:
                self.recovered = self._recover(folder)
            fcntl.flock(self._running, fcntl.LOCK_SH)

    def started(self) -> None:
        """Let others start: from here on Snakemake's notes tell them what this run is making."""
        if self._starting is not None:
            self._starting.close()

    def _is_alone(self) -> bool:
        try:
            fcntl.flock(self._running, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _recover(self, folder: Path) -> bool:
        """Take away what a killed run has left; return whether there was anything.

        Only if it ran on this machine: on some network file systems a lock is not seen elsewhere.
        """
        left = list((folder / "locks").glob("*.lock"))
        self._running.seek(0)
        ran_on, here = self._running.read(), socket.gethostname()
        if left and ran_on != here:
            return False
        self._running.truncate(0)
        self._running.write(here)
        self._running.flush()
        if left:
            forget_broken_records(folder)
        for path in left:
            path.unlink(missing_ok=True)
        return bool(left)


def forget_broken_records(folder: Path) -> list[Path]:
    """Have the files made again whose record is broken, as it may be after a power cut.

    Snakemake would take such a file for up to date, whatever changes in the config later.

    Args:
        folder: where Snakemake keeps its records.

    Returns:
        The broken records.
    """
    broken = []
    for record in (folder / "metadata").rglob("*"):
        if record.is_file():
            try:
                json.loads(record.read_bytes())
            except ValueError:
                broken.append(record)
                # The sign of a job that did not end: `rerun-incomplete` runs it again.
                mark = folder / "incomplete" / record.relative_to(folder / "metadata")
                mark.parent.mkdir(parents=True, exist_ok=True)
                mark.write_text("{}", encoding="utf-8")
                record.unlink()
    return broken
