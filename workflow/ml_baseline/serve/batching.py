"""Predicting the rows of all waiting requests together.

The cost of a prediction hardly depends on its rows: a hundred requests of one row each take little
longer together than one alone.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")
# Rows of a batch, so that the first request in it does not wait too long.
BATCH_ROWS = 1 << 14
# What is still being predicted when the service ends is waited for by nobody.
SECONDS_TO_STOP = 1.0


@dataclass(frozen=True)
class _Waiting:
    request: Any
    rows: int
    answer: asyncio.Future


class Batcher(Generic[Result]):
    """A thread that takes all waiting requests, predicts them together and hands out the results.

    Args:
        predict: takes a list of requests and returns as many results. If it raises, each request is
            tried alone, so that one cannot spoil the others.
        prepare: called once in the thread, for what it sets up; its context lasts as long as the
            thread.
        batch_rows: rows of a batch at most, unless one request has more.
    """

    def __init__(
        self,
        predict: Callable[[Sequence[Any]], list[Result]],
        prepare: Callable[[], contextlib.AbstractContextManager] = contextlib.nullcontext,
        batch_rows: int = BATCH_ROWS,
    ):
        self._predict, self._prepare, self._batch_rows = predict, prepare, batch_rows
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="predict", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    async def stop(self) -> None:
        """End after what is waiting, if that takes no longer than a second."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join, SECONDS_TO_STOP)

    async def submit(self, request: Any, rows: int) -> Result:
        """Return the result of a request of so many rows."""
        answer = asyncio.get_running_loop().create_future()
        self._queue.put(_Waiting(request, rows, answer))
        return await answer

    def _work(self) -> None:
        with self._prepare():
            last = None
            while (first := last or self._queue.get()) is not None:
                batch, last = self._batch(first)
                self._answer(batch)

    def _batch(self, first: _Waiting) -> tuple[list[_Waiting], _Waiting | None]:
        """Return what waits and fits into one batch, and the one that did not fit."""
        batch, rows = [first], first.rows
        while True:
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                return batch, None
            if following is None:
                self._queue.put(None)  # the end, once this is answered
                return batch, None
            if rows + following.rows > self._batch_rows:
                return batch, following
            batch.append(following)
            rows += following.rows

    def _answer(self, batch: list[_Waiting]) -> None:
        results: list[Any]
        try:
            results = self._predict([waiting.request for waiting in batch])
        except (Exception, SystemExit) as error:
            if len(batch) == 1:
                results = [error]
            else:
                for waiting in batch:
                    self._answer([waiting])
                return
        loop = batch[0].answer.get_loop()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_hand_out, batch, results)


def _hand_out(batch: list[_Waiting], results: list) -> None:
    for waiting, result in zip(batch, results, strict=True):
        if waiting.answer.done():  # the client has gone
            continue
        if isinstance(result, SystemExit):  # of the model, not of the service
            waiting.answer.set_exception(RuntimeError(f"the model called {result!r}"))
        elif isinstance(result, Exception):
            waiting.answer.set_exception(result)
        else:
            waiting.answer.set_result(result)
