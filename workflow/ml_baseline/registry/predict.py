"""Predictions of new rows: read as the training table was, cleaned by the run's schema, predicted.

`predict_rows` is the one way from raw rows to predictions; files go it chunk by chunk, and the
server with what was sent. No row is dropped, doubled or moved.
"""

import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from ml_baseline.config.paths import require_output, whole_prediction
from ml_baseline.data import cells
from ml_baseline.data.clean import clean_features
from ml_baseline.data.schema import KEPT_ROLES, feature_columns, listed, names_of
from ml_baseline.data.streams import (
    LooseQuotesError,
    ParquetRows,
    TableWriter,
    TextRows,
    in_chunks,
    open_rows,
)
from ml_baseline.errors import InputError, similar

if TYPE_CHECKING:  # importing them takes longer than all else here
    from sklearn.pipeline import Pipeline

    from ml_baseline.registry import Run

# A chunk has at most so many rows, and fewer where the table is wide, but never very few: what a
# chunk costs whatever its size must not count.
CHUNK_ROWS = 1 << 17
CHUNK_CELLS = 1 << 22
FEWEST_CHUNK_ROWS = 1 << 10

ON_BAD_ROWS = ("fail", "null")
OUTPUT_SUFFIXES = tuple(
    [".parquet"]
    + [
        f".{text}{packed}"
        for text in ("csv", "tsv", "txt")
        for packed in ("", ".gz", ".bz2", ".xz")
    ]
)
STANDARD_STREAM = "-"
PROGRESS_AFTER_SECONDS = 1.0
# So many bad rows, and different cells that no label is, are shown.
SHOWN_ROWS = 5
SHOWN_CHARACTERS = 40
OUTPUT_COLUMNS = ("row", "probability", "prediction", "reason")

# What a cell that cannot be read was expected to be, by the kind of its column.
EXPECTED = {"number": "a number", "integer": "a number", "boolean": "yes or no"}


@dataclass(frozen=True)
class BadCells:
    """Cells of one raw column that do not keep to the schema.

    Attributes:
        column: its name in the raw table.
        expected: what they should have been.
        found: the cells, by the position of their row.
    """

    column: str
    expected: str
    found: pd.Series


def input_columns(schema: dict) -> list[str]:
    """Return the raw columns that the model needs, in the order of the training table."""
    return list(
        dict.fromkeys(entry["source"] for entry in schema["columns"] if entry["role"] == "feature")
    )


def id_columns(run: "Run") -> list[str]:
    """Return the raw columns that name a row; one that was declared may be the group too."""
    declared = names_of(run.meta.get("config", {}).get("id"))
    return [
        entry["source"]
        for entry in run.schema["columns"]
        if entry["role"] == "id" or (entry["role"] == "group" and entry["source"] in declared)
    ]


def target_entry(schema: dict) -> dict:
    """Return the schema's entry of the target."""
    return next(entry for entry in schema["columns"] if entry["role"] == "target")


def clean_rows(raw: pd.DataFrame, schema: dict) -> tuple[pd.DataFrame, list[BadCells]]:
    """Return the cleaned features of raw rows and the cells that do not keep to the schema.

    A cell that is missing or of a category never seen is fine; text where the training table had
    numbers, dates or booleans is not, nor is a label in the target (which a table to predict may
    have and is not predicted from) that is none of the training table's.

    Args:
        raw: shape (rows, columns), every cell text, null for missing; columns of no use are left
            alone.
        schema: the run's input schema.

    Returns:
        A table of the feature columns in which a bad cell is missing, and the bad cells by column.
    """
    features = [entry for entry in schema["columns"] if entry["role"] == "feature"]
    table, repairs = clean_features(raw, schema | {"columns": features})
    problems = []
    for entry in features:
        rows = repairs.get(entry["source"], {}).get("unparsable_rows", ())
        # Of a column with codes, what has none is a category never seen.
        if len(rows) and entry["kind"] != "code":
            found = pd.Series(raw[entry["source"]].to_numpy()[rows], index=rows)
            problems.append(BadCells(entry["source"], expected(entry), found))
            repairs[entry["source"]] = {}  # the parts of a date are one column
    problems += _unknown_labels(raw, schema)
    return table[feature_columns(schema)], problems


