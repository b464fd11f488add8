"""The page of one table: what its template is filled with, section by section."""

import base64
import hashlib
import inspect
import shlex
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ml_baseline import text
from ml_baseline.files import content_hash
from ml_baseline.report import answer, charts, columns, evidence, graph, sources, standing, words
from ml_baseline.scoring.metrics import METRICS


def template_environment(folder: Path) -> Environment:
    """Return what fills the templates of a folder; everything is escaped unless it is markup."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=words.visible,
    )
    # The later modules' functions are meant where a name stands twice.
    for module in (text, charts, sources, standing, answer, words):
        environment.filters |= dict(inspect.getmembers(module, inspect.isfunction))
    environment.filters["quote"] = shlex.quote
    return environment


def filled(folder: Path, template: str, content: dict) -> str:
    """Return a page: a template filled with `content`, style and script written into it.

    The page's policy lets nothing be fetched and no script run but its own, by its hash.
    """
    script = (folder / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = (folder / "style.css").read_text(encoding="utf-8")
    own = {"style": Markup(style), "script": Markup(script), "script_hash": digest}
    return template_environment(folder).get_template(template).render(content | own)


def report_page(results: sources.Sources, settings: dict, folder: Path) -> str:
    """Return the page of one table as HTML.

    Args:
        results: the table's result files.
        settings: `config` (the whole config of this table, as YAML), `versions` (a list of
            packages with their versions), `graph` (the rules that make the page), `first_seed`
            (of the split that curves and importance are of), `not_installed` (models left out),
            `budget` (in words what it has decided), `fit_on` (of the published model: "all", "train"
            or nothing, where none is), `cleaned_table` (a path) and `target` (that of the report).
        folder: where the templates are.
    """
    tables = results.tables
    found = standing.Standing(tables["leaderboard"], tables["audit"], tables["controls"])
    dataset, config = results.schema["dataset"], settings["config"].encode()
    hashed = (settings["cleaned_table"], results.files["leaderboard"])
    hashes = {results.repairs["table"]: results.repairs["sha256"]}
    content = settings | {
        "sources": results,
        "dataset": dataset,
        "classes": dict(zip(("negative", "positive"), results.classes, strict=True)),
        "rows": results.repairs["rows_kept"],
        # As the user has them: the parts of a date are one.
        "features": len({c["source"] for c in results.schema["columns"] if c["role"] == "feature"}),
        "found": found,
        "metrics": METRICS,
        "headline": answer.headline(found),
        "board": evidence.board(found),
        "naive": evidence.naive_view(results, found),
        "curves": evidence.curves_view(results, found, settings["first_seed"]),
        "drivers": evidence.drivers_view(results, found),
        "data": columns.data_view(results),
        "graph": graph.draw_rules(settings["graph"]),
        "config_download": sources.download(config, f"{dataset}.config.yaml", "text/yaml"),
        "hashes": hashes | {path: content_hash(path) for path in hashed},
    }
    return filled(folder, "report.html.j2", content)
