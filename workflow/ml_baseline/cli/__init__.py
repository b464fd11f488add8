"""The `ml-baseline` command and what it says on the terminal."""

import contextlib
import sys

from ml_baseline.text import for_terminal

PROGRAM = "ml-baseline"
FEATURES = "data/processed/features.csv"
FAILED = 1
INTERRUPTED = 130


def say(message: str) -> None:
    """Tell the user something beside the output."""
    with contextlib.suppress(BrokenPipeError):
        print(for_terminal(f"{PROGRAM}: {message}"), file=sys.stderr, flush=True)
