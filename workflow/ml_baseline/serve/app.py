"""The service: which address answers what."""

import contextlib
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal

import numpy as np
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from ml_baseline.registry import Run
from ml_baseline.registry.predict import BadCells, predict_rows
from ml_baseline.serve.batching import Batcher
from ml_baseline.serve.rows import RequestError, RowReader, problem
from ml_baseline.serve.traffic import Figures, Traffic, problems_json

OUTPUT_FIELDS = ("probability", "prediction", "reason")


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
    """That the service is up, and with which run."""

    status: Literal["ok"]
    run_id: str


REFUSALS = {
    401: "the key is missing or wrong",
    413: "too many rows or bytes",
    415: "the body is not JSON",
    422: "rows that cannot be predicted",
}


def create_app(
    run: Run, model: Any, card: str, max_rows: int, max_bytes: int, api_key: str | None = None
) -> FastAPI:
    """Return the service of a run.

    Args:
        run: a published run.
        model: its pipeline.
        card: its model card.
        max_rows: rows of a request at most.
        max_bytes: bytes of a request's body at most.
        api_key: what requests must carry, None if nothing.
    """
    reader = RowReader(run, max_rows)
    threshold = run.meta["threshold"]
    figures = Figures(run.run_id, run.dataset, run.meta["model"]["name"])

    def predict_requests(requests: Sequence[list[list[Any]]]) -> list[tuple]:
        raw = reader.raw_table(requests)
        figures.batches.observe(len(raw))
        probability, prediction, problems = predict_rows(model, run.schema, raw, threshold)
        ends = np.cumsum([len(request[0]) for request in requests])
        starts = [0, *ends[:-1]]
        return [
            (probability[a:b].tolist(), prediction[a:b].tolist(), _between(problems, a, b))
            for a, b in zip(starts, ends, strict=True)
        ]

    batcher = Batcher(predict_requests, prepare=_one_thread)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        batcher.start()
        yield
        await batcher.stop()

    positive, negative = (" or ".join(run.schema[key]) for key in ("positive", "negative"))
    labels = (
        "1 or 0." if (positive, negative) == ("1", "0") else f"1 for {positive}, 0 for {negative}."
    )
    app = FastAPIOffline(
        title=f"{run.dataset}: {run.meta['model']['name']}",
        version=run.run_id,
        description=(
            f"Predicts `{run.schema['target']}`: {labels} A probability of {threshold} or more "
            "predicts 1. Rows are cleaned as the training "
            "table was."
        ),
        lifespan=lifespan,
    )

    body = {
        "oneOf": [
            {"$ref": "#/components/schemas/Row"},
            {
                "type": "array",
                "items": {"$ref": "#/components/schemas/Row"},
                "maxItems": max_rows,
            },
        ]
    }
    examples = {
        "one": {"summary": "One row", "value": reader.example},
        "many": {"summary": "Many rows", "value": [reader.example, reader.example]},
    }
    refusals = {
        status: {"model": Refusal, "description": text} for status, text in REFUSALS.items()
    }

    @app.post(
        "/predict",
        response_model=Predictions,
        responses=refusals,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": body, "examples": examples}},
            }
        },
    )
    async def predict(request: Request, on_bad_rows: Literal["fail", "null"] = "fail") -> Response:
        """Predict one row (an object) or many (a list of objects).

        Rows whose cells cannot be read are an error that names row and field; with
        `on_bad_rows=null` they come out empty, with the reason.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise RequestError(
                415, [problem(f"found the content type {kind!r}, expected application/json")]
            )
        cells = reader.read(await request.body())
        rows = len(cells[0])
        request.state.rows = rows
        results = await batcher.submit(cells, rows) if rows else ([], [], [])
        return _answer(run.run_id, reader, cells, results, on_bad_rows, figures)

    @app.get("/health", response_model=Health)
    async def health() -> dict:
        """Say that the service is up."""
        return {"status": "ok", "run_id": run.run_id}

    @app.get("/model", responses={401: refusals[401]})
    async def model_card() -> dict[str, Any]:
        """Show the model card, what the run says of itself, and the columns."""
        return {
            "run_id": run.run_id,
            "dataset": run.dataset,
            "target": run.schema["target"],
            "positive": run.schema["positive"],
            "negative": run.schema["negative"],
            "threshold": threshold,
            "card": card,
            "meta": run.meta,
            "columns": run.schema["columns"],
        }

    @app.get("/metrics", response_class=PlainTextResponse, responses={401: refusals[401]})
    async def metrics() -> Response:
        """Show figures for Prometheus."""
        return Response(generate_latest(figures.registry), media_type=CONTENT_TYPE_LATEST)

    _add_row_to_document(app, reader.row_model)
    _add_errors(app)
    known = {getattr(route, "path", "") for route in app.routes}
    app.add_middleware(Traffic, figures=figures, paths=known, api_key=api_key, max_bytes=max_bytes)
    return app


def _one_thread() -> AbstractContextManager:
    """Predict with one thread: the rows of a batch are few, and threads would wait for each other."""
    from threadpoolctl import threadpool_limits

    # For good, and in this thread alone: `catch_warnings` in each call is not safe among threads.
    warnings.filterwarnings("ignore", message="Found unknown categories")
    return threadpool_limits(1)


def _between(problems: list[BadCells], start: int, end: int) -> list[tuple[int, str, str]]:
    """Return row, column and what is wrong for the bad cells of one request's rows."""
    found = []
    for bad in problems:
        for row, cell in bad.found.items():
            if start <= row < end:
                text = str(cell)
                text = text if len(text) <= 40 else f"{text[:37]}..."
                found.append((int(row - start), bad.column, f"{text!r} is not {bad.expected}"))
    return sorted(found)


def _answer(
    run_id: str,
    reader: RowReader,
    cells: list[list[Any]],
    results: tuple,
    on_bad_rows: str,
    figures: Figures,
) -> Response:
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
        text = f"{field}: {message}"
        reason = predictions[row].get("reason")
        predictions[row] |= {
            "probability": None,
            "prediction": None,
            "reason": f"{reason}; {text}" if reason else text,
        }
    rejected = len({row for row, _, _ in bad})
    figures.rows.labels("bad").inc(rejected)
    figures.rows.labels("predicted").inc(len(predictions) - rejected)
    content = to_json({"run_id": run_id, "predictions": predictions})
    return Response(content, media_type="application/json")


def _add_row_to_document(app: FastAPI, row_model: type[BaseModel]) -> None:
    """Show the rows of this run in the OpenAPI document.

    The body is read by ourselves, in one go and once; so FastAPI does not know of it.
    """
    generate = app.openapi

    def openapi() -> dict:
        document = generate()
        row = row_model.model_json_schema(by_alias=True)
        document["components"]["schemas"].setdefault("Row", row)
        return document

    app.openapi = openapi


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

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        content = {"detail": [problem("an error of ours; the log has it")], "problems": 1}
        return JSONResponse(content, 500)
