"""Text that others wrote inside Markdown, where it must stay text: no link, image, HTML or table.

Rules are those of CommonMark 0.31 and of GitHub's tables and automatic links.
"""

import re

from ml_baseline.text import for_terminal

_SPECIAL = re.compile(r"[\\`*\[\]<>&|~$#]|(?<![^\W_])_|_(?![^\W_])")
# What GitHub makes a link of by itself: as code it stays text.
_LINKS = re.compile(r"://|\bwww\.|@", re.IGNORECASE)


def code(text: object, in_table: bool = False) -> str:
    """Return text as code, in which nothing has a meaning; on one line."""
    shown = _one_line(text)
    if not shown.strip():
        return "(blank)"
    longest = max(map(len, re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    space = " " * (longest > 0)
    span = f"{fence}{space}{shown}{space}{fence}"
    return span.replace("|", "\\|") if in_table else span


def prose(text: object) -> str:
    """Return a sentence with all that Markdown would take for more than text escaped; on one line."""
    parts = re.split(f"({_LINKS.pattern})", _one_line(text), flags=re.IGNORECASE)
    return "".join(
        f"`{part}`" if i % 2 else _SPECIAL.sub(r"\\\g<0>", part) for i, part in enumerate(parts)
    )


def _one_line(text: object) -> str:
    return for_terminal(" ".join(str(text).split()))
