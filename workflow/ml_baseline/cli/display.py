"""Published runs as people read them in a terminal."""

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markdown import Markdown
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ml_baseline.text import for_terminal, shortened

if TYPE_CHECKING:  # importing them takes longer than all else here
    from ml_baseline.registry.manifest import Figure
    from ml_baseline.registry.overview import RunLine

# Where nobody looks at the width (a pipe, a file), no line is broken.
WIDE = 10_000
HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
SHOWN_HASH = 12
SHOWN_VALUE = 60  # characters; `--json` has all of them


def print_list(runs: "list[RunLine]", results: Path) -> None:
    """Print a table of runs, and a line for each that cannot be used."""
    if not runs:
        print(f"There are no published runs in {for_terminal(str(results))}.")
        return
    usable = [_cells(run) for run in runs if run["problem"] is None]
    titles = ("run", "table", "model", "holdout score", "rows", "audit", "")
    if usable and not print_table(titles, usable):
        for run_id, dataset, model, score, rows, audit, notes in usable:
            print(for_terminal(f"{run_id}  {notes}".rstrip()))
            print_indented(f"{dataset}: {model}, {score} on {rows} rows, audit: {audit}", 4)
    for run in runs:
        if run["problem"] is not None:
            problem = " ".join(f"{run['dataset']}: not usable. {run['problem']}".split())
            print(for_terminal(f"{run['run_id']}  {problem}".lstrip()))


def _cells(run: "RunLine") -> tuple[str, ...]:
    notes = ["latest"] * run["latest"] + ["from elsewhere"] * (not run["sealed"])
    score, rows = f"{run['metric']} {_figure(run)}", f"{run['holdout_rows']:,}"
    cells = (run["run_id"], run["dataset"], run["model"], score, rows, run["audit"])
    return (*map(str, cells), ", ".join(notes))


def print_card(described: dict) -> None:
    """Print a run's model card: set out in a terminal, as it is elsewhere."""
    text = for_terminal(described["card"])
    if sys.stdout.isatty():
        console_of().print(Markdown(text, hyperlinks=False))
    else:
        print(text, end="")
    print(f"\nFolder: {for_terminal(described['folder'])}")
    if not described["sealed"]:
        print("This run was not published from this account.")


def print_differences(found: dict) -> None:
    """Print what `run_differences` found."""
    (first, second), (table, other) = found["runs"], found["datasets"]
    print(f"first   {first} ({table})\nsecond  {second} ({other})\n")
    rows = [(name, *map(_figure, pair)) for name, pair in found["metrics"].items()]
    print_table(("on the holdout", "first", "second"), rows, even_if_narrow=True)
    if not found["same_rows"]:
        print(
            "\nThe runs were scored on different rows: the difference in scores may come from that."
        )
    print()
    if not found["differences"]:
        print("The content is the same." if found["same_content"] else "Nothing else differs.")
        return
    rows = [(name, *map(_value, values)) for name, values in found["differences"].items()]
    print_table(("what differs", "first", "second"), rows, even_if_narrow=True)


def print_verification(found: dict) -> None:
    """Print what `verify_run` found."""
    listed, wrong = found["files"], len(found["changed_files"])
    whole = f"{listed - wrong} of {listed}" if wrong else f"all {listed}"
    lines = [f"{found['run_id']} ({found['dataset']}), {found['folder']}"]
    lines.append(f"files: {whole} as published")
    if found["largest_difference"] is not None:
        lines.append(
            f"predictions: {found['golden_rows']} golden rows predicted again, largest difference "
            f"{found['largest_difference']:.2g}"
        )
    lines += [f"version: {change}" for change in found["version_changes"]]
    lines += [f"PROBLEM: {problem}" for problem in found["problems"]]
    print(for_terminal("\n".join([*lines, "ok" if found["ok"] else "NOT ok"])))


def print_indented(text: str, by: int) -> None:
    """Print a text, in lines that all begin at a column."""
    console_of().print(Padding(plain(text), (0, 0, 0, by), expand=False))


def plain(text: object) -> Text:
    """Return text in which neither the terminal nor rich's markup finds a command."""
    return Text(for_terminal(str(text)))


def console_of() -> Console:
    """Return the console of standard output."""
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)


def print_table(
    titles: Sequence[str], rows: Iterable[Sequence[str]], even_if_narrow: bool = False
) -> bool:
    """Print a table without lines; return whether it was, as it may not fit into the terminal."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for i, title in enumerate(titles):
        table.add_column(plain(title), overflow="fold", no_wrap=i == 0 and len(titles) > 3)
    for row in rows:
        table.add_row(*map(plain, row))
    console = console_of()
    wanted = console.measure(table, options=console.options.update(max_width=WIDE)).maximum
    if is_shown := wanted <= console.width or even_if_narrow:
        console.print(table)
    return is_shown


def _figure(figure: "Figure | RunLine") -> str:
    if figure["value"] is None:
        return "-"
    if None in (figure["low"], figure["high"]):
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and HASH.fullmatch(value):
        return f"{value[:SHOWN_HASH]}..."
    return "-" if value is None else shortened(str(value), SHOWN_VALUE)
