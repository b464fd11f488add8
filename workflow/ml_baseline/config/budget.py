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
from typing import Any, NamedTuple

from ml_baseline.config.estimator_rules import of_size
from ml_baseline.config.settings import EFFORTS

# Files that take several times as much as text, and which of them are text inside.
PACKED_TEXT: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
PACKED = (*PACKED_TEXT, ".zst", ".zip", ".parquet", ".xlsx", ".xlsm", ".xlsb", ".ods")
PACKED_TIMES = 8
# From this size on the files between stages are Parquet, where the config leaves it open.
PARQUET_MB = 50

# What is taken for granted where a file does not show it: columns, bits of a column's values (see
# `Size`) and bytes of a cell.
USUAL_COLUMNS = 20
USUAL_BITS = 6.0
USUAL_CELL = 6
LOOKED_AT = 1 << 20
LINES_LOOKED_AT = 200
SECONDS = {"s": 1, "m": 60, "h": 3600}
# CPU seconds of a table's jobs other than training, of each million of its cells, and of each column
# more than usual: they look at one after the other (docs/large_tables.md).
OTHER_JOBS = 13.0
OTHER_JOBS_PER_MEGACELL = 8.0
OTHER_JOBS_PER_COLUMN = 0.045
# Starting a job that trains, and reading a million cells for it.
START = 0.5
READING_PER_MEGACELL = 0.4
# CPU seconds of training from which another core is worth having.
LONG = 30.0
# Classes whose models have the same bytes with any number of threads.
SAME_WITH_THREADS = (
    "RandomForestClassifier",
    "ExtraTreesClassifier",
    "HistGradientBoostingClassifier",
)
# How many rounds, or trees, an estimator makes at most.
ROUNDS = ("n_estimators", "max_iter", "iterations", "num_iterations")
LEARNING_RATES = ("learning_rate", "eta")
LARGEST_RATE = 0.2
# Rounds until boosting stops early, for each doubling of the rows, times the learning rate.
ROUNDS_TO_STOP = 2.0
# What is tried, one after the other, until the table keeps to its budget.
TRIALS = 40
# What searches draw: about the middle of the spaces in `modelling.tuning`.
DRAWN = {"learning_rate": 0.045, "max_features": 0.4, "max_leaf_nodes": 12, "num_leaves": 12}
FEWER_TRIALS = (20, 10, 5)
FEWER_FOLDS = 3
FEWER_ROUNDS = (1 / 2, 1 / 4, 1 / 8)


class Size(NamedTuple):
    """How large a table is: rows, columns, and bits.

    The bits are the logarithm to base 2 of how many values a column has, as a mean over the columns: trees
    have so much to sort. Of 7,000 rows with mostly yes and no, a forest takes a third of what it takes of
    as many measurements.
    """

    rows: int
    columns: int
    bits: float = USUAL_BITS


def _forest(size: Size, params: Mapping) -> float:
    cap = params.get("max_samples")
    drawn = min(size.rows, cap) if isinstance(cap, int) else size.rows
    share = params.get("max_features")
    looked_at = share * size.columns if isinstance(share, float) else math.sqrt(size.columns)
    tree = 1.2e-3 + 5e-8 * drawn * size.bits * looked_at
    return params.get("n_estimators", 100) * tree


def _boosting(factor: float, **most_leaves: int) -> Callable[[Size, Mapping], float]:
    """Return the seconds of boosting, as measured for scikit-learn's, times a factor.

    Where a parameter limits the leaves of a tree, `most_leaves` is its name with its default.
    """

    def seconds(size: Size, params: Mapping) -> float:
        rows, columns, _ = size
        depth = params.get("max_depth") or params.get("depth") or 0
        limits = [params.get(name, default) for name, default in most_leaves.items()]
        leaves = min(filter(None, [*limits, 2**depth if depth > 0 else None]), default=31)
        of_tree = 3.5e-4 + 1.3e-6 * columns * leaves
        of_rows = rows * (3.5e-5 + 1.7e-6 * columns) * math.log2(leaves) / 3 / 1e3
        rounds = next((params[name] for name in ROUNDS if name in params), 100)
        if params.get("early_stopping") in (True, "folds"):
            stops = ROUNDS_TO_STOP * math.log2(rows) / params.get("learning_rate", 0.1)
            rounds = min(rounds, stops)
        if params.get("early_stopping") == "folds":  # a fit for each, to all rows but its own
            held = params.get("validation_fraction", 0.1)
            rounds *= max(1, (1 if held < 1 else rows) / held - 1)
        return factor * rounds * (of_tree + of_rows)

    return seconds


