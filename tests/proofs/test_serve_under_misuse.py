"""The service under clients that misbehave for minutes: the others are answered, and none by a 5xx."""

import signal
import threading
import time

import numpy as np
import pytest
from serving import MISUSES, ask_all_oddly, crowd, misused, seconds_of_health, serving
from small_shop import publish_shop

from ml_baseline.registry import find_run

pytestmark = pytest.mark.proof

REQUESTS = 10_000
FLOOD = 400  # connections of one client; all of them want more files than the service may open


@pytest.fixture
def run(tmp_path):
    publish_shop(tmp_path / "results" / "shop" / "runs")
    return find_run("latest", tmp_path / "results")


def test_ten_thousand_odd_requests_while_all_misbehave(run):
    """No 5xx, no error in the log, and `/health` under a second for 99 of 100."""
    misuses = MISUSES | {"flood": crowd(FLOOD)}
    seconds: list[np.ndarray] = []
    with serving(run, open_files=512, request_seconds=5, max_bytes=1 << 20) as service:
        with misused(service, misuses):
            watching = threading.Thread(
                target=lambda: seconds.append(seconds_of_health(service, 1500, 0.03))
            )
            watching.start()
            found = ask_all_oddly(service, REQUESTS, at_once=8)
            watching.join()
        p99 = np.quantile(seconds[0], 0.99)
        print(f"\nstatuses {dict(found)}; /health p50 {np.median(seconds[0]):.3f}, p99 {p99:.3f} s")
        assert not [status for status in found if status >= 500]
        assert sum(found.values()) > REQUESTS / 3
        assert p99 < 1
        assert not [line for line in service.lines if line["level"] == "error"]
        assert seconds_of_health(service, 20).max() < 1  # and afterwards all is as before
        assert service.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_time_whatever_clients_do(run, number):
    with serving(run, request_seconds=60) as service, misused(service):
        time.sleep(2)
        started = time.monotonic()
        assert service.stop(number) == 0
        assert time.monotonic() - started < 12, service.lines[-5:]
        assert service.lines[-1]["message"] == "stopped"
