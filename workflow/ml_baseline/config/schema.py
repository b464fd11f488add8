"""The config's schema: what may stand in a config, in the schema's words and in a user's.

The schema (`workflow/schemas/config.schema.yaml`) is JSON Schema with a few words of its own. It
holds what is allowed, what holds where nothing is said and what it means, so the error messages and
the page of documentation are made from it too.
"""

import math
from collections.abc import Iterator
from typing import Any

from ml_baseline.config.problems import Keys, dotted, shown
from ml_baseline.errors import did_you_mean, similar

# Every other section at the top level may be overridden inside a dataset.
TOP_LEVEL_ONLY = ("datasets", "only", "predictions", "table_format", "sample_data")

# How similar two keys are that differ by a slip of the pen.
SLIP = 0.87

YAML_TRUTH = "YAML reads a bare Yes, No, On, Off, True or False as a truth value; put it in quotes"
YAML_DATE = "YAML reads it as a date; put it in quotes"


def resolved(schema: dict, root: dict) -> dict:
    """Return the schema with its reference, if it is one, replaced by what that refers to."""
    if "$ref" not in schema:
        return schema
    target = root
    for part in schema["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**resolved(target, root), **{k: v for k, v in schema.items() if k != "$ref"}}


def types_of(schema: dict) -> tuple[str, ...]:
    """Return the types a value may have; none are named if it may have any."""
    types = schema.get("type", "string" if "enum" in schema else ())
    return (types,) if isinstance(types, str) else tuple(types)


def is_override(schema: dict) -> bool:
    """Return whether a key of a dataset is one of the top level's, for this table only."""
    return schema.get("$ref", "").startswith("#/properties/")


def stands_alone(value: Any) -> bool:
    """Return whether a value is a model's whole entry: one with its estimator inherits nothing."""
    return isinstance(value, dict) and isinstance(value.get("estimator"), str)


def expected(schema: dict) -> str:
    """Return in words what the schema allows."""
    if "x-expected" in schema:
        return schema["x-expected"]
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    if "properties" in schema:
        return "a mapping with the keys " + ", ".join(schema["properties"])
    nouns = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}
    noun = nouns.get(types_of(schema)[0], "text")
    if "exclusiveMinimum" in schema:
        low, high = schema["exclusiveMinimum"], schema.get("exclusiveMaximum", math.inf)
        bounds = f"between {low} and {high}, both excluded"
        return f"{noun} above {low}" if math.isinf(high) else f"{noun} {bounds}"
    if "maximum" in schema:
        return f"{noun} from {schema['minimum']} to {schema['maximum']}"
    if "minimum" in schema:
        return f"{noun} of at least {schema['minimum']}"
    return noun


def mismatch(value: Any, schema: dict) -> str:
    """Return what to tell someone whose value is not what the schema allows."""
    text = f"found {shown(value)}; expected {expected(schema)}"
    close = _nearest_value(value, schema) if isinstance(value, str) else []
    if close:
        return f"{text}; {did_you_mean(close)}"
    return text + yaml_hint(value) if "string" in types_of(schema) else text


def _nearest_value(value: str, schema: dict) -> list[str]:
    words = schema.get("enum") or schema.get("x-words") or []
    head, mark, tail = value.rpartition("_")
    endings = similar(mark + tail, [word for word in words if word.startswith("_")])
    if head and endings:
        return [head + endings[0]] if head + endings[0] != value else []
    return similar(value, [word for word in words if not word.startswith("_")])


def yaml_hint(value: Any) -> str:
    """Return how to write what YAML read otherwise than it was meant."""
    if isinstance(value, bool):
        return f" ({YAML_TRUTH})"
    # datetime.date and datetime.datetime, without an import for the one look at them.
    return f" ({YAML_DATE})" if hasattr(value, "isoformat") else ""


def unknown_key(key: str, path: Keys, here: dict, root: dict) -> str:
    """Return what to tell someone who wrote a key that does not exist, with the nearest that does.

    A slip of the pen goes first, then the same key in another place, then a likeness.
    """
    hint, siblings = here.get("x-unknown-key"), list(here["properties"])
    slips = [dotted((*path, name)) for name in similar(key, siblings, 1, SLIP)]
    nearest = slips or _elsewhere(key, path, root, cutoff=1 if hint else 0.8)
    if not hint:
        nearest = nearest or [dotted((*path, name)) for name in similar(key, siblings, 1)]
    otherwise = hint or "the keys here are " + ", ".join(siblings)
    return f"there is no such key; {did_you_mean(nearest, otherwise)}"


def _elsewhere(key: str, path: Keys, root: dict, cutoff: float) -> list[str]:
    """Return the place of the most similar key, as seen from `path`; nothing if there is none."""
    places = {known[-1]: known for known, _ in reversed([*known_keys(root, root)])}
    for known in (places[leaf] for leaf in similar(key, places, 1, cutoff)):
        if path[:1] != ("datasets",) or len(path) == 1:
            return [dotted(known)]
        if known[0] in TOP_LEVEL_ONLY and known[0] != "datasets":
            return [f"{dotted(known)}, at the top level, for all tables"]
        return [dotted((*path[:2], *(known[2:] if known[0] == "datasets" else known)))]
    return []


def known_keys(
    schema: dict, root: dict, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict]]:
    """Yield each key but the overrides: its path, `<name>` for a free one, and what holds for it."""
    schema = resolved(schema, root)
    for key, entry in schema.get("properties", {}).items():
        if not is_override(entry):
            yield (*path, key), resolved(entry, root)
            yield from known_keys(entry, root, (*path, key))
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        yield from known_keys(others, root, (*path, "<name>"))
