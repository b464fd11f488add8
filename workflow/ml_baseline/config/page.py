"""The page of documentation, config/README.md, made from the schema.

As a program it prints the page: `python -m ml_baseline.config.page <schema>`.
"""

import math
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from ml_baseline.config.schema import TOP_LEVEL_ONLY, expected, known_keys, resolved
from ml_baseline.config.text import load_yaml


def document(schema: dict, source: str = "workflow/schemas/config.schema.yaml") -> str:
    """Return the page, in Markdown, that tells every key, its default and its allowed values."""
    parts = [
        f"<!-- Made from {source}. Edit there, then:\n"
        f"PYTHONPATH=workflow python -m ml_baseline.config.page {source} > config/README.md -->",
        f"# {schema['title']}",
        schema["description"].strip(),
    ]
    for key, section in schema["properties"].items():
        parts += [f"## `{key}`", *_section(key, section, schema)]
    return "\n\n".join(parts) + "\n"


def _section(key: str, section: dict, root: dict) -> Iterator[str]:
    """Yield the paragraphs that tell one key of the top level."""
    section = resolved(section, root)
    others = section.get("additionalProperties")
    entries = resolved(others, root) if isinstance(others, dict) else {}
    rows = [
        (".".join(path), entry)
        for path, entry in known_keys(entries or section, root)
        if "properties" not in entry and "<name>" not in path
    ]
    yield section["description"]
    if not rows:
        yield f"Default: `{_flow(section['default'])}`. Allowed: {_escaped(expected(section))}."
        return
    if entries:
        yield f"Names: {_escaped(section['propertyNames']['x-expected'])}."
    yield _table(rows, entries.get("required", []))
    if key == "datasets":
        overrides = ", ".join(f"`{k}`" for k in root["properties"] if k not in TOP_LEVEL_ONLY)
        yield f"You can also set {overrides} here, to override them for this table."
    if section.get("default"):
        block = yaml.safe_dump({key: section["default"]}, sort_keys=False).strip()
        yield f"If the section is left out:\n\n```yaml\n{block}\n```"


def _table(rows: list[tuple[str, dict]], required: Iterable[str]) -> str:
    lines = ["| key | meaning | default | allowed |", "| --- | --- | --- | --- |"]
    for key, entry in rows:
        default = entry.get("default")
        shown = "required" if key in required else "" if default is None else f"`{_flow(default)}`"
        cells = [f"`{key}`", entry.get("description", ""), shown, expected(entry)]
        cells = [_escaped(" ".join(text.split()).replace("|", "\\|")) for text in cells]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _escaped(text: str) -> str:
    """Return text for Markdown, where `<name>` would be HTML outside code."""
    pieces = text.split("`")
    pieces[::2] = [piece.replace("<", "&lt;") for piece in pieces[::2]]
    return "`".join(pieces)


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=math.inf)
    return text.removesuffix("...\n").strip()


if __name__ == "__main__":
    print(document(load_yaml(sys.argv[1])), end="")
