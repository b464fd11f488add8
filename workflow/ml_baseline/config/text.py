"""The text of a config file: mistakes that YAML passes over in silence, and the line of each key.

Snakemake reads config files with a loader of its own, which takes the last of two equal keys and
follows aliases without end. So each file is looked at as text before what it says is used.
"""

import json
import re
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ml_baseline.config.problems import Keys, dotted, shown
from ml_baseline.errors import InputError

# The loader in C is ten times as fast, but not there on every machine.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST_VALUES = 100_000
DEEPEST = 100
PLAIN_TAGS = {
    f"tag:yaml.org,2002:{kind}" for kind in ["str", "int", "float", "bool", "null", "seq", "map"]
}


def load_yaml(path: str | Path) -> Any:
    """Return what the YAML or JSON file at `path` says."""
    text = Path(path).read_text(encoding="utf-8-sig")
    return json.loads(text) if _is_json(text) else yaml.load(text, Loader=LOADER)


def read_config_file(path: str | Path) -> dict[Keys, int]:
    """Return the line (from 1) of each key in a config file, by the key's path.

    Raises:
        InputError: the file cannot be read, is neither YAML nor JSON, or holds what would be read
            otherwise than it was meant: a key that stands twice, a tag, a second document, an alias
            that stands for itself or for too much, code for Snakemake to run (YTE).
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise InputError(
                f"{path}: this is not a file; a config is a YAML file with at least one table under "
                "`datasets`"
            )
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: the config cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path}, line {line}: byte 0x{error.object[error.start]:02x} is not UTF-8; save the "
            "file as UTF-8"
        ) from error
    if _is_json(text):
        text = text.replace("\t", " ")  # a blank in JSON, not in YAML
    try:
        lines = _Walk(str(path)).lines_of(text)
        try:
            yaml.load(text, Loader=LOADER)  # some faults show when values are made: `<<: 3`
        except ValueError as error:
            raise InputError(_bad_value(path, text)) from error
    except yaml.YAMLError as error:
        raise InputError(_syntax_error(path, text, error)) from error
    return lines


def _is_json(text: str) -> bool:
    """Return whether a text is JSON; Snakemake tries that first."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _syntax_error(path: Path, text: str, error: yaml.YAMLError) -> str:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    if not isinstance(error, yaml.MarkedYAMLError) or mark is None:
        character = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]", text)
        line = text[: character.start()].count("\n") + 1 if character else 1
        return f"{path}, line {line}: an invisible control character, which YAML forbids; delete it"
    lines = text.splitlines()
    here = lines[mark.line] if mark.line < len(lines) else ""
    problem = "a tab; indent with spaces" if "\t" in here[: mark.column + 1] else None
    problem = problem or " ".join(filter(None, (error.context, error.problem)))
    return f"{path}, line {mark.line + 1}: not valid YAML: {problem}"


def _bad_value(path: Path, text: str) -> str:
    """Return which value in a YAML text looks like a date or a number and can be none."""
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.ScalarEvent) and not event.style:
            try:
                yaml.load(event.value, Loader=LOADER)
            except ValueError:
                line = event.start_mark.line + 1 if event.start_mark else 1
                what = shown(event.value)
                return (
                    f"{path}, line {line}: YAML reads {what} as a number or a date, which it "
                    "cannot be; put it in quotes"
                )
            except yaml.YAMLError:
                continue
    return f"{path}: not valid YAML"


class _Open:
    """A mapping or list that is being read."""

    def __init__(self, path: Keys, anchor: str | None, is_mapping: bool):
        self.path, self.anchor, self.is_mapping = path, anchor, is_mapping
        self.key: str | None = None
        self.items = 0
        self.size = 0


