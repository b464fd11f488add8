"""A real process that serves a run, and clients that misuse it."""

import contextlib
import gzip
import json
import os
import random
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import numpy as np
from running import ROOT

ROW = {"visits": 12, "amount": "$99.50", "city": "Oslo", "joined": "2024-03-01"}
MAX_ROWS, MAX_BYTES = 300, 60_000
SERVE = """
import json, pathlib, sys
from ml_baseline.registry import find_run
from ml_baseline.serve import ServeOptions, serve
options = json.loads(sys.argv[2])
if options.get("follow"):
    options["follow"] = pathlib.Path(options["follow"])
serve(find_run(sys.argv[1]), ServeOptions(port=0, **options))
"""


@dataclass
class Service:
    """A process that serves, and what it has logged."""

    process: subprocess.Popen
    address: str
    lines: list[dict]
    reader: threading.Thread

    @property
    def place(self) -> tuple[str, int]:
        host, port = self.address.removeprefix("http://").partition("/")[0].split(":")
        return host, int(port)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.place, timeout=20)

    def client(self, **options) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=30, trust_env=False, **options)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it as asked; return its exit code."""
        self.process.send_signal(number)
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.reader.join()
        return code


@contextlib.contextmanager
def serving(run, environment=None, open_files=None, **options):
    """Serve a run in a process of its own, which may have so many `open_files`."""
    options = {"max_rows": MAX_ROWS, "max_bytes": MAX_BYTES} | options

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))

    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(run.folder), json.dumps(options)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow")} | (environment or {}),
        preexec_fn=limit if open_files else None,
    )
    lines: list[dict] = []
    reader = None
    try:
        while not (lines and lines[-1]["message"] == "serving"):
            line = process.stderr.readline()
            if not line.startswith("{"):
                raise AssertionError(f"it has ended: {line}{process.stderr.read()}")
            lines.append(json.loads(line))
        reader = threading.Thread(
            target=lambda: lines.extend(json.loads(line) for line in process.stderr)
        )
        reader.start()
        yield Service(process, lines[-1]["address"], lines, reader)
    finally:
        process.kill()
        process.wait()
        if reader:
            reader.join(30)
        process.stderr.close()


def request(body: bytes = b"", target: str = "POST /predict", **headers: object) -> bytes:
    """Return the bytes of a request; a header's name has - for _."""
    fields = {"host": "here", "content-type": "application/json", "content-length": len(body)}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([f"{target} HTTP/1.1", *lines, "", ""]).encode() + body


def read_all(connection: socket.socket) -> bytes:
    """Return what comes until the other side closes."""
    content = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(1 << 16):
            content += part
    return content


# ------------------------------------------------------------------ those who misbehave
# Each goes on until it is told to stop, and begins anew when its connection is closed.

Misuse = Callable[[Service, threading.Event], None]


def endless(head: bytes, more: bytes, pause: float = 0) -> Misuse:
    """Return someone who begins a request and never ends it."""

    def misuse(service: Service, stop: threading.Event) -> None:
        while not stop.wait(0.01):
            with contextlib.suppress(OSError), service.connect() as connection:
                connection.sendall(head)
                while not stop.is_set():
                    connection.sendall(more)
                    stop.wait(pause)

    return misuse


def crowd(size: int, first: bytes = b"") -> Misuse:
    """Return someone who opens connections, says little in them, and keeps them."""

    def misuse(service: Service, stop: threading.Event) -> None:
        while not stop.is_set():
            with contextlib.ExitStack() as stack:
                for _ in range(size):
                    with contextlib.suppress(OSError):
                        connection = stack.enter_context(service.connect())
                        connection.sendall(first)
                stop.wait(1)

    return misuse


def deaf(service: Service, stop: threading.Event) -> None:
    """Ask for large answers and read none of them."""
    while not stop.wait(0.01):
        with contextlib.suppress(OSError), service.connect() as connection:
            page = request(target="GET /static-offline-docs/swagger-ui-bundle.js")
            connection.sendall(page * 20)
            stop.wait(3)


