"""The run that is served: loaded, proved to predict, and replaced when another is published."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ml_baseline.errors import InputError
from ml_baseline.registry import Run, find_run, load_model
from ml_baseline.registry.golden import TOLERANCE, replay_golden, require_working
from ml_baseline.registry.predict import no_probabilities, predict_rows, shown
from ml_baseline.registry.runs import LATEST, checked_bytes, run_folder
from ml_baseline.serve.rows import Cells, RowReader
from ml_baseline.serve.traffic import LOG, Figures

FOLLOW_SECONDS = 2.0
# What is wrong with rows: row, field and message.
Problems = list[tuple[int, str | None, str]]
# The probabilities and predictions of a request's rows, and what is wrong with them.
Results = tuple[list[float], list[int], Problems]


@dataclass(frozen=True, eq=False)
class ServedRun:
    """A published run whose model is loaded."""

    run: Run
    model: Any  # its pipeline
    card: str
    reader: RowReader  # by its schema

    def predict(self, requests: Sequence[Cells], figures: Figures | None = None) -> list[Results]:
        """Return probabilities, predictions and problems of each request's rows.

        `figures` gets the count of cells that are unlike training.
        """
        schema = self.run.schema
        count = partial(figures.count_unlike, schema) if figures else None
        raw = self.reader.raw_table(requests)
        threshold = self.run.meta["threshold"]
        probability, prediction, bad = predict_rows(self.model, schema, raw, threshold, count)
        problems: Problems = [
            (int(row), cells.column, f"{shown(cell)} is not {cells.expected}")
            for cells in bad
            for row, cell in cells.found.items()
        ]
        problems.sort()  # row by row
        lost = "the model gives no probability for this row"
        for cells in no_probabilities(probability):
            problems += [(int(row), None, lost) for row in cells.found.index]
        ends = np.cumsum([len(request[0]) for request in requests]).tolist()
        return [
            (
                probability[a:b].tolist(),
                prediction[a:b].tolist(),
                [(row - a, field, text) for row, field, text in problems if a <= row < b],
            )
            for a, b in zip([0, *ends[:-1]], ends, strict=True)
        ]


def load_served(run: Run, max_rows: int) -> ServedRun:
    """Return a run ready to be served; its golden rows are predicted first.

    What has changed since it was published is logged. Raises InputError if its model cannot be loaded, or
    cannot predict with the packages installed here.
    """
    model = load_model(run)
    if note := require_working(run, model):
        LOG.warning(note)
    card = checked_bytes(run, "README.md").decode(errors="replace")
    return ServedRun(run, model, card, RowReader(run, max_rows))


def newer_runs(served: ServedRun, results: Path) -> Iterator[ServedRun | None]:
    """Yield each newly published latest run of a table, for ever.

    A run that cannot be loaded, or does not predict what it did when published, is logged, and None
    is yielded in its place.
    """
    dataset, seen = served.run.dataset, served.run.run_id
    while True:
        time.sleep(FOLLOW_SECONDS)
        try:
            latest = run_folder(LATEST, results, dataset).name
        except InputError:  # it is being replaced, or all runs are gone
            continue
        if latest == seen:
            continue
        seen = latest
        fields = {"run_id": latest}
        try:
            newer = load_served(find_run(latest, results, dataset), served.reader.max_rows)
            _, difference = replay_golden(newer.run, newer.model)
            if difference > TOLERANCE:  # the one that is served is better
                raise InputError(
                    f"its predictions differ from those at publication by up to {difference:.2g}"
                )
        except (Exception, SystemExit) as error:
            fields["reason"] = str(error) or repr(error)
            LOG.warning("the latest run is not served", extra={"fields": fields})
            yield None
        else:
            LOG.info("serving the latest run", extra={"fields": fields})
            yield newer
