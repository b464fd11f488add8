"""Published runs as people read them in a terminal."""

import sys
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

# Where nobody looks at the width (a pipe, a file), no line is broken.
WIDE = 10_000


def print_list(runs: list[dict], results: Path) -> None:
    """Print a table of runs, from `overview`."""
    if not runs:
        print(f"No run is published in {results}.")
        return
    table = _table("run", "table", "model", "holdout score", "rows", "audit", "")
    for run in runs:
        notes = ["latest"] * run["latest"] + ["from elsewhere"] * (not run["sealed"])
        score = f"{run['metric']} {_figure(run)}"
        rows = "" if run["holdout_rows"] is None else f"{run['holdout_rows']:,}"
        cells = (run["run_id"], run["dataset"], run["model"], score, rows, run["audit"])
        table.add_row(*(plain(cell) for cell in cells), plain(", ".join(notes)))
    _console().print(table)


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
    first, second = comparison["runs"]
    scores = _table("on the holdout", first, second)
    for name, pair in comparison["metrics"].items():
        scores.add_row(plain(name), *(plain(_figure(figure or {})) for figure in pair))
    console.print(scores)
    if not comparison["same_rows"]:
        print("Scored on different rows: a difference of the scores may be one of the rows.\n")
    if not comparison["differences"]:
        print("Nothing else differs but the time." if not comparison["same_content"] else "Same.")
        return
    table = _table("what differs", first, second)
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
    return "-" if value is None else str(value)