def heavy(service: Service, stop: threading.Event) -> None:
    """Send what costs much to unpack or to read."""
    bomb = gzip.compress(b"[" + b" " * (1 << 28), 9)
    bodies = [(bomb, "gzip"), (b"[" + b"1," * 29_000, None), (b"[[]," + b"[]," * 19_000, None)]
    while not stop.wait(0.01):
        for body, encoding in bodies:
            with contextlib.suppress(OSError), service.connect() as connection:
                connection.sendall(request(body, content_encoding=encoding, connection="close"))
                read_all(connection)


MISUSES: dict[str, Misuse] = {
    "endless header": endless(b"GET /health HTTP/1.1\r\nx: ", b"a" * (1 << 16)),
    "endless headers": endless(b"GET /health HTTP/1.1\r\n", b"a: b\r\n" * 5000),
    "endless address": endless(b"GET /", b"a" * (1 << 16)),
    "endless blank lines": endless(b"", b"\r\n" * (1 << 15)),
    "slow header": endless(b"GET /health HTTP/1.1\r\nx: ", b"a", 0.1),
    "slow body": endless(request(b"[", content_length=50_000), b" ", 0.1),
    "endless trailers": endless(
        request(b"0\r\nx: ", content_length=None, transfer_encoding="chunked"), b"a" * (1 << 16)
    ),
    "half a body": crowd(20, request(b"[", content_length=50_000)),
    "idle": crowd(100),
    "deaf": deaf,
    "heavy": heavy,
}


