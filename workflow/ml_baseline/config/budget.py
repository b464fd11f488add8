"""What fitting the models of a table will cost, and what is left out so that it keeps to a budget.

All of it is worked out from sizes before anything runs, never by a clock: the same table, config and
version decide the same on every machine.
"""

import bz2
import copy
import gzip
import lzma
import math
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ml_baseline.config.estimator_rules import of_size
from ml_baseline.config.settings import EFFORTS

# Files that take several times as much as text, and which of them are text inside.
PACKED_TEXT: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
PACKED = (*PACKED_TEXT, ".zst", ".zip", ".parquet", ".xlsx", ".xlsm", ".xlsb", ".ods")
PACKED_TIMES = 8
# From this size on the files between stages are Parquet, where the config leaves it open.
PARQUET_MB = 50

# Columns and bytes of a cell that are taken for granted where a file does not show them.
USUAL_COLUMNS = 20
USUAL_CELL = 6
LOOKED_AT = 1 << 20
SECONDS = {"s": 1, "m": 60, "h": 3600}
# CPU seconds of a table's jobs other than training, of each million of its cells, and of each column
# more than usual: they look at one after the other (docs/large_tables.md).
OTHER_JOBS = 13.0
OTHER_JOBS_PER_MEGACELL = 8.0
OTHER_JOBS_PER_COLUMN = 0.045
# Starting a job that trains, and reading a million cells for it.
START = 0.5
READING_PER_MEGACELL = 0.4
# CPU seconds of training from which another core is worth having; and what has the same bytes with it.
LONG = 30.0
SAME_WITH_THREADS = (
    "RandomForestClassifier",
    "ExtraTreesClassifier",
    "HistGradientBoostingClassifier",
)
# How many rounds, or trees, an estimator makes at most.
ROUNDS = ("n_estimators", "max_iter", "iterations", "num_iterations")
LEARNING_RATES = ("learning_rate", "eta")
LARGEST_RATE = 0.2
# What is tried, one after the other, until the table keeps to its budget.
TRIALS = 40
FEWER_TRIALS = (20, 10, 5, 0)
FEWER_FOLDS = 3
FEWER_ROUNDS = (1 / 2, 1 / 4, 1 / 8)


def _forest(rows: int, columns: int, params: Mapping) -> float:
    cap = params.get("max_samples")
    drawn = min(rows, cap) if isinstance(cap, int) else rows
    tree = 1e-3 + 5e-8 * drawn * math.log2(drawn) * math.sqrt(columns)
    return params.get("n_estimators", 100) * tree


def _boosting(factor: float) -> Callable[[int, int, Mapping], float]:
    """Return the seconds of boosting, as measured for scikit-learn's, times a factor."""

    def seconds(rows: int, columns: int, params: Mapping) -> float:
        depth = params.get("max_depth") or params.get("depth")
        leaves = params.get("max_leaf_nodes") or params.get("num_leaves") or 2 ** (depth or 5)
        of_tree = 3.5e-4 + 1.3e-6 * columns * leaves
        of_rows = rows * (3.5e-5 + 1.7e-6 * columns) * math.log2(leaves) / 3 / 1e3
        rounds = next((params[name] for name in ROUNDS if name in params), 100)
        if params.get("early_stopping") == "folds":  # a fit for each, to all rows but its own
            held = params.get("validation_fraction", 0.1)
            rounds *= max(1, (1 if held < 1 else rows) / held - 1)
        return factor * rounds * (of_tree + of_rows)

    return seconds


# CPU seconds of one fit by rows, columns and parameters, measured on tables of 160 to 48,000 rows of 10
# to 60 columns (docs/models.md). What is not among them is taken for a forest of 100 trees.
FITS: dict[str, Callable[[int, int, Mapping], float]] = {
    "DummyClassifier": lambda rows, columns, params: 0.005,
    "LogisticRegression": lambda rows, columns, params: 0.02 + 5e-7 * rows * columns,
    "RandomForestClassifier": _forest,
    "ExtraTreesClassifier": _forest,
    "HistGradientBoostingClassifier": _boosting(1.0),
    "LGBMClassifier": _boosting(0.75),
    "XGBClassifier": _boosting(0.7),
    "CatBoostClassifier": _boosting(1.6),
}


