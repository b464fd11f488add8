"""Predictions over HTTP with a published run.

`server` runs the process, `app` says which address answers what, `rows` reads the rows of a request,
`batching` predicts the rows of all requests that wait in one go, `traffic` limits, counts and logs.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ml_baseline.registry import Run

MAX_ROWS = 10_000
MAX_BYTES = 10 << 20


def serve(
    run: "Run",
    host: str = "127.0.0.1",
    port: int = 8000,
    max_rows: int = MAX_ROWS,
    max_bytes: int = MAX_BYTES,
) -> None:
    """Answer requests until the process is told to stop (SIGTERM, Ctrl-C).

    What has been asked by then is still answered. If the environment has `ML_BASELINE_API_KEY`,
    requests must carry it.

    Args:
        run: a published run.
        host: the address to listen on; others than this machine reach it only if it is not a
            loopback address.
        port: 0 for any that is free.
        max_rows: rows of one request at most.
        max_bytes: bytes of one request's body at most.

    Raises:
        InputError: the model cannot be loaded, the address cannot be listened on, or the packages
            of the extra `serve` are not installed.
    """
    from ml_baseline.errors import InputError

    try:
        from ml_baseline.serve.server import run_server
    except ModuleNotFoundError as error:
        raise InputError(
            f"serving needs the package {error.name}; install the extra: "
            "`pip install -e '.[serve]'`"
        ) from error
    run_server(run, host, port, max_rows, max_bytes)
