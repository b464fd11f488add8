"""What is said at the end of a run: the leaderboards, what went wrong and where to look next.

It runs inside Snakemake's own process, so it imports nothing heavy.
"""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ml_baseline.config.estimator_rules import ENSEMBLE
from ml_baseline.files import read_json, read_rows
from ml_baseline.jobs.job_log import last_error
from ml_baseline.modelling.failure import FAILED
from ml_baseline.text import percent, plural, together

NONE: Mapping = MappingProxyType({})
SHOWN_METRICS = ("f1", "roc_auc", "brier")
WIDTH = 100
# What may stand in a table's folder, and what it is where the name does not say so.
PER_TABLE = {
    "metrics.csv": "",
    "audit.csv": "",
    "stats.csv": "",
    "repairs.json": " (what cleaning changed)",
    "plots": "",
    "curves": "",
    "runs": " (published models; see `ml-baseline runs list`)",
}


def run_summary(
    datasets: Sequence[str],
    failed_since: float | None = None,
    results: Path = Path("results"),
    missing: Iterable[str] = (),
    failures: Mapping[str, str] = NONE,
    unlogged: Mapping[str, Path] = NONE,
    gathered: bool = True,
    predicted: Mapping[str, str] = NONE,
) -> str:
    """Return the closing words of a run in the current folder.

    Args:
        datasets: the names of the tables.
        failed_since: if the run failed, the time (seconds since the epoch) it started at; errors
            in logs written since then are shown, and leaderboards made before are not.
        results: the folder of the results.
        missing: the tables whose leaderboard could not be made in this run.
        failures: for each file that a failed model has spoiled the reason; those that no log tells are
            shown too.
        unlogged: reasons that stand in no job's log, each with where to look.
        gathered: whether what is made of all tables is this run's too.
        predicted: the files of predictions, each with that of what is unlike training in their rows.
    """
    since = failed_since or 0.0
    texts = [table_text(results / dataset, since) for dataset in datasets]
    texts.append("\n".join(filter(None, (batch_text(*f, since) for f in predicted.items()))))
    parts = [text for text in texts if text]
    if failed_since is not None:
        parts.append(failures_text(failed_since, results / "logs", failures, unlogged))
        all_metrics = results / "metrics.csv"
        if (names := ", ".join(missing)) and all_metrics.exists():
            others = gathered and {*datasets} - {*missing}
            where = f" {all_metrics} holds the other tables." if others else ""
            parts.append(f"No results in this run: {names}.{where}")
    elif parts:
        parts.append("\n".join(_where_to_look(datasets, results, gathered)))
    return "\n\n" + "\n\n".join(parts) + "\n"


def _where_to_look(datasets: Sequence[str], results: Path, gathered: bool) -> Iterator[str]:
    """Yield the lines that say what the figures are and where more of them stand."""
    yield "Scores are measured on holdout rows that no fitting step has seen."
    yield "* is the best model, chosen by out-of-fold scores on the training rows."
    index = [results / "report.html"] * (gathered and len(datasets) > 1)
    pages = [
        page for page in index or [results / n / "report.html" for n in datasets] if page.exists()
    ]
    if pages:
        named = ", ".join(map(str, pages))
        answer = "the answer for each table" if index else "the answer"
        yield f"Open {named} in a browser: {answer}, and the evidence."
    if gathered and (all_metrics := results / "metrics.csv").exists():
        yield f"All numbers: {all_metrics}"
    there = [
        f"{name}{words}"
        for name, words in PER_TABLE.items()
        if any((results / dataset / name).exists() for dataset in datasets)
    ]
    named = f"{', '.join(there)}, seed<seed>/ (models, predictions)"
    where = (
        f"For each table, in {results}/<table>/" if datasets[1:] else f"In {results / datasets[0]}/"
    )
    yield textwrap.fill(f"{where}: {named}", WIDTH)


