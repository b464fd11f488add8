"""What stands between the network and the app: the key, limits, counts and the log."""

import asyncio
import contextlib
import hmac
import json
import logging
import sys
import time
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from pydantic_core import to_json
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ml_baseline.data.schema import Schema
from ml_baseline.registry import Run
from ml_baseline.registry.batch_check import counted, unlike_training
from ml_baseline.serve.rows import RequestError

# Asked by whoever watches over the process; they tell nothing about the data.
OPEN_PATHS = ("/health", "/ready")
LOG = logging.getLogger("ml_baseline.serve")
BATCH_SIZES = (1, 2, 4, 8, 16, 64, 256, 1024, 4096, 16384)
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
        self.seconds = Histogram("request_seconds", "Time to answer a request.", ["path"], **shared)
        self.rows = Counter("rows", "Rows of requests, by outcome.", ["outcome"], **shared)
        self.batches = Histogram(
            "batch_rows", "Rows predicted together.", buckets=BATCH_SIZES, **shared
        )
        self.unlike = Counter(
            "cells_unlike_training",
            "Cells of requests that are unlike those of training.",
            ["feature", "what"],
            **shared,
        )
        self.newer_runs = Counter("newer_runs", "Newer runs, by outcome.", ["outcome"], **shared)
        self.run = Gauge("run", "The run that is served.", ["run_id", "dataset", "model"], **shared)

    def show_run(self, run: Run) -> None:
        """Show which run is served now."""
        self.run.clear()
        self.run.labels(run.run_id, run.dataset, run.meta["model"]["name"]).set(1)
        for entry in run.schema["columns"]:
            for what in counted(entry) if entry["role"] == "feature" else ():
                self.unlike.labels(entry["name"], what)  # shown from the beginning, as 0

    def count_unlike(self, schema: Schema, table: pd.DataFrame, repairs: Mapping) -> None:
        """Count the cells of cleaned rows that are unlike training."""
        for unlike in unlike_training(schema, table, repairs):
            self.unlike.labels(unlike.feature, unlike.what).inc(unlike.cells)

    def note_refused_connection(self, client: str | None, status: int, message: str) -> None:
        """Count and log what was refused before it became a request."""
        self.requests.labels(OTHER, OTHER, str(status)).inc()
        fields = {"client": client, "status": status, "reason": message}
        LOG.info("refused", extra={"fields": fields})


def refusal(error: RequestError, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer to a request that cannot be answered: the first 100 problems."""
    more = dict(headers or {})
    if error.status == 413:  # the rest is not read
        more["connection"] = "close"
    if error.status == 401:  # so that a browser asks for the key, and shows the docs
        more["www-authenticate"] = 'Basic realm="ml-baseline"'
    content = {"detail": error.problems[:100], "problems": len(error.problems)}
    return Response(to_json(content), error.status, more, "application/json")


@dataclass(eq=False)
class Traffic:
    """Middleware that asks for the key, limits the body, counts and logs every request."""

    app: ASGIApp
    figures: Figures
    paths: set[str]  # the known addresses; all others are counted as one
    api_key: bytes | None  # what requests must carry, if anything
    max_bytes: int  # of a body
    root_path: str  # what a proxy puts before the addresses, and may take away again
    held: int = 0  # bytes of the bodies of all requests that are not answered yet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        path = scope["path"]
        if path.startswith(f"{self.root_path}/"):
            path = path.removeprefix(self.root_path)
        # A HEAD is a GET whose body the server does not send.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        state: dict[str, Any] = {}
        inner = {"method": method, "root_path": self.root_path, "path": self.root_path + path}
        inner = {**scope, **inner, "state": state}
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
                raise RequestError(503, "the service is busy; try again later")
            return message

        try:
            error = self._error(scope, path)
            answer = refusal(error) if error else self.app
            await answer(inner, limited_receive, counting_send)
        except asyncio.CancelledError:  # the service ends
            if status == 500:
                stopping = refusal(RequestError(503, "the service is stopping"))
                await stopping(inner, limited_receive, counting_send)
        finally:
            self.held -= received
            seconds = time.perf_counter() - started
            known = path if path in self.paths else OTHER
            self.figures.requests.labels(scope["method"], known, str(status)).inc()
            self.figures.seconds.labels(known).observe(seconds)
            fields = {
                "client": scope["client"][0] if scope.get("client") else None,
                "method": scope["method"],
                "path": path,
                "status": status,
                "milliseconds": round(seconds * 1000, 2),
            }
            LOG.info("request", extra={"fields": fields | state})

    def _error(self, scope: Scope, path: str) -> RequestError | None:
        headers = dict(scope["headers"])
        if self.api_key is not None and path not in OPEN_PATHS:
            given = headers.get(b"x-api-key") or _bearer(headers.get(b"authorization", b""))
            if not hmac.compare_digest(given, self.api_key):
                return RequestError(401, "the header X-API-Key is missing or wrong")
        length = headers.get(b"content-length", b"0")
        return self._too_large() if length.isdigit() and int(length) > self.max_bytes else None

    def _too_large(self) -> RequestError:
        return RequestError(
            413, f"the body is too large; a request may have at most {self.max_bytes:,} bytes"
        )


def _bearer(header: bytes) -> bytes:
    """Return the key in an Authorization header: a bearer's, or the password of a browser."""
    scheme, _, value = header.partition(b" ")
    if scheme.lower() == b"basic":
        with contextlib.suppress(ValueError):
            return b64decode(value, validate=True).partition(b":")[2]
    return value.strip() if scheme.lower() == b"bearer" else b""


class JsonLines(logging.Formatter):
    """Log records as one line of JSON each; in JSON, control characters are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def set_up_log() -> None:
    """Send our log and that of the HTTP server to stderr, as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    # uvicorn warns of every odd request, which are counted and logged here already.
    levels = {LOG.name: logging.INFO, "uvicorn": logging.ERROR, "asyncio": logging.WARNING}
    for name, level in levels.items():
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(level)
