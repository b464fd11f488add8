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
TAG = "tag:yaml.org,2002:"
NUMBERS_AND_DATES = {TAG + kind for kind in ("int", "float", "timestamp")}
PLAIN_TAGS = NUMBERS_AND_DATES | {
    TAG + kind for kind in ("str", "bool", "null", "merge", "seq", "map")
}


def load_yaml(path: str | Path) -> Any:
    """Return what the YAML or JSON file at `path` says."""
    text = Path(path).read_text(encoding="utf-8-sig")
    return json.loads(text) if _is_json(text) else yaml.load(text, Loader=LOADER)


def read_config_file(path: str | Path) -> dict[Keys, int]:
    """Return the line (from 1) of each key in a config file, by the key's path.

    Raises InputError if the file cannot be read, is neither YAML nor JSON, or holds what would be read
    otherwise than it was meant: a key that stands twice, a tag, an alias that stands for itself or for
    too much, code for Snakemake to run (YTE).
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise InputError(
                f"{path}: this is not a file; a config is a YAML file with at least one table under `datasets`"
            )
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: the config cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        byte = error.object[error.start]
        text = f"{path}, line {line}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8"
        raise InputError(text) from error
    if _is_json(text):
        text = text.replace("\t", " ")  # a blank in JSON, not in YAML
    try:
        return _Document(str(path)).lines_of(text)
    except yaml.YAMLError as error:
        raise InputError(_syntax_error(path, text, error)) from error


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


class _Document:
    """A walk over the nodes of a YAML text, in which an alias is the very node it stands for."""

    def __init__(self, name: str):
        self.name = name
        self.lines: dict[Keys, int] = {}
        self.twice: dict[Keys, str] = {}
        self.sizes: dict[int, int] = {}  # of the nodes that have been read, aliases expanded
        self.open: set[int] = set()
        self.loader = LOADER("")

    def lines_of(self, text: str) -> dict[Keys, int]:
        """Return the line of each key; raise InputError or YAMLError for what is wrong."""
        depth = 0
        for event in yaml.parse(text, Loader=LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                self._refuse(event, f"nested more than {DEEPEST} levels deep")
        root = yaml.compose(text, Loader=LOADER)
        if root is None:
            raise InputError(
                f"{self.name}, line 1: the file is empty; it needs at least one table under `datasets`"
            )
        if not isinstance(root, yaml.MappingNode):
            self._refuse(root, "expected keys such as `datasets:`, each with its value")
        self._read(root, ())
        if self.twice:
            raise InputError(f"{self.name}: " + "\n  ".join(self.twice.values()))
        self.loader.construct_document(root)  # some faults show when values are made: `<<: 3`
        return self.lines

    def _refuse(self, place: yaml.Node | yaml.Event, text: str) -> NoReturn:
        raise InputError(f"{self.name}, line {_line(place)}: {text}")

    def _read(self, node: yaml.Node, path: Keys) -> int:
        """Note the lines of the keys in a node; return how many values it holds."""
        if id(node) in self.open:
            self._refuse(node, "this value refers to itself by an alias")
        if id(node) in self.sizes:
            return self.sizes[id(node)]
        if node.tag not in PLAIN_TAGS:
            short = node.tag.replace(TAG, "!!")
            self._refuse(node, f"the tag {short} is not supported; write the value without it")
        self.open.add(id(node))
        size = 1
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                size += self._read(value, self._key(key, path))
        elif isinstance(node, yaml.SequenceNode):
            for i, value in enumerate(node.value):
                size += self._read(value, (*path, i))
        elif node.tag in NUMBERS_AND_DATES:
            try:
                self.loader.construct_object(node)
            except ValueError:
                text = f"YAML reads {shown(node.value)} as a number or a date, which it cannot be"
                self._refuse(node, f"{text}; put it in quotes")
        if size > MOST_VALUES:
            text = f"with its aliases expanded, this has more than {MOST_VALUES:,} values"
            self._refuse(node, text)
        self.open.remove(id(node))
        self.sizes[id(node)] = size
        return size

    def _key(self, node: yaml.Node, inside: Keys) -> Keys:
        """Note the line of a key; return its path."""
        if not isinstance(node, yaml.ScalarNode):
            self._refuse(node, "a key has to be text, not a list or a mapping")
        if not inside and node.value == "__use_yte__":
            self._refuse(node, "this lets the file run code in Snakemake; remove the key")
        self._read(node, inside)
        path, line = (*inside, node.value), _line(node)
        first = self.lines.get(path)
        self.lines.setdefault(path, line)
        if first is not None and not any(path[:i] in self.twice for i in range(1, len(path))):
            where = f"line {line}" if first == line else f"lines {first} and {line}"
            self.twice[path] = f"{dotted(path)} is defined twice, on {where}; remove one of them"
        return path


def _line(place: yaml.Node | yaml.Event) -> int:
    return place.start_mark.line + 1 if place.start_mark else 1


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
