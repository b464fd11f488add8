"""The note beside a sample table: what it is, and the hash of what was written.

A table is a sample as long as it holds what was written. So one that a user has put in its place,
or has edited, is the user's own, whatever note lies beside it.
"""

import re
from pathlib import Path

from ml_baseline.files import content_hash, whole_file

WRITTEN = re.compile(r"^As written: (\d+) bytes, SHA-256 ([0-9a-f]{64})$", re.MULTILINE)


def note_path(table: str | Path) -> Path:
    """Return where the note of a sample table stands."""
    return Path(table).with_suffix(".source.md")


def write_note(table: str | Path, text: str, written: str | Path) -> None:
    """Write the note of a sample table whose content is that of the file `written`."""
    size, content = Path(written).stat().st_size, content_hash(written)
    with whole_file(note_path(table)) as temporary:
        temporary.write_text(
            f"{text}\nAs written: {size} bytes, SHA-256 {content}\n"
            "While the table is this one, the workflow may make it anew; any other is kept.\n",
            encoding="utf-8",
        )


def is_sample(table: str | Path) -> bool:
    """Return whether a file holds a sample table as it was written."""
    table, note = Path(table), note_path(table)
    if not (table.is_file() and note.is_file()):
        return False
    written = WRITTEN.search(note.read_text(encoding="utf-8", errors="replace"))
    # The size first: the file may be a large one of the user's.
    return (
        written is not None
        and table.stat().st_size == int(written[1])
        and content_hash(table) == written[2]
    )