# CPU seconds of one fit by size and parameters, measured on tables of 160 to 48,000 rows of 10 to 60
# columns (docs/models.md). What is not among them is taken for a forest of 100 trees.
FITS: dict[str, Callable[[Size, Mapping], float]] = {
    "DummyClassifier": lambda size, params: 0.005,
    "LogisticRegression": lambda size, params: 0.03 + 7e-7 * size.rows * size.columns,
    "RandomForestClassifier": _forest,
    "ExtraTreesClassifier": _forest,
    "HistGradientBoostingClassifier": _boosting(1.0, max_leaf_nodes=31),
    "LGBMClassifier": _boosting(0.75, num_leaves=31),
    "XGBClassifier": _boosting(0.7),
    "CatBoostClassifier": lambda size, params: _boosting(0.27 * size.bits)(size, params),
}


@cache
def megabytes(path: str) -> float:
    """Return the size of a table as text, 0 for one that is not there yet."""
    times = PACKED_TIMES if path.lower().endswith(PACKED) else 1
    there = Path(path).is_file() and os.access(path, os.R_OK)
    return times * Path(path).stat().st_size / 1e6 if there else 0.0


@cache
def table_size(path: str) -> Size:
    """Return about how large a table is, by the first megabyte of its text.

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
        return Size(int(size / USUAL_CELL / USUAL_COLUMNS), USUAL_COLUMNS)
    header = head.partition(b"\n")[0]
    counts = {sign: header.count(sign) for sign in (b",", b";", b"\t", b"|") if sign in header}
    # A cell of text may have lines of its own, which are no rows: these have what separates the header.
    rows = [n for sign in counts if (n := head.count(sign) // counts[sign]) > 1]
    lines = min(lines, max(rows, default=lines))
    columns = 1 + max(counts.values(), default=0)
    known = lines if len(head) < LOOKED_AT else int(size / len(head) * lines)
    separator = max(counts, key=lambda sign: counts[sign], default=b"\n")
    looked_at = [line.split(separator) for line in head.split(b"\n", LINES_LOOKED_AT)[1:-1]]
    cells = [line for line in looked_at if len(line) == columns]
    # A column with a new value in every other line goes on having them.
    values = [len(set(column)) for column in zip(*cells, strict=True)]
    bits = [math.log2(known if 2 * n > len(cells) else n) for n in values]
    return Size(known, columns, sum(bits) / columns if bits else USUAL_BITS)


def training_seconds(settings: Mapping, model: str, size: Size) -> float:
    """Return the CPU seconds of the job that trains a model: all folds, and the fit to all of them."""
    entry = settings["models"][model]
    trained = int(size.rows * (1 - settings["split"]["test_size"]))
    copies = settings["augment"]["copies"] if settings["augment"]["method"] != "none" else 0
    params = of_size(entry, trained)["params"]
    name = entry["estimator"].rpartition(".")[2]
    megacells = size.rows * size.columns / 1e6
    size = Size(max(2, trained * (1 + copies)), max(1, size.columns - 1), size.bits)
    seconds, tune = FITS.get(name, _forest), entry.get("tune")
    if tune:
        params |= {key: DRAWN[key] for key in tune.get("space") or DRAWN if key in DRAWN}
    of_trial = {key: True if value == "folds" else value for key, value in params.items()}
    try:
        fit, once = seconds(size, params), seconds(size, of_trial)
    except (TypeError, ValueError, ArithmeticError):  # what is wrong, the estimator will say
        fit = once = _forest(size, {})
    if tune:
        # As `tuning.try_rung` has them: a third of the trials comes to each next fold; Optuna's all do.
        folds, left = tune.get("folds", 3), 1 if tune.get("method") == "bayesian" else 1 / 3
        fits = trials(entry) * sum(left**rung for rung in range(folds))
        fit += once * fits * (folds - 1) / folds
    return START + READING_PER_MEGACELL * megacells + fit * settings["cv"]["folds"]


def same_with_threads(estimator: str) -> bool:
    """Return whether a model of this class has the same bytes with any number of threads."""
    return estimator.rpartition(".")[2] in SAME_WITH_THREADS


def threads_for(seconds: float, estimator: str, cores: int) -> int:
    """Return the threads of a job that trains a model for so many CPU seconds: none for short ones.

    Short jobs run side by side, which wastes nothing; a long one is often the last, and gets a core for
    each `LONG` seconds. Only where a model is the same with any number of threads.
    """
    several = int(seconds / LONG) if same_with_threads(estimator) else 1
    return max(1, min(several, cores))


def table_seconds(settings: Mapping, size: Size) -> float:
    """Return the CPU seconds of a table's whole run."""
    seconds = OTHER_JOBS + OTHER_JOBS_PER_MEGACELL * size.rows * size.columns / 1e6
    seconds += OTHER_JOBS_PER_COLUMN * max(0, size.columns - USUAL_COLUMNS)
    folds = settings["cv"]["folds"]
    for model in settings["models"]:
        one = training_seconds(settings, model, size)
        # For all rows only the model that is published is fitted again: the ensemble has them all.
        again = settings["publish"]["fit_on"] == "all" and settings["register"]
        seconds += one * (len(settings["seeds"]) + (again + settings["naive"]) / folds)
    return seconds * (2 if settings["controls"] else 1)


