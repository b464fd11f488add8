"""The input schema: what each column of a table is, found out once (`inference`) and kept.

A schema is what its JSON file holds: `target`, `rows` and `columns`, one entry a column of the
cleaned table with its `name`, `role` and `kind`.
"""

from collections.abc import Iterable

NUMERIC_KINDS = ("number", "integer")
# Roles of the columns that a cleaned table holds, in its order.
KEPT_ROLES = ("id", "group", "time", "feature", "target")
SHOWN_COLUMNS = 20


def column(schema: dict, name: str) -> dict:
    """Return the entry of column `name`; raise KeyError if the schema has none."""
    for entry in schema["columns"]:
        if entry["name"] == name:
            return entry
    raise KeyError(name)


def columns_of_role(schema: dict, *roles: str) -> list[str]:
    """Return the names of the columns that have one of `roles`, in table order."""
    return [entry["name"] for entry in schema["columns"] if entry["role"] in roles]


def feature_columns(schema: dict, *kinds: str) -> list[str]:
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
