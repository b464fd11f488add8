"""The run that is served: loaded, proved to predict, and replaced when another is published."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml_baseline.errors import InputError
from ml_baseline.registry import Run, find_run, load_model
from ml_baseline.registry.golden import TOLERANCE, replay_golden, require_working
from ml_baseline.registry.predict import BadCells, predict_rows
from ml_baseline.registry.runs import LATEST, checked_bytes, run_folder
from ml_baseline.serve.rows import RowReader
from ml_baseline.serve.traffic import LOGGER

FOLLOW_SECONDS = 2.0
# Row, field and what is wrong.
Problems = list[tuple[int, str | None, str]]
Cells = list[list[Any]]


@dataclass(frozen=True, eq=False)
class ServedRun:
    """A run whose model is loaded.

    Attributes:
        run: the published run.
        model: its pipeline.
        card: its model card.
        reader: reads the rows of requests by its schema.
    """

    run: Run
    model: Any
    card: str
    reader: RowReader

    def predict(self, requests: Sequence[Cells]) -> list[tuple[list[float], list[int], Problems]]:
        """Return probabilities, predictions and problems of each request's rows."""
        raw = self.reader.raw_table(requests)
        threshold = self.run.meta["threshold"]
        probability, prediction, found = predict_rows(self.model, self.run.schema, raw, threshold)
        problems = _problems(found)
        lost = "the model gives this row no probability"
        problems += [(int(row), None, lost) for row in np.flatnonzero(~np.isfinite(probability))]
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

    What has changed since it was published is logged.

    Raises:
        InputError: its model cannot be loaded, or cannot predict with the packages installed here.
    """
    model = load_model(run)
    if note := require_working(run, model):
        logging.getLogger(LOGGER).warning(note)
    card = checked_bytes(run, "README.md").decode(errors="replace")
    return ServedRun(run, model, card, RowReader(run, max_rows))


class Follower:
    """A thread that looks for a newly published latest run of a table and hands it over.

    A run that cannot be loaded, or does not predict what it did when published, is logged and left
    alone; the one that is served stays.

    Args:
        served: what is served at first.
        results: the folder of the results.
        hand_over: called with the new run.
        note: called with "served" or "refused" for each newer run.
        seconds: from one look to the next.
    """

    def __init__(
        self,
        served: ServedRun,
        results: Path,
        hand_over: Callable[[ServedRun], None],
        note: Callable[[str], None],
        seconds: float = FOLLOW_SECONDS,
    ):
        self._results, self._dataset = results, served.run.dataset
        self._max_rows = served.reader.max_rows
        self._hand_over, self._note, self._seconds = hand_over, note, seconds
        self._seen = served.run.run_id
        self._stop = threading.Event()
        self._log = logging.getLogger(LOGGER)
        # A daemon: the end of the service does not wait for a large model to be loaded.
        self._thread = threading.Thread(target=self._follow, name="follow", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    def look(self) -> None:
        """Take over the latest run if it is another than when last looked."""
        try:
            latest = run_folder(LATEST, self._results, self._dataset).name
        except InputError:  # it is being replaced, or all runs are gone
            return
        if latest == self._seen:
            return
        self._seen = latest
        fields = {"run_id": latest}
        try:
            run = find_run(latest, self._results, self._dataset)
            served = load_served(run, self._max_rows)
            _, difference = replay_golden(run, served.model)
            if difference > TOLERANCE:  # the one that is served is better
                raise InputError(
                    f"it predicts differently than when it was published, by up to {difference:.2g}"
                )
        except Exception as error:
            self._log.warning(
                "the latest run is not served",
                extra={"fields": fields | {"reason": str(error) or repr(error)}},
            )
            self._note("refused")
            return
        self._hand_over(served)
        self._log.info("serving the latest run", extra={"fields": fields})
        self._note("served")

    def _follow(self) -> None:
        while not self._stop.wait(self._seconds):
            self.look()


def _problems(found: list[BadCells]) -> Problems:
    """Return bad cells row by row."""
    problems: Problems = []
    for bad in found:
        for row, cell in bad.found.items():
            text = str(cell)
            text = text if len(text) <= 40 else f"{text[:37]}..."
            problems.append((int(row), bad.column, f"{text!r} is not {bad.expected}"))
    return sorted(problems)
