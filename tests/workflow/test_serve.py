"""The service of a run: a real process, asked by a real HTTP client."""

import asyncio
import contextlib
import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
import uvicorn
from running import ROOT
from serving import MAX_BYTES, MAX_ROWS, ROW, Service, serving
from sklearn.linear_model import LogisticRegression
from small_shop import publish_shop, shop

from ml_baseline.data.clean import clean
from ml_baseline.data.infer_schema import describe_columns, infer_schema
from ml_baseline.errors import InputError
from ml_baseline.modelling.train import fit
from ml_baseline.registry import Run, find_run
from ml_baseline.registry.predict import predict_rows
from ml_baseline.registry.predict_file import predict_file
from ml_baseline.serve import ServeOptions, serve
from ml_baseline.serve import served as served_module
from ml_baseline.serve.app import create_app
from ml_baseline.serve.rows import RowReader
from ml_baseline.serve.served import ServedRun, load_served, newer_runs


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    results = tmp_path_factory.mktemp("serve") / "results"
    publish_shop(results / "shop" / "runs")
    return find_run("latest", results)


@pytest.fixture(scope="module")
def service(run):
    with serving(run) as service:
        yield service


@pytest.fixture(scope="module")
def client(service):
    with service.client() as client:
        yield client


@pytest.fixture(scope="module")
def api_document(service):
    import schemathesis

    return schemathesis.openapi.from_url(f"{service.address}/openapi.json")


def problems(answer: httpx.Response, status: int) -> list[tuple]:
    """Return row, field and message of what a refusal says is wrong."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body["problems"] >= len(body["detail"]) > 0
    return [(item["row"], item["field"], item["message"]) for item in body["detail"]]


# ------------------------------------------------------------------ predictions


def test_the_service_predicts_what_a_file_is_predicted(run, client, tmp_path):
    batch = shop(200, random_state=5).drop(columns="bought")
    batch.to_csv(tmp_path / "batch.csv", index=False)
    predict_file(run, tmp_path / "batch.csv", tmp_path / "out.csv")
    expected = pd.read_csv(tmp_path / "out.csv")
    rows = json.loads(batch.to_json(orient="records"))
    answer = client.post("/predict", json=rows).raise_for_status().json()
    assert answer["run_id"] == run.run_id
    found = pd.DataFrame(answer["predictions"])[expected.columns]
    pd.testing.assert_frame_equal(found, expected, rtol=0, atol=1e-12)
    one = client.post("/predict", json=rows[17]).raise_for_status().json()["predictions"]
    assert len(one) == 1 and one[0]["customer"] == rows[17]["customer"]
    assert one[0]["probability"] == pytest.approx(expected["probability"][17], abs=1e-12)


def test_numbers_may_be_numbers_or_text(client):
    rows = [ROW | {"visits": visits} for visits in (7, 7.0, "7", " 7 ", "7.0")]
    rows += [ROW | {"visits": visits} for visits in (None, "NA", "")]
    found = client.post("/predict", json=rows).raise_for_status().json()["predictions"]
    figures = [row["probability"] for row in found]
    assert figures[:5] == pytest.approx([figures[0]] * 5)
    assert figures[5:] == pytest.approx([figures[5]] * 3)
    assert figures[0] != pytest.approx(figures[5])


def test_what_is_never_seen_or_of_no_use_is_fine(client):
    odd = ROW | {"city": "Atlantis", "note": {"any": ["thing"]}, "bought": "no"}
    client.post("/predict", json=odd).raise_for_status()
    assert client.post("/predict", json=[]).json()["predictions"] == []
    text = json.dumps(ROW | {"visits": float("nan")})  # as Python writes it
    client.post("/predict", content=text, headers=JSON).raise_for_status()


def test_many_clients_at_once_get_their_own_answers(client, service):
    visits = [i % 20 for i in range(200)]
    together = client.post("/predict", json=[ROW | {"visits": v} for v in visits]).json()
    expected = [row["probability"] for row in together["predictions"]]

    def ask(i: int) -> dict:
        body = ROW | {"visits": visits[i], "customer": f"C{i}"}
        if i % 10 == 3:  # bad rows of one client are nothing to the others
            body |= {"visits": "bad"}
        answer = client.post("/predict", json=body)
        assert answer.status_code == (422 if i % 10 == 3 else 200)
        return answer.json()

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, range(200)))
    for i, answer in enumerate(answers):
        if i % 10 == 3:
            assert answer["detail"][0]["field"] == "visits"
            continue
        (prediction,) = answer["predictions"]
        assert prediction["customer"] == f"C{i}"
        assert prediction["probability"] == pytest.approx(expected[i], abs=1e-12)


def strict_json(answer: httpx.Response) -> dict:
    """Return the content of an answer as those read it who know no NaN and no Infinity."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(answer.content, parse_constant=refuse)


