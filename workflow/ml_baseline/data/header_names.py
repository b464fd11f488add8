"""The names of columns as they stand in a header."""

import re
from collections import Counter
from collections.abc import Collection

from ml_baseline.data.schema import listed
from ml_baseline.errors import InputError, did_you_mean, similar

QUOTED = re.compile(r"^(['\"])((?:(?!\1).)*)\1$", re.DOTALL)
# What is not seen in a name, and what is seen as a blank.
UNSEEN = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad]")
ODD_BLANKS = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")


def visible_name(text: object) -> str:
    """Return a name as it stands in a header, without blanks, quotes and what cannot be seen."""
    return _visible(QUOTED.sub(r"\2", _visible(str(text))))


def _visible(name: str) -> str:
    """Return a name without blanks around it and without what cannot be seen in it."""
    return name.strip() if name.isascii() else ODD_BLANKS.sub(" ", UNSEEN.sub("", name)).strip()


def column_names(name: str, header: list[str]) -> list[str]:
    """Return the names in a header, stripped, and one for each column that has none.

    Raises InputError, with the `name` of the file, if a name stands twice.
    """
    names = [visible_name(text) for text in header]
    repeated = sorted(text for text, times in Counter(names).items() if times > 1 and text)
    if repeated:
        listed = ", ".join(f"'{text}'" for text in repeated)
        raise InputError(
            f"{name}: the column name {listed} stands more than once in the header; every column "
            "needs a name of its own: rename them in the file (or, if these are values, put a "
            "header line above them)"
        )
    for i, text in enumerate(names):
        if not text:
            names[i] = f"unnamed_{i + 1}"
            while names.count(names[i]) > 1:
                names[i] += "_"
    return names


def unknown_column(name: str, known: Collection[str]) -> str:
    """Return what to tell someone who names a column that is none of a table's."""
    close = [f"'{one}'" for one in similar(name, known, n=3)]
    advice = "write one of these, or if they are values, put a header line above them"
    if len(known) == 1:
        advice = "if it is several in one, set `separator`; if it is no name, delete what stands above the header line"
    return (
        f"names the column '{name}', which is not among the table's columns ({listed(known)}); "
        f"{did_you_mean(close, advice)}"
    )
