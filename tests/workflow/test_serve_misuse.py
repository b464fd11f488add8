"""Clients that send too much, too little, too slowly or nothing at all: the others are answered."""

import contextlib
import json
import re
import signal
import time

import numpy as np
import pytest
from serving import (
    MISUSES,
    ROW,
    Service,
    ask_all_oddly,
    crowd,
    misused,
    read_all,
    request,
    seconds_of_health,
    serving,
)
from small_shop import publish_shop

from ml_baseline.registry import find_run

SECONDS = 2


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    results = tmp_path_factory.mktemp("misuse") / "results"
    publish_shop(results / "shop" / "runs")
    return find_run("latest", results)


@pytest.fixture(scope="module")
def service(run):
    with serving(run, request_seconds=SECONDS, max_connections=40) as service:
        yield service


# What is sent, the status it is answered with, and a word of the message.
TOO_MUCH = {
    "a long header": (b"GET / HTTP/1.1\r\nx: " + b"a" * 600_000, 431, "32,768 bytes"),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 102, 431, "100 headers"),
    "many small headers": (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 50_000, 431, "100 headers"),
    "a long address": (b"GET /" + b"a" * 9000, 414, "8,192 bytes"),
    "blank lines": (b"\r\n" * 50_000, 431, "headers"),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00" * 100, 400, "not a valid HTTP"),
    "trailers": (
        request(b"0\r\n" + b"a: b\r\n" * 200, content_length=None, transfer_encoding="chunked"),
        431,
        "100 headers",
    ),
    "a long trailer": (
        request(b"0\r\nx: " + b"a" * 600_000, content_length=None, transfer_encoding="chunked"),
        431,
        "32,768 bytes",
    ),
}


@pytest.mark.parametrize(("content", "status", "word"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_heads_are_bounded(service, content, status, word):
    with service.connect() as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(content)
        answer = read_all(connection)
    # A reset may overtake the answer where more is sent than is read.
    assert not answer or answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    if answer:
        assert word in json.loads(answer.partition(b"\r\n\r\n")[2])["detail"][0]["message"]
    else:
        assert len(content) > 1 << 16
    logged(service, lambda line: line.get("status") == status and word in line.get("reason", ""))


def logged(service: Service, is_it) -> dict:
    """Return the line of the log, which may still be on its way."""
    deadline = time.monotonic() + 10
    while not (found := [line for line in service.lines if is_it(line)]):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found[-1]


# What is sent, and how the answer begins.
TOO_LITTLE = {
    "nothing": (b"", b""),
    "half a line": (b"GET /hea", b"HTTP/1.1 408 "),
    "half a head": (b"GET /health HTTP/1.1\r\nhost: x\r\n", b"HTTP/1.1 408 "),
    "half a body": (request(b"[", content_length=100), b"HTTP/1.1 408 "),
    "half a chunk": (
        request(b"5\r\n[", content_length=None, transfer_encoding="chunked"),
        b"HTTP/1.1 408 ",
    ),
    "an answer and then half a body": (
        request(b"[", content_length=100, content_type="text/csv"),
        b"HTTP/1.1 4",
    ),
}


def test_requests_have_to_arrive_in_time(service):
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        connections = []
        for content, _ in TOO_LITTLE.values():
            connections.append(stack.enter_context(service.connect()))
            connections[-1].sendall(content)
        answers = [read_all(connection) for connection in connections]
    assert SECONDS <= time.monotonic() - started < SECONDS + 5
    for answer, (name, (_, expected)) in zip(answers, TOO_LITTLE.items(), strict=True):
        assert answer.startswith(expected) and bool(answer) == bool(expected), name
        assert answer.count(b"HTTP/1.1 ") <= 1, name


def test_answers_have_to_be_taken_in_time(service):
    page = request(target="GET /static-offline-docs/swagger-ui-bundle.js")
    with service.connect() as connection:
        connection.sendall(page * 20)
        time.sleep(SECONDS + 2)
        received = read_all(connection)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.count(b"HTTP/1.1 200 ") < 20  # it was closed in the middle


def test_a_crowd_makes_room_for_who_comes_later(service):
    with misused(service, {"idle": crowd(150), "half": crowd(50, b"POST /predict HTTP/1.1\r\n")}):
        seconds = seconds_of_health(service, 30)
    assert np.quantile(seconds, 0.9) < 1, seconds
    assert seconds_of_health(service, 1)[0] < 5


def test_health_is_answered_while_all_misbehave(service):
    with misused(service):
        time.sleep(0.5)
        seconds = seconds_of_health(service, 60)
    assert np.quantile(seconds, 0.99) < 1, np.sort(seconds)[-5:]
    with service.client() as client:
        client.post("/predict", json=ROW).raise_for_status()


def test_odd_requests_are_no_errors_of_ours(service):
    found = ask_all_oddly(service, 400)
    assert not [status for status in found if status >= 500], found
    assert {200, 400, 404, 405, 413, 414, 415, 422, 431} <= set(found)
    assert not [line for line in service.lines if "exception" in line]
    assert service.process.poll() is None


def test_running_out_of_files_passes(run):
    with serving(run, open_files=64) as service:
        assert any("raise `ulimit -n`" in line["message"] for line in service.lines)
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                stack.enter_context(service.connect())
            assert seconds_of_health(service, 5).max() < 5
        assert seconds_of_health(service, 5).max() < 5
        assert service.stop() == 0


def test_it_stops_in_time_whatever_clients_do(run):
    few = {name: MISUSES[name] for name in ("endless header", "slow header", "idle")}
    with serving(run, request_seconds=60) as service, misused(service, few):
        time.sleep(0.5)
        started = time.monotonic()
        assert service.stop(signal.SIGTERM) == 0
        assert time.monotonic() - started < 11
        assert service.lines[-1]["message"] == "stopped"


def test_who_goes_away_is_no_error_of_ours(service):
    with service.connect() as connection:
        connection.sendall(request(b"[", content_length=100))
        time.sleep(0.2)
    line = logged(service, lambda line: line.get("status") == 499)
    assert line["message"] == "request" and "exception" not in line
    with service.client() as client:
        assert re.search(r'path="/predict",status="499"\} \d', client.get("/metrics").text)
