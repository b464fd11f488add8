"""Text made fit to be shown: what others wrote, names that are too long, numbers with their nouns."""

import re
from collections.abc import Iterable

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


def shortened(text: str, limit: int) -> str:
    """Return a name cut in its middle: long names often differ at their ends only."""
    if len(text) <= limit:
        return text
    head = (limit - 1) * 2 // 3
    return f"{text[:head].rstrip()}\N{HORIZONTAL ELLIPSIS}{text[head + 1 - limit :].lstrip()}"


def joined(names: Iterable[str], limit: int | None = None) -> str:
    """Return names as a sentence holds them: a, b and c; and how many more than `limit`."""
    names = list(names)
    if limit is not None and len(names) > limit:
        names[limit:] = [f"{len(names) - limit} more"]
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def count(value: float) -> str:
    """Return a number of rows or the like; means over splits may have a fraction."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def plural(number: float, noun: str) -> str:
    """Return `1 row` or `2 rows`."""
    return f"{count(number)} {noun}" + ("" if number == 1 else "s")


def percent(share: float, digits: int = 0) -> str:
    """Return a share as a percentage, which says neither none nor all where that is not so."""
    value, least = round(100 * share, digits), 10.0**-digits
    if share > 0 and value == 0:
        return f"< {least:g} %"
    if share < 1 and value == 100:
        return f"> {100 - least:g} %"
    return f"{100 * share:.{digits}f} %"


def config_entry(**keys: object) -> str:
    """Return the YAML that gives a table these keys, a line each, such as `forbidden: [paid, 'no']`."""
    return "\n".join(_line_of_yaml(key, value) for key, value in keys.items())


def _line_of_yaml(key: str, value: object) -> str:
    import yaml  # for the few that write one

    for style in (None, '"'):  # line breaks and what cannot be seen are escaped in quotes only
        text = yaml.safe_dump(
            {key: value},
            default_flow_style=True,
            default_style=style,
            allow_unicode=style is None,
            sort_keys=False,
            width=float("inf"),
        ).strip()[1:-1]
        if text.isprintable():
            break
    return text


# Keys of a table that name a single column.
ONE_COLUMN = ("group", "time")


def merged_fixes(fixes: Iterable[str]) -> str:
    """Return the `fix` of several findings as one: the columns that one key gets are listed.

    Where they set a key to things that cannot be listed (`split`, `time`), the first one stays.
    """
    import yaml

    merged: dict[str, object] = {}
    for fix in fixes:
        _merge(merged, yaml.safe_load(fix) or {})
    return config_entry(**merged)


def _merge(merged: dict, entry: dict, deeply: bool = False) -> None:
    for key, value in entry.items():
        before = merged.setdefault(key, value)
        if (deeply or key == "columns") and isinstance(before, dict):
            _merge(before, value, deeply=True)
        elif (
            key not in ONE_COLUMN
            and isinstance(before, str | list)
            and isinstance(value, str | list)
        ):
            names = list(dict.fromkeys([*_listed(before), *_listed(value)]))
            merged[key] = before if names == [before] else names


def together(fixes: Iterable[str]) -> str:
    """Return what several fixes say of columns in one entry a key, "" if no two of them do."""
    all_lines = dict.fromkeys(line for fix in fixes for line in fix.splitlines())
    lines = [line for line in all_lines if line.startswith(("columns:", "forbidden:"))]
    merged = merged_fixes(lines).splitlines()
    return f"Together, in the config: {'; '.join(merged)}" if len(merged) < len(lines) else ""


def _listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names
