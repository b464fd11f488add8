"""Published runs as people read them in a terminal."""

import re
import sys
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

# Where nobody looks at the width (a pipe, a file), no line is broken.
WIDE = 10_000
HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
SHOWN_HASH = 12


def print_list(runs: list[dict], results: Path) -> None:
    """Print a table of runs, from `overview`."""
    if not runs:
        print(f"No run is published in {results}.")
        return
    console = _console()
    table = _table("run", "table", "model", "holdout score", "rows", "audit", "")
    for run in runs:
        table.add_row(*map(plain, _cells(run)))
    wanted = console.measure(table, options=console.options.update(max_width=WIDE)).maximum
    if wanted <= console.width:
        console.print(table)
        return
    for run in runs:  # a narrow terminal
        run_id, dataset, model, score, rows, audit, notes = _cells(run)
        print(plain(f"{run_id}  {notes}".rstrip()))
        text = f"{dataset}: {model}, {score} on {rows} rows, audit: {audit}"
        console.print(Padding(plain(text), (0, 0, 0, 4)))


def _cells(run: dict) -> tuple[str, ...]:
    notes = ["latest"] * run["latest"] + ["from elsewhere"] * (not run["sealed"])
    score = f"{run['metric']} {_figure(run)}"
    rows = "" if run["holdout_rows"] is None else f"{run['holdout_rows']:,}"
    cells = (run["run_id"], run["dataset"], run["model"], score, rows, run["audit"])
    return (*map(str, cells), ", ".join(notes))


def print_card(described: dict) -> None:
    """Print a run's model card: set out in a terminal, as it is elsewhere."""
    text = plain(described["card"]).plain
    if sys.stdout.isatty():
        _console().print(Markdown(text))
    else:
        print(text, end="")
    print(f"\nFolder: {plain(described['folder'])}")
    if not described["sealed"]:
        print("This run was not published from this account: it is loaded only with --trust.")


def print_comparison(comparison: dict) -> None:
    """Print what `compare_runs` found."""
    console = _console()
    for place, run_id, dataset in zip(
        ("first", "second"), comparison["runs"], comparison["datasets"], strict=True
    ):
        print(f"{place:<6}  {run_id} ({dataset})")
    print()
    scores = _table("on the holdout", "first", "second")
    for name, pair in comparison["metrics"].items():
        scores.add_row(plain(name), *(plain(_figure(figure or {})) for figure in pair))
    console.print(scores)
    if not comparison["same_rows"]:
        print("\nScored on different rows: a difference of the scores may be one of the rows.")
    if not comparison["differences"]:
        same = "The content is the same." if comparison["same_content"] else "Nothing else differs."
        print(f"\n{same}")
        return
    print()
    table = _table("what differs", "first", "second")
    for name, pair in comparison["differences"].items():
        table.add_row(plain(name), *(plain(_value(value)) for value in pair))
    console.print(table)


def print_verification(found: dict) -> None:
    """Print what `verify_run` found."""
    print(f"{found['run_id']} ({found['dataset']}), {plain(found['folder'])}")
    wrong = len(found["changed_files"])
    print(
        f"files: {found['files'] - wrong} of {found['files']} as published"
        if wrong
        else f"files: all {found['files']} as published"
    )
    if found["largest_difference"] is not None:
        print(
            f"predictions: {found['golden_rows']} golden rows replayed, largest difference "
            f"{found['largest_difference']:.2g}"
        )
    for change in found["version_changes"]:
        print(f"version: {plain(change)}")
    for problem in found["problems"]:
        print(f"PROBLEM: {plain(problem)}")
    print("ok" if found["ok"] else "NOT ok")


def plain(text: object) -> Text:
    """Return text without anything that a terminal or the markup would take for a command."""
    kept = (c for c in str(text) if c in "\n\t" or (ord(c) >= 32 and not 127 <= ord(c) < 160))
    return Text("".join(kept))


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for i, title in enumerate(titles):
        table.add_column(plain(title), overflow="fold", no_wrap=i == 0 and len(titles) > 3)
    return table


def _figure(figure: dict) -> str:
    if figure.get("value") is None:
        return "-"
    if figure.get("low") is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and HASH.fullmatch(value):
        return f"{value[:SHOWN_HASH]}..."
    return "-" if value is None else str(value)
