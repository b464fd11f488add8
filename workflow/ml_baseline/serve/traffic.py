"""What stands between the network and the app: the key, limits, counts and the log."""

import hmac
import json
import logging
import sys
import time
from base64 import b64decode
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ml_baseline.serve.rows import RequestError, problem

KEY_HEADER = b"x-api-key"
# Asked by whoever watches over the process, and tells nothing about the data.
OPEN_PATHS = ("/health",)
LOGGER = "ml_baseline.serve"
# Seconds; the bounds of the histogram of answering times.
LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
BATCH_SIZES = (1, 2, 4, 8, 16, 64, 256, 1024, 4096, 16384)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Figures:
    """What `/metrics` shows."""

    def __init__(self, run_id: str, dataset: str, model: str):
        self.registry = CollectorRegistry()
        shared = {"namespace": "ml_baseline", "registry": self.registry}
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
        names = ["run_id", "dataset", "model"]
        Gauge("run", "The run that is served.", names, **shared).labels(run_id, dataset, model).set(
            1
        )


class Traffic:
    """Middleware that asks for the key, limits the body, counts and logs every request.

    Args:
        app: what answers.
        figures: where to count.
        paths: the known addresses; all others are counted as one.
        api_key: what requests must carry, None if nothing.
        max_bytes: bytes of a body at most.
    """

    def __init__(
        self, app: ASGIApp, figures: Figures, paths: set[str], api_key: str | None, max_bytes: int
    ):
        self.app, self.figures, self.paths = app, figures, paths
        self.api_key = None if api_key is None else api_key.encode()
        self.max_bytes = max_bytes
        self.log = logging.getLogger(LOGGER)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def counting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal is None:
                await self.app(scope, self._limited(receive), counting_send)
            else:
                await send_problems(refusal, counting_send)
        finally:
            self._note(scope, status, time.perf_counter() - started)

    def _refusal(self, scope: Scope) -> RequestError | None:
        headers = dict(scope["headers"])
        if self.api_key is not None and scope["path"] not in OPEN_PATHS:
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

    def _limited(self, receive: Receive) -> Receive:
        """Return a `receive` that ends a body that is too long, whatever length it announced."""
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                raise self._too_large()
            return message

        return limited

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope["path"] if scope["path"] in self.paths else "other"
        method = scope["method"] if scope["method"] in METHODS else "other"
        self.figures.requests.labels(method, path, str(status)).inc()
        self.figures.seconds.labels(path).observe(seconds)
        client = scope.get("client")
        request = {
            "client": client[0] if client else None,
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "milliseconds": round(seconds * 1000, 2),
        }
        if "rows" in scope.get("state", {}):
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
    """Log records as one line of JSON each."""

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
    for name in (LOGGER, "uvicorn", "uvicorn.error", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO if name == LOGGER else logging.WARNING)
