"""The index: one row a table, so that a hundred tables can be looked over at once."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from ml_baseline.files import read_rows
from ml_baseline.jobs.job_log import last_error
from ml_baseline.report import charts
from ml_baseline.report.page import filled
from ml_baseline.report.standing import Standing
from ml_baseline.report.words import Score, number
from ml_baseline.scoring.metrics import METRICS


class Line(NamedTuple):
    """What the index shows of one table.

    `link` leads to its report, empty if it has none; `reason` says why there are no results, in
    which case `found` is None. `splits` are the best model's scores, where there are several.
    """

    name: str
    link: str = ""
    reason: str = ""
    found: Standing | None = None
    splits: Sequence[float] = ()

    @property
    def status(self) -> str:
        """`pass`, `warn` or `fail`, as the standing has it, or `none`."""
        return self.found.status if self.found else "none"


def read_table_results(
    name: str,
    leaderboard: str,
    seeds: Iterable[str],
    audit: str,
    controls: Iterable[str] = (),
    link: str = "",
) -> Line:
    """Return the line of one table from its files; `controls` is empty where none were run."""
    board = read_rows(leaderboard)
    if not board:
        return Line(name, link)
    found = Standing(board, read_rows(audit), read_rows(*controls))
    model = found.best and found.best["model"]
    scores = [number(row.get(found.metric)) for row in read_rows(*seeds) if row["model"] == model]
    splits = [score for score in scores if score is not None]
    return Line(name, link, found=found, splits=splits if len(splits) > 1 else ())


def index_page(lines: list[Line], folder: Path) -> str:
    """Return the index of all tables as HTML; `folder` is where the templates are."""
    content = {
        "lines": lines,
        "counts": Counter(line.status for line in lines),
        "metrics": {f.metric: METRICS[f.metric] for line in lines if (f := line.found)},
        "ruler": charts.ruler((0.0, 1.0), steps=2),
        "track": track,
    }
    return filled(folder, "index.html.j2", content)


def track(score: Score, metric: str, splits: Sequence[float]) -> Markup:
    """Return the best model's score with its interval, from 0 to 1, and its scores by split."""
    top = max(1.0, score.high) if METRICS[metric].bounds[1] > 1 else 1.0
    return charts.track(score, (0.0, top), [(value, charts.STROKE) for value in splits])


def failed_run_index(
    tables: dict[str, dict], folder: Path, since: float, results: Path = Path("results")
) -> str | None:
    """Return the index at the end of a run that failed, with the tables that have results.

    A table has results if all its files are there and none of the jobs that make them has failed
    in this run: what an earlier run left is not what the config asks for now. None if every table
    has results: then the rule writes the index, now or in a later run. `tables` has for each the
    arguments of `read_table_results`; the run began at `since`, in seconds since the epoch.
    """
    lines = []
    for name, files in tables.items():
        error = next(_errors(results / "logs" / name, since), None)
        paths = [files["leaderboard"], *files["seeds"], files["audit"], *files["controls"]]
        if error is None and all(Path(path).exists() for path in paths):
            link = files["link"] if (results / files["link"]).is_file() else ""
            lines.append(read_table_results(name, **(files | {"link": link})))
        else:
            reason = error or "the run ended before this table was done"
            lines.append(Line(name, reason=reason))
    return None if all(line.found for line in lines) else index_page(lines, folder)


def _errors(logs: Path, since: float) -> Iterator[str]:
    """Yield the errors of this run's jobs that a table's part of the index waits for."""
    rules = ("clean", "audit", "require_audit", "compare", "controls")
    own = [logs / f"{rule}.log" for rule in rules]
    for path in [*own, *sorted(logs.glob("seed*/*.log"))]:
        if path.exists() and path.stat().st_mtime >= since and (error := last_error(path)):
            yield error
