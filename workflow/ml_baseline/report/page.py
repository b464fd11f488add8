"""The page of one table: what its template is filled with, section by section."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ml_baseline.report import answer, charts, columns, evidence, making, models, trust, words
from ml_baseline.report.sources import Sources, by_name, download_of
from ml_baseline.report.standing import Standing, gain_of, has_failed, is_reliable
from ml_baseline.scoring.metrics import METRICS
from ml_baseline.text import count, plural, shortened


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
    of_cells = (words.number, words.score_of, words.score_in, gain_of, is_reliable, has_failed)
    of_texts = (words.breakable, count, plural, words.fixed, words.percent, shortened)
    of_findings = (answer.chief, answer.entry, answer.remedy, answer.settled_by, answer.next_step)
    others = (
        trust.check_title,
        answer.chosen_threshold,
        answer.names,
        charts.sample,
        download_of,
        by_name,
    )
    filters = (*of_cells, *of_texts, *of_findings, *others)
    environment.filters |= {function.__name__: function for function in filters}
    return environment


def filled(folder: Path, template: str, content: dict) -> str:
    """Return a page: a template filled with `content`, style and script written into it.

    The page's policy lets nothing be fetched and no script run but its own, by its hash.
    """
    script = (folder / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        template_environment(folder)
        .get_template(template)
        .render(
            style=Markup((folder / "style.css").read_text(encoding="utf-8")),
            script=Markup(script),
            script_hash=digest,
            **content,
        )
    )


def report_page(sources: Sources, settings: dict, folder: Path) -> str:
    """Return the page of one table as HTML.

    Args:
        sources: the table's result files.
        settings: `config` (the whole config of this table, as YAML), `versions` (a list of
            packages with their versions), `graph` (the rules that make the page), `first_seed`
            (of the split that curves and importance are of), `not_installed` (models left out),
            `budget` (in words what it has decided),
            `fit_on` (of the published model: "all", "train" or nothing, where none is),
            `cleaned_table` (a path, for its hash) and `target` (the path of the report).
        folder: where the templates are.
    """
    found = Standing(
        sources.tables["leaderboard"], sources.tables["audit"], sources.tables["controls"]
    )
    negative, positive = sources.classes
    content = {
        "sources": sources,
        "dataset": sources.schema["dataset"],
        "classes": {"negative": negative, "positive": positive},
        "rows": sources.repairs["rows_kept"],
        "features": sum(c["role"] == "feature" for c in sources.schema["columns"]),
        "found": found,
        "not_installed": settings["not_installed"],
        "budget": settings["budget"],
        "metrics": METRICS,
        "fit_on": settings["fit_on"],
        "headline": answer.headline(found),
        "board": models.board(found),
        "audit": trust.audit_view(sources),
        "naive": trust.naive_view(sources, found),
        "curves": evidence.curves_view(sources, found, settings["first_seed"]),
        "drivers": evidence.drivers_view(sources, found),
        "data": columns.data_view(sources),
        "made": making.made_view(sources, settings, found),
    }
    return filled(folder, "report.html.j2", content)
