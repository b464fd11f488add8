"""What in new rows is unlike training: counted chunk by chunk, told where it is more than chance.

A cell that cannot be read as those of training were is refused (`predict.clean_rows`). What is
counted here is predicted, but the model has learned from nothing like it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import bdtrc

from ml_baseline.data import cells
from ml_baseline.data.infer_dates import exchanged
from ml_baseline.data.infer_numbers import signs_of
from ml_baseline.data.infer_schema import describe_columns
from ml_baseline.data.raw_table import RawTable
from ml_baseline.data.schema import LABEL_KINDS, NUMERIC_KINDS, Column, Schema, column, listed
from ml_baseline.text import percent, plural, shortened

# A column is told if more of its cells are unlike training than are to be expected and so many more,
# which would happen by chance less often than this.
LIMIT = 0.05
CHANCE = 0.001
# A single number is told that is farther outside training's range than the range is wide, and than
# so many times the stretch of its outermost values: where it is thin at its ends, it goes on.
FAR_TAILS = 5.0
# Columns of which at least so many cells are unlike training may have changed places.
SWAPPED_SHARE = 0.5
LAST_MONTH = 12
EXAMPLES = 5
SHOWN_CHARACTERS = 40
# Of the words that training could not read in a column, so many are known, the most frequent ones.
KNOWN_WORDS = 50

# What is counted, and what is said of such cells.
WORDS = {
    "unseen": "are of categories that training did not have",
    "out_of_range": "lie outside training's range",
    "fractional": "have a fraction, as no number of training had",
    "missing": "are missing",
    "unreadable": "cannot be read as those of training were",
}
OF_ONE = {"are": "is", "lie": "lies", "have": "has"}


def describe_training(schema: Schema, table: pd.DataFrame, raw: RawTable) -> Schema:
    """Return the schema of a table with what new rows are compared with.

    `table` are the cleaned rows that the model has learned from; their `row_id` tells the place in
    the raw one, `raw`, every cell of which is text.
    """
    schema = describe_columns(schema, table)
    for entry in schema["columns"]:
        if entry["role"] != "feature":
            continue
        values = table[entry["name"]]
        if entry["kind"] == "category":
            entry["seen_once"] = int((values.value_counts() == 1).sum())
        if entry["kind"] in LABEL_KINDS:
            continue
        texts = raw[entry["source"]].iloc[table["row_id"].to_numpy()]
        known = values.notna().to_numpy()
        if not known.all():
            lost = cells.strip(texts[~known])
            lost = lost[~cells.is_missing(lost, cells.MISSING_TOKENS | cells.MISSING_WORDS)]
            words = lost[~lost.str.contains(r"\d")].value_counts().index[:KNOWN_WORDS]
            if len(words):
                entry["unread"] = sorted(words)
        if entry["kind"] in NUMERIC_KINDS and "part" not in entry:
            entry["signs"] = signs_of(texts.dropna().drop_duplicates(), entry)
        elif entry["kind"] == "boolean" and cells.plain_numbers(texts[known]) is not None:
            entry |= {"minimum": 0, "maximum": 1}
        if entry.get("minimum", 0) < entry.get("maximum", 0):
            low, high, outermost = entry["minimum"], entry["maximum"], len(values) ** -0.5
            tails = values.quantile(outermost) - low, high - values.quantile(1 - outermost)
            reach = [max(high - low, FAR_TAILS * float(tail)) for tail in tails]
            entry["far"] = [low - reach[0], high + reach[1]]
    return schema


class Unlike(NamedTuple):
    """Cells of a feature that are unlike those of training; `what` is a key of `WORDS`."""

    feature: str
    what: str
    cells: int
    examples: list
    far: int = 0  # of them, so far outside the range that one alone is told


def unlike_training(schema: Schema, table: pd.DataFrame, repairs: Mapping) -> Iterator[Unlike]:
    """Yield what is unlike training in rows that `clean.clean_features` gave, with its `repairs`."""
    counted = set()
    for entry in schema["columns"]:
        if entry["role"] != "feature":
            continue
        name, source, count = entry["name"], entry["source"], repairs[entry["source"]]
        if source not in counted:  # of the parts of a date, the first
            counted.add(source)
            missing = sum(count.get("missing", {}).values()) + count.get("missing_numbers", 0)
            if missing:
                yield Unlike(name, "missing", missing, [])
            if unread := count.get("unparsable"):
                what = "unseen" if "encode" in entry else "unreadable"
                yield Unlike(name, what, unread, count["unparsable_examples"])
            if unseen := count.get("unseen"):
                yield Unlike(name, "unseen", unseen, count["unseen_examples"])
        if "minimum" in entry:
            values, low, high = table[name].to_numpy(), entry["minimum"], entry["maximum"]
            found = values[(values < low) | (values > high)]
            if len(found):
                ends = entry.get("far", [-np.inf, np.inf])
                far = int(((found < ends[0]) | (found > ends[1])).sum())
                examples = _farthest(np.unique(found).tolist(), entry)
                yield Unlike(name, "out_of_range", len(found), examples, far)
            if entry["kind"] == "integer" and values.dtype.kind == "f":
                found = values[np.isfinite(values) & (values != np.floor(values))]
                if len(found):
                    examples = np.unique(found)[:EXAMPLES].tolist()
                    yield Unlike(name, "fractional", len(found), examples)


def _farthest(numbers: list[float], entry: Column) -> list[float]:
    """Return a few of the numbers outside a column's range, the farthest first."""
    low, high = entry["minimum"], entry["maximum"]
    return sorted(numbers, key=lambda number: min(number - low, high - number))[:EXAMPLES]


