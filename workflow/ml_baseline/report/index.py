"""The index: one row a table, so that a hundred tables can be looked over at once."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from ml_baseline.jobs.job_log import last_error
from ml_baseline.report import charts, words
from ml_baseline.report.page import filled
from ml_baseline.report.sources import rows_of
from ml_baseline.report.standing import Standing, standing
from ml_baseline.report.words import Score, html, number
from ml_baseline.scoring.metrics import METRICS

STATUS_WORDS = {
    "pass": "without problems",
    "warn": "with warnings to check",
    "fail": "with scores not to be believed",
    "none": "without results",
}


class TableResults(NamedTuple):
    """What the index shows of one table.

    `link` leads to its report, empty if it has none; `reason` says why there are no results.
    """

    name: str
    leaderboard: list[dict]
    seeds: list[dict]
    audit: list[dict]
    controls: list[dict]
    link: str = ""
    reason: str = ""


def read_table_results(
    name: str,
    leaderboard: str,
    seeds: Iterable[str],
    audit: str,
    controls: Iterable[str] = (),
    link: str = "",
) -> TableResults:
    """Return the results of one table from its files; `controls` is empty where none were run."""
    return TableResults(
        name,
        rows_of(leaderboard),
        rows_of(*seeds),
        rows_of(audit),
        rows_of(*controls),
        link,
    )


def index_page(tables: list[TableResults], folder: Path) -> str:
    """Return the index of all tables as HTML.

    Args:
        tables: in the order of the config.
        folder: where the templates are.
    """
    rows = [table_row(table) for table in tables]
    counts = Counter(row["status"] for row in rows)
    told = [
        html("<strong>{}</strong> {}", counts[s], STATUS_WORDS[s])
        for s in STATUS_WORDS
        if counts[s]
    ]
    content = {
        "rows": rows,
        "summary": html("{}: {}.", words.plural(len(rows), "table"), Markup(", ").join(told)),
        "metrics": {found.metric: METRICS[found.metric] for row in rows if (found := row["found"])},
        "ruler": charts.ruler((0.0, 1.0), steps=2),
    }
    return filled(folder, "index.html.j2", content)


def table_row(table: TableResults) -> dict[str, Any]:
    """Return one line of the index; `found` is None of a table without results."""
    if not table.leaderboard:
        return {"table": table, "status": "none", "found": None}
    found = standing(table.leaderboard, table.audit, table.controls)
    row = {"table": table, "status": found.status, "found": found, "notes": notes(found)}
    if found.best is not None and found.score is not None:
        values = split_scores(table, found.metric, found.best["model"])
        row["track"] = split_track(found.score, found.metric, values)
        row["splits"] = splits_text(found.score, values)
    return row


def notes(found: Standing) -> str:
    """Return the audit's verdict in a few words, and what else makes for doubt."""
    parts = [(len(found.fails), "failed"), (len(found.warns), "to check")]
    audit = ", ".join(f"{count} {what}" for count, what in parts if count) or "no problems"
    text = f"audit: {audit}"
    if found.leaks or found.missed:
        text += f"; controls: {len(found.leaks) + len(found.missed)} failed"
    if found.is_rough:
        text += "; rough interval"
    return text


def split_scores(table: TableResults, metric: str, model: str) -> list[float]:
    """Return a model's score on each split, where there are several."""
    values = [number(row.get(metric)) for row in table.seeds if row["model"] == model]
    known = [value for value in values if value is not None]
    return known if len(known) > 1 else []


def split_track(score: Score, metric: str, values: list[float]) -> Markup:
    """Return the best model's score with its interval, from 0 to 1, and its scores by split."""
    top = max(1.0, score.high) if METRICS[metric].bounds[1] > 1 else 1.0
    return charts.track(score, (0.0, top), [(value, charts.STROKE) for value in values])


def splits_text(score: Score, values: list[float]) -> str:
    """Return how many splits there are and how far apart the scores are on them."""
    if not values:
        return ""
    low, high = (words.fixed(end, score.digits) for end in (min(values), max(values)))
    return f"{len(values)} splits: {low} to {high}"


def failed_run_index(
    tables: dict[str, dict], folder: Path, since: float, results: Path = Path("results")
) -> str | None:
    """Return the index at the end of a run that failed, with the tables that have results.

    A table has results if all its files are there and none of the jobs that make them has failed
    in this run: what an earlier run left is not what the config asks for now.

    Args:
        tables: for each table the arguments of `read_table_results`.
        folder: where the templates are.
        since: when the run began, in seconds since the epoch.
        results: the folder of the results.

    Returns:
        None if every table has results: then the rule writes the index, now or in a later run.
    """
    found = []
    for name, files in tables.items():
        error = next(_errors(results / "logs" / name, since), None)
        paths = [files["leaderboard"], *files["seeds"], files["audit"], *files["controls"]]
        if error is None and all(Path(path).exists() for path in paths):
            link = files["link"] if (results / files["link"]).is_file() else ""
            found.append(read_table_results(name, **(files | {"link": link})))
        else:
            reason = error or "the run ended before this table was done"
            found.append(TableResults(name, [], [], [], [], reason=reason))
    complete = all(table.leaderboard for table in found)
    return None if complete else index_page(found, folder)


def _errors(logs: Path, since: float) -> Iterator[str]:
    """Yield the errors of this run's jobs that a table's part of the index waits for."""
    rules = ("clean", "audit", "require_audit", "compare", "controls")
    own = [logs / f"{rule}.log" for rule in rules]
    for path in [*own, *sorted(logs.glob("seed*/*.log"))]:
        if path.exists() and path.stat().st_mtime >= since and (error := last_error(path)):
            yield error
