"""Making again, in a run, what is not as the workflow wrote it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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

    def __init__(self, workflow: Any, folders: list[str]) -> None:
        """Look for such files in these folders as soon as the rules are known.

        Args:
            workflow: Snakemake's workflow.
            folders: the folders of the workflow's files.

        Raises:
            InputError: this account's key cannot be relied on.
        """
        if not key_is_kept():
            print(
                "This account can keep no key, so the next run cannot tell the files of this one from "
                f"others and makes all of them again. Set {KEY_VARIABLE} to a file that can be kept.",
                file=sys.stderr,
            )
        self._workflow = workflow
        self._folders = folders
        self._changed: list[str] = []  # those that the workflow has once written
        self._prepare = workflow._prepare_dag
        workflow._prepare_dag = self._prepare_and_force

    def _prepare_and_force(self, *arguments: Any, **named: Any) -> None:
        self._prepare(*arguments, **named)
        made = [output for rule in self._workflow.rules for output in rule.output]
        found = [
            (path, known)
            for path, known in not_as_written(_files(self._folders))
            if any(output.match(path) for output in made)
        ]
        self._changed = [path for path, known in found if known]
        self._workflow.dag.forcefiles.update(path for path, _ in found)
        if found:
            names = [path for path, _ in sorted(found, key=lambda entry: not entry[1])]
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            print(
                f"Not as the workflow wrote {'it' if len(names) == 1 else 'them'} (changed, damaged, "
                "or made by another account or version), so what this run needs of it is made again: "
                f"{', '.join(names[:SHOWN])}{more}",
                file=sys.stderr,
            )

    def keep_changed(self) -> None:
        """Put the changed files that this run is about to make again out of its way."""
        about_to_be_made = {
            path for job in self._workflow.dag.needrun_jobs() for path in map(str, job.output)
        }
        for path in about_to_be_made.intersection(self._changed):
            if Path(path).exists():
                Path(path).replace(path + KEPT_AS)
                print(f"{path}: the changed file is kept as {path}{KEPT_AS}", file=sys.stderr)


def _files(folders: list[str]) -> Iterator[str]:
    for folder in folders:
        for root, below, names in os.walk(folder):
            below[:] = [name for name in below if name not in LEFT_ALONE]
            yield from (str(Path(root, name)) for name in names)