def expected(entry: dict) -> str:
    """Return what the cells of a feature are to be, in words."""
    if "part" in entry:
        formats = [
            "a date such as 2024-01-31" if text == cells.ISO8601 else f"a date written {text}"
            for text in entry["date_formats"]
        ]
        return " or ".join(formats)
    unit = f" (in {entry['unit']})" if entry.get("unit") else ""
    return EXPECTED.get(entry["kind"], "text") + unit


def predict_rows(
    model: "Pipeline", schema: dict, raw: pd.DataFrame, threshold: float = 0.5
) -> tuple[np.ndarray, np.ndarray, list[BadCells]]:
    """Return the predictions of raw rows.

    Args:
        model: the run's fitted pipeline.
        schema: its input schema.
        raw: as for `clean_rows`.
        threshold: a probability of at least this much predicts 1.

    Returns:
        The probability of a 1 and the prediction, each of shape (rows,), and the bad cells. In
        their rows both figures come from what else is there, and should not be used.
    """
    table, problems = clean_rows(raw, schema)
    probability = predict_clean(model, table)
    return probability, (probability >= threshold).astype("int64"), problems


def predict_clean(model: "Pipeline", table: pd.DataFrame) -> np.ndarray:
    """Return the probability of a 1 for each row of cleaned features, shape (rows,)."""
    if not len(table):
        return np.empty(0)
    with warnings.catch_warnings():
        # Categories never seen are no news here.
        warnings.filterwarnings("ignore", message="Found unknown categories")
        probability = model.predict_proba(table)
    return probability[:, list(model.classes_).index(1)]


def check_columns(names: Sequence[str], schema: dict, name: str) -> list[str]:
    """Return which columns of a table are of no use here.

    Raises:
        InputError: a column that the model needs is missing.
    """
    missing = [column for column in input_columns(schema) if column not in names]
    if missing:
        hints = [
            f"'{near}' in place of '{column}'"
            for column in missing
            for near in similar(column, names, n=1, cutoff=0.8)
        ]
        hint = f" It has {listed(hints)}: rename these." if hints else ""
        what = "the columns " if len(missing) > 1 else "the column "
        raise InputError(
            f"{name} lacks {what}{listed(_quoted(missing))}, which the model learned from. Its "
            f"columns are {listed(names)}.{hint}"
        )
    known = {entry["source"] for entry in schema["columns"] if entry["role"] in KEPT_ROLES}
    return [column for column in names if column not in known]