def table_text(folder: Path, since: float = 0.0) -> str:
    """Return what a table's results say in short: leaderboard, audit, naive claim, controls.

    Empty if there is no leaderboard, or one from before `since` (seconds since the epoch).
    """
    made, repairs = folder / "metrics.csv", folder / "repairs.json"
    if not made.exists() or made.stat().st_mtime < since:
        return ""
    read = read_json(repairs) if repairs.exists() else {}
    found = [leaderboard_text(read_rows(made), read.get("positive", "")), reading_text(read)]
    for name, text in (("audit", audit_text), ("naive", naive_text), ("controls", controls_text)):
        path = folder / f"{name}.csv"
        if path.exists() and (rows := read_rows(path)):
            found.append(text(rows))
    return "\n".join(filter(None, found))


def batch_text(output: str, check: str, since: float = 0.0) -> str:
    """Return what became of the rows of a batch; empty if that is from before `since` (seconds)."""
    if not Path(check).exists() or Path(check).stat().st_mtime < since:
        return ""
    found = read_json(Path(check))
    text = f"Predictions: {output}, {plural(found['rows'], 'row')}"
    if bad := found.get("bad_rows", 0):
        text += f", {bad:,} of them without a prediction (their `reason` says why)"
    if warnings := found["warnings"]:
        text += f"; {plural(len(warnings), 'warning')} of cells unlike training: {check}"
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def leaderboard_text(rows: list[dict[str, str]], positive: str = "") -> str:
    """Return a table's leaderboard as aligned text, what failed below it.

    `positive` is what the positives are called, such as "churn = yes".
    """
    first = rows[0]
    failed = [row for row in rows if row.get("status") == FAILED]
    rows = [row for row in rows if row not in failed]
    select_by = next(name for name in first if name.startswith("oof_"))
    level = f"{float(first['level']) * 100:g} %"
    lines = [["model", select_by.replace("oof_", "out-of-fold ")]]
    lines[0] += [f"{name} ({level})" for name in SHOWN_METRICS]
    for row in rows:
        mark = "*" if row["selected"].lower() == "true" else " "
        lines.append([f"{mark} {row['model']}", f"{float(row[select_by]):.3f}"])
        for name in SHOWN_METRICS:
            value, low, high = (float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
            lines[-1].append(f"{value:.3f} ({low:.2f}-{high:.2f})")
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    units, unit = float(first["units"]), first["unit"]
    of = f" ({units:,.0f} {'distinct' if unit == 'distinct row' else unit + 's'})"
    of = "" if unit == "row" else of
    text = [
        f"{first['dataset']}: {float(first['rows']):,.0f} holdout rows{of}, "
        f"{percent(float(first['prevalence']), 1)} {f'with {positive}' if positive else 'positive'}, "
        f"threshold {float(first['threshold']):g}"
    ]
    for line in lines:
        cells = zip(line[1:], widths[1:], strict=True)
        text.append("  ".join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in cells)]))
    losses = [float(row.get("oof_log_loss", 0)) for row in rows]
    if rows and rows[0]["model"] == ENSEMBLE and losses[0] > min(losses):
        text.append("  ensemble is the best model, as none is shown to be better out-of-fold.")
    text += [f"  {row['model']}: {row['verdict']}" for row in rows]
    text += [f"  {row['model']}: {row['reason']}" for row in rows if row.get("reason")]
    text += [f"  {row['model']}: failed: {row['reason']}" for row in failed]
    rough = []
    # Whatever a baseline that guesses has of yes and no, hangs on no rows.
    for row in (row for row in rows if row["model"] != row.get("baseline")):
        names = [n for n in SHOWN_METRICS if row[f"{n}_reliable"].lower() == "false"]
        if names:
            whole = len(names) == len(SHOWN_METRICS)
            rough.append(row["model"] + ("" if whole else f" ({', '.join(names)})"))
    if rough:
        text.append(
            f"  Unreliable intervals (too few {unit}s of a class, or too few errors): "
            + ", ".join(rough)
        )
    return "\n".join(text)


def reading_text(repairs: Mapping[str, Any]) -> str:
    """Return what is to know of how a table was read; what was not certain stands in the audit."""
    told = [doubt["summary"] for doubt in repairs.get("doubts", []) if doubt["severity"] == "told"]
    return "\n".join(textwrap.fill(f"  {text}.", WIDTH, subsequent_indent=" " * 4) for text in told)


