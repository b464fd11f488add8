"""What the JSON files of a run hold: their types, and the one function that reads them by these.

Whoever made a run may have put anything into its files, so nothing of them is used before
`read_json_as` has compared it with its type.
"""

import contextlib
import json
import math
import re
from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, Literal, NotRequired, TypeVar

from pydantic import AfterValidator, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic reads typing's from Python 3.12 on

from ml_baseline.errors import InputError
from ml_baseline.text import for_terminal, shortened

FORMAT = 1
RUN_ID = re.compile(
    r"(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}Z)"
    r"__classification__seed(?P<seed>[0-9]{1,10})(?:-(?P<number>[0-9]{1,9}))?"
)
DATASET = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")
# A path inside a run: it leads nowhere else, whatever the system.
FILE = re.compile(r"(?=.{1,200}\Z)(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")
DIGEST = re.compile(r"[0-9a-f]{64}")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9.]{2,9}\+00:00")
# No file of ours comes near it, and no function that walks through one runs out of stack.
DEEPEST = 30
SHOWN_CHARACTERS = 40


def matching(pattern: re.Pattern) -> AfterValidator:
    """Return what checks that a text is one of those that this program writes in such a place."""

    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError("expected a name that ml-baseline writes")
        return text

    return AfterValidator(check)


Package = Annotated[str, matching(re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?"))]
Version = Annotated[str, matching(re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,98}"))]


class Member(TypedDict):
    """A model, as the config describes it; in an ensemble with its weight."""

    name: str
    estimator: str
    params: NotRequired[dict[str, Any]]
    from_rows: NotRequired[dict[str, dict[str, Any]]]
    preprocessing: NotRequired[str | None]
    tune: NotRequired[dict[str, Any] | None]
    weight: NotRequired[float]


class Model(Member):
    """The published model; if it is the ensemble, with the models whose weighted mean it is."""

    members: NotRequired[list[Member]]


class Fit(TypedDict):
    """The rows that the published model was fitted to."""

    on: Literal["train", "all"]  # the fit that was judged, or the same recipe fitted again
    rows: int
    failed: NotRequired[str]  # why there is none on all rows, though the settings ask for it


class Selection(TypedDict):
    """How the model was chosen: by which score, the score of each model, and in words."""

    select_by: str
    out_of_fold: dict[str, float | None]
    why: str


class Data(TypedDict):
    """The raw table: its file, the SHA-256 of its content, and what cleaning counted."""

    table: str
    sha256: str
    rows_read: int
    rows_without_target: int
    duplicate_rows: int


class Split(TypedDict):
    """The published model's split, with the settings it was made by."""

    strategy: str
    rows: int
    train_rows: int
    holdout_rows: int
    holdout_positive: float


class GoldenSummary(TypedDict):
    """The golden rows in short; see `golden.make_golden`."""

    rows: int
    difference_from_holdout: float


class PublishedFinding(TypedDict):
    """A finding of the audit that was no pass."""

    check: str
    subject: str
    verdict: str
    summary: NotRequired[str]
    explanation: str
    fix: NotRequired[str]


class Settings(TypedDict, total=False):
    """The table's settings, of which prediction uses these."""

    table: str
    id: Any
    separator: str | None
    encoding: str | None


class Code(TypedDict):
    """The project's version; its commit, and whether files differ from it, where they are known."""

    version: str | None
    commit: str | None
    dirty: bool | None


class Manifest(TypedDict):
    """`run_meta.json`: what a run is, where and when it was made, and the hash of its files."""

    format: int
    run_id: Annotated[str, matching(RUN_ID)]
    dataset: Annotated[str, matching(DATASET)]
    published: Annotated[str, matching(TIME)]
    task: str
    target: str
    seed: int
    seeds: list[int]
    threshold: float
    model: Model
    fit: NotRequired[Fit]  # runs of 0.1.0 have none: they are fits to the training rows
    baseline: str
    selection: Selection
    data: Data
    split: Split
    holdout_rows_hash: str
    golden: GoldenSummary
    audit: list[PublishedFinding]
    audit_checks: int
    config: Settings
    code: Code
    python: str
    packages: dict[Package, Version | None]  # that matter
    content: str  # the hash of what the run is, whenever and wherever it was made
    files: dict[Annotated[str, matching(FILE)], Annotated[str, matching(DIGEST)]]  # every other one


class Figure(TypedDict):
    """A metric on the holdout with its interval; None where there is none."""

    value: float | None
    low: float | None
    high: float | None
    reliable: NotRequired[bool]  # whether the interval holds what it promises


# `name`, `threshold`, `reliable` (whether the interval of the metric that chose holds what it
# promises) and a figure for each metric.
Scores = dict[str, Figure | str | float | bool | None]


class HoldoutMetrics(TypedDict):
    """`holdout_metrics.json`."""

    dataset: str
    seed: int
    rows: int
    prevalence: float | None
    level: float
    model: Scores
    baseline: Scores
    # `metric`, `difference` with `low` and `high`, `p_adjusted`, `seeds`, `verdict`
    against_baseline: dict[str, str | float | None]


class Golden(TypedDict):
    """`golden_rows.json`: raw cells by column, null for none, and what the model gave the rows."""

    columns: list[str]
    rows: list[list[str | None]]
    row_id: list[int]
    probability: list[float]
    difference_from_holdout: float


Record = TypeVar("Record")


def read_json_as(kind: type[Record], content: bytes, name: object) -> Record:
    """Return the content of a JSON file, which is of a type.

    That is a TypedDict; the file may have keys beyond its own. Raises InputError, in which the file
    has this name, if it is no JSON or not of this type.
    """
    try:
        value = json.loads(content, parse_int=_number, parse_float=_number, parse_constant=_number)
        if _depth(value) > DEEPEST:
            raise RecursionError
        _checker(kind).validate_python(value, strict=True)  # type: ignore[arg-type]
    except RecursionError as error:
        raise InputError(f"{name} is damaged: it is nested too deeply") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        loc, of_key = first["loc"], first["loc"][-1:] == ("[key]",)
        keys = _keys(value, loc[:-2] if of_key else loc)
        if first["type"] == "missing":
            keys.append(str(loc[-1]))
        place = "a key of " * of_key + (f"`{_shown('.'.join(keys))}`" if keys else "it")
        found, why = _shown(json.dumps(first["input"])), first["msg"].removeprefix("Value error, ")
        problem = f"{place} is {found}, {why.replace('Input should be', 'expected')}"
        if first["type"] == "missing":
            problem = f"it lacks {place}"
        raise InputError(f"{name} is damaged: {problem}") from error
    except ValueError as error:
        raise InputError(f"{name} is damaged: not valid JSON ({error})") from error
    return value


_checker = cache(TypeAdapter)


def _number(text: str) -> int | float:
    """Return a number of JSON as Python's; ValueError if none is so large."""
    if not math.isfinite(float(text)):
        raise ValueError(f"{_shown(text)} is not a number that a file of ours has")
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _keys(value: Any, places: Iterable[int | str]) -> list[str]:
    """Return where something stands in a file, without the types that pydantic names in between."""
    keys = []
    for place in places:
        with contextlib.suppress(LookupError, TypeError):
            value = value[place]
            keys.append(str(place))
    return keys


def _shown(text: str) -> str:
    return for_terminal(shortened(text, SHOWN_CHARACTERS))


def _depth(value: object) -> int:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, items), default=0)
