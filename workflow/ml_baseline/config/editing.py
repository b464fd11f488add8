"""A table's entry written into a config file, and nothing else in the file touched."""

import json
from pathlib import Path
from typing import Any

import yaml

from ml_baseline.config.text import LOADER, load_yaml, read_config_file
from ml_baseline.errors import InputError
from ml_baseline.files import whole_file

SECTION = "datasets"


def add_table(path: str | Path, name: str, settings: dict[str, Any], block: str) -> None:
    """Add a table to the `datasets` of a config file, which is made if it is not there.

    Comments, order, line ends and everything else stay as they are: only lines are put in, or, where
    the mapping is in braces, the entry in it if it has no comments. `block` is the entry as the text of a whole config,
    indented by two spaces.

    Raises:
        InputError: the file is no sound config, has the table already, or cannot be changed so.
    """
    path = Path(path)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, block)
        return
    read_config_file(path)
    before = load_yaml(path)
    tables = before.get(SECTION) or {}
    if isinstance(tables, dict) and name in tables:
        raise InputError(f"{path} has the table `{name}` already; change its entry there")
    text = path.read_bytes().decode("utf-8")
    mark, text = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    end = "\r\n" if "\r\n" in text else "\n"
    changed = _with_entry(text.replace("\r\n", "\n"), name, settings, block)
    try:
        expected = before | {SECTION: {**tables, name: settings}}
        is_it = yaml.load(changed, Loader=LOADER) == expected
    except (yaml.YAMLError, TypeError):  # there are no tables in what stands there
        is_it = False
    if not is_it:
        raise InputError(
            f"{path}: the entry cannot be put in without changing more of the file; paste it yourself"
        )
    if changed.count("#") < text.count("#") + block.count("#"):
        raise InputError(
            f"{path}: `{SECTION}` is in braces, where the comments of the entry have no place; write each "
            "table on lines of its own, or paste the entry yourself"
        )
    _write(path, mark + changed.replace("\n", end))


def _with_entry(text: str, name: str, settings: dict[str, Any], block: str) -> str:
    """Return the text of a config with one more entry, if nothing in it stands in the way."""
    root: Any = yaml.compose(text, Loader=LOADER)  # a mapping, as it could be read
    found = [(key, value) for key, value in root.value if key.value == SECTION]
    lines = block.splitlines()[1:]  # without `datasets:`
    if not found:
        if root.flow_style:
            return _in_braces(text, root, {SECTION: {name: settings}})
        gap = "" if text.endswith("\n") else "\n"
        first = " " * root.start_mark.column
        return text + gap + "\n" + "".join(f"{first}{line}\n" for line in block.splitlines())
    key, value = found[0]
    if isinstance(value, yaml.MappingNode) and value.flow_style:
        return _in_braces(text, value, {name: settings})
    indent = key.start_mark.column + 2
    if isinstance(value, yaml.MappingNode):
        indent = value.start_mark.column
    # Right below the key, above the comment that stands above the first entry.
    at = text.find("\n", key.end_mark.index) + 1 or len(text)
    gap = "" if text[:at].endswith("\n") else "\n"
    entry = "".join(f"{' ' * (indent - 2)}{line}\n" for line in lines)
    return text[:at] + gap + entry + ("\n" if text[at:].strip() else "") + text[at:]


def _in_braces(text: str, node: yaml.MappingNode, entry: dict[str, Any]) -> str:
    at = node.start_mark.index + 1
    inside = json.dumps(entry, ensure_ascii=False)[1:-1]
    return text[:at] + inside + (", " if node.value else "") + text[at:]


def _write(path: Path, text: str) -> None:
    try:
        target = path.resolve()  # a link stays one
        mode = target.stat().st_mode & 0o7777 if target.exists() else None
        with whole_file(target) as temporary:
            temporary.write_bytes(text.encode())
        if mode is not None:
            target.chmod(mode)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
