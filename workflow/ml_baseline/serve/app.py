"""The service: which address answers what."""

import asyncio
import copy
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ml_baseline.registry.markdown import code
from ml_baseline.serve.batching import Batcher
from ml_baseline.serve.rows import Cells, Problem, RequestError, decoded
from ml_baseline.serve.served import Results, ServedRun
from ml_baseline.serve.traffic import Figures, Traffic, refusal

OUTPUT_FIELDS = ("probability", "prediction", "reason")
# Larger bodies are read, and their answers written, one after the other beside the event loop.
INLINE_BYTES = 1 << 15
READY_SECONDS = 5.0
CLIENT_GONE = 499  # as nginx counts them


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
    """The service is up, and predicts with this run."""

    status: Literal["ok"]
    run_id: str


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": description}
    for status, description in {
        401: "the key is missing or wrong",
        408: "the request took too long",
        413: "too many rows or bytes",
        415: "the body is not JSON, or its encoding is not gzip",
        422: "rows that cannot be predicted",
        503: "the service is busy, or cannot predict",
    }.items()
}


def create_app(
    served: ServedRun, max_bytes: int, api_key: bytes | None = None, root_path: str = ""
) -> FastAPI:
    """Return the service of a run.

    Its `state` has `figures` (what `/metrics` shows) and `served`; another `ServedRun` in its place
    answers all later requests. The other arguments are explained at `traffic.Traffic`.
    """
    figures = Figures()
    batcher = Batcher(lambda requests: _predict_requests(figures, requests))
    beside = asyncio.Lock()
    app = FastAPIOffline(title=served.run.dataset, lifespan=lambda app: batcher.running())
    app.state.figures, app.state.served = figures, served

    async def in_turn(large: bool, function: Callable, *arguments: Any) -> Any:
        """Call a function beside the event loop if it may take long, so that others are answered."""
        if not large:
            return function(*arguments)
        async with beside:
            return await asyncio.to_thread(function, *arguments)

    @app.post("/predict", response_model=Predictions, responses=REFUSALS)
    async def predict(request: Request, on_bad_rows: Literal["fail", "null"] = "fail") -> Response:
        """Predict one row (an object) or many (a list of objects).

        A row with a cell that cannot be read is an error that names row and field; with
        `on_bad_rows=null` its prediction is null and `reason` says why.
        """
        now: ServedRun = app.state.served
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise RequestError(415, f"found the content type {kind!r}, expected application/json")
        encoding = request.headers.get("content-encoding", "").strip().lower()
        body = await request.body()
        large = len(body) > INLINE_BYTES or bool(encoding)
        cells = await in_turn(large, lambda: now.reader.read(decoded(body, encoding, max_bytes)))
        rows = request.state.rows = len(cells[0])
        results = await batcher.submit((now, cells), rows) if rows else ([], [], [])
        return await in_turn(large, _answer, now, cells, results, on_bad_rows, figures)

    @app.get("/health", response_model=Health)
    async def health() -> dict:
        """Say that the service is up."""
        return {"status": "ok", "run_id": app.state.served.run.run_id}

    @app.get("/ready", response_model=Health, responses={503: REFUSALS[503]})
    async def ready() -> dict:
        """Say that the service predicts: the example row goes through the queue of requests."""
        now: ServedRun = app.state.served
        example = now.reader.read(to_json(now.reader.example))
        try:
            await asyncio.wait_for(batcher.submit((now, example), 1), READY_SECONDS)
        except Exception as error:
            late = isinstance(error, TimeoutError)
            message = f"no prediction within {READY_SECONDS:g} seconds" if late else repr(error)
            raise RequestError(503, message) from error
        return {"status": "ok", "run_id": now.run.run_id}

    @app.get("/model", responses={401: REFUSALS[401]})
    async def model_card() -> Response:
        """Show the model card, the run's manifest, and the columns."""
        run = app.state.served.run
        content = {
            "run_id": run.run_id,
            "dataset": run.dataset,
            **{key: run.schema[key] for key in ("target", "positive", "negative", "columns")},
            "threshold": run.meta["threshold"],
            "card": app.state.served.card,
            "meta": run.meta,
        }
        return Response(to_json(content, inf_nan_mode="null"), media_type="application/json")

    @app.get("/metrics", response_class=PlainTextResponse, responses={401: REFUSALS[401]})
    async def metrics() -> Response:
        """Show figures for Prometheus."""
        figures.show_run(app.state.served.run)
        return Response(generate_latest(figures.registry), media_type=CONTENT_TYPE_LATEST)

    general = app.openapi
    app.openapi = lambda: _document(general(), app.state.served)  # type: ignore[method-assign]
    for kind in (RequestError, RequestValidationError, HTTPException, ClientDisconnect, Exception):
        app.add_exception_handler(kind, _refused)
    app.add_middleware(
        Traffic,
        figures=figures,
        paths={getattr(route, "path", "") for route in app.routes},
        api_key=api_key,
        max_bytes=max_bytes,
        root_path=root_path,
    )
    return app


