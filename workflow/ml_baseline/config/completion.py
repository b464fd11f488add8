"""A config as a user wrote it, checked against the schema and completed, in one walk.

Values are brought into one form (a list where one value stood alone, text where a column has a
number for a name, numbers where the command line gave text), checked, and put beside the defaults
of what is not there. What is wrong is noted and left out, so that one run tells all of it.
"""

import copy
import math
import re
from collections.abc import Mapping
from typing import Any

from ml_baseline.config.checks import contradictions
from ml_baseline.config.problems import Keys, Problem, refuse, shown
from ml_baseline.config.schema import (
    expected,
    is_override,
    mismatch,
    resolved,
    stands_alone,
    types_of,
    unknown_key,
    yaml_hint,
)
from ml_baseline.config.text import require_finite

NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)
NULLS = ("", "~", "null", "Null", "NULL")
# `None` and `True` are what someone who thinks in Python writes into `params`.
WORDS = {
    **dict.fromkeys((*NULLS[1:], "None"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
WRONG = object()  # in place of a value that is not to be used
# The words of JSON Schema about what is inside a value, which is looked at by itself.
INSIDE = {"properties", "additionalProperties", "propertyNames", "required", "items"}


def complete(config: Mapping, schema: dict) -> dict:
    """Return a new config in which every key has a value.

    `config` is what the user wrote, as YAML gave it and the command line overrode it. Overrides inside
    a dataset are left as partial as they are: `settings.dataset_settings` merges them. Raises
    ConfigError, for all at once: keys that do not exist, values of the wrong type or that cannot be,
    settings that contradict each other.
    """
    require_finite(config)
    reading = _Reading(schema)
    completed = reading.value(config, schema, (), fill=True)
    if completed is WRONG:
        refuse(reading.problems)
    completed["models"] = {
        name: model for name, model in completed["models"].items() if model is not None
    }
    # What is left is sound by itself, so the rest can be checked even where something was wrong.
    wrong = [problem.path for problem in reading.problems]
    found = [p for p in contradictions(completed) if not _follows(p, wrong)]
    refuse(list(dict.fromkeys(reading.problems + found)))
    return completed


def _follows(problem: Problem, wrong: list[Keys]) -> bool:
    """Return whether a contradiction may come only from a value that is wrong anyway."""
    path = problem.path
    return any(
        path[: len(other)] == other
        or other[: len(path)] == path
        or (path[-1] == "baseline" and "models" in other[-2:])
        for other in wrong
    )


class _Reading:
    """One walk through a config, and what was found wrong on the way."""

    def __init__(self, root: dict):
        # Snakemake has it loaded; whoever asks for help has not.
        from jsonschema import Draft202012Validator

        self.root = root
        self.validator = Draft202012Validator(root)
        self.problems: list[Problem] = []

    def note(self, path: Keys, text: str) -> None:
        self.problems.append(Problem(path, text))

    def fits(self, value: Any, schema: dict) -> bool:
        """Return whether the schema allows a value, whatever is inside of it."""
        own = {word: limit for word, limit in schema.items() if word not in INSIDE}
        return self.validator.evolve(schema=own).is_valid(value)

    def value(self, value: Any, schema: dict, path: Keys, fill: bool) -> Any:
        """Return a value in the form the schema asks for, or WRONG with a problem noted.

        `fill` says whether missing keys get their defaults.
        """
        schema = resolved(schema, self.root)
        types = types_of(schema)
        if not isinstance(value, Mapping | list | tuple):
            value = _as_meant(value, schema)
            alone = isinstance(value, str | int | float)
            if isinstance(value, bool):
                alone = "boolean" in types
            if "array" in types and len(types) > 1 and alone:
                value = [value]
            elif "x-alone" in schema and isinstance(value, str):
                value = {schema["x-alone"]: value}
        if isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, Mapping):
            value = dict(value)
        if isinstance(value, list):
            items = schema.get("items", {})
            value = [self.value(item, items, (*path, i), fill) for i, item in enumerate(value)]
            if WRONG in value:
                return WRONG
        unbounded = isinstance(value, float) and not math.isfinite(value)
        if unbounded or not self.fits(value, schema):
            self.note(path, mismatch(value, schema))
            return WRONG
        return self.mapping(value, schema, path, fill) if isinstance(value, dict) else value

    def mapping(self, value: dict, schema: dict, path: Keys, fill: bool) -> dict:
        """Return a mapping with its values read, without those that are wrong."""
        if schema.get("x-parameters"):
            parameters = self.keys(value, schema, path)
            return {name: self.parameter(item, (*path, name)) for name, item in parameters}
        fill = fill or stands_alone(value)
        named = schema.get("properties", {})
        others = schema.get("additionalProperties", {})
        found: dict[str, Any] = {}
        for name, item in self.keys(value, schema, path):
            if name not in named and others is False:
                self.note((*path, name), unknown_key(name, path, schema, self.root))
                continue
            inner = named.get(name, others)
            described = resolved(inner, self.root)
            unset = _as_meant(item, described) is None and described.get("default", "") is None
            # Null is what stands for "not written" where that is the default; only an override
            # may say null to be rid of what it overrides.
            if unset and (fill or "null" not in types_of(described)):
                continue
            inside = fill and not is_override(inner)
            found[name] = self.value(item, inner, (*path, name), inside)
        for name in schema.get("required", ()):
            if name not in found:
                text = f"is missing; expected {expected(resolved(named[name], self.root))}"
                self.note((*path, name), text)
        found = {name: item for name, item in found.items() if item is not WRONG}
        filled = {}  # in the schema's order
        for name, entry in named.items() if fill else ():
            if name in found:
                filled[name] = found[name]
            elif not is_override(entry) and "default" in (entry := resolved(entry, self.root)):
                default = copy.deepcopy(entry["default"])
                is_mapping = isinstance(default, dict)
                filled[name] = self.mapping(default, entry, (), True) if is_mapping else default
        return filled | found

    def keys(self, value: Mapping, schema: dict, path: Keys) -> list[tuple[str, Any]]:
        """Return a mapping's keys as text, with the values; those that can't be keys are noted."""
        found: dict[str, Any] = {}
        rule = schema.get("propertyNames", {})
        for key, item in value.items():
            name = str(key)
            if isinstance(key, bool) or not isinstance(key, str | int | float):
                self.note(path, f"found the key {shown(key)}; expected text{yaml_hint(key)}")
            elif name in found:
                self.note((*path, name), "is defined twice (once as a number)")
            elif not self.fits(name, rule):
                self.note((*path, name), f"is not a valid name; expected {expected(rule)}")
            else:
                found[name] = item
        return list(found.items())

    def parameter(self, value: Any, path: Keys) -> Any:
        """Return a parameter of an estimator, with text that YAML 1.2 reads as a number as one."""
        if isinstance(value, Mapping):
            # Keys may be classes, as in class_weight: {0: 1, 1: 5}, and then are numbers.
            tidied = {
                _number(name): self.parameter(item, (*path, name))
                for name, item in self.keys(value, {}, path)
            }
            if stands_alone(tidied) and not tidied.keys() <= {"estimator", "params"}:
                text = "an estimator inside another has two keys, estimator and params; found "
                self.note(path, text + ", ".join(map(str, tidied)))
            return tidied
        if isinstance(value, list | tuple):
            return type(value)(self.parameter(item, (*path, i)) for i, item in enumerate(value))
        if isinstance(value, str):
            return WORDS.get(value, _number(value))
        if value is not None and not isinstance(value, bool | int | float):
            text = "expected text, a number or the like"
            self.note(path, f"found {shown(value)}; {text}{yaml_hint(value)}")
        return value


def _as_meant(value: Any, schema: dict) -> Any:
    """Return a single value in the type that the schema asks for, as far as that is safe."""
    types = types_of(schema)
    if isinstance(value, str) and types and "string" not in types:
        # The command line, unlike YAML, gives what stands inside brackets as text.
        if value in NULLS:
            return None
        if "boolean" in types and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if {"integer", "number"} & {*types}:
            value = _number(value)
    if isinstance(value, bool):
        return value
    if schema.get("x-text") and isinstance(value, int | float):
        return str(value)
    whole = "integer" in types and "number" not in types
    return int(value) if whole and isinstance(value, float) and value.is_integer() else value


def _number(text: str) -> int | float | str:
    """Return the number that `text` is in plain decimal notation; the text itself if it is none."""
    if not NUMBER.fullmatch(text):
        return text
    return float(text) if set(text) & set(".eE") else int(text)
