"""The report as a reader meets it: made by a real run, opened in a real browser."""

import base64
import html
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from result_files import LEAK, WARNING, page_from, write_results
from rule_graph import ROOT, snakemake_edges
from running import QUICK_MODELS, Project, rows_of, small_table

from ml_baseline.report.index import index_page, read_table_results
from ml_baseline.report.words import score_of

PHONE = {"width": 390, "height": 844}
SCREEN = {"width": 1280, "height": 800}
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(1)</script>'


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Project:
    """A real run of a small table, with the naive protocol and two splits."""
    project = Project(tmp_path_factory.mktemp("run"))
    project.write("table.csv", small_table(rows=200))
    table = {"table": "table.csv", "target": "answer", "naive": True}
    project.write_config(datasets={"small": table}, seeds=[1, 2])
    project.run()
    return project


@pytest.fixture(scope="module")
def pages(run, tmp_path_factory) -> dict[str, Path]:
    """Pages of every sort: of a real run, and of invented results."""
    folder = tmp_path_factory.mktemp("pages")
    before = Path.cwd()
    os.chdir(folder)
    hostile = {
        "names": (HOSTILE, "x" * 100, *(f"column_{i}" for i in range(498))),
        "labels": tuple(f"<b>category</b> {i}" for i in range(60)),
        "target": '"<i>target',
        "rows": 1000,
        "signals": {"dummy": 0.0} | {f"a_model_with_a_long_name_{i}": 1.0 + i for i in range(8)},
    }
    tables = {
        "leaky": {
            "audit": (LEAK | {"subject": HOSTILE}, WARNING),
            "failed": {"broken": "ValueError: " + "no convergence " * 30},
        },
        "hostile": hostile,
        "useless": {"signals": {"dummy": 0.0, "useless": 0.01}, "audit": (WARNING,)},
    }
    found, rows = {"real": run.folder / "results/small/report.html"}, []
    for name, table in tables.items():
        files = write_results(folder, dataset=name, **table)
        found[name] = folder / "results" / name / "report.html"
        found[name].write_text(page_from(files, name), encoding="utf-8")
        paths = (files["leaderboard"], files["seed_metrics"], files["audit"])
        rows.append(read_table_results(name, *paths, link=f"{name}/report.html"))
    found["index"] = folder / "results/report.html"
    templates = ROOT / "workflow" / "report"
    found["index"].write_text(index_page(rows * 5, templates), encoding="utf-8")
    os.chdir(before)
    return found


NAMES = ("real", "leaky", "hostile", "useless", "index")
REPORTS = NAMES[:-1]


@pytest.fixture
def opened(browser, pages):
    """A function that opens a page; what the browser complains of or fetches fails the test."""
    complaints, contexts = [], []

    def open_page(name: str, viewport=SCREEN, scheme: str = "light", **options):
        context = browser.new_context(viewport=viewport, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        own = pages[name].as_uri()
        page.on(
            "request",
            lambda request: (
                request.url.partition("#")[0] == own
                or request.url.startswith("data:")
                or complaints.append(f"request: {request.url}")
            ),
        )
        page.goto(own)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.proof] * (name == "hostile")) for name in NAMES]
)
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.proof)])
def test_accessibility(opened, name, scheme):
    """Contrast, landmarks, names, roles: all that axe can see, with everything unfolded."""
    from axe_playwright_python.sync_playwright import Axe

    page = opened(name, scheme=scheme)
    for details in page.query_selector_all("main details"):
        details.evaluate("details => { details.open = true }")
    found = Axe().run(page)
    told = [
        (v["id"], v["nodes"][0]["target"], v["nodes"][0]["html"][:200])
        for v in found.response["violations"]
    ]
    assert not told
    # The checker has looked: contrast is one of the rules that passed.
    assert "color-contrast" in {rule["id"] for rule in found.response["passes"]}