def audit_lines(rows: list[dict[str, str]], verdicts: Iterable[str]) -> list[str]:
    """Return the findings of an audit that have one of `verdicts`, one text each."""
    return [
        f"{row['check']} ({row['subject']}): {row['summary']} {row['explanation']}"
        + (f" In the config: {'; '.join(row['fix'].splitlines())}" if row["fix"] else "")
        for row in rows
        if row["verdict"] in verdicts
    ]


def audit_text(rows: list[dict[str, str]]) -> str:
    """Return what an audit found, the failures and warnings in full."""
    failures, warnings = audit_lines(rows, ("fail",)), audit_lines(rows, ("warn",))
    if not failures + warnings:
        return f"Audit: {len({row['check'] for row in rows})} checks, no problems found."
    found = [f"  FAIL  {line}" for line in failures] + [f"  warn  {line}" for line in warnings]
    counts = f"{plural(len(failures), 'failure')}, {plural(len(warnings), 'warning')}"
    lines = [textwrap.fill(line, WIDTH, subsequent_indent=" " * 8) for line in found]
    if merged := together(row["fix"] for row in rows if row["verdict"] != "pass"):
        lines.append(f"  {merged}")
    return "\n".join([f"Audit: {counts}", *lines])


def naive_text(rows: list[dict[str, str]]) -> str:
    """Return the naive claim that lies furthest above the honest score."""
    worst = max(
        (row for row in rows if row["metric"] == "roc_auc"), key=lambda row: float(row["leak"])
    )
    leak = f"so {float(worst['leak']):.2f} of it is leakage"
    if float(worst["naive"]) <= float(worst["honest_high"]):
        leak = "whose interval holds the claim: that any of it is leakage is not shown"
    return (
        f"Augmenting before splitting would have claimed a roc_auc of {float(worst['naive']):.2f} "
        f"for {worst['model']};\n  honest: {float(worst['honest']):.2f}, {leak} (naive.csv)."
    )


def controls_text(rows: list[dict[str, str]]) -> str:
    """Return how the controls went, one line each."""
    lines = (f"\n  {row['verdict']}  {row['control']}: {row['explanation']}" for row in rows)
    return "Controls:" + "".join(lines)


def failures_text(
    since: float,
    logs: Path = Path("results/logs"),
    reasons: Mapping[str, str] = NONE,
    unlogged: Mapping[str, Path] = NONE,
) -> str:
    """Return the errors in the logs written since a time and other reasons, one paragraph each."""
    errors: dict[str, Path] = {}
    for path in sorted(logs.rglob("*.log")):
        if path.stat().st_mtime >= since and (error := last_error(path)):
            errors.setdefault(error, path)  # one fault may stop several jobs
    for file, reason in reasons.items():
        if not any(reason in error for error in errors):
            job = {"metrics": "evaluate"}.get(Path(file).stem, Path(file).stem)
            errors[reason] = logs / Path(file).parent.relative_to(logs.parent) / f"{job}.log"
    errors |= unlogged
    if not errors:
        return (
            "The run was interrupted or failed; see the messages above. Run it again to continue."
        )
    return "\n".join(
        (
            "The run failed. Everything that does not depend on the failed jobs is up to date. "
            "What went wrong:",
            *(f"* {error}\n  (log: {path})" for error, path in _together(errors).items()),
        )
    )


def _together(errors: Mapping[str, Path]) -> dict[str, Path]:
    """Return what is said of several tables or models as one error, with the first of their logs.

    An error begins with where it is ("churn, model forest: "); what holds for a table holds for its models.
    """
    alike: dict[str, dict[str, Path]] = {}
    for error, path in errors.items():
        place, what = error.split(": ", 1) if ": " in error else ("", error)
        alike.setdefault(what, {})[place] = path
    found = {}
    for what, places in alike.items():
        wide = [p for p in places if p.partition(", model")[0] not in {*places} - {p}]
        found[": ".join(filter(None, ["; ".join(filter(None, wide)), what]))] = places[wide[0]]
    return found
