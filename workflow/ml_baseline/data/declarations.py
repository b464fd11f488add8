"""What the config says of how a column is read: it wins over what the cells look like."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ml_baseline.data import cells
from ml_baseline.data.infer_dates import date_formats
from ml_baseline.data.infer_numbers import read_as_numbers
from ml_baseline.data.infer_target import texts_of
from ml_baseline.data.schema import names_of, quoted
from ml_baseline.errors import InputError


def declarations(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a table's settings say of each column that they name, in the form of `columns`.

    `categorical`, `dates` and `encode` are short forms of it. The `missing_values` of a column are
    as they are compared: stripped, in lower case.
    """
    said: dict[str, dict[str, Any]] = {}
    short = {
        "kind": dict.fromkeys(names_of(settings.get("categorical")), "category"),
        "format": settings.get("dates") or {},
        "encode": settings.get("encode") or {},
    }
    given = [(name, {key: value}) for key, of in short.items() for name, value in of.items()]
    for name, how in (*given, *(settings.get("columns") or {}).items()):
        said.setdefault(str(name), {}).update({"kind": how} if isinstance(how, str) else how)
    for how in said.values():
        if "format" in how or "latest_year" in how:
            how["kind"] = "date"
        elif "decimal" in how or "unit" in how:
            how["kind"] = "number"
        if "missing_values" in how:
            texts = pd.Series(names_of(how["missing_values"]), dtype="str")
            how["missing_values"] = frozenset(cells.strip(texts).str.lower())
    return said


def is_of_labels(how: Mapping[str, Any]) -> bool:
    """Return whether a column is declared to be one of labels."""
    return how.get("kind") == "category" or "encode" in how


def labels_of(how: Mapping[str, Any]) -> set[str]:
    """Return texts that are labels by the config, in lower case, though they may look like markers."""
    if "encode" not in how:
        return set(cells.MISSING_TOKENS) if is_of_labels(how) else set()
    return {text.lower() for label in how["encode"] for text in texts_of(label)}


def encode_entry(name: str, present: pd.Series, encode: Mapping) -> dict:
    """Return how a column is read whose labels have codes in the config."""
    codes: dict[str, int] = {}
    labels: dict[str, str] = {}
    for label, code in encode.items():
        codes |= dict.fromkeys(texts_of(label), code)
        labels.setdefault(str(code), texts_of(label)[0])
    if len(present) and cells.encode(present, codes).isna().all():
        raise InputError(
            f"`encode` has codes for {quoted(codes)} of the column '{name}', but the column has "
            f"{quoted(present.unique())}; give codes for these labels"
        )
    categories = sorted(set(encode.values()))
    return {"kind": "code", "encode": codes, "categories": categories, "labels": labels}


def declared_formats(
    name: str, present: pd.Series, how: Mapping[str, Any], days_first: bool
) -> list[str]:
    """Return the formats of a column that is declared to be of dates."""
    formats = names_of(how.get("format"))
    if not formats:
        present = present[~present.str.match(cells.NO_DATES)]
        if cells.parse_dates(present, [cells.COMPACT_DATE]).notna().all():
            return [cells.COMPACT_DATE] if len(present) else []
        if found := date_formats(present, days_first):
            return found
        raise _none_read(name, present, "a date", "{kind: date, format: '%d %b %Y'}")
    shown = " or ".join(f"'{date_format}'" for date_format in formats)
    given = f"the column '{name}' is given the format {shown}, which"
    try:
        times = cells.parse_dates(present, formats)
    except ValueError as error:
        raise InputError(f"{given} is none: {error}") from error
    if len(times) and times.isna().all():
        raise InputError(
            f"{given} reads none of its cells (found '{present.iloc[0]}'); give the format they are written in"
        )
    return formats


def declared_number(name: str, present: pd.Series, decimal: str, unit: str | None) -> dict:
    """Return how a column is read that is declared to be of numbers: as many of them as can be."""
    if entry := read_as_numbers(present, decimal, unit):
        return entry
    raise _none_read(name, present, "a number", "category")


def declared_boolean(name: str, present: pd.Series) -> dict:
    """Return how a column is read that is declared to be of yes and no."""
    if len(present) and cells.parse_booleans(present).isna().all():
        raise _none_read(name, present, "yes or no", "category")
    return {"kind": "boolean"}


def _none_read(name: str, present: pd.Series, what: str, instead: str) -> InputError:
    return InputError(
        f"`columns` says that each cell of '{name}' is {what}, but none is (found "
        f"'{present.iloc[0]}'); write how it is read: `columns: {{{name}: {instead}}}`"
    )