@cache
def megabytes(path: str) -> float:
    """Return the size of a table as text, 0 for one that is not there yet."""
    times = PACKED_TIMES if path.lower().endswith(PACKED) else 1
    there = Path(path).is_file() and os.access(path, os.R_OK)
    return times * Path(path).stat().st_size / 1e6 if there else 0.0


@cache
def table_size(path: str) -> tuple[int, int]:
    """Return about how many rows and columns a table has, by the first megabyte of its text.

    Of a workbook and the like by its size alone; 0 rows of one that is not there yet.
    """
    size, end = megabytes(path) * 1e6, Path(path.lower()).suffix
    head = b""
    if size and (end in PACKED_TEXT or end not in PACKED):
        try:
            with Path(path).open("rb") as packed:
                head = PACKED_TEXT.get(end, lambda file: file)(packed).read(LOOKED_AT)
                # Packed as the rest of the file, as far as that is known.
                size *= len(head) / packed.tell() / (PACKED_TIMES if end in PACKED_TEXT else 1)
        # Reading it will say what is wrong.
        except (OSError, EOFError, ZeroDivisionError, lzma.LZMAError, zlib.error):
            size = 0.0
    lines = head.count(b"\n")
    if not lines:
        return int(size / USUAL_CELL / USUAL_COLUMNS), USUAL_COLUMNS
    header = head.partition(b"\n")[0]
    counts = {sign: header.count(sign) for sign in (b",", b";", b"\t", b"|") if sign in header}
    # A cell of text may have lines of its own, which are no rows: these have what separates the header.
    rows = [n for sign in counts if (n := head.count(sign) // counts[sign]) > 1]
    lines = min(lines, max(rows, default=lines))
    columns = 1 + max(counts.values(), default=0)
    return (lines if len(head) < LOOKED_AT else int(size / len(head) * lines)), columns


def training_seconds(settings: Mapping, model: str, rows: int, columns: int) -> float:
    """Return the CPU seconds of the job that trains a model: all folds, and the fit to all of them."""
    entry = settings["models"][model]
    trained = int(rows * (1 - settings["split"]["test_size"]))
    copies = settings["augment"]["copies"] if settings["augment"]["method"] != "none" else 0
    params = of_size(entry, trained)["params"]
    name = entry["estimator"].rpartition(".")[2]
    size, seconds = (max(2, trained * (1 + copies)), max(1, columns - 1)), FITS.get(name, _forest)
    try:
        fit, once = seconds(*size, params), seconds(*size, params | {"early_stopping": True})
    except (TypeError, ValueError, ZeroDivisionError):  # what is wrong, the estimator will say
        fit = once = _forest(*size, {})
    if tune := entry.get("tune"):
        # As `tuning.try_rung` has them: a third of the trials comes to each next fold; Optuna's all do.
        folds, left = tune.get("folds", 3), 1 if tune.get("method") == "bayesian" else 1 / 3
        fits = tune.get("trials", TRIALS) * sum(left**rung for rung in range(folds))
        fit += once * fits * (folds - 1) / folds
    megacells = rows * columns / 1e6
    return START + READING_PER_MEGACELL * megacells + fit * settings["cv"]["folds"]


def threads_for(seconds: float, estimator: str, cores: int) -> int:
    """Return the threads of a job that trains a model for so many CPU seconds: none for short ones.

    Short jobs run side by side, which wastes nothing; a long one is often the last, and gets a core for
    each `LONG` seconds. Only where a model is the same with any number of threads.
    """
    several = int(seconds / LONG) if estimator.rpartition(".")[2] in SAME_WITH_THREADS else 1
    return max(1, min(several, cores))


def table_seconds(settings: Mapping, rows: int, columns: int) -> float:
    """Return the CPU seconds of a table's whole run."""
    seconds = OTHER_JOBS + OTHER_JOBS_PER_MEGACELL * rows * columns / 1e6
    seconds += OTHER_JOBS_PER_COLUMN * max(0, columns - USUAL_COLUMNS)
    folds = settings["cv"]["folds"]
    for model in settings["models"]:
        one = training_seconds(settings, model, rows, columns)
        # For all rows only the model that is published is fitted again: the ensemble has them all.
        again = settings["publish"]["fit_on"] == "all" and settings["register"]
        seconds += one * (len(settings["seeds"]) + (again + settings["naive"]) / folds)
    return seconds * (2 if settings["controls"] else 1)


def within_budget(settings: dict[str, Any], rows: int, columns: int) -> tuple[dict, dict]:
    """Return a table's settings changed so that its run keeps to `budget`, and what was decided.

    What costs most is given up first where it buys least: trials of searches; then the dearest model of
    those that less `effort` does without, one after the other; then folds; then rounds and trees of all
    models, with learning rates that are larger by as much.

    The settings are as `dataset_settings` returns them; `budget` is one core's time, such as 10m. What
    was decided is for a file and the page: `budget`, `seconds` (estimated, of the settings), `rows`,
    `columns` and `decisions`, what is cut and how far, in words: nothing where all of it fits.
    """
    settings = copy.deepcopy(settings)
    decisions: dict[str, str] = {}
    most = int(settings["budget"][:-1]) * SECONDS[settings["budget"][-1]]
    steps = _steps(settings, rows, columns)
    while table_seconds(settings, rows, columns) > most:
        decision = next(steps, None)
        if decision is None:
            decisions["the least that is tried"] = "takes longer than the budget"
            break
        decisions |= decision
    return settings, {
        "budget": settings["budget"],
        "seconds": round(table_seconds(settings, rows, columns), 1),
        "rows": rows,
        "columns": columns,
        "decisions": decisions,
    }


def _steps(settings: dict[str, Any], rows: int, columns: int) -> Iterator[dict[str, str]]:
    """Yield what each next step gives up, and how far, in words, having changed the settings by it."""
    models = settings["models"]
    for trials in FEWER_TRIALS:
        tuned = [name for name in models if _trials(models[name]) > trials]
        for name in tuned:
            tune = models[name]["tune"]
            models[name]["tune"] = tune | {"trials": trials} if trials else None
        if tuned:
            yield {"tuning": f"{trials} trials" if trials else "none"}
    for effort in EFFORTS[:0:-1]:
        dear = [name for name in models if models[name].get("effort", EFFORTS[0]) == effort]
        dear.sort(key=lambda name: -training_seconds(settings, name, rows, columns))
        for name in dear:
            if name != settings["baseline"] and len(models) > 1:
                del models[name]
                yield {name: "left out"}
    if settings["cv"]["folds"] > FEWER_FOLDS:
        settings["cv"]["folds"] = FEWER_FOLDS
        yield {"cross-validation": f"{FEWER_FOLDS} folds"}
    full = copy.deepcopy(models)
    for share in FEWER_ROUNDS:
        fewer = [name for name in models if _with_fewer_rounds(models[name], full[name], share)]
        if fewer:
            yield {"rounds and trees": f"{share:g} of them, with larger steps"}


def _trials(entry: Mapping) -> int:
    return entry["tune"].get("trials", TRIALS) if entry.get("tune") else 0


def _with_fewer_rounds(entry: dict, full: dict, share: float) -> bool:
    """Give a model a share of its rounds, or trees; return whether it has any to give up."""
    rates = [name for name in LEARNING_RATES if name in full["params"]]
    changed = False
    for params, before in (
        (entry["params"], full["params"]),
        *((entry["from_rows"][rows], full["from_rows"][rows]) for rows in full["from_rows"]),
    ):
        for name in ROUNDS:
            # A linear model's `max_iter` is no number of trees: fewer would leave it unfinished.
            if isinstance(before.get(name), int) and (rates or name != "max_iter"):
                params[name] = max(1, int(before[name] * share))
                changed = True
        for name in rates:
            if name in before:
                params[name] = min(max(before[name], LARGEST_RATE), before[name] / share)
    return changed