@contextlib.contextmanager
def misused(service: Service, misuses: dict[str, Misuse] = MISUSES, times: int = 1):
    """Let all of them misuse a service."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=misuse, args=(service, stop))
        for misuse in misuses.values()
        for _ in range(times)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def seconds_of_health(service: Service, asks: int, pause: float = 0.02) -> np.ndarray:
    """Return how long each of many questions for `/health` took, each in a connection of its own.

    One that had to make room before the service read it, for those that came later, is asked again.
    """
    seconds = []
    for _ in range(asks):
        started, answer = time.perf_counter(), b""
        while not answer:
            with service.connect() as connection, contextlib.suppress(ConnectionError):
                connection.sendall(request(target="GET /health", connection="close"))
                answer = read_all(connection)
            assert time.perf_counter() - started < 60
        assert answer.startswith(b"HTTP/1.1 200 ")
        seconds.append(time.perf_counter() - started)
        time.sleep(pause)
    return np.array(seconds)


# ------------------------------------------------------------------ requests of all kinds

CELLS = b'12 "x" NaN -Infinity 1e400 null true [] {} "\\ud800" "\\u0000" "\xff" - 1e308'.split()
CELLS += [b"9" * 400, b'"' + b"a" * 5000 + b'"', b"[" * 50]
TARGETS = ["/predict", "/health", "/ready", "/model", "/metrics", "/docs", "/openapi.json"]
TARGETS += ["/nowhere", "*", "//", "x:80"]
TARGETS += ["/predict?on_bad_rows=null", "/predict?on_bad_rows=%00", "/%2e%2e/%ff"]
TARGETS += ["/static-offline-docs/../app.py", "/static-offline-docs/%00"]
TARGETS += ["/" + "a" * 9000, "/?" + "&" * 500]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "FOO"]
ODD_HEADERS = {
    "content-type": ["text/csv", "application/json; charset=x", "application/x+json", ""],
    "content-encoding": ["gzip", "br", "identity", "gzip, gzip"],
    "content-length": ["-1", "5", "1e3", "99999999999999999999", "0"],
    "transfer-encoding": ["chunked", "gzip, chunked", "identity"],
    "expect": ["100-continue", "other"],
    "connection": ["close", "keep-alive", "upgrade"],
    "upgrade": ["websocket", "h2c"],
    "range": ["bytes=5-1", "bytes=0-"],
    "if-none-match": ["*"],
    "if-modified-since": ["yesterday"],
    "authorization": ["Basic !", "Bearer x"],
    "x-forwarded-for": ["\x1b[2J", "1.2.3.4, x"],
    "accept": ["text/html"],
    "x": ["a" * 40_000, "\xe9", "\x00", ""],
}


def odd_request(choose: random.Random) -> bytes:
    """Return a request that may be as it should, and may be wrong in any way."""
    names = [*ROW, "customer", "bought", "other"]
    cells = {name: json.dumps(ROW.get(name, "yes")).encode() for name in names}
    for name in choose.sample(names, choose.randrange(3)):
        cells[name] = choose.choice(CELLS)
    pairs = [b"%s: %s" % (json.dumps(name).encode(), cell) for name, cell in cells.items()]
    row = b"{%s}" % b", ".join(pairs[choose.randrange(10) == 0 :])
    rows = b"[%s]" % b", ".join([row] * choose.choice([0, 1, 2, 50, 400]))
    body = choose.choice([row, row, rows, rows, b"", choose.randbytes(100), row[:30], b"[" * 9000])
    target = choose.choice(["POST /predict"] * 3 + [""])
    target = target or f"{choose.choice(METHODS)} {choose.choice(TARGETS)}"
    headers: dict[str, object] = {}
    for name in choose.sample(list(ODD_HEADERS), choose.choice([0, 0, 1, 1, 2, 4])):
        headers[name] = choose.choice(ODD_HEADERS[name])
    if headers.get("content-encoding") == "gzip" and choose.random() < 0.7:
        body = gzip.compress(body, 1)[: choose.choice([None, None, 20])]
    if headers.get("transfer-encoding") == "chunked" and choose.random() < 0.7:
        headers["content-length"] = None
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    if choose.randrange(20) == 0:
        headers |= {f"x-{i}": i for i in range(150)}
    content = request(body, target, **headers)
    if choose.randrange(10) == 0:  # some bytes turn into others
        broken = bytearray(content)
        for _ in range(choose.randrange(1, 5)):
            broken[choose.randrange(min(len(broken), 300))] = choose.randrange(256)
        content = bytes(broken)
    return content


def ask_oddly(service: Service, random_state: int) -> list[int]:
    """Send an odd request in an odd way; return the statuses of the answers."""
    choose = random.Random(random_state)
    content = odd_request(choose)
    way = choose.choice(["whole", "whole", "pieces", "twice", "half", "gone", "reset"])
    received = b""
    with service.connect() as connection:
        connection.settimeout(10)
        with contextlib.suppress(OSError):
            if way == "pieces":
                for i in range(0, len(content), 1 + len(content) // 5):
                    connection.sendall(content[i : i + 1 + len(content) // 5])
            else:
                end = len(content) // 2 if way in ("half", "reset") else None
                connection.sendall(content[:end] * (2 if way == "twice" else 1))
            if way == "reset":
                now = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
            elif way != "gone":
                connection.shutdown(socket.SHUT_WR)
                received = read_all(connection)
    lines = [line for line in received.split(b"HTTP/1.1 ")[1:] if line[:3].isdigit()]
    for answer in lines:
        head, _, body = answer.partition(b"\r\n\r\n")
        if body and b"content-type: application/json" in head and b"content-length" in head:
            json.loads(body, parse_constant=lambda name: 1 / 0)  # NaN is not JSON
    return [int(line[:3]) for line in lines]


def ask_all_oddly(service: Service, asks: int, at_once: int = 16) -> Counter:
    """Send many odd requests; return how often each status was the answer."""
    with ThreadPoolExecutor(at_once) as pool:
        found = list(pool.map(lambda i: ask_oddly(service, i), range(asks)))
    return Counter(status for statuses in found for status in statuses)
