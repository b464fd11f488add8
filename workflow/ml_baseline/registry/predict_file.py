"""Predictions of the rows of a file, chunk by chunk. No row is dropped, doubled or moved."""

import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from threadpoolctl import threadpool_limits

from ml_baseline.config.paths import CHECK_SUFFIX, require_output, whole_prediction
from ml_baseline.data.schema import listed
from ml_baseline.data.source import NO_FILES
from ml_baseline.data.tables import Rows, in_chunks, open_rows, table_writer
from ml_baseline.data.text import ReadAgainError
from ml_baseline.errors import InputError
from ml_baseline.files import json_text, own_folder
from ml_baseline.registry import predict
from ml_baseline.registry.batch_check import BatchCheck
from ml_baseline.registry.golden import require_working
from ml_baseline.registry.load import load_model
from ml_baseline.registry.runs import Run
from ml_baseline.text import for_terminal, plural

if TYPE_CHECKING:  # importing it takes longer than all else here
    from sklearn.pipeline import Pipeline

# A chunk has fewer rows where the table is wide, but never so few that its fixed costs count.
CHUNK_ROWS = 1 << 17
CHUNK_CELLS = 1 << 22
FEWEST_CHUNK_ROWS = 1 << 10

OUTPUT_NAME = re.compile(r"(?is).*(\.parquet|\.(?:csv|tsv|txt)(?:\.gz|\.bz2|\.xz)?)")
STANDARD_STREAM = "-"
PROGRESS_AFTER_SECONDS = 1.0
# Text that a spreadsheet takes for a formula, and not for a number such as +49 30 or -1.5.
FORMULA = r"^\s*(=|[-+@].*[(|!])"
SHOWN_WARNINGS = 10
OUTPUT_COLUMNS = ("row_id", "probability", "prediction", "reason")


def predict_file(
    run: Run,
    source: str | Path,
    destination: str | Path,
    *,
    on_bad_rows: str = "fail",
    rows_at_a_time: int | None = None,
    overwrite: bool = False,
    tables: Mapping[str, str] | None = None,
    sheet: str | None = None,
    check: str | Path | None = None,
) -> dict:
    """Predict the rows of a file into a file, in memory that does not grow with it.

    The output has the id columns as they stand in the input (or `row_id`, counted from 0, if the
    table has none), `probability`, `prediction` (1 for what the run's schema calls positive) and,
    under "null", `reason`. Columns of no use are named on stderr, and so is what is unlike training
    (`BatchCheck`), which a JSON file holds in full. Both files are written whole or not at all.

    Args:
        source: a file in any format that can be trained on, or "-" for standard input.
        destination: a file of `OUTPUT_NAME`, or "-" for CSV on standard output.
        on_bad_rows: for rows whose cells do not fit the schema, "fail" raises, "null" leaves
            their figures empty and gives the reason.
        rows_at_a_time: rows of a chunk; by the width of the table if None. The last digits of
            probabilities may depend on it.
        overwrite: whether a file may be replaced that no prediction wrote. The input, a raw table,
            published runs and files of the workflow are never replaced.
        sheet: of a workbook, if more than one sheet has the columns that the run needs.
        tables: raw tables, each with what it is, beside the one that the run was trained on.
        check: the file for what is unlike training; if None beside `destination`, a stream has none.

    Returns `rows`, `bad_rows`, `unused_columns`, `warnings` and `seconds`. Raises InputError for a file
    that cannot be read or written, a missing column or bad rows.
    """
    started, config = time.perf_counter(), run.meta["config"]
    suffix = _output_suffix(destination)
    reads: dict[Any, str] = {**(tables or {}), source: "the input"}
    reads.setdefault(config.get("table", source), f"the table of {run.dataset}")
    if str(destination) != STANDARD_STREAM:
        require_output(destination, reads, overwrite)
    if not check and not _is_stream(destination):
        check = f"{Path(destination)}{CHECK_SUFFIX}"
    if check:
        require_output(check, {**reads, destination: "the output"}, overwrite)
    with ExitStack() as stack:
        path, name = stack.enter_context(_file_of(source))
        # A new workbook may have its rows elsewhere: they are where the columns are.
        keys = ("separator", "quote", "escape", "encoding")
        how = {key: config.get(key) for key in keys} | {"sheet": sheet}
        rows = open_rows(path, how, predict.input_columns(run.schema), name)
        unused = predict.check_columns(rows.names, run.schema, name)
        if unused:
            _say(f"{name}: these columns are not used: {listed(unused)}")
        model = load_model(run)
        if note := require_working(run, model):
            _say(f"note: {note}")
        batch = _Batch(run, rows, suffix, on_bad_rows, rows_at_a_time)
        temporary = stack.enter_context(_whole_output(destination, suffix))
        counts = check and stack.enter_context(_whole_output(check, ".json"))
        show = stack.enter_context(_progress_bar(rows))
        # A core is left to the thread that reads: threads that wait for each other take longer.
        threads = {"blas": 1, "openmp": max(1, (os.cpu_count() or 1) - 1)}
        stack.enter_context(threadpool_limits(threads))
        summary = None
        while summary is None:
            with suppress(ReadAgainError):  # the rows know now what is to be read in another way
                summary = batch.write(model, temporary, show)
        found = summary.pop("check")
        if counts:
            kept = {"run_id": run.run_id, "input": name, "bad_rows": summary["bad_rows"]} | found
            counts.write_text(json_text(kept), "utf-8")
    warnings = found["warnings"]
    for warning in warnings[:SHOWN_WARNINGS]:
        _say(f"warning: {name}: {warning}")
    if (more := len(warnings) - SHOWN_WARNINGS) > 0:
        where = f"; see {check}" if check else ""
        _say(f"warning: {name}: {plural(more, 'more column')} unlike training{where}")
    about = {"unused_columns": unused, "warnings": warnings}
    return summary | about | {"seconds": time.perf_counter() - started}


