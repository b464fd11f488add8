"""A table looked at before a run: what is in it, what is not certain, and its entry for the config."""

from argparse import Namespace
from collections import ChainMap, Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import yaml

from ml_baseline.cli import say, train
from ml_baseline.cli.display import print_indented, print_table
from ml_baseline.config.editing import add_table
from ml_baseline.config.paths import same_path
from ml_baseline.data.inspection import ColumnView, Inspection, in_short, inspect_table
from ml_baseline.data.schema import Doubt
from ml_baseline.errors import InputError
from ml_baseline.text import config_entry, for_terminal, merged_fixes, percent, plural, shortened

SHOWN_COLUMNS, SHOWN_DOUBTS, SHOWN_CANDIDATES = 40, 12, 6
NAME_WIDTH, CELL_WIDTH = 40, 24
# A smaller share of the rarer class makes most metrics misleading, and needs many rows.
IMBALANCED = 0.05
# Of the cross-validation, where the config does not say.
FOLDS = 5
# Doubts of a column that the entry for the config settles beside those that nothing decides.
SETTLED = ("id", "constant", "empty")
# How a file was read, where its keys and values alone are no words.
READING_WORDS = {
    "header_row": "names in row {}",
    "other_sheets": "not read: {}",
    "merged_cells_filled": "values of merged cells copied into {} rows",
}
# Keys of a table's settings that the command takes as options.
OPTIONS = ("target", "positive", "negative", "sheet", "header_row", "separator", "encoding")


def inspect_file(options: Namespace) -> dict[str, Any]:
    """Look at a table, and print it unless JSON is wanted; return what was found, as JSON can hold it.

    Raises:
        InputError: see `inspection.inspect_table`; or the config has the table already.
    """
    given = {key: getattr(options, key) for key in OPTIONS if getattr(options, key) is not None}
    if options.write and "target" not in given:
        raise InputError("--write needs --target: an entry in the config has the column to predict")
    if options.name is not None:
        train.require_name(options.name)
    config = options.configfile or train.CONFIG
    known = train.known_tables(config if config.is_file() else None)
    entries = [
        name
        for name, entry in known.items()
        if same_path(str(entry.get("table")), options.file)
        and str(entry.get("target")) == given.get("target", str(entry.get("target")))
    ]
    name = entries[0] if entries else (options.name or train.name_of_file(options.file))
    if options.write:
        name, _ = train.name_and_settings(options.file, given["target"], name, known)
        if name in known:
            raise InputError(f"{config} has the table `{name}` already; change its entry there")
    settings = (known[name] if entries else {}) | given
    if "target" not in settings and {"positive", "negative"} & given.keys():
        raise InputError("--positive and --negative name labels of the target: add --target")
    found = inspect_table(options.file, settings)
    entry = "" if entries else entry_of(name, found, given)
    said = train.contents(config if config.is_file() else None)
    sections = ChainMap(settings, *reversed([*said]))
    cv = sections.get("cv")
    folds = cv.get("folds") if isinstance(cv, dict) else None
    if not options.json:
        print_inspection(found, folds if isinstance(folds, int) else FOLDS, options.all)
        if entries:
            print(for_terminal(f"\nThe config has this table as `{name}`; its settings were used."))
        else:
            print(for_terminal(f"\nFor {train.CONFIG}:\n\n{entry}"))
    if options.write:
        add_table(config, name, yaml.safe_load(entry)["datasets"][name], entry)
        say(f"wrote the table `{name}` into {config}")
    return asdict(found) | {"name": name, "entry": entry}


def entry_of(name: str, found: Inspection, given: dict[str, Any]) -> str:
    """Return the entry of a table for the config, with what settles doubts that nothing decides."""
    likely = list(found.candidates)[:SHOWN_CANDIDATES]
    target = found.target or (likely[0] if len(likely) == 1 else "?")
    lines = [config_entry(table=found.table), config_entry(target=target)]
    if found.target is None:
        words = f"perhaps one of: {', '.join(likely)}" if likely else "no column has two labels"
        words = "" if target != "?" else f"; {_one_line(words)}"
        lines[-1] += f"  # the yes/no column{words}"
    more = {key: given[key] for key in OPTIONS[1:] if key in given}
    for key, value in more.items():
        one = value[0] if isinstance(value, list) and len(value) == 1 else value
        lines.append(config_entry(**{key: one}))
    settled = [d for d in found.doubts if d.severity == "fail" or d.what in SETTLED]
    keys = yaml.safe_load(merged_fixes(config_entry(**doubt.settle) for doubt in settled)) or {}
    columns = keys.pop("columns", {})
    lines += [config_entry(**{key: value}) for key, value in keys.items()]
    # What only a user can say is a comment: it reads cells in another way, or keeps a guess.
    warned = {d.column: d for d in found.doubts if d.severity == "warn" and "columns" in d.settle}
    proposals = [doubt for column, doubt in warned.items() if column not in columns]
    if columns or proposals:
        lines.append("columns:" if columns else "#columns:")
    open_ones = {doubt.column: doubt for doubt in settled if doubt.severity == "fail"}
    for column, how in columns.items():
        if column in open_ones:
            lines.append(f"  # check: {_one_line(open_ones[column].summary)}")
        lines.append("  " + config_entry(**{column: how}))
    where = "the next line" if columns else "the next line and `columns`"
    for doubt in proposals:
        lines.append(f"  # take the # off {where} if it is right: {_one_line(doubt.summary)}")
        lines.append("  #" + config_entry(**doubt.settle["columns"]))
    key = config_entry(**{name: {}}).removesuffix(" {}")  # in quotes where it has to be: 'no'
    return "\n".join([f"datasets:\n  {key}", *(f"    {line}" for line in lines)]) + "\n"


