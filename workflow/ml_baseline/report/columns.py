"""What the table is: its columns, what is missing, what was repaired, how its values spread."""

import base64
import re
from pathlib import Path
from typing import Any

from ml_baseline.data.schema import PART_NAMES, Column
from ml_baseline.report import charts, figures, words
from ml_baseline.report.sources import Sources, by_name, size_text
from ml_baseline.report.standing import Row
from ml_baseline.report.words import number, percent
from ml_baseline.text import plural, shortened

# What a page draws of many columns; the rest is in its tables and files.
DRAWN_COLUMNS = 12
DRAWN_COLUMNS_AT_MOST = 60
DRAWN_MISSING = 20
# Of a column in which so many rows have other values than its frequent ones, nothing is drawn.
OTHERS, MOST_OTHERS = re.compile(r"[\d,]+ others"), 0.9
# Plots are put into the page until they fill this.
PLOT_BYTES = 1_500_000

# What the schema's words do not say by themselves.
KIND_WORDS = {"integer": "whole number", "boolean": "yes or no", "code": "code of a label"}
ROLE_WORDS = {
    "id": "id, kept but not learned from",
    "group": "keeps rows together in the split",
    "time": "orders the rows",
    "drop": "dropped",
    "forbidden": "forbidden: no model sees it",
}
REPAIR_WORDS = {
    "stripped": "surrounding blanks removed",
    "missing": "read as missing",
    "missing_numbers": "numbers that stand for missing",
    "mixed": "without the unit that others have",
    "ambiguous": "could be read in another way too",
    "unparsable": "unreadable, so missing",
    "numbers_from_text": "numbers read from text",
    "booleans_from_text": "yes or no read from text",
    "dates_from_text": "dates read from text",
    "encoded": "labels turned into codes",
    "respelled": "spellings made alike",
    "labels_mapped": "labels of the target turned into 0 and 1",
}


def data_view(sources: Sources) -> dict[str, Any]:
    """Return what the section on the data is filled with."""
    stats = by_name(sources.tables["stats"], "column")
    columns = [
        column_row(entry, stats.get(entry["name"], [])) for entry in sources.schema["columns"]
    ]
    missing = sorted(
        (c for c in columns if c["missing"] and c["rows"]), key=lambda c: (-c["missing"], c["name"])
    )
    most_missing = max((share for c in missing for share in c["missing_by_class"]), default=0)
    missing_scale = min(1.0, charts.nice_step(most_missing, 1)) if most_missing else 1.0
    distributions = by_name(sources.tables["distributions"], "column")
    ranked = [row["feature"] for row in sources.tables["importance"]]
    order = [name for name in dict.fromkeys([*ranked, *distributions]) if name in distributions]
    shown = [name for name in order if is_drawn(distributions[name])]
    drawn = []
    for name in shown[:DRAWN_COLUMNS_AT_MOST]:
        bins = distributions[name]
        most = max(bins, key=lambda b: b["positives"])["label"]
        label = (
            f"Distribution of {name} by class, {len(bins)} groups of values; most rows with "
            f"{sources.classes[1]} are in {most}."
        )
        drawn.append({"name": name, "chart": figures.distribution_chart(bins, label)})
    return {
        "columns": columns,
        "missing": missing,
        "drawn_missing": missing[:DRAWN_MISSING],
        "missing_scale": missing_scale,
        "missing_ruler": charts.ruler((0, 100 * missing_scale), " %"),
        "repairs": repair_rows(sources.repairs),
        "distributions": drawn[:DRAWN_COLUMNS],
        "more_distributions": drawn[DRAWN_COLUMNS:],
        "undrawn": len(order) - len(drawn),
        "plots": plots_view(sources.plots),
    }


def is_drawn(bins: list[dict]) -> bool:
    """Return whether there is something to see: of text each value is another, so nearly all are "others"."""
    rows = {b["label"]: b["negatives"] + b["positives"] for b in bins if b["kind"] == "category"}
    others = sum(rows[label] for label in rows if OTHERS.fullmatch(label))
    return others <= MOST_OTHERS * sum(rows.values())


def column_row(entry: Column, stats: list[Row]) -> dict[str, Any]:
    """Return a column's line in the table of columns."""
    of_class = {row["class"]: row for row in stats}
    everything = of_class.get("all", {})
    missing_by_class = [number(of_class.get(c, {}).get("missing_share")) or 0 for c in ("0", "1")]
    missing = entry.get("missing") or 0
    rows = sum(number(everything.get(name)) or 0 for name in ("count", "missing"))
    distinct = number(everything.get("distinct"))
    range_text = "" if distinct is None else plural(distinct, "value")
    if "minimum" in entry:
        ends = [entry["minimum"], entry["maximum"]]
        names = PART_NAMES.get(entry.get("part", ""), {})
        shown = [names.get(end) or words.significant(end) for end in ends]
        range_text = " to ".join(dict.fromkeys(shown))
        of_class = {} if names else of_class  # a mean of weekdays is none
    if entry["role"] == "target":  # of each class all rows are yes, or none
        of_class = {}
    return {
        "name": entry["name"],
        "source": entry["source"],
        "role": ROLE_WORDS.get(entry["role"], entry["role"]),
        "kind": KIND_WORDS.get(entry["kind"], entry["kind"]) if stats else "",
        "part": entry.get("part", ""),
        "missing": missing,
        "share": missing / rows if rows else 0,
        "missing_by_class": missing_by_class,
        "rows": rows,
        "range": range_text,
        "negatives": typical(of_class.get("0")),
        "positives": typical(of_class.get("1")),
    }


def typical(row: Row | None) -> str:
    """Return what is usual in a column: its mean, or its most frequent value and how frequent."""
    if not row:
        return ""
    rows, mean = number(row["count"]) or 1, number(row.get("mean"))
    if mean is not None and row["kind"] == "boolean":
        return f"{percent(mean, rows)} yes"
    if mean is not None:
        return f"mean {words.significant(mean, 4 if row['kind'] == 'integer' else 3)}"
    if row.get("top"):
        share = float(row["top_count"]) / rows
        return f"{shortened(row['top'], 24)} ({percent(share)})"
    return ""


def repair_rows(repairs: dict) -> list[dict[str, Any]]:
    """Return what cleaning changed, one row a column and repair."""
    rows = []
    for name, counts in repairs["columns"].items():
        for what, cells in counts.items():
            if what.endswith("_examples") or what == "readings":
                continue
            examples = counts.get(f"{what}_examples", [])
            if isinstance(cells, dict):  # which text, and how often
                examples, cells = [text or "(empty)" for text in cells], sum(cells.values())
            if cells:
                what = REPAIR_WORDS.get(what, what.replace("_", " "))
                rows.append({"column": name, "what": what, "cells": cells, "examples": examples})
    return rows


def plots_view(paths: list[str]) -> list[dict[str, Any]]:
    """Return the workflow's plots as images within the page, as long as there is room."""
    room = PLOT_BYTES
    plots = []
    for path in map(Path, paths):
        size, image = path.stat().st_size, ""
        if size <= room:
            room -= size
            image = f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
        plots.append({"path": path, "image": image, "size": size_text(size)})
    return plots