class _Batch:
    """A table that is to be predicted, and how its predictions are written."""

    def __init__(self, run: Run, rows: Rows, suffix: str, on_bad_rows: str, at_a_time: int | None):
        self.schema, self.rows = run.schema, rows
        self.suffix, self.on_bad_rows = suffix, on_bad_rows
        self.threshold = run.meta["threshold"]
        self.ids = [column for column in predict.id_columns(run) if column in rows.names]
        target = predict.target_entry(self.schema)["source"]
        self.read = predict.input_columns(self.schema) + [target] * (target in rows.names)
        width = len(self.read) + len(self.ids)
        fitting = min(CHUNK_ROWS, max(FEWEST_CHUNK_ROWS, CHUNK_CELLS // width))
        self.chunk_rows = at_a_time or fitting
        # Numbers that the file has as such, of columns that training had as text with commas.
        self.unlike_text = list(rows.numbers & predict.comma_columns(self.schema))
        # Ids are written with the data types that they are stored with, where both files have any.
        types = (suffix == ".parquet" and rows.types) or {}
        self.typed_ids = {column: types[column] for column in self.ids if column in types}
        self.output_schema = self._output_schema()

    def write(self, model: "Pipeline", path: Path, show: Callable[[], None]) -> dict:
        """Write the predictions of all rows to `path`; return how many there are, and their `check`."""
        check = BatchCheck(self.schema)
        writer = table_writer(path, self.output_schema, self.suffix)
        done = bad = formulas = 0
        # One chunk is read and cleaned, one predicted and one written at the same time.
        with closing(writer), ThreadPoolExecutor(1) as behind:
            written = behind.submit(lambda: None)
            for ids, table, problems in _ahead(self._cleaned(check)):
                if not (problems and self.on_bad_rows == "fail"):
                    probability = predict.predict_clean(model, table)
                    problems += predict.no_probabilities(probability)
                if problems and self.on_bad_rows == "fail":
                    raise self._bad_rows(problems, done, len(table))
                reasons = predict.reasons_of(problems, len(table))
                output = self._output(ids, probability, reasons, done)
                written.result()
                written = behind.submit(writer.write, output)
                done += len(table)
                bad += sum(reason is not None for reason in reasons or ())
                formulas += 0 if self.suffix == ".parquet" else _formulas(ids)
                show()
            written.result()
        if formulas:
            _say(
                f"note: {formulas:,} ids look like formulas of a spreadsheet (they begin with =, +, - or "
                "@). They are written as they are: have the spreadsheet import them as text"
            )
        return {"rows": done, "bad_rows": bad, "check": check.summary()}

    def _cleaned(
        self, check: BatchCheck
    ) -> Iterator[tuple[pa.Table, pd.DataFrame, list[predict.BadCells]]]:
        """Yield the ids, the features and the bad cells of chunk after chunk."""
        columns = list(dict.fromkeys([*self.read, *self.ids]))
        pieces = self.rows.pieces(columns, self.typed_ids)
        for chunk in in_chunks(pieces, self.chunk_rows):
            raw = chunk.select(self.read).to_pandas()
            for column in self.unlike_text:
                raw[column] = raw[column].str.replace(".", ",", regex=False)
            yield chunk.select(self.ids), *predict.clean_rows(raw, self.schema, check.add)

    def _output_schema(self) -> pa.Schema:
        fields: list[pa.Field] = []
        for column in self.ids:
            kind, name = self.typed_ids.get(column, pa.large_string()), column
            while name in OUTPUT_COLUMNS or name in [field.name for field in fields]:
                name += "_raw"
            fields.append(pa.field(name, kind))
        fields = fields or [pa.field("row_id", pa.int64())]
        fields += [pa.field("probability", pa.float64()), pa.field("prediction", pa.int64())]
        if self.on_bad_rows == "null":
            fields.append(pa.field("reason", pa.large_string()))
        return pa.schema(fields)

    def _output(
        self, ids: pa.Table, probability: np.ndarray, reasons: list[str | None] | None, before: int
    ) -> pa.Table:
        columns = list(ids.columns) or [pa.array(np.arange(before, before + len(probability)))]
        bad = None if reasons is None else np.array([reason is not None for reason in reasons])
        columns.append(pa.array(probability, mask=bad))
        columns.append(pa.array((probability >= self.threshold).astype("int64"), mask=bad))
        if self.on_bad_rows == "null":
            columns.append(pa.array(reasons or [None] * len(probability), pa.large_string()))
        return pa.Table.from_arrays(columns, schema=self.output_schema)

    def _bad_rows(self, problems: list[predict.BadCells], before: int, rows: int) -> InputError:
        """Return what to say about the rows of a chunk that cannot be predicted."""
        number = len(set().union(*(problem.found.index for problem in problems)))
        return InputError(
            f"{self.rows.name}: {number:,} of the first {plural(before + rows, 'row')} cannot be predicted. "
            + " ".join(predict.in_words(problem, before) for problem in problems)
            + " Rows are counted from 0. Correct them, or use `--on-bad-rows null` (in the config "
            '`on_bad_rows: "null"`) to leave their predictions empty, with the reason, and predict the others'
        )


def _formulas(ids: pa.Table) -> int:
    """Return how many of the ids that are text a spreadsheet may run as a formula."""
    texts = [column for column in ids.columns if pa.types.is_large_string(column.type)]
    return sum(pc.sum(pc.match_substring_regex(column, FORMULA)).as_py() or 0 for column in texts)


def _ahead(items: Iterator) -> Iterator:
    """Yield the items of an iterator, the next one being made meanwhile."""
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, items, None)
        while (item := following.result()) is not None:
            following = thread.submit(next, items, None)
            yield item


def _is_stream(name: str | Path) -> bool:
    """Return whether it is standard input or output, or a pipe, a device or the like."""
    path = Path(name)
    return str(name) == STANDARD_STREAM or (path.exists() and not (path.is_file() or path.is_dir()))


def _output_suffix(destination: str | Path) -> str:
    path, is_stream = Path(destination), _is_stream(destination)
    if path.is_dir() and not is_stream:
        raise InputError(f"{path}: this is a folder; name a file in it")
    if found := OUTPUT_NAME.fullmatch(path.name):
        return found[1].lower()
    if is_stream:
        return ".csv"
    raise InputError(
        f"{path}: the ending does not say what to write; expected .csv, .tsv, .txt (also with .gz, "
        ".bz2 or .xz) or .parquet, or - for standard output"
    )


@contextmanager
def _file_of(source: str | Path) -> Iterator[tuple[Path, str]]:
    """Yield a file that can be read more than once, and what to call it.

    Standard input and pipes are first copied to a temporary file.
    """
    path, is_standard = Path(source), str(source) == STANDARD_STREAM
    if not _is_stream(source):
        yield path, str(path)
        return
    name = "standard input" if is_standard else str(path)
    with own_folder() as folder:
        copy = folder / "input"
        opened = nullcontext(sys.stdin.buffer) if is_standard else path.open("rb")
        with opened as file, copy.open("wb") as to:
            if path.is_char_device() and not file.isatty():  # /dev/zero never ends
                raise InputError(f"{name}: {NO_FILES[stat.S_ISCHR]}")
            shutil.copyfileobj(file, to, 1 << 20)
        yield copy, name


@contextmanager
def _whole_output(destination: str | Path, suffix: str) -> Iterator[Path]:
    """Yield a path to write to; at the end its content stands under `destination`.

    If the block raises, nothing does. What is no plain file (standard output, a pipe) gets the
    content once all of it is there.
    """
    path, is_standard = Path(destination), str(destination) == STANDARD_STREAM
    if not _is_stream(destination):
        try:
            with whole_prediction(path) as temporary:
                yield temporary
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
        return
    with own_folder() as folder:
        temporary = folder / f"output{suffix}"
        yield temporary
        try:
            opened = nullcontext(sys.stdout.buffer) if is_standard else path.open("wb")
            with temporary.open("rb") as content, opened as out:
                shutil.copyfileobj(content, out, 1 << 20)
                out.flush()
        except BrokenPipeError:  # whoever read it has had enough, as `head` does
            if is_standard:  # or Python would complain at its end
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except OSError as error:
            name = "standard output" if is_standard else path
            raise InputError(f"{name} cannot be written: {error.strerror or error}") from error


@contextmanager
def _progress_bar(rows: Rows) -> Iterator[Callable]:
    """Yield a function that shows on a terminal how far the reading is, once it has taken a second."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task("Predicting", total=rows.source.size)
    started = time.perf_counter()

    def show() -> None:
        if time.perf_counter() - started > PROGRESS_AFTER_SECONDS:
            bar.start()
            bar.update(task, completed=min(rows.source.position, rows.source.size))

    try:
        yield show
    finally:
        bar.stop()


def _say(message: str) -> None:
    print(for_terminal(f"ml-baseline: {message}"), file=sys.stderr, flush=True)