def predict_file(
    run: "Run",
    source: str | Path,
    destination: str | Path,
    *,
    on_bad_rows: str = "fail",
    rows_at_a_time: int | None = None,
    progress: bool | None = None,
) -> dict:
    """Predict the rows of a file into a file, in memory that does not grow with it.

    The output has the id columns as they stand in the input (or `row`, counted from 1, if the
    table has none), `probability`, `prediction` (1 for what the run's schema calls positive, 0 for
    the rest) and, under "null", `reason`; its rows are those of the input, in their order. It is
    written whole or not at all. Columns of no use are named once on stderr.

    Args:
        run: a published run.
        source: a .csv, .tsv, .txt (also .gz, .bz2, .xz or .zip) or .parquet file, or "-" for
            standard input.
        destination: a file of these kinds (but .zip), or "-" for CSV on standard output, of which
            nothing is written before all of it is there.
        on_bad_rows: what is done about rows with cells that do not keep to the schema: "fail"
            raises, "null" leaves their figures empty and gives the reason.
        rows_at_a_time: rows of a chunk; by the width of the table if None. The last digits of
            probabilities may depend on it.
        progress: whether to show a bar on stderr; if it is a terminal, if None.

    Returns:
        `rows`, `bad_rows`, `unused_columns` and `seconds`.

    Raises:
        InputError: a file that cannot be read, a destination that no prediction wrote, a missing
            column, bad rows.
    """
    if on_bad_rows not in ON_BAD_ROWS:
        raise InputError(f"on_bad_rows is {on_bad_rows!r}; expected {' or '.join(ON_BAD_ROWS)}")
    started = time.perf_counter()
    suffix = _output_suffix(destination)
    if str(destination) != STANDARD_STREAM:
        require_output(destination, {source: "the input"})
    with ExitStack() as stack:
        path, name = stack.enter_context(_file_of(source))
        config = run.meta.get("config", {})
        rows = open_rows(
            path,
            name,
            separator=config.get("separator"),
            encoding=config.get("encoding"),
            columns=input_columns(run.schema),
        )
        unused = check_columns(rows.names, run.schema, name)
        if unused:
            _say(f"{name}: columns that are not used: {listed(unused)}")
        from ml_baseline.registry import load_model

        batch = _Batch(run, load_model(run), rows, on_bad_rows, rows_at_a_time)
        temporary = stack.enter_context(_whole_output(destination, suffix))
        show = stack.enter_context(_progress_bar(rows, progress))
        stack.enter_context(_model_threads())
        try:
            summary = batch.write(temporary, suffix, show)
        except LooseQuotesError:  # the rows know it now
            summary = batch.write(temporary, suffix, show)
    return summary | {"unused_columns": unused, "seconds": time.perf_counter() - started}


