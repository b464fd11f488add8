"""What stands in a model's place when it has failed: the reason, in words."""

import re
import signal
from pathlib import Path

from ml_baseline.errors import InputError
from ml_baseline.files import system_refusal, write_text
from ml_baseline.text import for_terminal

MARK = "failed: "
FITTED, FAILED = "fitted", "failed"
OOF_HEADER = "row_id,fold,target,probability\n"
LONGEST_REASON = 500
# Where an object lies in memory is another place in each run; the same failure has the same words.
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# Signals that the system sends to a process for what its own code has done.
CRASHES = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS")


def write_failure(reason: str, path: str | Path, oof: str | Path | None = None) -> None:
    """Write why there is no model to `path`, and out-of-fold predictions of no rows to `oof`."""
    write_text(f"{MARK}{reason}\n", path)
    if oof:
        write_text(OOF_HEADER, oof)


def failure(path: str | Path) -> str | None:
    """Return why a model failed, None if the file holds what it should or is not there."""
    try:
        with Path(path).open("rb") as file:
            if file.read(len(MARK)) != MARK.encode():
                return None
            return file.read().decode(errors="replace").strip()
    except FileNotFoundError:
        return None


def in_one_line(error: BaseException) -> str:
    """Return an error in one line of text: an `InputError` in its own words and whole, others with their kind."""
    is_ours = isinstance(error, InputError)
    text = str(error) if is_ours else f"{type(error).__name__}: {error}"
    text = system_refusal(error) or text
    text = ADDRESS.sub("", " ".join(text.split()))
    line = for_terminal(text.removesuffix(":"))  # an error without words
    return line if is_ours or len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]} [...]"


def death(code: int) -> str:
    """Return in words how a process ended that has not told how its work ended.

    `code` is its exit code; for a process that a signal ended, minus the signal's number.
    """
    if code >= 0:
        return f"the process ended with exit code {code} before it finished, without an error"
    name = signal.Signals(-code).name
    if -code == signal.SIGKILL:
        return (
            f"the process was killed ({name}) before it finished, most often because memory ran out: "
            "use a machine with more memory, or fewer rows, columns or parallel jobs (--cores)"
        )
    if name not in CRASHES:
        return f"the process was ended by {name} ({signal.strsignal(-code)}) before it finished"
    return (
        f"the process crashed with {name} ({signal.strsignal(-code)}): a fault in compiled code, the "
        "model's own or that of a library it uses"
    )
