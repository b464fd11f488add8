"""Text that others wrote, made fit to be shown."""

import re

# What steers a terminal, what turns the direction of reading, what ends a line unseen, and halves of
# characters, which cannot be printed at all.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def for_terminal(text: str) -> str:
    r"""Return `text` with control characters made visible (`\x1b`); line ends and tabs stay.

    Names of columns and packages, cells and the messages of exceptions may hold anything: a
    terminal would obey it.
    """
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
