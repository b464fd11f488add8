"""The service: which address answers what."""

import asyncio
import contextlib
import copy
import functools
import warnings
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import groupby
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ml_baseline.serve.batching import Batcher
from ml_baseline.serve.rows import RequestError, as_code, decoded, problem
from ml_baseline.serve.served import Cells, Problems, ServedRun
from ml_baseline.serve.traffic import Figures, Traffic, problems_json

OUTPUT_FIELDS = ("probability", "prediction", "reason")
# Larger bodies are read, and their answers written, one after the other beside the event loop.
INLINE_BYTES = 1 << 15
READY_SECONDS = 5.0
CLIENT_GONE = 499  # as nginx counts them


class Problem(BaseModel):
    """One thing that is wrong with a request."""

    row: int | None
    field: str | None
    message: str


class Refusal(BaseModel):
    """Why a request is not answered: the first 100 problems, and how many there are."""

    detail: list[Problem]
    problems: int


class Prediction(BaseModel):
    """The prediction of one row, with the ids it came with."""

    model_config = ConfigDict(extra="allow")
    probability: float | None
    prediction: Literal[0, 1] | None
    reason: str | None = None


class Predictions(BaseModel):
    """The predictions of a request's rows, in their order."""

    run_id: str
    predictions: list[Prediction]


class Health(BaseModel):
    """That the service is up, and the run it predicts with."""

    status: Literal["ok"]
    run_id: str


REFUSALS = {
    401: "the key is missing or wrong",
    408: "the request took too long",
    413: "too many rows or bytes",
    415: "the body is not JSON, or neither plain nor gzip",
    422: "rows that cannot be predicted",
}


def create_app(
    served: ServedRun, max_bytes: int, api_key: bytes | None = None, root_path: str = ""
) -> FastAPI:
    """Return the service of a run.

    Its `state` has `figures` (what `/metrics` shows) and `serve`, which takes another `ServedRun`
    to answer all later requests with.

    Args:
        served: the run to begin with.
        max_bytes: bytes of a request's body at most.
        api_key: what requests must carry, None if nothing.
        root_path: what a proxy puts before the addresses.
    """
    current = served
    figures = Figures()
    figures.show_run(served.run)
    batcher = Batcher(functools.partial(_predict_requests, figures), prepare=_one_thread)
    beside = ThreadPoolExecutor(1, thread_name_prefix="read")
    probe: asyncio.Task | None = None

    def serve(other: ServedRun) -> None:
        nonlocal current
        current = other
        figures.show_run(other.run)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        batcher.start()
        yield
        await batcher.stop()
        beside.shutdown(wait=False, cancel_futures=True)

    async def in_turn(large: bool, function: Callable, *arguments: Any) -> Any:
        """Call a function beside the event loop if it may take long, so that others are answered."""
        if not large:
            return function(*arguments)
        return await asyncio.get_running_loop().run_in_executor(beside, function, *arguments)

    app = FastAPIOffline(title=served.run.dataset, lifespan=lifespan)
    app.state.figures, app.state.serve = figures, serve
    refusals: dict[int | str, dict[str, Any]] = {
        status: {"model": Refusal, "description": text} for status, text in REFUSALS.items()
    }

    @app.post("/predict", response_model=Predictions, responses=refusals)
    async def predict(request: Request, on_bad_rows: Literal["fail", "null"] = "fail") -> Response:
        """Predict one row (an object) or many (a list of objects).

        A row with a cell that cannot be read is an error that names row and field; with
        `on_bad_rows=null` its prediction is null and `reason` says why.
        """
        now = current
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise RequestError(
                415, [problem(f"found the content type {kind!r}, expected application/json")]
            )
        encoding = request.headers.get("content-encoding", "").strip().lower()
        body = await request.body()
        large = len(body) > INLINE_BYTES or bool(encoding)
        cells = await in_turn(large, _read, now, body, encoding, max_bytes)
        rows = len(cells[0])
        request.state.rows = rows
        results = await batcher.submit((now, cells), rows) if rows else ([], [], [])
        return await in_turn(large, _answer, now, cells, results, on_bad_rows, figures)

    @app.get("/health", response_model=Health)
    async def health() -> dict:
        """Say that the service is up."""
        return {"status": "ok", "run_id": current.run.run_id}

    @app.get("/ready", response_model=Health, responses={503: {"model": Refusal}})
    async def ready() -> dict:
        """Say that the service predicts: the example row goes through the queue of requests."""
        nonlocal probe
        now = current
        if probe is None or probe.done():  # those who ask at the same time share one
            probe = asyncio.create_task(_predict_example(batcher, now))
        try:
            await asyncio.wait_for(asyncio.shield(probe), READY_SECONDS)
        except Exception as error:
            late = isinstance(error, TimeoutError)
            message = f"no prediction within {READY_SECONDS:g} seconds" if late else repr(error)
            raise RequestError(503, [problem(message)]) from error
        return {"status": "ok", "run_id": now.run.run_id}

    @app.get("/model", responses={401: refusals[401]})
    async def model_card() -> Response:
        """Show the model card, the run's manifest, and the columns."""
        run = current.run
        content = {
            "run_id": run.run_id,
            "dataset": run.dataset,
            "target": run.schema["target"],
            "positive": run.schema["positive"],
            "negative": run.schema["negative"],
            "threshold": run.meta["threshold"],
            "card": current.card,
            "meta": run.meta,
            "columns": run.schema["columns"],
        }
        return Response(to_json(content, inf_nan_mode="null"), media_type="application/json")

    @app.get("/metrics", response_class=PlainTextResponse, responses={401: refusals[401]})
    async def metrics() -> Response:
        """Show figures for Prometheus."""
        return Response(generate_latest(figures.registry), media_type=CONTENT_TYPE_LATEST)

    general = app.openapi

    @functools.lru_cache(maxsize=1)
    def document(now: ServedRun) -> dict:
        return _document(copy.deepcopy(general()), now)

    app.openapi = lambda: document(current)  # type: ignore[method-assign]
    _add_errors(app)
    known = {getattr(route, "path", "") for route in app.routes}
    app.add_middleware(
        Traffic,
        figures=figures,
        paths=known,
        api_key=api_key,
        max_bytes=max_bytes,
        root_path=root_path,
    )
    return app


