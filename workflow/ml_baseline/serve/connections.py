"""What a client may take of the service before its request is there: bytes, time, connections.

uvicorn bounds the idle time between two requests (`timeout_keep_alive`). Its other limits do not fit:
`h11_max_incomplete_event_size` is only for the slower parser, and `limit_concurrency` answers 503 to
everyone, `/health` included, while the connections that are too many stay open. So its protocol is
extended here: heads are bounded, requests and answers have to get on, and where there are too many
connections, the one that has kept the service waiting longest is closed for the new one.
"""
# Most methods are uvicorn's, and described there.
# ruff: noqa: D102

import asyncio
import contextlib
import resource
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ml_baseline.serve.rows import RequestError
from ml_baseline.serve.traffic import refusal

HEADERS = 100
HEAD_BYTES = 1 << 15  # of all headers and trailers together
URL_BYTES = 1 << 13
# For the answer to a request that came too slowly, and for all once the service is told to stop.
SECONDS_TO_REFUSE = 1
SECONDS_TO_FINISH = 8
HEAD_TOO_LARGE = (
    f"the headers are too large: a request may have at most {HEADERS} headers, "
    f"{HEAD_BYTES:,} bytes in total"
)


class Connection(HttpToolsProtocol):
    """A connection with limits.

    Args:
        limit: connections open at the same time.
        seconds: for the client to send a request, or to take an answer.
        waiting: the connections that their clients hold up, and when each is closed for that; the
            one held up the longest first. All connections share it.
        note: called with the client's address, status and message of every refusal made here.
    """

    def __init__(
        self,
        *args: Any,
        limit: int,
        seconds: float,
        waiting: dict["Connection", asyncio.TimerHandle],
        note: Callable[[str | None, int, str], None],
        **more: Any,
    ):
        super().__init__(*args, **more)
        self._limit, self._seconds, self._waiting, self._note = limit, seconds, waiting, note
        self._refusal = (400, "this is not a valid HTTP request")
        self._unanswered: list[RequestResponseCycle] = []
        self._begun = False
        self._head_bytes = 0
        self._not_understood = 0  # bytes since the parser last had something for us

    # --- what the transport tells ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._waits()
        if len(self.connections) > self._limit:
            oldest = next(iter(self._waiting))
            oldest._works()
            if oldest is self:  # all others are being answered
                self._refuse(503, "the service is busy; try again later")
            else:
                oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._works()
        self._tell_app()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._not_understood += len(data)
        super().data_received(data)
        if self._not_understood > HEAD_BYTES and not self.transport.is_closing():
            self._refuse(431, HEAD_TOO_LARGE)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._waits()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._turn()

    def shutdown(self) -> None:
        super().shutdown()
        self.loop.call_later(SECONDS_TO_FINISH, self.transport.abort)

    # --- what the parser tells ---

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun = True
        self._head_bytes = self._not_understood = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > URL_BYTES:
            self._stop(414, f"the address is longer than {URL_BYTES:,} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._not_understood = 0
        self._head_bytes += len(name) + len(value)
        if len(self.headers) > HEADERS or self._head_bytes > HEAD_BYTES:
            self._stop(431, HEAD_TOO_LARGE)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._not_understood = 0
        self._unanswered = [c for c in self._unanswered if not c.response_complete] + [self.cycle]

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._not_understood = 0

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._not_understood, self._begun = 0, False
        self._turn()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._turn()

    def send_400_response(self, msg: str) -> None:
        self._refuse(*self._refusal)

    # --- what is done about it ---

    def _waits(self) -> None:
        """From now on the client has to get on."""
        self._works()
        self._waiting[self] = self.loop.call_later(self._seconds, self._expire)

    def _works(self) -> None:
        """The client has done its part."""
        if timer := self._waiting.pop(self, None):
            timer.cancel()

    def _turn(self) -> None:
        """Note whose turn it is."""
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            self._waits()
        else:
            self._works()

    def _expire(self) -> None:
        """Close, as the client took too long."""
        if self._begun and not self.transport.is_closing():
            self._refuse(408, f"the request took longer than {self._seconds:g} seconds")
            self._waiting[self] = self.loop.call_later(SECONDS_TO_REFUSE, self.transport.abort)
        else:
            self.transport.abort()

    def _refuse(self, status: int, message: str) -> None:
        """Answer with what is wrong and close."""
        self._note(self.client[0] if self.client else None, status, message)
        if not self._may_answer():
            self.transport.abort()
            return
        answer = refusal(RequestError(status, message), {"connection": "close"})
        lines = [b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode())]
        lines += [b"%s: %s" % header for header in answer.raw_headers]
        self._tell_app()
        self.transport.write(b"\r\n".join([*lines, b"", answer.body]))
        self.transport.close()

    def _may_answer(self) -> bool:
        """Return whether an answer now would be taken for that of the request being read."""
        cycle = self.cycle
        if cycle is None:
            return True
        if cycle.response_complete:  # to this request, before it was all there, or an earlier one
            return not (self._begun and cycle.scope is self.scope)
        return cycle.more_body and not cycle.response_started and not self.pipeline

    def _tell_app(self) -> None:
        """Say of all unanswered requests that the client is gone; uvicorn does of the last one."""
        for cycle in self._unanswered:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def _stop(self, status: int, message: str) -> None:
        """Make the parser give up, which then calls `send_400_response`."""
        self._refusal = (status, message)
        raise ValueError(message)


def affordable_connections(wanted: int) -> int:
    """Return how many connections the process may have open, at most `wanted`.

    Half of the file descriptors it may open stay free: for files, and for connections that come in
    faster than others are closed. The soft limit is raised as far as that needs and may be.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/dev/fd").iterdir()))
    enough = min(used + 2 * wanted, hard)
    if soft < enough:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))
            soft = enough
    return max(1, min(wanted, (soft - used) // 2))
