"""Snakemake's own report (`snakemake --report`), built where there is no network."""

import base64
import html
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading

import pytest
from running import ROOT, rows_of, small_table

from ml_baseline.plots import PICTURES

# A minute and more: CI runs them after the others.
pytestmark = pytest.mark.proof

NASTY = 'costs, in "US$" <script>alert(1)</script> ' + "and so on " * 6

# What Python runs before anything else: from here on no process of the test reaches a network. It
# also writes down what was tried, as a library may swallow the refusal and do without.
NO_NETWORK = """
import os, socket

def refuse(what):
    with open(os.environ["TRIED"], "a") as file:
        file.write(f"{what}\\n")
    raise OSError(f"no network here: {what}")

def guarded(function):
    def connect(self, address):
        local = self.family == getattr(socket, "AF_UNIX", None)
        return function(self, address) if local else refuse(address)
    return connect

socket.socket.connect = guarded(socket.socket.connect)
socket.socket.connect_ex = guarded(socket.socket.connect_ex)
socket.getaddrinfo = lambda host, *more, **other: refuse(host)
"""


@pytest.fixture(scope="module")
def offline(tmp_path_factory):
    """Return the environment of processes without a network, and the file of what they tried."""
    folder = tmp_path_factory.mktemp("offline")
    (folder / "sitecustomize.py").write_text(NO_NETWORK)
    tried = folder / "tried"
    tried.touch()
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    return os.environ | {"PYTHONPATH": path, "TRIED": str(tried)}, tried


def test_the_guard_keeps_processes_from_a_network_that_is_there(offline):
    environment, _ = offline
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=server.accept, daemon=True).start()
    port = server.getsockname()[1]
    code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
    command = [sys.executable, "-c", code]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert refused.returncode and "no network here" in refused.stderr
    allowed = subprocess.run(command, env=os.environ, capture_output=True, text=True)
    assert allowed.returncode == 0, allowed.stderr
    server.close()
    offline[1].write_text("")


@pytest.fixture(scope="module")
def reported(module_project, offline):
    """Return a project with two tables that has run, and its report, made without a network."""
    project = module_project
    project.write("plain.csv", small_table())
    header, _, body = small_table(random_state=1).partition("\n")
    quoted = NASTY.replace('"', '""')
    project.write("nasty.csv", header.replace("weight", f'"{quoted}"') + "\n" + body)
    project.write_config(
        datasets={
            "plain": {"table": "plain.csv", "target": "answer", "naive": True, "controls": True},
            "nasty": {
                "table": "nasty.csv",
                "target": "answer",
                "plots": ["target", "size_histogram", "colour_barplot"],
            },
        },
        seeds=[1, 2],
    )
    project.run()
    environment, tried = offline
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(project.folder), "--report", "report.html", "--cores", "1"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout
    assert tried.read_text() == "", "building the report asked for a network"
    text = (project.folder / "report.html").read_text(encoding="utf-8")
    return project, text


def embedded(text: str, name: str) -> dict:
    """Return a variable of the report's script, such as its results."""
    start = text.index("= ", text.index(f'<script id="{name}">')) + 2
    return json.JSONDecoder().raw_decode(text[start:])[0]


def test_every_file_stands_in_its_chapter_under_its_table(reported):
    project, text = reported
    chapters = embedded(text, "categories")
    assert sorted(chapters) == [
        "1 The answer",
        "2 Whether to trust it",
        "3 The evidence",
        "4 The data",
    ]
    for tables in chapters.values():
        assert {"plain", "nasty"} <= set(tables)
    stands_in = {
        path: (chapter, table)
        for chapter, tables in chapters.items()
        for table, paths in tables.items()
        for path in paths
    }
    assert stands_in["results/metrics.csv"] == ("1 The answer", "all tables")
    for table in ("plain", "nasty"):
        folder = project.folder / "results" / table
        made = [
            path.relative_to(project.folder).as_posix()
            for pattern in ("*.csv", "*.json", "*.html", "curves/*.csv", "plots/*.png")
            for path in folder.glob(pattern)
        ]
        # A receipt says nothing to a reader.
        left_out = [path for path in made if path not in stands_in]
        assert left_out == [f"results/{table}/published.json"]
        assert {stands_in[path][1] for path in made if path in stands_in} == {table}
    pages = [path for path in stands_in if path.endswith(".html")]
    assert {stands_in[path][0] for path in pages} <= {"1 The answer"}


def test_every_result_is_inside_and_has_a_caption_and_a_label(reported):
    project, text = reported
    results = embedded(text, "results")
    assert len(results) > 30
    labels = set()
    for path, result in results.items():
        content = base64.b64decode(result["data_uri"].partition("base64,")[2])
        assert content == (project.folder / path).read_bytes(), path
        caption = html.unescape(re.sub("<[^>]+>", "", result["caption"]))
        assert len(caption.split()) >= 5, path
        assert "{{" not in caption and "Undefined" not in caption, path
        labels.add((path.split("/")[1], *result["labels"].values()))
    assert "system-message" not in text, "a caption is not valid reStructuredText"
    assert len(labels) == len(results), "two results of a table have the same label"