def _read(served: ServedRun, body: bytes, encoding: str, max_bytes: int) -> Cells:
    return served.reader.read(decoded(body, encoding, max_bytes))


async def _predict_example(batcher: Batcher, served: ServedRun) -> None:
    await batcher.submit((served, served.reader.read(to_json(served.reader.example))), 1)


def _predict_requests(
    figures: Figures, requests: Sequence[tuple[ServedRun, Cells]]
) -> list[tuple[list[float], list[int], Problems]]:
    """Return the results of requests, those of one run (nearly always all) predicted together."""
    figures.batches.observe(sum(len(cells[0]) for _, cells in requests))
    results = []
    for served, group in groupby(requests, key=lambda request: request[0]):
        results += served.predict([cells for _, cells in group])
    return results


def _one_thread() -> AbstractContextManager:
    """Predict with one thread: the rows of a batch are few, and threads would wait for each other."""
    from threadpoolctl import threadpool_limits

    # For good, and in this thread alone: `catch_warnings` in each call is not safe among threads.
    warnings.filterwarnings("ignore", message="Found unknown categories")
    return threadpool_limits(1)


def _answer(
    served: ServedRun, cells: Cells, results: tuple, on_bad_rows: str, figures: Figures
) -> Response:
    reader = served.reader
    probability, prediction, bad = results
    if bad and on_bad_rows == "fail":
        figures.rows.labels("refused").inc(len(probability))
        raise RequestError(422, [problem(message, row, field) for row, field, message in bad])
    predictions: list[dict] = [
        {"probability": p, "prediction": y} for p, y in zip(probability, prediction, strict=True)
    ]
    for i, column in enumerate(reader.columns):
        if column in reader.ids:
            name = f"{column}_raw" if column in OUTPUT_FIELDS else column
            for row, value in zip(predictions, cells[i], strict=True):
                if value is not None:
                    row[name] = value
    for row, field, message in bad:
        text = f"{field}: {message}" if field else message
        reason = predictions[row].get("reason")
        predictions[row] |= {
            "probability": None,
            "prediction": None,
            "reason": f"{reason}; {text}" if reason else text,
        }
    rejected = len({row for row, _, _ in bad})
    figures.rows.labels("bad").inc(rejected)
    figures.rows.labels("predicted").inc(len(predictions) - rejected)
    content = to_json({"run_id": served.run.run_id, "predictions": predictions})
    return Response(content, media_type="application/json")


def _document(document: dict, served: ServedRun) -> dict:
    """Return the OpenAPI document with the columns of the run that is served.

    `/predict` reads the body itself, in one go, so FastAPI does not know of it. What comes from the
    data is shown as code, as descriptions are Markdown, in which it could be anything.
    """
    run, reader = served.run, served.reader
    positive, negative = (
        " or ".join(map(as_code, run.schema[k])) for k in ("positive", "negative")
    )
    document["info"] |= {
        "version": run.run_id,
        "description": (
            f"Predicts {as_code(run.schema['target'])} with the model "
            f"{as_code(run.meta['model']['name'])}: 1 means {positive}, 0 means {negative}. A "
            f"probability of {run.meta['threshold']} or more predicts 1. Rows are cleaned as the "
            "training table was."
        ),
    }
    row = {"$ref": "#/components/schemas/Row"}
    many = {"type": "array", "items": row, "maxItems": reader.max_rows}
    document["paths"]["/predict"]["post"]["requestBody"] = {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"oneOf": [row, many]},
                "examples": {
                    "one": {"summary": "One row", "value": reader.example},
                    "many": {"summary": "Many rows", "value": [reader.example] * 2},
                },
            }
        },
    }
    document["components"]["schemas"]["Row"] = reader.row_model.model_json_schema(by_alias=True)
    return document


def _add_errors(app: FastAPI) -> None:
    """Give every error the same form."""

    @app.exception_handler(RequestError)
    async def refused(request: Request, error: RequestError) -> Response:
        return Response(problems_json(error), error.status, media_type="application/json")

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        problems = [
            problem(item["msg"], field=".".join(map(str, item["loc"][1:])))
            for item in error.errors()
        ]
        return await refused(request, RequestError(422, problems))

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        refusal = RequestError(error.status_code, [problem(str(error.detail))])
        answer = await refused(request, refusal)
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=CLIENT_GONE)  # for the count and the log; nobody reads it

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        content = {"detail": [problem("internal error; see the log of the service")], "problems": 1}
        return JSONResponse(content, 500)
