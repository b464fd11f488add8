"""What is wrong with a config, and where: the form of every complaint about it."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ml_baseline.errors import InputError

Keys = tuple[str | int, ...]
LONGEST_SHOWN = 60


class Problem(NamedTuple):
    """One thing that is wrong, and where."""

    path: Keys
    text: str


class ConfigError(InputError):
    """A config that cannot be used, with all that is wrong in it."""

    def __init__(self, problems: list[Problem], places: Mapping[Keys, str] | None = None):
        """Make one message of all problems; `places` are those of `configuration.key_places`."""
        self.problems = problems
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = [f"  {dotted(path)}{_place(path, places or {})}: {text}" for path, text in problems]
        super().__init__("\n".join([f"the configuration has {count}:", *lines]))


def refuse(problems: list[Problem]) -> None:
    """Raise ConfigError if there are problems."""
    if problems:
        raise ConfigError(problems)


def _place(path: Keys, places: Mapping[Keys, str]) -> str:
    """Return where a key stands, or the nearest one above it that stands somewhere."""
    known = [places[path[:end]] for end in range(len(path), -1, -1) if path[:end] in places]
    return f" ({known[0]})" if known else ""


def dotted(path: Keys) -> str:
    """Return the path of a key as people write it: `datasets.churn.seeds[0]`."""
    text = ""
    for part in path:
        if not isinstance(part, str):
            text += f"[{part}]"
        elif re.fullmatch(r"[\w<>-]+", part) and len(part) <= LONGEST_SHOWN:
            text += f".{part}"
        else:
            text += f"[{shown(part)}]"
    return text.removeprefix(".") or "config"


def shown(value: Any) -> str:
    """Return a value as a user would write it, cut short if it is long."""
    if value is None:
        return "nothing"
    if isinstance(value, float) and not math.isfinite(value):
        return f".{value}"
    try:
        text = json.dumps(value, ensure_ascii=False)
    except TypeError:
        text = str(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."