def test_captions_say_what_was_run(reported):
    _, text = reported
    results = embedded(text, "results")
    leaderboard = results["results/plain/metrics.csv"]["caption"]
    assert "log_loss" in leaderboard and "combined over\n2 splits" in leaderboard
    assert "95 %" in leaderboard
    assert "0.5" in results["results/plain/curves/thresholds.csv"]["caption"]
    control = results["results/plain_permuted/metrics.csv"]["caption"]
    assert "shuffled" in control and "shuffled" not in leaderboard


def test_every_plot_has_a_caption():
    captions = {path.stem for path in (ROOT / "workflow" / "report").glob("plot_*.rst")}
    assert captions == {f"plot_{name}" for name in PICTURES}


def test_the_report_loads_nothing_from_elsewhere(reported):
    _, text = reported
    loads = r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=[\"']?(?:https?:)?//[^\"'\s>]+"
    assert re.findall(loads, text) == []


def test_tables_for_drawing_have_a_column_name_as_it_is(reported):
    project, _ = reported
    folder = project.folder / "results" / "nasty"
    name = rows_of(folder / "stats.csv")[3]["column"]
    assert "<script>" in name and '"' in name
    for table in ("importance.csv", "partial_dependence.csv"):
        assert name in {row["feature"] for row in rows_of(folder / table)}
    assert name in {row["column"] for row in rows_of(folder / "distributions.csv")}


def test_tables_for_drawing_agree_with_the_metrics(reported):
    project, _ = reported
    folder = project.folder / "results" / "plain"
    metrics = {row["model"]: row for row in rows_of(folder / "seed1" / "metrics.csv")}
    chosen = [r for r in rows_of(folder / "curves" / "thresholds.csv") if r["chosen"] == "true"]
    assert [row["model"] for row in chosen] == list(metrics)
    for row in chosen:
        expected = metrics[row["model"]]
        for name in ("threshold", "recall", "f1", "accuracy"):
            assert float(row[name]) == pytest.approx(float(expected[name])), name
    by_model = {model: [(0.0, 0.0)] for model in metrics}
    for row in rows_of(folder / "curves" / "roc.csv"):
        point = float(row["false_positive_rate"]), float(row["true_positive_rate"])
        by_model[row["model"]].append(point)
    for model, points in by_model.items():
        area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(points))
        assert area == pytest.approx(float(metrics[model]["roc_auc"])), model
    # The model that is explained is the best one: shuffling what the target is made from does most.
    importance = rows_of(folder / "importance.csv")
    assert importance[0]["feature"] == "size" and float(importance[0]["low"]) > 0
    assert {row["metric"] for row in importance} == {"log_loss"}


def test_what_is_stale_is_made_again_and_nothing_else(reported):
    project, _ = reported
    assert "Nothing to be done" in project.run()
    again = project.run("--dry-run", "--config", "threshold=0.4")
    rules = set(re.findall(r"^ *(\w+(?: \w+)*) +\d+ *$", again, re.MULTILINE)) - {"total"}
    assert {"evaluate", "curves", "explain"} <= {rule.replace(" ", "_") for rule in rules}
    assert not {"split", "stats", "clean"} & rules and "train" not in again


def test_pages_work_inside_the_report_in_a_browser_without_a_network(reported):
    """Menus, pages in frames and their anchors; no errors and no way to a blank page."""
    playwright = pytest.importorskip("playwright.sync_api")
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        pytest.skip("needs Chromium")
    project, _ = reported
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        context.set_offline(True)
        page = context.new_page()
        complaints, asked = [], []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto((project.folder / "report.html").as_uri())

        page.get_by_text("1 The answer", exact=True).first.click()
        page.get_by_text("nasty", exact=True).first.click()
        first = page.locator("tbody tr").first
        assert first.inner_text().strip() == "page", "the page comes first"
        first.locator("a").first.click()
        frame = page.frame_locator("iframe")
        frame.locator("h1").wait_for()
        assert frame.locator("body", has_text=NASTY).count() == 1
        frame.locator('a[href="#audit"]:visible').first.click()
        # The page may glide there.
        inside = page.frames[-1]
        inside.wait_for_function(
            """() => {
                const top = document.getElementById("audit").getBoundingClientRect().top;
                return top >= 0 && top < 450;
            }""",
            timeout=10_000,
        )

        index = json.dumps("results/report.html")
        page.evaluate(
            f"app.setView({{content: 'html', contentPath: results[{index}].data_uri, "
            f"resultPath: {index}}})"
        )
        frame.get_by_text("plain").first.wait_for()
        assert frame.locator('a[href$=".html"]').count() == 0
        browser.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
