"""The page of one table: what its template is filled with, section by section."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ml_baseline.report import answer, columns, evidence, making, models, trust, words
from ml_baseline.report.sources import Sources
from ml_baseline.report.standing import standing
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
    environment.filters |= {
        "breakable": words.breakable,
        "count": words.count,
        "percent": words.percent,
        "shortened": words.shortened,
    }
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
            (of the split that curves and importance are of), `cleaned_table` (a path, for its
            hash) and `target` (the path of the report).
        folder: where the templates are.
    """
    found = standing(sources.leaderboard, sources.audit, sources.controls)
    negative, positive = sources.classes
    content: dict[str, Any] = {
        "dataset": sources.schema["dataset"],
        "classes": {"negative": negative, "positive": positive},
        "rows": sources.repairs["rows_kept"],
        "features": sum(c["role"] == "feature" for c in sources.schema["columns"]),
        "found": found,
        "metrics": METRICS,
        "sentences": answer.sentences(found, sources.audit),
        "steps": answer.next_steps(found, sources),
        "headline": answer.headline(found),
        "board": models.board(sources, found),
        "audit": trust.audit_view(sources),
        "naive": trust.naive_view(sources, found),
        "controls": trust.controls_view(sources),
        "curves": evidence.curves_view(sources, found, settings["first_seed"]),
        "drivers": evidence.drivers_view(sources, found),
        "data": columns.data_view(sources),
        "made": making.made_view(sources, settings, found),
    }
    content["sections"] = sections(content)
    return filled(folder, "report.html.j2", content)


def sections(content: dict) -> list[dict]:
    """Return the contents: id and title of each section that the page has, with what is in it."""
    curves = [("roc", "ROC"), ("precision-recall", "Precision and recall")]
    curves += [("calibration", "Calibration"), ("scores", "Scores of both classes")]
    curves += [("confusion", "Right and wrong"), ("thresholds", "Other thresholds")]
    drivers = [("importance", "Importance")]
    if content["drivers"] and content["drivers"]["dependence"]:
        drivers.append(("dependence", "Partial dependence"))
    data = [("columns", "Columns"), ("missing", "Missing values"), ("repairs", "Repairs")]
    data += [("distributions", "Distributions")] * bool(content["data"]["distributions"])
    data += [("plots", "Plots")] * bool(content["data"]["plots"])
    made = [("rules", "Rules"), ("config", "Config"), ("versions", "Versions and hashes")]
    every = [
        ("answer", "The answer", True, []),
        ("models", "The models side by side", True, []),
        ("audit", "The audit", True, []),
        ("naive", "Honest against naive", content["naive"], []),
        ("controls", "Controls", content["controls"], []),
        ("curves", "Where it errs", content["curves"], curves),
        ("drivers", "What drives it", content["drivers"], drivers),
        ("data", "The data", True, data),
        ("made", "How it was made", True, made),
    ]
    return [
        {"id": name, "title": title, "parts": [{"id": i, "title": t} for i, t in parts]}
        for name, title, wanted, parts in every
        if wanted
    ]