def _predict_requests(
    figures: Figures, requests: Sequence[tuple[ServedRun, Cells]]
) -> list[Results]:
    """Return the results of requests, those of one run (nearly always all) predicted together."""
    figures.batches.observe(sum(len(cells[0]) for _, cells in requests))
    results = []
    for served, group in groupby(requests, key=lambda request: request[0]):
        results += served.predict([cells for _, cells in group], figures)
    return results


def _answer(
    served: ServedRun, cells: Cells, results: Results, on_bad_rows: str, figures: Figures
) -> Response:
    probability, prediction, problems = results
    if problems and on_bad_rows == "fail":
        figures.rows.labels("refused").inc(len(probability))
        raise RequestError(422, [Problem(*bad) for bad in problems])
    predictions: list[dict] = [
        {"probability": p, "prediction": y} for p, y in zip(probability, prediction, strict=True)
    ]
    for column, values in zip(served.reader.columns, cells, strict=True):
        if column in served.reader.ids:
            name = f"{column}_raw" if column in OUTPUT_FIELDS else column
            for row, value in zip(predictions, values, strict=True):
                if value is not None:
                    row[name] = value
    for place, field, message in problems:
        row = predictions[place]
        text = f"{field}: {message}" if field else message
        row["reason"] = f"{row['reason']}; {text}" if "reason" in row else text
        row["probability"] = row["prediction"] = None
    rejected = sum("reason" in row for row in predictions)
    figures.rows.labels("bad").inc(rejected)
    figures.rows.labels("predicted").inc(len(predictions) - rejected)
    content = to_json({"run_id": served.run.run_id, "predictions": predictions})
    return Response(content, media_type="application/json")


def _document(general: dict, served: ServedRun) -> dict:
    """Return the OpenAPI document with the columns of the run that is served.

    `/predict` reads the body itself, in one go, so FastAPI does not know of it. What comes from the
    data is shown as code, as descriptions are Markdown, in which it could be anything.
    """
    document = copy.deepcopy(general)
    run, reader = served.run, served.reader
    positive, negative = (" or ".join(map(code, run.schema[k])) for k in ("positive", "negative"))
    document["info"] |= {
        "version": run.run_id,
        "description": (
            f"Predicts {code(run.schema['target'])} with the model "
            f"{code(run.meta['model']['name'])}: 1 means {positive}, 0 means {negative}. A "
            f"probability of {run.meta['threshold']} or more predicts 1. Rows are cleaned as the "
            "training table was."
        ),
    }
    row = {"$ref": "#/components/schemas/Row"}
    many = {"type": "array", "items": row, "maxItems": reader.max_rows}
    examples = {
        "one": {"summary": "One row", "value": reader.example},
        "many": {"summary": "Many rows", "value": [reader.example] * 2},
    }
    content = {"schema": {"oneOf": [row, many]}, "examples": examples}
    document["paths"]["/predict"]["post"]["requestBody"] = {
        "required": True,
        "content": {"application/json": content},
    }
    document["components"]["schemas"]["Row"] = reader.row_schema
    return document


async def _refused(request: Request, error: Exception) -> Response:
    """Answer every error in the same form."""
    match error:
        case RequestError():
            return refusal(error)
        case RequestValidationError():
            problems = [
                Problem(None, ".".join(map(str, item["loc"][1:])), item["msg"])
                for item in error.errors()
            ]
            return refusal(RequestError(422, problems))
        case HTTPException():
            return refusal(RequestError(error.status_code, str(error.detail)), error.headers)
        case ClientDisconnect():
            return Response(status_code=CLIENT_GONE)  # for the count and the log; nobody reads it
    return refusal(RequestError(500, "internal error; see the log of the service"))