def _one_line(text: str) -> str:
    return for_terminal(" ".join(text.split()))


def print_inspection(found: Inspection, folds: int, all_columns: bool) -> None:
    """Print what a table holds: the file, the target, each column, the doubts.

    `folds` are those of the cross-validation.
    """
    how = ", ".join(
        READING_WORDS.get(key, key.replace("_", " ") + " {!r}").format(value)
        for key, value in found.reading.items()
        if isinstance(value, str) and key not in ("format", "doubtful_words")
    )
    print(for_terminal(f"{found.table}: {in_short(found)}"))
    print(for_terminal(f"read as {found.reading['format'].replace('_', ' ')}{how and ': '}{how}\n"))
    print(for_terminal(_target(found, folds)))
    shown = found.columns if all_columns else found.columns[:SHOWN_COLUMNS]
    rows = [_cells(column) for column in shown]
    if not print_table(("column", "read as", "cells", "values", "missing"), rows):
        for name, *others in rows:
            print(for_terminal(name))
            print_indented("; ".join(filter(None, others)), 4)
    if rest := found.columns[SHOWN_COLUMNS:] if not all_columns else []:
        kinds = Counter(_kind(column) for column in rest).most_common()
        text = ", ".join(f"{number:,} {kind}" for kind, number in kinds)
        print(f"... and {plural(len(rest), 'more column')} ({text}); --all shows them")
    groups = _alike(found.doubts)
    print(f"\n{'What to look at:' if groups else 'Nothing uncertain was found.'}")
    for doubts in groups[:SHOWN_DOUBTS]:
        first, others = doubts[0], [doubt.column for doubt in doubts[1:]]
        print_indented(f"{first.severity}: {first.summary}.", 2)
        if others:
            names = ", ".join(shortened(name, NAME_WIDTH) for name in others[:SHOWN_CANDIDATES])
            more = " ..." if len(others) > SHOWN_CANDIDATES else ""
            text = f"The like holds for {plural(len(others), 'column')}: {names}{more}"
            print_indented(text, 6)
        if first.severity != "told" or first.what == "text":
            print_indented(first.explanation, 6)
        if first.severity != "told" or first.what == "answer":
            lines = merged_fixes(config_entry(**doubt.settle) for doubt in doubts)
            for line in lines.splitlines():
                print(for_terminal(f"        {line}"))  # not broken: it is to be copied
    if len(groups) > SHOWN_DOUBTS:
        print(f"  ... and {len(groups) - SHOWN_DOUBTS} more; --json shows them")


def _alike(doubts: Iterable[Doubt]) -> list[list[Doubt]]:
    """Return the doubts, those of the same kind together where they are many."""
    together: dict[tuple, list[Doubt]] = {}
    for doubt in doubts:
        together.setdefault((doubt.severity, doubt.what), []).append(doubt)
    groups: list[list[Doubt]] = []
    for alike in together.values():
        groups += [alike] if len(alike) > 3 else [[doubt] for doubt in alike]
    return groups


def _target(found: Inspection, folds: int) -> str:
    if found.target is None:
        shown = [f"{n} ({', '.join(two)})" for n, two in found.candidates.items()]
        likely = ", ".join(shown[:SHOWN_CANDIDATES]) + (" ..." * (len(shown) > SHOWN_CANDIDATES))
        return f"target  not named (--target); columns with two labels: {likely or 'none'}\n"
    rows = sum(found.classes.values())
    (yes, positives), (no, negatives) = found.classes.items()
    text = (
        f"target  {found.target}: {yes} (means 1) in {plural(positives, 'row')}, "
        f"{percent(positives / rows)}; {no} (means 0) in {negatives:,}, {percent(negatives / rows)}"
    )
    if rows < found.rows:
        text += f"; {plural(found.rows - rows, 'row')} without a target are left out"
    fewest = folds + 1  # of each class: one in the holdout, one in each fold
    if min(positives, negatives) < fewest:
        text += (
            f"; too few for a holdout and {folds} folds, which take at least {fewest} rows of each"
        )
    elif min(positives, negatives) < IMBALANCED * rows:
        text += "; imbalanced, so accuracy says little and the rarer class needs many rows"
    return text + "\n"


def _kind(column: ColumnView) -> str:
    roles = {"id": "id", "drop": "left out", "forbidden": "forbidden", "target": "target"}
    kind = roles.get(column.role) or column.kind
    return f"{kind} ({column.role})" if column.role in ("time", "group") else kind


def _cells(column: ColumnView) -> tuple[str, ...]:
    pairs = [
        before if before.strip() == after else f"{before} → {after}"
        for before, after in zip(map(_cell, column.before), map(_cell, column.after), strict=True)
    ]
    kind = f"{_kind(column)}, {column.how}" if column.how else _kind(column)
    markers = [f"{_cell(text) or 'empty'}: {number:,}" for text, number in column.markers.items()]
    missing = ", ".join(markers[:3]) + " ..." * (len(markers) > 3)
    missing = missing or (f"{column.missing:,}" if column.missing else "")
    name = shortened(" ".join(column.name.split()), NAME_WIDTH)
    return name, kind, ", ".join(pairs), column.values, missing


def _cell(text: str) -> str:
    return shortened(" ".join(text.split()), CELL_WIDTH)
