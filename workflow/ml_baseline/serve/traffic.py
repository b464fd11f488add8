"""What stands between the network and the app: the key, limits, counts and the log."""

import asyncio
import hmac
import json
import logging
import sys
import time
from base64 import b64decode
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ml_baseline.registry import Run
from ml_baseline.serve.rows import RequestError, problem

KEY_HEADER = b"x-api-key"
# Asked by whoever watches over the process; they tell nothing about the data.
OPEN_PATHS = ("/health", "/ready")
LOGGER = "ml_baseline.serve"
# Seconds; the bounds of the histogram of answering times.
LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
BATCH_SIZES = (1, 2, 4, 8, 16, 64, 256, 1024, 4096, 16384)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OTHER = "other"
# The bodies of all requests that are not answered yet, as a multiple of what one may have.
BODIES_AT_ONCE = 32


class Figures:
    """What `/metrics` shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        shared: dict[str, Any] = {"namespace": "ml_baseline", "registry": self.registry}
        self.requests = Counter(
            "requests", "Requests answered.", ["method", "path", "status"], **shared
        )
        self.seconds = Histogram(
            "request_seconds", "Time to answer.", ["path"], buckets=LATENCIES, **shared
        )
        self.rows = Counter("rows", "Rows by what became of them.", ["outcome"], **shared)
        self.batches = Histogram(
            "batch_rows", "Rows predicted together.", buckets=BATCH_SIZES, **shared
        )
        self.newer_runs = Counter(
            "newer_runs", "Newer runs by whether they were taken over.", ["outcome"], **shared
        )
        self.run = Gauge("run", "The run that is served.", ["run_id", "dataset", "model"], **shared)

    def show_run(self, run: Run) -> None:
        """Show which run is served now."""
        self.run.clear()
        self.run.labels(run.run_id, run.dataset, run.meta["model"]["name"]).set(1)

    def note_refused_connection(self, client: str | None, status: int, message: str) -> None:
        """Count and log what was refused before it became a request."""
        self.requests.labels(OTHER, OTHER, str(status)).inc()
        fields = {"client": client, "status": status, "reason": message}
        logging.getLogger(LOGGER).info("refused", extra={"fields": fields})


class Traffic:
    """Middleware that asks for the key, limits the body, counts and logs every request.

    Args:
        app: what answers.
        figures: where to count.
        paths: the known addresses; all others are counted as one.
        api_key: what requests must carry, None if nothing.
        max_bytes: bytes of a body at most.
        root_path: what a proxy puts before the addresses, whether or not it takes it away again.
    """

    def __init__(
        self,
        app: ASGIApp,
        figures: Figures,
        paths: set[str],
        api_key: bytes | None,
        max_bytes: int,
        root_path: str = "",
    ):
        self.app, self.figures, self.paths, self.api_key = app, figures, paths, api_key
        self.max_bytes, self.root_path = max_bytes, root_path
        self.held = 0  # bytes of bodies of all requests that are not answered yet
        self.log = logging.getLogger(LOGGER)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        path = self._path(scope)
        # A HEAD is a GET whose body the server does not send.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        inner = dict(scope) | {"method": method, "state": scope.get("state", {})}
        inner |= {"root_path": self.root_path, "path": self.root_path + path}
        status = 500
        received = 0

        async def counting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        async def limited_receive() -> Message:
            """End a body that is too long, whatever length it announced."""
            nonlocal received
            message = await receive()
            more = len(message.get("body", b""))
            received += more
            self.held += more
            if received > self.max_bytes:
                raise self._too_large()
            if self.held > BODIES_AT_ONCE * self.max_bytes:
                raise RequestError(503, [problem("the service is busy; try again later")])
            return message

        try:
            refusal = self._refusal(scope, path)
            if refusal is None:
                await self.app(inner, limited_receive, counting_send)
            else:
                await send_problems(refusal, counting_send)
        except asyncio.CancelledError:  # the service ends
            if status == 500:
                error = RequestError(503, [problem("the service is stopping")])
                await send_problems(error, counting_send)
        finally:
            self.held -= received
            self._note(inner | {"method": scope["method"]}, path, status, started)

    def _path(self, scope: Scope) -> str:
        """Return the address without what a proxy puts before it."""
        path = scope["path"]
        inside = self.root_path and path.startswith(f"{self.root_path}/")
        return path.removeprefix(self.root_path) if inside else path

    def _refusal(self, scope: Scope, path: str) -> RequestError | None:
        headers = dict(scope["headers"])
        if self.api_key is not None and path not in OPEN_PATHS:
            given = headers.get(KEY_HEADER) or _bearer(headers.get(b"authorization", b""))
            if not hmac.compare_digest(given, self.api_key):
                return RequestError(401, [problem("the header X-API-Key is missing or wrong")])
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.max_bytes:
            return self._too_large()
        return None

    def _too_large(self) -> RequestError:
        return RequestError(
            413, [problem(f"the body is too large; one request may have {self.max_bytes:,} bytes")]
        )

    def _note(self, scope: Scope, path: str, status: int, started: float) -> None:
        seconds = time.perf_counter() - started
        known = path if path in self.paths else OTHER
        method = scope["method"] if scope["method"] in METHODS else OTHER
        self.figures.requests.labels(method, known, str(status)).inc()
        self.figures.seconds.labels(known).observe(seconds)
        client = scope.get("client")
        request = {
            "client": client[0] if client else None,
            "method": scope["method"],
            "path": path,
            "status": status,
            "milliseconds": round(seconds * 1000, 2),
        }
        if "rows" in scope["state"]:
            request["rows"] = scope["state"]["rows"]
        self.log.info("request", extra={"fields": request})


async def send_problems(error: RequestError, send: Send) -> None:
    """Answer with what is wrong, as the app does."""
    body = problems_json(error)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers += [(b"connection", b"close")] * (error.status == 413)  # the rest is not read
    # So that a browser asks for the key, and the page of docs can be looked at.
    headers += [(b"www-authenticate", b'Basic realm="ml-baseline"')] * (error.status == 401)
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def problems_json(error: RequestError) -> bytes:
    """Return the body of a refusal."""
    shown = error.problems[:100]
    content = {"detail": shown, "problems": len(error.problems)}
    return json.dumps(content).encode()


def _bearer(header: bytes) -> bytes:
    """Return the key in an Authorization header: a bearer's, or the password of a browser."""
    scheme, _, value = header.partition(b" ")
    if scheme.lower() == b"bearer":
        return value.strip()
    if scheme.lower() == b"basic":
        try:
            return b64decode(value, validate=True).partition(b":")[2]
        except ValueError:
            return b""
    return b""


class JsonLines(logging.Formatter):
    """Log records as one line of JSON each; in JSON, control characters are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        time_of = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": time_of.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def set_up_log() -> None:
    """Send our log and that of the HTTP server to stderr, as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    # uvicorn warns of every odd request, which are counted and logged here already.
    levels = {LOGGER: logging.INFO, "uvicorn": logging.ERROR, "asyncio": logging.WARNING}
    for name, level in levels.items():
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(level)