def test_the_metric_table_fits_into_1200_pixels(opened):
    page = opened("real", viewport={"width": 1200, "height": 800})
    widths = page.evaluate(
        """() => { const box = document.querySelector("#board").parentElement;
            return [box.scrollWidth, box.clientWidth] }"""
    )
    assert widths[0] <= widths[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_phone_scrolls_one_way_only(opened, name):
    page = opened(name, viewport=PHONE)
    for details in page.query_selector_all("main details"):
        details.evaluate("details => { details.open = true }")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.evaluate("window.scrollTo(1000, 0)")
    assert page.evaluate("window.scrollX") == 0


@pytest.mark.parametrize("name", REPORTS)
def test_the_first_screen_answers(opened, name):
    """Best model with its error bar, whether to believe it, what to do next: without scrolling."""
    page = opened(name)
    for card in ("card-best", "card-trust", "card-next"):
        box = page.locator(f"#{card}").locator("xpath=..").bounding_box()
        assert box["y"] + box["height"] <= SCREEN["height"], card
    assert "interval" in page.locator("#card-best").locator("xpath=..").inner_text()
    assert page.locator(".steps li").count() >= 1
    assert page.locator(".sentences p").count() == 3


@pytest.mark.parametrize("name", REPORTS)
def test_every_figure_has_a_text_alternative(opened, name):
    page = opened(name)
    without = page.evaluate(
        """() => [...document.querySelectorAll("figure")].filter((figure) => {
            const images = [...figure.querySelectorAll("[role=img], [role=group], img, table")];
            const named = (e) => e.tagName === "TABLE" || e.getAttribute("aria-label") || e.alt;
            return !images.length || !images.every(named) || !figure.querySelector("figcaption");
        }).map((figure) => figure.outerHTML.slice(0, 200))"""
    )
    assert without == []
    assert page.locator("figure").count() > 10
    loose = page.locator("svg:not([role=img]):not([aria-hidden]):not(svg svg)").count()
    assert loose == 0


def test_tables_are_sorted_by_mouse_and_keyboard(opened):
    page = opened("real")

    def column(index):
        cells = page.locator(f"#board tbody tr > :nth-child({index})")
        return [cell.get_attribute("data-value") for cell in cells.all()]

    rank = page.locator("#board thead th", has_text="rank").locator("button")
    assert column(2) == ["1", "2"]
    rank.click()
    assert column(2) == ["1", "2"]
    assert page.locator("#board thead th[aria-sort=ascending]").inner_text().startswith("rank")
    rank.press("Enter")
    assert column(2) == ["2", "1"]
    name = page.locator("#board thead th", has_text="model").locator("button")
    name.click()
    assert column(1) == sorted(column(1))
    assert page.locator("#board thead th[aria-sort=descending]").count() == 0


def test_the_slider_shows_what_another_threshold_gives(opened):
    page = opened("real")
    slider = page.locator("#threshold")
    before = {name: page.locator(f"#cell-{name}").inner_text() for name in CELLS}
    slider.fill("20")
    row = page.locator("#threshold-table tbody tr").nth(20)
    cells = row.locator("td").all_text_contents()
    shown = {name: page.locator(f"#cell-{name}").inner_text() for name in CELLS}
    assert [shown[name] for name in CELLS] == [cells[i] for i in (0, 1, 2, 3)]
    assert shown != before
    assert page.locator("#matrix-threshold").inner_text() == row.get_attribute("data-t")
    slider.press("ArrowRight")
    assert page.locator("#matrix-threshold").inner_text() != row.get_attribute("data-t")
    page.locator("#threshold-home").click()
    assert {name: page.locator(f"#cell-{name}").inner_text() for name in CELLS} == before


CELLS = ("true_positives", "false_negatives", "false_positives", "true_negatives")


def test_without_scripts_all_is_there_to_be_read(opened):
    page = opened("real", java_script_enabled=False)
    assert page.locator("#threshold-table tbody tr").count() > 90
    assert not page.locator("#threshold").is_visible()
    assert not page.locator(".filter").first.is_visible()
    assert page.locator("#board thead button").count() == 0


def test_columns_are_filtered(opened):
    page = opened("hostile")
    page.locator("#column-filter").fill("column_49")
    assert page.locator("#column-table tbody tr:visible").count() == 9
    assert page.locator("#column-count").inner_text() == "9 of 502"


def test_dark_mode_changes_page_and_charts(opened):
    def colours(scheme):
        page = opened("real", scheme=scheme)
        return page.evaluate(
            """() => [getComputedStyle(document.body).backgroundColor,
                getComputedStyle(document.querySelector("svg .series.s0")).stroke]"""
        )

    light, dark = colours("light"), colours("dark")
    assert light[0] != dark[0]
    assert light[1] != dark[1]


def test_the_contents_stay_in_view_and_lead_somewhere(opened):
    page = opened("real")
    links = page.locator("nav.contents.wide a")
    assert links.count() > 15
    for link in links.all()[::4]:
        target = link.get_attribute("href")
        link.click()
        page.wait_for_function(
            "id => { const y = document.querySelector(id).getBoundingClientRect().top;"
            " return y < innerHeight && y > -5 }",
            arg=target,
        )
        assert page.locator("nav.contents.wide").bounding_box()["y"] >= -1
    page = opened("real", viewport=PHONE)
    page.locator("nav.contents.narrow summary").click()
    page.locator("nav.contents.narrow a", has_text="The data").click()
    assert not page.locator("nav.contents.narrow details").evaluate("details => details.open")
    page.wait_for_function(
        "() => document.querySelector('#data').getBoundingClientRect().top < 200"
    )
    assert page.locator("nav.contents.narrow").bounding_box()["y"] >= -1


def test_everything_is_reached_by_keyboard(opened):
    page = opened("real")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(400):
        page.keyboard.press("Tab")
        here = page.evaluate(
            """() => { const e = document.activeElement; return e === document.body ? "" :
                [e.tagName, e.id, e.className, e.getAttribute("href") || "",
                 e.textContent.trim().slice(0, 30)].join("|") }"""
        )
        if not here or (reached and "|skip|" in here):
            break
        reached.add(here)
    kinds = {item.split("|")[0] for item in reached}
    assert kinds >= {"A", "BUTTON", "INPUT", "SUMMARY", "DIV", "PRE"}
    assert any("|threshold|" in item for item in reached)
    assert any("|download|" in item for item in reached)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_prints_whole_and_on_white(opened, scheme):
    page = opened("real", scheme=scheme)
    pdf = page.pdf(format="A4", print_background=True)
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 4
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav.contents.wide").is_visible()
    assert page.locator("#made details pre").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert not page.locator("#made details pre").is_visible()


def test_data_are_downloaded_as_they_are(opened, run):
    page = opened("real")
    with page.expect_download() as waiting:
        page.locator("#roc a.download").click()
    file = waiting.value
    assert file.suggested_filename == "roc.csv"
    saved = Path(file.path()).read_bytes()
    assert saved == (run.folder / "results/small/curves/roc.csv").read_bytes()


def test_pages_are_small(pages):
    for page in pages.values():
        assert page.stat().st_size < 5_000_000


def test_a_run_makes_pages_of_itself(run):
    page = (run.folder / "results/small/report.html").read_text(encoding="utf-8")
    assert str(run.folder) not in page
    assert str(ROOT) not in page
    index = (run.folder / "results/report.html").read_text(encoding="utf-8")
    assert 'href="small/report.html"' in index
    assert "2 splits" in index


def test_a_page_is_remade_for_what_it_shows_and_nothing_else(run):
    assert "Nothing to be done" in run.run("-n")
    # A setting that the page shows, and that no other rule of these uses.
    dry = run.run("-n", "--config", "audit={on_fail: warn}", "select_by=pr_auc")
    assert re.search(r"^ *report +\d", dry, re.MULTILINE)
    assert not re.search(r"^ *clean +\d", dry, re.MULTILINE)


def test_reports_can_be_left_out(project):
    project.write("table.csv", small_table())
    tables = {name: {"table": "table.csv", "target": "answer"} for name in ("one", "two")}
    project.write_config(datasets=tables | {"two": tables["two"] | {"report": False}})
    dry = project.run("-n", "--verbose")
    assert "results/one/report.html" in dry
    assert "results/two/report.html" not in dry
    assert "results/report.html" in dry


def remaking(page: str) -> tuple[bytes, list[str]]:
    """Return the config that a page carries, and the lines it says to run."""
    link = re.search(r'download="small.config.yaml" href="([^"]+)"', page)[1]
    lines = html.unescape(re.search(r'<pre class="command"[^>]*>(.*?)</pre>', page, re.DOTALL)[1])
    commands = [line for line in lines.splitlines() if not line.startswith("#")]
    return base64.b64decode(link.partition(",")[2]), commands


@pytest.mark.proof
@pytest.mark.parametrize("where", ["in a clone", "anywhere"])
def test_the_page_says_how_to_remake_itself(run, tmp_path, where):
    """The config that the page carries makes the same page, byte for byte, in an empty folder."""
    page = (run.folder / "results/small/report.html").read_text(encoding="utf-8")
    config, (by_snakemake, by_command) = remaking(page)
    again = Project(tmp_path)
    again.write("small.config.yaml", config)
    again.write("table.csv", small_table(rows=200))
    if where == "in a clone":
        arguments = by_snakemake.split()[3:]
        assert arguments[0] == "results/small/report.html"
        arguments[-1] = str(tmp_path / arguments[-1])
        again.run(*arguments)
    else:  # where no Snakefile is
        name, *arguments = shlex.split(by_command)
        assert name == "ml-baseline"
        command = [sys.executable, "-m", "ml_baseline.cli.command", *arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow")}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "results/small/report.html").read_text(encoding="utf-8") == page


@pytest.mark.proof
def test_a_table_that_fails_leaves_the_others_their_index(project):
    project.write("table.csv", small_table())
    good = {"table": "table.csv", "target": "answer"}
    bad = {"table": "table.csv", "target": "answr"}
    project.write_config(datasets={"good": good, "bad": bad})
    done = project.snakemake()
    assert done.returncode != 0
    assert "What went wrong" in done.stdout
    index = project.folder / "results/report.html"
    text = index.read_text(encoding="utf-8")
    assert 'href="good/report.html"' in text
    assert "did you mean" in text
    # What an earlier run left of a table that fails now is not shown as if it were of this one.
    project.write_config(datasets={"good": good, "bad": good})
    project.run()
    project.write_config(datasets={"good": good, "bad": bad})
    assert "What went wrong" in project.snakemake().stdout
    assert "did you mean" in index.read_text(encoding="utf-8")
    # As soon as it can, the rule writes it as it should be.
    project.write_config(datasets={"good": good, "bad": good})
    project.run()
    assert "did you mean" not in index.read_text(encoding="utf-8")
    assert 'href="bad/report.html"' in index.read_text(encoding="utf-8")


def test_the_page_draws_the_graph_that_snakemake_runs(project):
    """The page's graph is that of the rules, for a table that uses all of them."""
    table = {"table": "data/raw/customers.csv", "target": "purchased"}
    project.write_config(
        datasets={"customers": table | {"naive": True, "controls": True}}, seeds=[1, 2]
    )
    told = project.folder / "Snakefile"
    told.write_text(
        f'include: "{ROOT / "Snakefile"}"\n'
        'import json\nPath("graph.json").write_text(json.dumps(page_graph("customers")))\n'
    )
    where = ("--snakefile", str(told), "--directory", str(project.folder))
    edges = snakemake_edges(*where, "results/customers/report.html")
    loops = ("make_sample_data", "plots", "permute", "train")
    short = {
        name: next((n for n in loops if name.startswith(n)), name) for e in edges for name in e
    }
    drawn = {(short[start], short[end]) for start, end in edges}
    # The shuffled table goes the way of every other one before the controls see it.
    drawn -= {("permute", end) for _, end in drawn}
    graph = json.loads((project.folder / "graph.json").read_text())
    assert drawn | {("permute", "controls")} == set(map(tuple, graph["edges"]))
    assert graph["jobs"]["evaluate"] == 2
    assert graph["jobs"]["train"] == 2 * len(QUICK_MODELS)
    assert graph["learns"] == ["augment", "train"]
    assert {"evaluate", "audit", "compare", "explain"} <= set(graph["sees"])
    assert not set(graph["sees"]) & {"split", "clean", "augment", "train", "report"}


def test_a_page_does_not_depend_on_other_tables(run):
    """Adding a table, even one that comes first and shares the plots, remakes no page."""
    config = yaml.safe_load((run.folder / "config/config.yaml").read_text())
    before = config["datasets"]
    try:
        run.write_config(**config | {"datasets": {"another": before["small"]} | before})
        dry = run.run("-n", "results/small/report.html")
        assert "Nothing to be done" in dry
    finally:
        run.write_config(**config)


@pytest.mark.proof
def test_one_place_decides_which_split_is_shown(project):
    """With `seeds: [2, 1]` curves, importance, published run and the page's words are of seed 2."""
    project.write("table.csv", small_table(rows=200))
    project.write_config(
        datasets={"small": {"table": "table.csv", "target": "answer"}}, seeds=[2, 1]
    )
    project.run()
    results = project.folder / "results/small"
    page = (results / "report.html").read_text(encoding="utf-8")
    assert "the first split (seed 2)" in page
    best = next(r for r in rows_of(results / "metrics.csv") if r["selected"] == "true")["model"]
    own = {r["model"]: r for r in rows_of(results / "seed2/metrics.csv")}[best]
    other = {r["model"]: r for r in rows_of(results / "seed1/metrics.csv")}[best]
    shown = score_of(own, "accuracy")
    assert shown != score_of(other, "accuracy")
    assert f'accuracy {shown.text()} <span class="limits">({shown.limits()})</span>' in page
    chosen = next(
        r
        for r in rows_of(results / "curves/thresholds.csv")
        if r["model"] == best and r["chosen"] == "true"
    )
    assert float(chosen["accuracy"]) == pytest.approx(shown.value)
    assert (results / "runs/latest.txt").read_text().strip().endswith("seed2")


@pytest.mark.proof
def test_pages_that_are_not_wanted_any_more_are_removed(project):
    project.write("table.csv", small_table())
    tables = {name: {"table": "table.csv", "target": "answer"} for name in ("one", "two")}
    models = {"dummy": {"estimator": "sklearn.dummy.DummyClassifier"}}
    settings = {"models": models, "register": False}
    project.write_config(datasets=tables, **settings)
    project.run()
    results = project.folder / "results"
    assert 'href="two/report.html"' in (results / "report.html").read_text()
    said = project.run("results/one/report.html", "--config", "threshold=0.4")
    assert "\none: " in said and "\ntwo: " not in said and "results/metrics.csv" not in said
    without = tables | {"two": tables["two"] | {"report": False}}
    project.write_config(datasets=without, **settings)
    project.run()
    assert (results / "one/report.html").exists() and not (results / "two/report.html").exists()
    assert 'href="two/report.html"' not in (results / "report.html").read_text()
    assert "Nothing to be done" in project.run("-n")
    project.write_config(datasets=tables, report=False, **settings)
    assert "report.html" not in project.run()
    assert not list(results.rglob("report.html"))
    assert "Nothing to be done" in project.run("-n")
