"""Where a job's words go: all into its log, and its error in one line that can be found again."""

import contextlib
import os
import resource
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from ml_baseline.errors import InputError
from ml_baseline.warm import hand_over

ERROR_MARK = "error: "


@contextlib.contextmanager
def job_log(path: str | Path, about: str = "", warm: str | None = None) -> Iterator[None]:
    """Send everything the block prints or raises to the file at `path`.

    An `InputError` is written as its message alone, anything else with its traceback; either way
    the last line is `error: ` and one line of text, and the process ends with exit code 1. After a
    block that ends well the last line says what it cost.

    Args:
        path: the log.
        about: what the job is about (a table's name), put before the message.
        warm: the kind of warm process (`warm.PRELOADED`) that may run the whole script instead; if
            one does, the block is not entered and the process ends with the script's exit code.
    """
    if warm is not None and (code := hand_over(warm)) is not None:
        sys.exit(code)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # By file descriptor, so that what compiled libraries print is caught too.
    with path.open("w", encoding="utf-8", errors="replace") as file:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    started = time.perf_counter()
    try:
        yield
        print(cost(time.perf_counter() - started), flush=True)
    except KeyboardInterrupt:
        sys.exit("interrupted")
    except Exception as error:
        if isinstance(error, InputError):
            message = str(error)
        else:
            traceback.print_exc()
            message = f"{type(error).__name__}: {error}"
        about = f"{about}: " if about else ""
        print(f"{ERROR_MARK}{about}{' '.join(message.split())}", file=sys.stderr, flush=True)
        sys.exit(1)


def cost(wall: float) -> str:
    """Return in words what this process has used, given the seconds since it began its job."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (
        f"took {wall:.2f} s, {used.ru_utime + used.ru_stime:.2f} s of CPU and at most "
        f"{used.ru_maxrss / 1024:.0f} MiB of memory"
    )


def last_error(path: str | Path) -> str | None:
    """Return the error at the end of a job's log, None if it ended well or without a word."""
    lines = Path(path).read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
    if lines and lines[-1].startswith(ERROR_MARK):
        return lines[-1].removeprefix(ERROR_MARK)
    return None
