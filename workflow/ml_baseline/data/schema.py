"""The input schema: what each column of a table is, detected once (`infer_schema`) and kept."""

from collections.abc import Iterable
from typing import Literal, Required, TypedDict

Kind = Literal["number", "integer", "boolean", "code", "category"]
Role = Literal["feature", "target", "id", "group", "time", "drop", "forbidden"]

# Kinds whose cells are quantities.
NUMERIC_KINDS = ("number", "integer")
# Kinds whose values have an order.
ORDERED_KINDS = (*NUMERIC_KINDS, "boolean")
# Roles of the columns that a cleaned table holds, in its order.
KEPT_ROLES = ("id", "group", "time", "feature", "target")
SHOWN_COLUMNS = 20


class Column(TypedDict, total=False):
    """One column of the cleaned table: what it is, and how its cells are read.

    Attributes:
        name, source: its name in the cleaned and in the raw table.
        decimal, unit: the decimal sign, if not a point; what stands behind each number.
        scales, percent, flags, bare: whether k and M behind a number count, percent where no sign
            says so, a letter behind it is left out; False if a number without its unit is none.
        declared: whether the config says how dates or numbers are written.
        missing_numbers: numbers that mean missing.
        latest_year: that two digits of a year can mean.
        date_formats, part: how dates are written, and which part of them this column is.
        encode, labels: the code of each label, and a label for each code.
        spellings, keeps_case: for labels that are spelled in several ways, the one to use, by
            `cells.folded`; whether case tells labels apart.
        answers: usual missing tokens that are none here.
        categories: the labels, or the codes, that there are.
        nullable, missing: whether a cell is missing, and how many.
        minimum, maximum: of the numbers.
    """

    name: Required[str]
    role: Required[Role]
    kind: Required[Kind]
    source: Required[str]
    decimal: str
    unit: str
    scales: bool
    percent: str
    flags: bool
    bare: bool
    declared: bool
    missing_numbers: list[float]
    date_formats: list[str]
    latest_year: int
    part: str
    encode: dict[str, int]
    labels: dict[str, str]
    spellings: dict[str, str]
    keeps_case: bool
    answers: list[str]
    categories: list
    nullable: bool
    missing: int
    minimum: float
    maximum: float


class Schema(TypedDict, total=False):
    """The input schema of a table, as its JSON file holds it.

    Attributes:
        dataset: the table's name.
        target: the name of the target.
        positive, negative: its labels in the raw table that mean 1 and 0.
        missing_values: what means missing in this table beside the usual tokens, in lower case.
        columns: in the order of the raw table.
        rows: of the cleaned table.
    """

    dataset: str
    target: Required[str]
    positive: list[str]
    negative: list[str]
    missing_values: list[str]
    columns: Required[list[Column]]
    rows: int


def column(schema: Schema, name: str) -> Column:
    """Return the entry of column `name`; raise KeyError if the schema has none."""
    for entry in schema["columns"]:
        if entry["name"] == name:
            return entry
    raise KeyError(name)


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


def names_of(value: object) -> list[str]:
    """Return a config value that is one name, several or none as a list of texts."""
    if value is None:
        return []
    return [str(name) for name in value] if isinstance(value, list | tuple) else [str(value)]


def listed(names: Iterable[str], limit: int = SHOWN_COLUMNS) -> str:
    """Return the first `limit` names as a message shows them, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