def counted(entry: Column) -> list[str]:
    """Return what is counted of a feature, of `WORDS`."""
    return [
        *("missing", "unreadable"),
        *["unseen"] * ("categories" in entry),
        *["out_of_range"] * ("minimum" in entry),
        *["fractional"] * (entry["kind"] == "integer" and "part" not in entry),
    ]


class BatchCheck:
    """What in the rows of a batch is unlike training; its size does not grow with them."""

    def __init__(self, schema: Schema):
        self._schema, self._rows = schema, 0
        self._features = [e for e in schema["columns"] if e["role"] == "feature"]
        self._found: dict[tuple[str, str], Unlike] = {}
        months = {e["source"]: e["name"] for e in self._features if e.get("part") == "month"}
        # Of dates that tell day and month by nothing but their order: the days that were found, as
        # 131 for the last of January, by the columns of month and day.
        self._days: dict[tuple[str, str], set[float]] = {
            (months[entry["source"]], entry["name"]): set()
            for entry in self._features
            if entry.get("part") == "day"
            and entry["source"] in months
            and entry.get("maximum", 0) > LAST_MONTH
            and exchanged(entry["date_formats"]) != entry["date_formats"]
        }

    def add(self, table: pd.DataFrame, repairs: Mapping) -> None:
        """Count the rows that `clean.clean_features` gave."""
        self._rows += len(table)
        for unlike in unlike_training(self._schema, table, repairs):
            name, what, count, examples, far = unlike
            before = self._of(name, what)
            examples = list(dict.fromkeys([*before.examples, *examples]))
            if what == "out_of_range":
                examples = _farthest(examples, column(self._schema, name))
            count, far = before.cells + count, before.far + far
            self._found[name, what] = Unlike(name, what, count, examples[:EXAMPLES], far)
        for (month, day), days in self._days.items():
            days |= {*(100 * table[month] + table[day]).dropna().unique()}

    def _of(self, name: str, what: str) -> Unlike:
        """Return the cells of a feature that were found to be unlike training in one way."""
        return self._found.get((name, what), Unlike(name, what, 0, []))

    def summary(self) -> dict[str, Any]:
        """Return what `<output>.check.json` says of the cells.

        `rows`; `limit`; `warnings`, in words; and `columns`: of each feature, of each that is `counted`
        of it, the `count`, its `share`, the share `expected` of rows like those of training, `examples`.
        """
        columns = {entry["name"]: self._column(entry) for entry in self._features}
        told = {"rows": self._rows, "limit": LIMIT, "warnings": [*self._warnings()]}
        return told | {"columns": columns}

    def _column(self, entry: Column) -> dict:
        about: dict[str, Any] = {}
        for what in counted(entry):
            found = self._of(entry["name"], what)
            about[what] = {
                "count": found.cells,
                "share": found.cells / self._rows if self._rows else 0.0,
                "expected": self._expected(entry, what),
            } | ({"examples": found.examples} if found.examples else {})
        return about

    def _expected(self, entry: Column, what: str) -> float:
        """Return the share of such cells that rows like those of training would have."""
        rows = max(self._schema.get("rows", 0), 1)
        if what == "missing":
            return entry.get("missing", 0) / rows
        if what == "unseen":  # Good and Turing's estimate
            return entry.get("seen_once", 0) / rows
        # Each end of the range is one of as many numbers, any of which might be the outermost.
        return 2 / (rows + 1) if what == "out_of_range" else 0.0

    def _warnings(self) -> Iterator[str]:
        for entry in self._features:
            for what in counted(entry):
                found = self._of(entry["name"], what)
                expected = self._expected(entry, what)
                is_more = found.cells > self._rows * (expected + LIMIT)
                if is_more and expected:
                    is_more = bdtrc(found.cells - 1, self._rows, expected) < CHANCE
                if is_more or found.far:
                    yield self._in_words(entry, found, is_more)
        for (_, name), days in self._days.items():
            if len(days) > LAST_MONTH and max(day % 100 for day in days) <= LAST_MONTH:
                source = column(self._schema, name)["source"]
                yield (
                    f"column '{source}': no date has a day above {LAST_MONTH}; perhaps day and month "
                    "have changed places"
                )
        for first, second in self._swapped():
            yield f"perhaps the columns '{first}' and '{second}' have changed places"

    def _in_words(self, entry: Column, found: Unlike, is_more: bool) -> str:
        what, count = found.what, found.cells if is_more else found.far
        of_all = f"{count:,} of {plural(self._rows, 'cell')} ({percent(count / self._rows)})"
        shown = [f"{one:g}" if isinstance(one, float) else repr(one) for one in found.examples]
        examples = ", ".join(shortened(text, SHOWN_CHARACTERS) for text in shown)
        examples = f" ({examples})" if shown else ""
        verb, words = WORDS[what].split(" ", 1)
        verb = OF_ONE.get(verb, verb) if count == 1 else verb
        training = ""
        if what == "unseen":
            training = f"; it had {listed(map(repr, entry.get('encode') or entry['categories']), EXAMPLES)}"
        elif what == "out_of_range":
            training = f"; it is {entry['minimum']:g} to {entry['maximum']:g}"
        elif what == "missing":
            training = f"; in training {percent(self._expected(entry, what))} were"
        return f"column '{entry['name']}': {of_all} {verb} {words}{examples}{training}"

    def _swapped(self) -> Iterator[tuple[str, str]]:
        """Yield pairs of columns in which most cells are unlike training and fit the other one."""
        odd = {
            name: found.examples
            for (name, what), found in self._found.items()
            if what in ("unseen", "out_of_range", "unreadable")
            and found.cells >= SWAPPED_SHARE * self._rows
        }
        for i, first in enumerate(odd):
            for second in list(odd)[i + 1 :]:
                if self._fits(odd[first], second) and self._fits(odd[second], first):
                    yield first, second

    def _fits(self, examples: list, name: str) -> bool:
        entry = column(self._schema, name)
        if "minimum" in entry:
            try:
                numbers = [float(example) for example in examples]
            except ValueError:
                return False
            return all(entry["minimum"] <= number <= entry["maximum"] for number in numbers)
        if known := entry.get("encode") or entry.get("categories"):
            return set(examples) <= {*map(str, known)}
        # The answers to yes or no are not listed; nothing fits a column without any value in training.
        answers = cells.parse_booleans(pd.Series(map(str, examples), dtype="str"))
        return entry["kind"] == "boolean" and bool(answers.notna().all())