class _Batch:
    """A table that is to be predicted, and what it is predicted with."""

    def __init__(
        self,
        run: "Run",
        model: "Pipeline",
        rows: TextRows | ParquetRows,
        on_bad_rows: str,
        rows_at_a_time: int | None,
    ):
        self.schema, self.model, self.rows = run.schema, model, rows
        self.threshold = run.meta["threshold"]
        self.on_bad_rows = on_bad_rows
        self.ids = [column for column in id_columns(run) if column in rows.names]
        target = target_entry(self.schema)["source"]
        self.read = [*input_columns(self.schema), *([target] if target in rows.names else [])]
        width = len(self.read) + len(self.ids)
        self.chunk_rows = rows_at_a_time or min(
            CHUNK_ROWS, max(FEWEST_CHUNK_ROWS, CHUNK_CELLS // width)
        )

    def write(self, path: Path, suffix: str, show: Callable[[], None]) -> dict:
        """Write the predictions of all rows to `path`; return how many there are."""
        writer = TableWriter(path, self._output_schema(suffix), suffix)
        done = bad = 0
        # One chunk is read and cleaned, one predicted and one written at the same time.
        with closing(writer), ThreadPoolExecutor(1) as behind:
            written = behind.submit(lambda: None)
            for ids, table, problems in _ahead(self._cleaned(suffix)):
                if problems and self.on_bad_rows == "fail":
                    raise self._bad_rows(problems, done, len(table))
                probability = predict_clean(self.model, table)
                reasons = reasons_of(problems, len(table))
                output = self._output(writer.schema, ids, probability, reasons, done)
                written.result()
                written = behind.submit(writer.write, output)
                done += len(table)
                bad += sum(reason is not None for reason in reasons) if problems else 0
                show()
            written.result()
        return {"rows": done, "bad_rows": bad}

    def _cleaned(self, suffix: str) -> Iterator[tuple[pa.Table, pd.DataFrame, list[BadCells]]]:
        """Yield the ids, the features and the bad cells of chunk after chunk."""
        columns = list(dict.fromkeys([*self.read, *self.ids]))
        if isinstance(self.rows, ParquetRows):
            as_stored = tuple(self.ids) if suffix == ".parquet" else ()
            pieces = self.rows.pieces(columns, as_stored)
        else:
            pieces = self.rows.pieces(columns)
        for chunk in in_chunks(pieces, self.chunk_rows):
            raw = chunk.select(self.read).to_pandas()
            yield chunk.select(self.ids), *clean_rows(raw, self.schema)

    def _output_schema(self, suffix: str) -> pa.Schema:
        fields = []
        for column in self.ids:
            keeps_type = suffix == ".parquet" and isinstance(self.rows, ParquetRows)
            kind = self.rows.arrow_type(column) if keeps_type else pa.large_string()
            name = column
            while name in OUTPUT_COLUMNS or name in [field.name for field in fields]:
                name += "_raw"
            fields.append(pa.field(name, kind))
        fields = fields or [pa.field("row", pa.int64())]
        fields += [pa.field("probability", pa.float64()), pa.field("prediction", pa.int64())]
        if self.on_bad_rows == "null":
            fields.append(pa.field("reason", pa.large_string()))
        return pa.schema(fields)

    def _output(
        self,
        schema: pa.Schema,
        ids: pa.Table,
        probability: np.ndarray,
        reasons: list[str | None] | None,
        before: int,
    ) -> pa.Table:
        columns = list(ids.columns)
        if not columns:
            columns = [pa.array(np.arange(before + 1, before + 1 + len(probability)))]
        bad = None
        if reasons is not None:
            bad = np.array([reason is not None for reason in reasons])
        columns.append(pa.array(probability, mask=bad))
        columns.append(pa.array((probability >= self.threshold).astype("int64"), mask=bad))
        if self.on_bad_rows == "null":
            reasons = reasons or [None] * len(probability)
            columns.append(pa.array(reasons, pa.large_string()))
        return pa.Table.from_arrays(columns, schema=schema)

    def _bad_rows(self, problems: list[BadCells], before: int, rows: int) -> InputError:
        """Return what to say about the rows of a chunk that cannot be predicted."""
        number = len(set().union(*(problem.found.index for problem in problems)))
        seen = f"of the first {before + rows:,} rows "
        return InputError(
            f"{self.rows.name}: {number:,} {seen}cannot be predicted. "
            + " ".join(_described(problem, before) for problem in problems)
            + " Correct them; or `--on-bad-rows null` leaves such rows empty, says why, and "
            "predicts the others"
        )


def reasons_of(problems: list[BadCells], rows: int) -> list[str | None] | None:
    """Return for each row why it cannot be predicted, None where it can; None if all can."""
    if not problems:
        return None
    reasons: list[str | None] = [None] * rows
    for problem in problems:
        for row, found in problem.found.items():
            reason = f"{problem.column}: {_shown(found)} is not {problem.expected}"
            reasons[row] = f"{reasons[row]}; {reason}" if reasons[row] else reason
    return reasons


def _described(problem: BadCells, before: int) -> str:
    shown = [
        f"row {before + row + 1:,} has {_shown(found)}"
        for row, found in problem.found.iloc[:SHOWN_ROWS].items()
    ]
    more = len(problem.found) - SHOWN_ROWS
    more = f" and {more:,} more" if more > 0 else ""
    return f"Column '{problem.column}', expected {problem.expected}: {', '.join(shown)}{more}."


def _shown(found: object) -> str:
    text = str(found)
    short = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
    return repr(short)


def _quoted(names: Sequence[str]) -> list[str]:
    return [f"'{name}'" for name in names]


def _unknown_labels(raw: pd.DataFrame, schema: dict) -> list[BadCells]:
    """Return what stands in the target, if it is there, and is no label and not missing."""
    entry = target_entry(schema)
    if entry["source"] not in raw.columns:
        return []
    labels = [*schema["positive"], *schema["negative"]]
    if raw[entry["source"]].isin(labels).all():  # as nearly always, and found out fast
        return []
    texts = cells.strip(raw[entry["source"]].reset_index(drop=True).astype("str"))
    known = cells.encode(texts, dict.fromkeys(labels, 0)).notna()
    tokens = cells.MISSING_TOKENS | frozenset(schema.get("missing_values", ()))
    unknown = texts[~(known | cells.is_missing(texts, tokens))]
    if unknown.empty:
        return []
    return [BadCells(entry["source"], f"one of {listed(_quoted(labels))}", unknown)]


def _ahead(items: Iterator) -> Iterator:
    """Yield the items of an iterator, the next one being made meanwhile."""
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, items, None)
        while (item := following.result()) is not None:
            following = thread.submit(next, items, None)
            yield item