def within_budget(settings: dict[str, Any], size: Size) -> tuple[dict, dict]:
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
    steps = _steps(settings, size)
    while table_seconds(settings, size) > most:
        decision = next(steps, None)
        if decision is None:
            decisions["the least that is tried"] = "takes longer than the budget"
            break
        decisions |= decision
    return settings, {
        "budget": settings["budget"],
        "seconds": round(table_seconds(settings, size), 1),
        "rows": size.rows,
        "columns": size.columns,
        "decisions": decisions,
    }


def _steps(settings: dict[str, Any], size: Size) -> Iterator[dict[str, str]]:
    """Yield what each next step gives up, and how far, in words, having changed the settings by it."""
    models = settings["models"]

    def costs(name: str) -> float:
        return -training_seconds(settings, name, size)

    for most in FEWER_TRIALS:
        tuned = [name for name, entry in models.items() if trials(entry) > most]
        tuned = [name for name in tuned if models[name]["tune"].get("method") != "grid"]
        for name in tuned:
            models[name]["tune"] = models[name]["tune"] | {"trials": most}
        if tuned:
            yield {"tuning": f"{most} trials"}
    for name in sorted((n for n in models if models[n].get("tune")), key=costs):
        models[name]["tune"] = None
        yield {f"tuning of {name}": "none"}
    for effort in EFFORTS[:0:-1]:
        dear = [name for name in models if models[name].get("effort", EFFORTS[0]) == effort]
        for name in sorted(dear, key=costs):
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
            yield {"rounds and trees": f"{100 * share:g} % of them, with larger steps"}


def trials(entry: Mapping) -> int:
    """Return how many sets of parameters the search in a model's entry tries."""
    tune = entry.get("tune") or {"trials": 0}
    if tune.get("method") == "grid" and tune.get("space"):  # all of it, whatever `trials` says
        return math.prod(map(len, tune["space"].values()))
    return tune.get("trials", TRIALS)


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
