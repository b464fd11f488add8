"""The input schema: what each column of a table is, detected once (`infer_schema`) and kept."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Required

from typing_extensions import TypedDict  # pydantic reads typing's from Python 3.12 on

Kind = Literal["number", "integer", "boolean", "code", "category"]
Role = Literal["feature", "target", "id", "group", "time", "drop", "forbidden"]

# Kinds whose cells are quantities.
NUMERIC_KINDS = ("number", "integer")
LABEL_KINDS = ("category", "code")
# Kinds whose values have an order.
ORDERED_KINDS = (*NUMERIC_KINDS, "boolean")
# What the numbers are called that parts of a date have.
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
PART_NAMES: dict[str, dict[float, str]] = {
    "weekday": dict(enumerate(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])),
    "month": dict(enumerate(MONTHS.split(), 1)),
}
# Roles of the columns that a cleaned table holds, in its order.
KEPT_ROLES = ("id", "group", "time", "feature", "target")
SHOWN_COLUMNS, SHOWN_LABELS = 20, 8


class Column(TypedDict, total=False):
    """One column of the cleaned table: what it is, and how its cells are read."""

    name: Required[str]
    role: Required[Role]
    kind: Required[Kind]
    source: Required[str]  # its name in the raw table
    row_numbers: bool  # whether it is an id because it counts the rows
    decimal: str  # the sign, if not a point
    unit: str  # behind each number
    scales: bool  # whether k and M behind a number count
    percent: str  # "all" where numbers without the sign are percentages too
    flags: bool  # whether a letter behind a number is left out
    bare: bool  # False if a number without its unit is none
    open: bool  # whether either sign may be the decimal one, as in 1,234
    declared: bool  # whether the config says how it is read, so that nothing is chosen
    text: bool  # whether the file has these numbers as text, and others as numbers
    missing_values: list[str]  # if the config gives it its own, in lower case
    missing_numbers: list[float]  # numbers that mean missing
    date_formats: list[str]
    half_turned: bool  # whether day and month of those that a spreadsheet knew may be exchanged
    latest_year: int  # that two digits of a year can mean
    part: str  # of the dates
    encode: dict[str, int]  # the code of each label
    labels: dict[str, str]  # a label for each code
    spellings: dict[str, str]  # the one to use of several, by `cells.folded`
    keeps_case: bool  # whether case tells labels apart
    answers: list[str]  # usual missing tokens that are none here
    # What only a look at all cells tells, so known once the table is clean:
    categories: list  # labels or codes
    nullable: bool
    missing: int  # cells
    minimum: float
    maximum: float
    # What new rows are compared with, known of the rows that a model has learned from:
    signs: list[str]  # that stand in numbers: currencies, %, the one between thousands
    unread: list[str]  # words that could not be read, and are as missing in new rows
    seen_once: int  # categories of one row: so many new ones are to be expected in as many rows
    far: list[float]  # below the one and above the other a single number is told


class Schema(TypedDict, total=False):
    """The input schema of a table, as its JSON file holds it."""

    dataset: str
    target: Required[str]
    positive: list[str]  # labels in the raw table that mean 1
    negative: list[str]
    missing_values: list[str]  # beside the usual tokens, in lower case
    columns: Required[list[Column]]  # in the order of the raw table
    rows: int  # of the cleaned table
    coarse: bool  # whether rows with the same features are different cases (`twins.is_coarse`)


# A coin flip that changes values; chosen by evidence, or lost; certain, but worth knowing.
Severity = Literal["fail", "warn", "told"]


@dataclass(frozen=True)
class Doubt:
    """One thing that is not certain, or was lost. Texts are plain; names in them may hold anything."""

    column: str  # its name in the raw table
    what: str  # the kind of doubt, in a word
    severity: Severity
    cells: int  # that it is about
    summary: str  # one sentence: what was done with which cells
    explanation: str = ""  # whole sentences: what else it may be, and what to do
    settle: dict[str, Any] = field(default_factory=dict)  # what, in the table's config, settles it
    examples: tuple[str, ...] = ()


def column(schema: Schema, name: str) -> Column:
    """Return the entry of column `name`; raise KeyError if the schema has none."""
    for entry in schema["columns"]:
        if entry["name"] == name:
            return entry
    raise KeyError(name)


def by_source(entries: Iterable[Column]) -> dict[str, Column]:
    """Return entries by the names of the raw columns; of the parts of a date the first."""
    found: dict[str, Column] = {}
    for entry in entries:
        found.setdefault(entry["source"], entry)
    return found


def columns_of_role(schema: Schema, *roles: str) -> list[str]:
    """Return the names of the columns that have one of `roles`, in table order."""
    return [entry["name"] for entry in schema["columns"] if entry["role"] in roles]


def feature_columns(schema: Schema, *kinds: str) -> list[str]:
    """Return the names of the feature columns, in table order; only those of `kinds` if given."""
    return [
        entry["name"]
        for entry in schema["columns"]
        if entry["role"] == "feature" and (not kinds or entry["kind"] in kinds)
    ]


def class_names(schema: Schema) -> tuple[str, str]:
    """Return what the negatives and the positives are called, such as `churn = no`, `churn = yes`."""
    negative, positive = (
        " or ".join(
            labels if len(labels) < 3 else [", ".join(labels[:2]), f"{len(labels) - 2} more"]
        )
        for labels in (schema.get("negative", ["0"]), schema.get("positive", ["1"]))
    )
    return f"{schema['target']} = {negative}", f"{schema['target']} = {positive}"


def names_of(value: object) -> list[str]:
    """Return a config value that is one name, several (or the keys of a mapping) or none as texts."""
    if value is None:
        return []
    return [str(name) for name in value] if isinstance(value, list | tuple | dict) else [str(value)]


def quoted(labels: Iterable[str], limit: int = SHOWN_LABELS) -> str:
    """Return the first labels in quotes, as a message shows them."""
    return listed([f"'{label}'" for label in labels], limit)


def listed(names: Iterable[str], limit: int = SHOWN_COLUMNS) -> str:
    """Return the first `limit` names as a message shows them, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