# What is sent as an id, and what comes back with the prediction, if it is not refused.
IDS = {
    "a whole number": ("12", 12),
    "a number": ("1.5", 1.5),
    "a huge whole number": ("9" * 400, int("9" * 400)),
    "text": ('"NaN"', "NaN"),
    "NaN, a missing value of pandas": ("NaN", None),
    "Infinity": ("Infinity", ValueError),
    "-Infinity": ("-Infinity", ValueError),
    "a number too large": ("1e400", ValueError),
}


@pytest.mark.parametrize(("text", "expected"), IDS.values(), ids=IDS)
def test_ids_come_back_as_json(client, text, expected):
    body = json.dumps([ROW, ROW | {"customer": "?"}]).replace('"?"', text)
    answer = client.post("/predict", content=body, headers=JSON)
    if expected is ValueError:
        ((row, field, message),) = problems(answer, 422)
        assert (row, field) == (1, "customer") and "infinite or too large" in message
    else:
        assert strict_json(answer)["predictions"][1].get("customer") == expected


def test_bodies_may_be_gzip(client):
    def post(content: bytes, encoding: str = "gzip") -> httpx.Response:
        headers = JSON | {"content-encoding": encoding}
        return client.post("/predict", content=content, headers=headers)

    packed = gzip.compress(json.dumps([ROW] * 100).encode())
    assert len(post(packed).raise_for_status().json()["predictions"]) == 100
    assert len(post(packed, "GZip").raise_for_status().json()["predictions"]) == 100
    post(json.dumps(ROW).encode(), "identity").raise_for_status()
    for wrong in (packed[:-3], packed + b"x", packed + packed, b"", json.dumps(ROW).encode()):
        assert "gzip" in problems(post(wrong), 422)[0][2]
    assert "expected gzip" in problems(post(packed, "br"), 415)[0][2]
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < MAX_BYTES and "unpacked" in problems(post(bomb), 413)[0][2]


# ------------------------------------------------------------------ refusals

JSON = {"content-type": "application/json"}
BAD_ROWS = {
    "text for a number": ({"visits": "many"}, "visits", "'many' is not a number"),
    "true for a number": ({"visits": True}, "visits", "'true' is not a number"),
    "a huge integer": ({"visits": 10**400}, "visits", "is not a number"),
    "a list": ({"visits": [1]}, "visits", "found a list"),
    "an object": ({"city": {"a": 1}}, "city", "found an object"),
    "no date": ({"joined": "soon"}, "joined", "is not a date"),
    "a label never seen": ({"bought": "perhaps"}, "bought", "is not one of 'yes', 'no'"),
}


