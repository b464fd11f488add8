"""Predicting the rows of all waiting requests together.

The cost of a prediction hardly depends on its rows: a hundred requests of one row each take little
longer together than one alone.
"""

import asyncio
import contextlib
import queue
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits

# A batch of so many rows takes no further request, so that the first in it does not wait too long.
BATCH_ROWS = 1 << 14
# What is still being predicted when the service ends is waited for by nobody.
SECONDS_TO_STOP = 1.0


class _Waiting(NamedTuple):
    request: Any
    rows: int
    answer: Future


class Batcher:
    """A thread that takes all waiting requests, predicts them together and hands out the results.

    `predict` takes a list of requests and returns as many results. If it raises, each request is tried
    alone, so that one cannot spoil the others.
    """

    def __init__(self, predict: Callable[[Sequence[Any]], list[Any]]):
        self._predict = predict
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work; at the end, finish what is waiting if that takes no longer than a second."""
        thread = threading.Thread(target=self._work, name="predict", daemon=True)
        thread.start()
        yield
        self._queue.put(None)
        await asyncio.to_thread(thread.join, SECONDS_TO_STOP)

    async def submit(self, request: Any, rows: int) -> Any:
        """Return the result of a request of so many rows."""
        answer: Future = Future()
        self._queue.put(_Waiting(request, rows, answer))
        return await asyncio.wrap_future(answer)

    def _work(self) -> None:
        # For good, as `catch_warnings` in each call is not safe among threads.
        warnings.filterwarnings("ignore", message="Found unknown categories")
        # The rows of a batch are few, and threads would wait for each other.
        with threadpool_limits(1):
            while (waiting := self._queue.get()) is not None:
                batch, rows = [waiting], waiting.rows
                while rows < BATCH_ROWS and not self._queue.empty():
                    if (waiting := self._queue.get()) is None:
                        self._queue.put(None)  # the end, once this is answered
                        break
                    batch.append(waiting)
                    rows += waiting.rows
                # Whoever has given up meanwhile is left out.
                if batch := [w for w in batch if w.answer.set_running_or_notify_cancel()]:
                    self._answer(batch)

    def _answer(self, batch: list[_Waiting]) -> None:
        try:
            results = self._predict([waiting.request for waiting in batch])
        except (Exception, SystemExit) as error:
            if len(batch) > 1:
                for waiting in batch:
                    self._answer([waiting])
            elif isinstance(error, SystemExit):  # of the model, not of the service
                batch[0].answer.set_exception(RuntimeError(f"the model called {error!r}"))
            else:
                batch[0].answer.set_exception(error)
            return
        for waiting, result in zip(batch, results, strict=True):
            waiting.answer.set_result(result)
