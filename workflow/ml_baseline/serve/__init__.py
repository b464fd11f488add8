"""Predictions over HTTP with a published run.

`server` runs the process, `connections` bounds what a client may take before its request is there,
`traffic` limits, counts and logs requests, `app` says which address answers what, `rows` reads the rows
of a request, `batching` predicts the rows of all waiting requests together, and `served` is the run they
are predicted with.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ml_baseline.errors import InputError

if TYPE_CHECKING:
    from ml_baseline.registry import Run


class ServeOptions(NamedTuple):
    """How a run is served."""

    host: str = "127.0.0.1"  # the address to listen on: a loopback one is reached from here alone
    port: int = 8000  # 0 for any free one
    max_rows: int = 10_000  # of a request
    max_bytes: int = 10 << 20  # of a request's body, packed and unpacked
    max_connections: int = 512  # at the same time; fewer if `ulimit -n` is too low
    request_seconds: float = 30  # for a client to send a request, or to take an answer
    root_path: str = ""  # what a proxy puts before the addresses, such as "/churn"
    # The folder of the results, to change to a newly published latest run of the same table.
    follow: Path | None = None


def serve(run: "Run", options: ServeOptions) -> None:
    """Answer requests until the process is told to stop (SIGTERM, Ctrl-C).

    Requests that have arrived by then are still answered, for up to ten seconds. If the environment
    has `ML_BASELINE_API_KEY`, requests must carry it.

    Raises InputError if the model cannot be loaded or predicts otherwise than it did, the address cannot
    be listened on, the key cannot be used, or the packages of the extra `serve` are missing.
    """
    try:
        from ml_baseline.serve.server import run_server
    except ModuleNotFoundError as error:
        raise InputError(
            f"serving needs the package {error.name}; install the extra `serve`, in a checkout of "
            "this project with `pip install -e '.[serve]'`"
        ) from error
    run_server(run, options)
