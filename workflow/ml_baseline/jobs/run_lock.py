"""One run at a time in a folder, and none kept out by a run that was killed.

Snakemake notes in files which outputs a run is making. That leaves two gaps: a run that is killed
leaves its notes behind, and two that start at the same moment both find none. The locks here are the
operating system's (`flock`), which end with the process that holds them.
"""

import contextlib
import fcntl
import socket
from pathlib import Path
from typing import IO

from ml_baseline.files import open_lock_file


class RunLock:
    """Held by a run from its first line to its end; `started` lets the next one try its luck.

    A folder that cannot be written to, or a file system without such locks, is left to Snakemake
    alone.

    Attributes:
        alone: whether no other run is at work.
        ran_here: whether the last run was one of this machine. On some network file systems a lock
            is not seen elsewhere: then being alone means nothing.
    """

    def __init__(self, folder: Path) -> None:
        """Wait until no other run is starting.

        Args:
            folder: where Snakemake keeps its records.

        Raises:
            InputError: one of the locks is no plain file.
        """
        self.alone = True
        self.ran_here = False
        self._starting: IO[str] | None = None
        self._running: IO[str] | None = None
        with contextlib.suppress(OSError):
            folder.mkdir(exist_ok=True)
            self._starting = open_lock_file(folder / "starting")
            fcntl.flock(self._starting, fcntl.LOCK_EX)
            self._running = open_lock_file(folder / "running")
            self.ran_here = self._running.read() == socket.gethostname()
            try:
                fcntl.flock(self._running, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.alone = False
            fcntl.flock(self._running, fcntl.LOCK_SH)

    def note_machine(self) -> None:
        """Note that the run at work is one of this machine; only where it is alone."""
        if self._running is not None and not self.ran_here:
            self._running.seek(0)
            self._running.truncate()
            self._running.write(socket.gethostname())
            self._running.flush()
            self.ran_here = True

    def started(self) -> None:
        """Let others start: from here on Snakemake's notes tell them what this run is making."""
        if self._starting is not None:
            self._starting.close()
