"""Making again, in a run, what is not as the workflow wrote it."""

import itertools
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ml_baseline.jobs import snakemake_internals
from ml_baseline.records import not_as_written
from ml_baseline.seal import KEY_VARIABLE, key_is_kept

# Below a table's folder: what the user may keep, and what has seals of its own.
LEFT_ALONE = ("predictions", "runs")
SHOWN = 5
# Where a changed file is kept when it is made again.
KEPT_AS = ".changed"


class Remake:
    """The files of a run that are not as the workflow wrote them.

    They are made again as if Snakemake had been told to with `--forcerun`, in dry runs too.
    """

    def __init__(self, workflow: Any, folders: Iterable[str]) -> None:
        """Look for such files; to be called before the jobs are known.

        Args:
            workflow: Snakemake's workflow.
            folders: the folders of the workflow's files.

        Raises:
            InputError: this account's key cannot be relied on.
        """
        if not key_is_kept():
            print(
                "No key can be stored for this account, so the next run won't recognize this run's "
                f"files and will rebuild them all. Set {KEY_VARIABLE} to a file that can be written.",
                file=sys.stderr,
            )
        self._workflow = workflow
        known = {str(path): known for path, known in not_as_written(_files(folders))}
        found = snakemake_internals.outputs_of_rules(workflow, known)
        self._changed = [path for path in found if known[path]]  # the workflow has written them
        snakemake_internals.force(workflow, found)
        if found:
            names = sorted(found, key=lambda path: not known[path])
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            print(
                "Some files are not as the workflow wrote them (changed, damaged, or made by another "
                "account or version). This run rebuilds those it needs: "
                f"{', '.join(names[:SHOWN])}{more}",
                file=sys.stderr,
            )

    def keep_changed(self) -> None:
        """Put the changed files that this run is about to make again out of its way."""
        for path in snakemake_internals.jobs_outputs(self._workflow).intersection(self._changed):
            if Path(path).exists():
                kept = _free_name(f"{path}{KEPT_AS}")
                Path(path).replace(kept)
                print(f"{path}: the changed file is kept as {kept}", file=sys.stderr)


def _free_name(path: str) -> str:
    """Return `path` or the first of `path.2`, `path.3` ... that is not taken: nothing kept is lost."""
    names = (path if number == 1 else f"{path}.{number}" for number in itertools.count(1))
    return next(name for name in names if not os.path.lexists(name))


def _files(folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        for root, below, names in os.walk(folder):
            below[:] = [name for name in below if name not in LEFT_ALONE]
            yield from (str(Path(root, name)) for name in names)
