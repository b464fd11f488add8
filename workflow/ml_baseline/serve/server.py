"""The process that serves a run."""

import contextlib
import ipaddress
import logging
import os
import signal
import socket

import uvicorn

from ml_baseline.errors import InputError
from ml_baseline.registry import Run, load_model
from ml_baseline.registry.runs import checked_bytes
from ml_baseline.serve.app import create_app
from ml_baseline.serve.traffic import LOGGER, set_up_log

KEY_VARIABLE = "ML_BASELINE_API_KEY"
SECONDS_TO_FINISH = 10


def run_server(run: Run, host: str, port: int, max_rows: int, max_bytes: int) -> None:
    """Serve a run until SIGTERM or SIGINT; see `serve.serve`."""
    api_key = os.environ.get(KEY_VARIABLE) or None
    model = load_model(run)
    card = checked_bytes(run, "README.md").decode(errors="replace")
    app = create_app(run, model, card, max_rows, max_bytes, api_key)
    listener = _listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listener.getsockname()[1]}"
    set_up_log()
    log = logging.getLogger(LOGGER)
    if api_key is None and not _is_loopback(host):
        log.warning(
            "whoever reaches this address can ask for predictions: set %s to ask for a key",
            KEY_VARIABLE,
        )
    log.info("serving", extra={"fields": {"run_id": run.run_id, "address": address}})
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    # uvicorn raises the signal again once it has finished: this ends the process as asked, well.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    with contextlib.closing(listener):
        uvicorn.Server(config).run(sockets=[listener])
    log.info("stopped")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise InputError(
            f"cannot listen on {host} port {port}: {getattr(error, 'strerror', error)}; name "
            "another --port or --host"
        ) from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