class _Walk:
    """One walk over the events of a YAML text; nothing is built, so nothing can grow too large."""

    def __init__(self, name: str):
        self.name = name
        self.lines: dict[Keys, int] = {}
        self.sizes: dict[str, int | None] = {}  # by anchor; None while it is open
        self.open: list[_Open] = []
        self.twice: dict[Keys, str] = {}

    def lines_of(self, text: str) -> dict[Keys, int]:
        documents = 0
        for event in yaml.parse(text, Loader=LOADER):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse(line, "a second document begins here; remove the `---`")
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()
            elif isinstance(event, yaml.NodeEvent):
                self._node(event, line)
        if not documents:
            self._refuse(1, "the file is empty; it needs at least one table under `datasets`")
        if self.twice:
            raise InputError(f"{self.name}: " + "\n  ".join(self.twice.values()))
        return self.lines

    def _refuse(self, line: int, text: str) -> NoReturn:
        raise InputError(f"{self.name}, line {line}: {text}")

    def _node(self, event: yaml.NodeEvent, line: int) -> None:
        inside = self.open[-1] if self.open else None
        tag = getattr(event, "tag", None)
        if tag and tag not in {"!", *PLAIN_TAGS}:
            short = tag.replace("tag:yaml.org,2002:", "!!")
            self._refuse(line, f"the tag {short} is not supported; write the value without it")
        if inside is None and not isinstance(event, yaml.MappingStartEvent):
            self._refuse(line, "expected keys such as `datasets:`, each with its value")
        if inside and inside.is_mapping and inside.key is None:
            self._key(event, line, inside)
            return
        path: Keys = ()
        if inside:
            path = (*inside.path, inside.items if inside.key is None else inside.key)
            inside.key, inside.items = None, inside.items + 1
            self._grow(1, line)
        if isinstance(event, yaml.CollectionStartEvent):
            if len(self.open) == DEEPEST:
                self._refuse(line, f"nested more than {DEEPEST} levels deep")
            mapping = isinstance(event, yaml.MappingStartEvent)
            self.open.append(_Open(path, event.anchor, mapping))
            if event.anchor:
                self.sizes[event.anchor] = None
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", line)
        elif event.anchor:
            self.sizes[event.anchor] = 1

    def _key(self, event: yaml.NodeEvent, line: int, inside: _Open) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(line, "a key has to be text, not a list, a mapping or an alias")
        key = event.value
        if not inside.path and key == "__use_yte__":
            self._refuse(line, "this lets the file run code in Snakemake; remove the key")
        path = (*inside.path, key)
        if path in self.lines and not any(path[:i] in self.twice for i in range(1, len(path))):
            first = self.lines[path]
            where = f"line {line}" if first == line else f"lines {first} and {line}"
            self.twice[path] = f"{dotted(path)} is defined twice, on {where}; remove one of them"
        self.lines.setdefault(path, line)
        inside.key = key

    def _alias(self, anchor: str, line: int) -> None:
        if anchor not in self.sizes:
            self._refuse(line, f"*{anchor} refers to &{anchor}, which is not defined above")
        size = self.sizes[anchor]
        if size is None:
            self._refuse(line, f"*{anchor} is inside the value that it refers to")
        self._grow(size or 0, line)

    def _grow(self, size: int, line: int) -> None:
        self.open[-1].size += size
        if self.open[-1].size > MOST_VALUES:
            text = f"with its aliases expanded, this has more than {MOST_VALUES:,} values"
            self._refuse(line, text)

    def _close(self) -> None:
        closed = self.open.pop()
        if closed.anchor:
            self.sizes[closed.anchor] = closed.size
        if self.open:
            self._grow(closed.size, self.lines.get(closed.path, 1))


def require_finite(config: Any) -> None:
    """Raise InputError if a config is nested without end or holds too much, as aliases make it."""
    waiting, seen = [(config, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if depth > DEEPEST:
            raise InputError(f"the configuration is nested more than {DEEPEST} levels deep")
        if seen > MOST_VALUES:
            raise InputError(f"the configuration holds more than {MOST_VALUES:,} values")
        if isinstance(value, dict):
            value = value.values()
        elif not isinstance(value, list | tuple):
            continue
        waiting += [(item, depth + 1) for item in value]
