"""The process that serves a run."""

import functools
import ipaddress
import os
import re
import signal
import socket
import threading
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from ml_baseline.errors import InputError
from ml_baseline.registry import Run
from ml_baseline.serve import ServeOptions
from ml_baseline.serve.app import create_app
from ml_baseline.serve.connections import Connection, affordable_connections
from ml_baseline.serve.served import load_served, newer_runs
from ml_baseline.serve.traffic import LOG, set_up_log

KEY_VARIABLE = "ML_BASELINE_API_KEY"
SECONDS_TO_FINISH = 10
ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")


def run_server(run: Run, options: ServeOptions) -> None:
    """Serve a run until SIGTERM or SIGINT; see `serve.serve`."""
    if not ROOT_PATH.fullmatch(options.root_path):
        raise InputError(
            f"found the root path {options.root_path!r}, expected one such as /churn: a slash, then "
            "letters, digits, '.', '_', '~' or '-', and no slash at the end"
        )
    api_key = _api_key()
    set_up_log()
    served = load_served(run, options.max_rows)
    app = create_app(served, options.max_bytes, api_key, options.root_path)
    limit = affordable_connections(options.max_connections)
    listener = _listen(options.host, options.port, limit)
    host, port, *_ = listener.getsockname()
    if api_key is None and not ipaddress.ip_address(host).is_loopback:
        LOG.warning(
            "anyone who can reach this address can ask for predictions: set %s to require a key",
            KEY_VARIABLE,
        )
    if limit < options.max_connections:
        LOG.warning("the limit on open files allows %d connections: raise `ulimit -n`", limit)
    if options.follow is not None:
        # A daemon: the end of the service does not wait for a large model to be loaded.
        threading.Thread(target=_follow, args=(app, options.follow), daemon=True).start()
    shown = f"[{options.host}]" if ":" in options.host else options.host
    address = f"http://{shown}:{port}{options.root_path}"
    LOG.info("serving", extra={"fields": {"run_id": run.run_id, "address": address}})
    connection = functools.partial(
        Connection,
        limit=limit,
        seconds=options.request_seconds,
        waiting={},
        note=app.state.figures.note_refused_connection,
    )
    config = uvicorn.Config(
        app,
        http=connection,  # type: ignore[arg-type]
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=limit,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    # uvicorn raises the signal again once it has finished; the process is to end with 0 then.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    with listener:
        uvicorn.Server(config).run(sockets=[listener])
    LOG.info("stopped")


def _follow(app: FastAPI, results: Path) -> None:
    for newer in newer_runs(app.state.served, results):
        app.state.figures.newer_runs.labels("served" if newer else "refused").inc()
        app.state.served = newer or app.state.served


def _api_key() -> bytes | None:
    """Return the key that requests must carry, None if the environment has none.

    Raises InputError if it is empty, or cannot be sent in a header.
    """
    text = os.environ.get(KEY_VARIABLE)
    if text is None:
        return None
    key = text.strip()  # a file that holds a key often ends with a newline
    if not key:
        raise InputError(
            f"{KEY_VARIABLE} is set but empty; give it a key, or unset it to serve without one"
        )
    if not key.isprintable():
        raise InputError(
            f"{KEY_VARIABLE} has a character that a header cannot carry (a line break, a tab or "
            "another control character); use letters and digits"
        )
    return key.encode()


def _listen(host: str, port: int, backlog: int) -> socket.socket:
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((host, port), family=family, backlog=backlog)
    except (OSError, OverflowError) as error:
        # Without "(while attempting to bind on address ...)".
        why = str(getattr(error, "strerror", error)).partition(" (")[0]
        raise InputError(
            f"cannot listen on {host} port {port}: {why}; choose another --port or --host"
        ) from error
