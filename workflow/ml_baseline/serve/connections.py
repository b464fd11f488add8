"""What a client may take of the service before its request is there: bytes, time, connections.

uvicorn bounds the idle time between two requests (`timeout_keep_alive`). Its other limits do not fit:
`h11_max_incomplete_event_size` is only for the slower parser, and `limit_concurrency` answers 503 to
everyone, `/health` included, while the connections that are too many stay open. So its protocol is
extended here: heads are bounded, requests and answers have to get on, and where there are too many
connections, the one that has kept the service waiting longest is closed for the new one.
"""

import asyncio
import contextlib
import resource
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ml_baseline.serve.rows import RequestError, problem
from ml_baseline.serve.traffic import problems_json

SWEEP_SECONDS = 0.5


@dataclass(frozen=True)
class Limits:
    """What one client may take.

    Attributes:
        connections: open at the same time, of all clients.
        seconds: to send a request, or to take an answer.
        seconds_to_finish: the same once the service is told to stop.
        head_bytes: of all headers and trailers together.
        headers: their number.
        url_bytes: of the address.
    """

    connections: int = 512
    seconds: float = 30
    seconds_to_finish: float = 8
    head_bytes: int = 1 << 15
    headers: int = 100
    url_bytes: int = 1 << 13


class Connections:
    """All open connections, and since when those that the client holds up have been held up.

    Args:
        limits: what is allowed.
        note: called with the client's address, status and message of every refusal made here.
    """

    def __init__(self, limits: Limits, note: Callable[[str | None, int, str], None]):
        self.limits, self.note = limits, note
        self._open: set[Connection] = set()
        self._waiting: dict[Connection, float] = {}  # the longest first
        self._timer: asyncio.TimerHandle | None = None

    def admit(self, connection: "Connection") -> None:
        """Take in a connection; if there are too many now, close one."""
        self._open.add(connection)
        self.waits(connection)
        if self._timer is None:
            self._timer = connection.loop.call_later(SWEEP_SECONDS, self._sweep, connection.loop)
        if len(self._open) > self.limits.connections:
            oldest = next(iter(self._waiting))
            if oldest is connection:  # all others are being answered
                oldest.refuse(503, "the service is busy; try again later")
            else:
                oldest.close()
            self.forget(oldest)

    def forget(self, connection: "Connection") -> None:
        """Count a connection as closed."""
        self._open.discard(connection)
        self._waiting.pop(connection, None)

    def waits(self, connection: "Connection") -> None:
        """Note that from now on the client has to get on."""
        self._waiting.pop(connection, None)
        if connection in self._open:
            self._waiting[connection] = connection.loop.time()

    def works(self, connection: "Connection") -> None:
        """Note that the client has done its part."""
        self._waiting.pop(connection, None)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close what has held us up for too long."""
        latest = loop.time() - self.limits.seconds
        for connection, since in list(self._waiting.items()):
            if since > latest:
                break
            connection.expire()
        self._timer = loop.call_later(SWEEP_SECONDS, self._sweep, loop) if self._open else None


class Connection(HttpToolsProtocol):
    """A connection that keeps to the limits of its `Connections`."""

    def __init__(self, *args: Any, connections: Connections, **more: Any):
        super().__init__(*args, **more)
        self.pool, self.limits = connections, connections.limits
        self._refusal: tuple[int, str] | None = None
        self._unanswered: list[RequestResponseCycle] = []
        self._begun = self._answered_early = False
        self._head_bytes = self._headers = 0
        self._understood = False
        self._not_understood = 0  # bytes since the parser last had something for us

    # --- what the transport tells ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        self.pool.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.pool.forget(self)
        self._tell_app()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has come."""
        self._understood = False
        super().data_received(data)
        self._not_understood = 0 if self._understood else self._not_understood + len(data)
        if self._not_understood > self.limits.head_bytes and not self.transport.is_closing():
            self.refuse(*self._head_too_large())

    def pause_writing(self) -> None:
        """Wait until the client has taken some of the answer."""
        super().pause_writing()
        self.pool.waits(self)

    def resume_writing(self) -> None:
        """Go on with the answer."""
        super().resume_writing()
        self._turn()

    # --- what the parser tells ---

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._begun = self._understood = True
        self._answered_early = False
        self._head_bytes = self._headers = 0

    def on_url(self, url: bytes) -> None:
        """Read a piece of the address."""
        super().on_url(url)
        if len(self.url) > self.limits.url_bytes:
            self._stop(414, f"the address is longer than {self.limits.url_bytes:,} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Read a header or a trailer."""
        self._understood = True
        self._headers += 1
        self._head_bytes += len(name) + len(value)
        if self._headers > self.limits.headers or self._head_bytes > self.limits.head_bytes:
            self._stop(*self._head_too_large())
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request to the app."""
        self._understood = True
        super().on_headers_complete()
        self._unanswered = [c for c in self._unanswered if not c.response_complete] + [self.cycle]

    def on_body(self, body: bytes) -> None:
        """Hand on a piece of the body."""
        self._understood = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request: now it is our turn."""
        self._understood, self._begun = True, False
        super().on_message_complete()
        self._turn()

    def on_response_complete(self) -> None:
        """End an answer."""
        self._answered_early = self._begun
        super().on_response_complete()
        self._turn()

    # --- what is done about it ---

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser does not take."""
        self.refuse(*(self._refusal or (400, "this is not a valid HTTP request")))

    def refuse(self, status: int, message: str) -> None:
        """Answer with what is wrong and close."""
        self.pool.note(self.client[0] if self.client else None, status, message)
        if self._answered_early or self._owes_answer():  # another answer would be taken for it
            self.transport.abort()
            return
        body = problems_json(RequestError(status, [problem(message)]))
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self._tell_app()
        self.transport.write(head.encode() + body)
        self.transport.close()

    def expire(self) -> None:
        """Close, as the client took too long."""
        if self._begun and not self.transport.is_closing():
            self.refuse(408, f"the request took longer than {self.limits.seconds:g} seconds")
        else:
            self.close()

    def close(self) -> None:
        """Close at once, whatever the client has not taken yet."""
        if self.transport.is_closing() or self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def shutdown(self) -> None:
        """Close when the last answer is out, and soon in any case."""
        super().shutdown()
        self.loop.call_later(self.limits.seconds_to_finish, self.transport.abort)

    def _tell_app(self) -> None:
        """Say of all unanswered requests that the client is gone; uvicorn does of the last one."""
        for cycle in self._unanswered:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def _turn(self) -> None:
        """Note whose turn it is."""
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            self.pool.waits(self)
        else:
            self.pool.works(self)

    def _owes_answer(self) -> bool:
        """Return whether an answer is under way, or one to an earlier request is due."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        return cycle.response_started or not cycle.more_body or bool(self.pipeline)

    def _head_too_large(self) -> tuple[int, str]:
        limits = self.limits
        return 431, (
            f"the headers are too large; a request may have {limits.headers} headers and "
            f"{limits.head_bytes:,} bytes of them"
        )

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
    needed = used + 2 * wanted
    if soft != resource.RLIM_INFINITY and soft < needed:
        more = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
            soft = more
        return max(1, min(wanted, (soft - used) // 2))
    return wanted