def _model_threads() -> AbstractContextManager:
    """Leave a core to the thread that reads: threads that wait for each other take longer."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits({"blas": 1, "openmp": max(1, (os.cpu_count() or 1) - 1)})


def _output_suffix(destination: str | Path) -> str:
    """Return what kind of file is to be written."""
    if str(destination) == STANDARD_STREAM:
        return ".csv"
    path = Path(destination)
    if path.is_dir():
        raise InputError(f"{path}: this is a folder; name a file in it")
    name = path.name.lower()
    suffix = next((suffix for suffix in OUTPUT_SUFFIXES if name.endswith(suffix)), None)
    if suffix is None and path.exists() and not path.is_file():  # /dev/stdout, a pipe
        suffix = ".csv"
    if suffix is None:
        raise InputError(
            f"{path}: the ending does not say what to write; expected .csv, .tsv, .txt (also with "
            ".gz, .bz2 or .xz) or .parquet, or - for standard output"
        )
    return suffix


@contextmanager
def _file_of(source: str | Path) -> Iterator[tuple[Path, str]]:
    """Yield a file that can be read more than once, and what to call it.

    Standard input and pipes are first copied to a temporary file.
    """
    path = Path(source)
    is_standard = str(source) == STANDARD_STREAM
    if not is_standard and (path.is_file() or path.is_dir() or not path.exists()):
        yield path, str(path)
        return
    name = "standard input" if is_standard else str(path)
    with tempfile.TemporaryDirectory(prefix="ml-baseline-") as folder:
        copy = Path(folder, "input")
        with ExitStack() as stack:
            file = sys.stdin.buffer if is_standard else stack.enter_context(path.open("rb"))
            shutil.copyfileobj(file, stack.enter_context(copy.open("wb")), 1 << 20)
        yield copy, name


@contextmanager
def _whole_output(destination: str | Path, suffix: str) -> Iterator[Path]:
    """Yield a path to write to; at the end its content stands under `destination`.

    If the block raises, nothing does. What is no plain file (standard output, a pipe) gets the
    content once all of it is there.
    """
    path = Path(destination)
    is_standard = str(destination) == STANDARD_STREAM
    if not is_standard and (path.is_file() or not path.exists()):
        try:
            with whole_prediction(path) as temporary:
                yield temporary
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
        return
    with tempfile.TemporaryDirectory(prefix="ml-baseline-") as folder:
        temporary = Path(folder, f"output{suffix}")
        yield temporary
        try:
            with ExitStack() as stack:
                content = stack.enter_context(temporary.open("rb"))
                out = sys.stdout.buffer if is_standard else stack.enter_context(path.open("wb"))
                shutil.copyfileobj(content, out, 1 << 20)
                out.flush()
        except BrokenPipeError:  # whoever read it has had enough, as `head` does
            if is_standard:  # or Python would complain at its end
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except OSError as error:
            name = "standard output" if is_standard else path
            raise InputError(f"{name} cannot be written: {error.strerror or error}") from error


@contextmanager
def _progress_bar(rows: TextRows | ParquetRows, wanted: bool | None) -> Iterator[Callable]:
    """Yield a function that shows how far the reading is, once it has taken a second."""
    if not (sys.stderr.isatty() if wanted is None else wanted):
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("Predicting"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeRemainingColumn(),
        console=Console(stderr=True, force_terminal=wanted),
        transient=True,
    )
    task = bar.add_task("", total=rows.size)
    started = time.perf_counter()

    def show() -> None:
        if time.perf_counter() - started > PROGRESS_AFTER_SECONDS:
            bar.start()
            bar.update(task, completed=min(rows.position, rows.size))

    try:
        yield show
    finally:
        bar.stop()


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