@pytest.mark.parametrize(("change", "field", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_bad_cells_are_told_with_row_and_field(client, change, field, message):
    found = problems(client.post("/predict", json=[ROW, ROW, ROW | change]), 422)
    assert [(row, name) for row, name, _ in found] == [(2, field)]
    assert message in found[0][2]


def test_bad_rows_may_come_out_empty(client):
    rows = [ROW, ROW | {"visits": "x", "joined": "y", "customer": "C1"}]
    answer = client.post("/predict", params={"on_bad_rows": "null"}, json=rows).json()
    good, bad = answer["predictions"]
    assert good["probability"] is not None and "reason" not in good
    assert bad["probability"] is None and bad["prediction"] is None and bad["customer"] == "C1"
    assert (
        bad["reason"] == "joined: 'y' is not a date such as 2024-01-31; visits: 'x' is not a number"
    )


def test_a_missing_field_is_told(client):
    row = {name: ROW[name] for name in ROW if name != "city"}
    assert problems(client.post("/predict", json=[ROW, row]), 422) == [
        (1, "city", "this field is missing; send null for a missing value")
    ]


def test_of_many_missing_fields_only_so_many_are_counted(client):
    body = client.post("/predict", json=[{}] * MAX_ROWS).json()
    assert (len(body["detail"]), body["problems"]) == (100, 1000)  # of four in each row


# Body, content type, and the status it is refused with.
BAD_BODIES = {
    "nothing": (b"", "application/json", 422),
    "no JSON": (b"{", "application/json", 422),
    "a number": (b"7", "application/json", 422),
    "null": (b"null", "application/json", 422),
    "a list of numbers": (b"[1, 2]", "application/json", 422),
    "lists in lists": (b"[" * 20_000, "application/json", 422),
    "half a surrogate pair": (b'{"city": "\\ud800"}', "application/json", 422),
    "no UTF-8": (b'{"city": "\xff"}', "application/json", 422),
    "a number of 5,000 digits": (b'{"visits": ' + b"9" * 5000 + b"}", "application/json", 422),
    "CSV": (b"visits,amount\n1,2\n", "text/csv", 415),
    "a form": (b"visits=1", "application/x-www-form-urlencoded", 415),
    "no type": (json.dumps(ROW).encode(), None, 415),
    "too many rows": (json.dumps([ROW] * (MAX_ROWS + 1)).encode(), "application/json", 413),
    "too many bytes": (json.dumps(ROW | {"x": "a" * MAX_BYTES}).encode(), "application/json", 413),
}


@pytest.mark.parametrize(("body", "kind", "status"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_bad_bodies_are_refused(client, body, kind, status):
    headers = {"content-type": kind} if kind else {}
    problems(client.post("/predict", content=body, headers=headers), status)


def test_a_long_body_of_unknown_length_is_refused(client):
    def chunks():
        yield b'{"x": "'
        for _ in range(20):
            yield b"a" * (MAX_BYTES // 10)
        yield b'"}'

    assert "bytes" in problems(client.post("/predict", content=chunks(), headers=JSON), 413)[0][2]
    client.get("/health").raise_for_status()


def test_other_addresses_and_methods_are_refused(client):
    assert problems(client.get("/nowhere"), 404)
    assert problems(client.get("/predict"), 405)
    assert problems(client.post("/predict", params={"on_bad_rows": "x"}, json=ROW), 422)


# ------------------------------------------------------------------ what else it answers


def test_the_document_shows_the_columns_of_the_run(client):
    document = client.get("/openapi.json").json()
    row = document["components"]["schemas"]["Row"]
    assert list(row["properties"]) == ["visits", "amount", "city", "joined", "bought", "customer"]
    assert row["required"] == ["visits", "amount", "city", "joined"]
    assert "`Bern`, `Oslo`, `Rome`" in row["properties"]["city"]["description"]
    (example,) = row["examples"]
    client.post("/predict", json=example).raise_for_status()


def test_the_page_of_docs_needs_no_network(client):
    page = client.get("/docs").raise_for_status().text
    assert "//" not in re.sub(r"//.*", "", re.sub(r"<!--.*?-->", "", page))
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert links and all(link.startswith("/") for link in links)
    for link in links:
        client.get(link).raise_for_status()


def test_head_is_get_without_a_body(client):
    for path in ("/health", "/ready", "/model", "/docs", "/redoc", "/openapi.json"):
        found, expected = client.head(path), client.get(path)
        assert (found.status_code, found.content) == (200, b"")
        assert found.headers["content-length"] == expected.headers["content-length"]
    assert client.head("/predict").status_code == 405
    assert client.head("/nowhere").status_code == 404


def test_health_card_and_figures(run, client):
    for path in ("/health", "/ready"):
        assert client.get(path).json() == {"status": "ok", "run_id": run.run_id}
    model = client.get("/model").json()
    assert model["card"] == (run.folder / "README.md").read_text()
    assert model["meta"] == run.meta and model["positive"] == ["yes"]

    def predicted() -> float:
        text = client.get("/metrics").raise_for_status().text
        return float(re.search(r'rows_total\{outcome="predicted"\} (\S+)', text)[1])

    before = predicted()
    client.post("/predict", json=[ROW] * 7).raise_for_status()
    assert predicted() == before + 7
    text = client.get("/metrics").text
    assert f'run_id="{run.run_id}"' in text
    assert 'path="/predict",status="200"' in text and 'path="other",status="404"' in text


def test_cells_unlike_training_are_counted(client):
    def counts() -> dict[tuple[str, str], float]:
        line = r'cells_unlike_training_total\{feature="(\w+)",what="(\w+)"\} (\S+)'
        return {(f, w): float(n) for f, w, n in re.findall(line, client.get("/metrics").text)}

    before = counts()
    assert ("city", "unseen") in before and ("visits", "out_of_range") in before
    odd = ROW | {"city": "Atlantis", "visits": 999}
    client.post("/predict", json=[ROW, odd, odd, ROW | {"city": None}]).raise_for_status()
    more = {key: number - before[key] for key, number in counts().items()}
    assert {key: number for key, number in more.items() if number} == {
        **{("city", "unseen"): 2, ("city", "missing"): 1, ("visits", "out_of_range"): 2}
    }


def test_requests_are_logged_as_lines_of_json(client, service):
    client.post("/predict", json=[ROW, ROW]).raise_for_status()
    deadline = time.monotonic() + 10
    while not (lines := [line for line in service.lines if line.get("rows") == 2]):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    line = lines[-1]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/predict", 200)
    assert line["milliseconds"] > 0 and line["client"] == "127.0.0.1" and line["time"]


# ------------------------------------------------------------------ columns

BAD = "</title><img src=x onerror=alert(1)><script>alert(1)</script>"
LINK = "[x](javascript:alert(1)) **b** https://example.org a@example.org"
ODD_NAMES = ["a b", "naïve 漢字 🙂", 'quo"te', "1", "_x", "$ref", "{}", "a/b~c", "__init__"]
ODD_NAMES += ["column_0", "model_config", "class", "row", "predictions", "schema", "copy"]
ODD_NAMES += ["row_id", "json", "reason"]


def odd_run(raw: pd.DataFrame, target: str, **config) -> ServedRun:
    """Return a run of a table, ready to be served."""
    schema = infer_schema(raw, {"target": target} | config, "odd")
    table, _ = clean(raw, schema)
    schema = describe_columns(schema, table)
    entry = {"estimator": "sklearn.linear_model.LogisticRegression", "preprocessing": "linear"}
    fitting = {"max_categories": 30, "min_frequency": 10}
    model = fit(table.assign(copy=0), schema, {"model": entry, "preprocessing": fitting}, 0)
    meta = {"model": {"name": f"odd {BAD}"}, "threshold": 0.5, "config": config}
    run = Run(Path(), "odd", "odd", meta, schema, sealed=True)
    return ServedRun(run, model, "", RowReader(run, MAX_ROWS))


def test_columns_may_be_called_anything():
    random = np.random.default_rng(0)
    raw = pd.DataFrame(random.normal(size=(80, len(ODD_NAMES))).round(3), columns=ODD_NAMES)
    raw["is it?"] = np.where(raw["class"] + random.normal(size=80) > 0, "yes", "no")
    raw = raw.astype("str")
    served = odd_run(raw, "is it?", id=["row"])
    expected, _, _ = predict_rows(served.model, served.run.schema, raw)
    app = create_app(served, MAX_BYTES)
    rows = raw.to_dict("records")

    async def ask() -> tuple[httpx.Response, ...]:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://odd")
        async with app.router.lifespan_context(app), client:
            return (
                await client.get("/openapi.json"),
                await client.post("/predict", json=rows),
                await client.post("/predict", json=rows[0] | {'quo"te': "x", "$ref": None}),
            )

    document, predicted, refused = asyncio.run(ask())
    row = document.raise_for_status().json()["components"]["schemas"]["Row"]
    assert set(row["properties"]) == set(raw.columns)
    found = predicted.raise_for_status().json()["predictions"]
    np.testing.assert_allclose([row["probability"] for row in found], expected, atol=1e-12)
    assert [row["row"] for row in found] == raw["row"].tolist()
    assert problems(refused, 422) == [(0, 'quo"te', "'x' is not a number")]


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_labels_and_names_are_text_in_the_pages_of_docs(browser, path):
    random = np.random.default_rng(0)
    columns = {f"{BAD} {i}": random.normal(size=120).round(3) for i in range(2)}
    columns[f"group {BAD}"] = random.choice([BAD, f"`{BAD}", LINK, "www.example.org"], 120)
    unit = BAD.replace(" ", "/")
    columns[f"weight {BAD}"] = [f"{value:.3f}{unit}" for value in random.random(120)]
    raw = pd.DataFrame(columns).astype("str")
    raw[f"target {BAD}"] = random.choice([f"yes {BAD}", f"no {LINK}"], 120)
    served = odd_run(raw, f"target {BAD}", positive=f"yes {BAD}")
    server = uvicorn.Server(uvicorn.Config(create_app(served, MAX_BYTES), log_level="error"))
    complaints: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener, browser.new_context() as context:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            page = context.new_page()
            page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
            page.goto(f"http://127.0.0.1:{listener.getsockname()[1]}{path}")
            page.get_by_text("Rows are cleaned as the training table was").wait_for()
            if path == "/docs":  # what is folded is shown too
                page.locator(".models button").first.click()
                page.get_by_role("button", name="POST /predict").first.click()
            page.wait_for_timeout(500)
            text = page.locator("body").inner_text()
            links = page.eval_on_selector_all("a[href]", "all => all.map(link => link.href)")
            images = page.eval_on_selector_all("img[src='x'], script[src='x']", "all => all.length")
        finally:
            server.should_exit = True
            thread.join()
    assert BAD in text and LINK in text  # they are there, and only text
    assert not [link for link in links if "example.org" in link or "javascript:alert" in link]
    assert not images and not complaints


# ------------------------------------------------------------------ fuzzing


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize(
    ("path", "examples"),
    [("/predict", 40), pytest.param("/predict", 400, marks=pytest.mark.proof)]
    + [(path, 5) for path in ("/health", "/ready", "/model", "/metrics")],
)
def test_no_request_breaks_it(api_document, path, mode, examples):
    # Importing these takes as long as collecting all other tests.
    from hypothesis import HealthCheck, given, settings
    from hypothesis.errors import Unsatisfiable
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    operation = api_document[path]["POST" if path == "/predict" else "GET"]
    asked = 0

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    @given(case=operation.as_strategy(generation_mode=GenerationMode(mode)))
    def ask(case):
        nonlocal asked
        asked += 1
        case.call_and_validate(
            checks=(
                not_a_server_error,
                checks.status_code_conformance,
                checks.content_type_conformance,
                checks.response_schema_conformance,
            )
        )

    with contextlib.suppress(Unsatisfiable):  # there is nothing to get wrong in an empty request
        ask()
    assert asked >= (examples * 2 // 3 if path == "/predict" else mode == "positive")


# Cells as odd as they come; each stands in each column once.
ODD_CELLS = [None, True, 0, -0.0, 1e308, -1e-320, 2**63, 10**40, "", " ", "\0", "NaN", "Infinity"]
ODD_CELLS += ["-", "1,2,3", '"', "'", "\n", "🙂" * 50, "2024-99-99", "1" * 1000, "=1+1", "\u2028"]


def test_no_cell_breaks_it(client):
    rows = [ROW | {name: cell} for name in [*ROW, "bought", "customer"] for cell in ODD_CELLS]
    rows += [dict.fromkeys([*ROW, "bought", "customer"], cell) for cell in ODD_CELLS]
    answer = client.post("/predict", params={"on_bad_rows": "null"}, json=rows[:MAX_ROWS])
    found = answer.raise_for_status().json()["predictions"]
    assert len(found) == min(len(rows), MAX_ROWS)
    # Alone, and all of a column together, where one that cannot be read refuses them all.
    size = len(ODD_CELLS)
    together = [rows[start : start + size] for start in range(0, len(rows), size)]
    for asked in rows[-size:] + together:
        assert client.post("/predict", json=asked).status_code in (200, 422)
    assert all((row["probability"] is None) == ("reason" in row) for row in found)
    probabilities = np.array([row["probability"] for row in found], dtype=float)
    assert np.nanmin(probabilities) >= 0 and np.nanmax(probabilities) <= 1


# ------------------------------------------------------------------ the process


def test_a_key_is_asked_for_if_there_is_one(run):
    environment = {"ML_BASELINE_API_KEY": "opén sesame"}
    with serving(run, environment) as service, service.client() as client:
        key = "opén sesame".encode()
        for path in ("/health", "/ready"):
            client.get(path).raise_for_status()
        for path in ("/model", "/metrics", "/docs", "/openapi.json", "/nowhere"):
            assert problems(client.get(path), 401)
        for header, value in [
            (b"X-API-Key", b"open"),
            (b"X-API-Key", b""),
            (b"Authorization", b"Bearer x"),
            (b"Authorization", b"Basic !"),
        ]:
            assert problems(client.post("/predict", json=ROW, headers={header: value}), 401)
        for header, value in [(b"X-API-Key", key), (b"Authorization", b"Bearer " + key)]:
            client.post("/predict", json=ROW, headers={header: value}).raise_for_status()
        assert client.get("/docs").headers["www-authenticate"].startswith("Basic ")
        client.get("/docs", auth=("anyone", key)).raise_for_status()
        assert service.stop() == 0
        assert "sesame" not in json.dumps(service.lines)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_asked_is_answered_before_the_end(run, number):
    with serving(run) as service:
        host, port = service.address.removeprefix("http://").split(":")
        body = json.dumps([ROW] * 100).encode()
        head = f"POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(head.encode() + body[:100])
            time.sleep(0.2)
            service.process.send_signal(number)
            time.sleep(0.3)
            connection.sendall(body[100:])
            answer = b""
            while part := connection.recv(1 << 16):
                answer += part
        assert answer.startswith(b"HTTP/1.1 200") and answer.count(b"probability") == 100
        assert service.process.wait(20) == 0
        service.reader.join()
        assert service.lines[-1]["message"] == "stopped"


@pytest.mark.parametrize(
    ("key", "word"), [("", "empty"), (" \n", "empty"), ("two\nlines", "a line break")]
)
def test_a_key_that_cannot_be_used_is_refused(run, monkeypatch, key, word):
    monkeypatch.setenv("ML_BASELINE_API_KEY", key)
    with pytest.raises(InputError, match=f"ML_BASELINE_API_KEY .*{word}"):
        serve(run, ServeOptions(port=0))


@pytest.mark.parametrize("stripped_by_proxy", [True, False])
def test_behind_a_proxy_with_a_path(placed, stripped_by_proxy):
    before = "" if stripped_by_proxy else "/shops/one"
    with placed.client() as client:
        assert placed.address.endswith("/shops/one")
        client.base_url = placed.address.removesuffix("/shops/one")
        client.get(f"{before}/health").raise_for_status()
        client.post(f"{before}/predict", json=ROW, headers={"X-API-Key": "k"}).raise_for_status()
        assert problems(client.post(f"{before}/predict", json=ROW), 401)
        client.headers["X-API-Key"] = "k"
        document = client.get(f"{before}/openapi.json").raise_for_status().json()
        assert document["servers"] == [{"url": "/shops/one"}]
        page = client.get(f"{before}/docs").raise_for_status().text
        links = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert links and "url: '/shops/one/openapi.json'" in page
        for link in links:
            assert link.startswith("/shops/one/")
            asked = link.removeprefix("/shops/one") if stripped_by_proxy else link
            client.get(asked).raise_for_status()
        assert 'path="/predict",status="200"' in client.get(f"{before}/metrics").text


@pytest.fixture(scope="module")
def placed(run):
    """A service behind a proxy, with a key that was read from a file."""
    with serving(run, {"ML_BASELINE_API_KEY": "k\n"}, root_path="/shops/one") as service:
        yield service


@pytest.mark.parametrize("path", ["shops", "/shops/", "/a'b", "/a b", "//"])
def test_root_paths_are_checked(run, path):
    pytest.importorskip("uvicorn")
    with pytest.raises(InputError, match="the root path"):
        serve(run, ServeOptions(port=0, root_path=path))


def test_a_model_that_cannot_predict_here_is_not_served(run, monkeypatch):
    def as_old_packages(self, table):
        raise AttributeError("'LogisticRegression' object has no attribute 'multi_class'")

    monkeypatch.setattr(LogisticRegression, "predict_proba", as_old_packages)
    with pytest.raises(InputError, match=r"cannot predict.*multi_class.*pip install"):
        serve(run, ServeOptions(port=0))


def test_a_row_without_a_probability_is_a_bad_row(run, monkeypatch):
    def odd(model, table):
        return np.column_stack([[0.5] * 3, [0.5, np.nan, 1.7]])

    served = load_served(run, MAX_ROWS)
    monkeypatch.setattr(LogisticRegression, "predict_proba", odd)
    cells = served.reader.read(json.dumps([ROW, ROW, ROW]).encode())
    ((probability, _, bad),) = served.predict([cells])
    assert probability[0] == 0.5
    lost = "the model gives no probability for this row"
    assert bad == [(1, None, lost), (2, None, lost)]


def test_a_newer_run_that_predicts_differently_is_not_followed(run, monkeypatch):
    served = load_served(run, MAX_ROWS)
    second = publish_shop(run.folder.parent, 1, now=datetime(2100, 1, 1, tzinfo=UTC))
    looks = []
    monkeypatch.setattr(served_module.time, "sleep", looks.append)
    newer = newer_runs(served, run.folder.parents[2])
    before = LogisticRegression.predict_proba
    with monkeypatch.context() as changed:
        changed.setattr(LogisticRegression, "predict_proba", lambda *given: before(*given) ** 1.01)
        assert next(newer) is None

    def look(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:  # the second is not tried again
            shutil.rmtree(run.folder.parent / second)
            published.append(
                publish_shop(run.folder.parent, 1, now=datetime(2101, 1, 1, tzinfo=UTC))
            )

    published: list[str] = []
    monkeypatch.setattr(served_module.time, "sleep", look)
    assert [next(newer).run.run_id] == published


def test_the_latest_run_is_followed(tmp_path):
    results = tmp_path / "results"
    runs = results / "shop" / "runs"
    first = publish_shop(runs, now=datetime(2026, 1, 1, tzinfo=UTC))
    with serving(find_run("latest", results), follow=str(results)) as service:
        with service.client() as client:
            assert client.get("/health").json()["run_id"] == first
            probability = client.post("/predict", json=ROW).json()["predictions"][0]["probability"]
            asking = threading.Event()
            with ThreadPoolExecutor(1) as pool:
                statuses = pool.submit(ask_until, service, asking)
                second = publish_shop(runs, 1, now=datetime(2026, 1, 2, tzinfo=UTC))
                wait_for(lambda: client.get("/health").json()["run_id"] == second)
                asking.set()
            assert set(statuses.result()) == {200}
            after = client.post("/predict", json=ROW).raise_for_status().json()
            assert after["run_id"] == second
            assert after["predictions"][0]["probability"] != probability
            assert client.get("/openapi.json").json()["info"]["version"] == second
            text = client.get("/metrics").text
            assert f'run_id="{second}"' in text and f'run_id="{first}"' not in text
            assert client.get("/model").json()["run_id"] == second

            # A bad one is not taken over, and that is said.
            third = publish_shop(runs, 2, now=datetime(2026, 1, 3, tzinfo=UTC))
            model = runs / third / "model" / "model.joblib"
            model.chmod(0o644)
            content = model.read_bytes()
            model.write_bytes(content[:-1])
            wait_for(lambda: any(line.get("run_id") == third for line in service.lines))
            (line,) = [line for line in service.lines if line.get("run_id") == third]
            assert line["level"] == "warning" and "is not the file" in line["reason"]
            assert client.get("/health").json()["run_id"] == second
            client.post("/predict", json=ROW).raise_for_status()
            assert 'newer_runs_total{outcome="refused"} 1.0' in client.get("/metrics").text
        assert service.stop() == 0


def ask_until(service: Service, enough: threading.Event) -> list[int]:
    with service.client() as client:
        statuses = []
        while not enough.is_set():
            statuses.append(client.post("/predict", json=[ROW] * 3).status_code)
        return statuses


def wait_for(condition, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_address_that_is_taken_is_told(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-P", "-m", "ml_baseline.cli.command", "serve"]
        done = subprocess.run(
            [*command, "--run", str(run.folder), "--port", port],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT / "workflow")},
        )
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_extra_it_is_named(run, monkeypatch):
    monkeypatch.delitem(sys.modules, "ml_baseline.serve.server", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(InputError, match=r"package uvicorn; install the extra .*\.\[serve\]"):
        serve(run, ServeOptions(port=0))
