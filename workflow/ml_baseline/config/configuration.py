"""The configuration: checked, completed and told by one JSON schema.

The schema holds what is allowed, what holds where nothing is said and what it means; so the error
messages and the page of documentation are made from it too. This module is imported at each start
of the workflow, hence nothing heavier than `yaml` and `jsonschema`.

As a program it prints the page: `python -m ml_baseline.config.configuration <schema>`.
"""

import ast
import copy
import importlib.util
import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ml_baseline.errors import InputError, similar

# Every other section at the top level may be overridden inside a dataset.
TOP_LEVEL_ONLY = ("datasets", "only", "predictions", "table_format", "sample_data")

# Pairs of dataset keys that must not name the same column, and why.
EXCLUSIVE_ROLES = (
    ("target", "id", "a column to predict cannot name the rows"),
    ("target", "drop", "a column to predict cannot be left out"),
    ("target", "forbidden", "the target is never learned from, so it needs no forbidding"),
    ("target", "categorical", "the target is read by its labels: see positive and negative"),
    ("target", "encode", "say what the target's labels mean with positive and negative"),
    ("target", "dates", "the target is a yes/no column"),
    ("target", "group", "rows of one group would all have the same target"),
    ("target", "time", "the target is a yes/no column"),
    ("id", "drop", "an id column is not learned from but kept: choose one"),
    ("id", "forbidden", "an id column is never learned from: choose one"),
    ("drop", "forbidden", "both leave the column out: choose one"),
    ("group", "time", "a group is compared for equality, a time for order: they are two columns"),
    ("encode", "dates", "a column is either codes or dates"),
    ("categorical", "dates", "a column is either a category or a date"),
)

TEXT_FILE_KEYS = ("separator", "encoding")

# Packages people take classifiers from, and the name each is installed by.
PACKAGES = {
    "sklearn": "scikit-learn",
    "imblearn": "imbalanced-learn",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
}

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
NULLS = ("", "~", "null", "Null", "NULL")
# `None` and `True` are what someone who thinks in Python writes into `params`.
WORDS = {
    **dict.fromkeys((*NULLS[1:], "None"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
STRPTIME_LETTERS = frozenset("aAwdbBmyYHIMpSfzZjUWcxXGuV%")

# How alike (by difflib's ratio) two keys are that differ by a slip of the pen.
SLIP = 0.87

YAML_TRUTH = (
    "YAML takes a bare Yes, No, On, Off, True or False for a truth value: put quotes round it"
)
YAML_DATE = "YAML takes it for a date: put quotes round it"

Keys = tuple[str | int, ...]


class Problem(NamedTuple):
    """One thing that is wrong, and where."""

    path: Keys
    text: str


def load_schema(path: str | Path) -> dict:
    """Return the schema that stands in the YAML file `path`."""
    # The loader in C is ten times as fast, but not there on every machine.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(Path(path).read_text(encoding="utf-8"), Loader=loader)


def complete(config: Mapping, schema: dict) -> dict:
    """Return a new config in which every key has a value.

    Values are brought into one form: lists where a single value stood alone, text where a column
    has a number for a name, numbers where the command line gave text. Overrides inside a dataset
    are left as partial as they are: `dataset_settings` merges them.

    Args:
        config: what the user wrote, as YAML gave it and the command line overrode it.
        schema: from `load_schema`.

    Raises:
        InputError: with a line for each problem there is: a key that does not exist, a value of
            the wrong type or one that cannot be, settings that contradict each other.
    """
    problems: list[Problem] = []
    tidied = _tidy(config, schema, schema, (), problems)
    told = {problem.path for problem in problems}
    problems += [p for p in _schema_problems(tidied, schema) if p.path not in told]
    if not isinstance(tidied, dict):
        _refuse(problems)
    for problem in problems:
        _prune(tidied, problem.path)
    # What is left is sound by itself, so the rest can be checked even where something was wrong.
    completed = _filled(tidied, schema, schema)
    completed["models"] = {
        name: model for name, model in completed["models"].items() if model is not None
    }
    wrong = [problem.path for problem in problems]
    problems += [p for p in _contradictions(completed) if not _follows(p, wrong)]
    _refuse(problems)
    return completed


def dataset_settings(config: dict, name: str) -> dict:
    """Return the settings of the dataset `name`: the sections with its own overrides merged in.

    Mappings are merged key by key, lists and single values replace what they override. A model
    that is null in the dataset is left out, and one that names its `estimator` there inherits
    nothing: parameters of another class would not fit it.

    Args:
        config: a completed config.
        name: a key of `datasets`.

    Returns:
        The dataset's own keys (`table`, `target` ...; null or empty where not given) and all
        sections but those of `TOP_LEVEL_ONLY`. The config is not changed by changing it.

    Raises:
        InputError: there is no such dataset.
    """
    if name not in config["datasets"]:
        names = ", ".join(config["datasets"])
        raise InputError(f"there is no dataset {name}; the config has {names}")
    sections = {key: value for key, value in config.items() if key not in TOP_LEVEL_ONLY}
    settings = copy.deepcopy(_merged(sections, config["datasets"][name]))
    settings["models"] = {
        model: entry for model, entry in settings["models"].items() if entry is not None
    }
    return settings


def check_estimators(config: dict) -> None:
    """Raise InputError if an estimator that a model names is not there.

    Nothing is imported, since that takes longer than all else at the start: packages are only
    looked for, and the class is sought in the text of its module. Where the text does not tell
    (a compiled module, names made at run time), the class counts as there; importing it will tell.
    Ask this only where the jobs run in the same environment as the caller.

    Args:
        config: a completed config.
    """
    answers: dict[str, str | None] = {}
    problems = []
    for path, estimator in _estimators(config):
        if estimator not in answers:
            answers[estimator] = _estimator_problem(estimator)
        if answers[estimator]:
            problems.append(Problem(path, f"{estimator}: {answers[estimator]}"))
    _refuse(problems)


def document(schema: dict, source: str = "workflow/schemas/config.schema.yaml") -> str:
    """Return the page, in Markdown, that tells every key, its default and its allowed values."""
    parts = [
        f"<!-- Made from {source}. Edit there, then:\n"
        f"PYTHONPATH=workflow python -m ml_baseline.config.configuration {source} > config/README.md -->",
        f"# {schema['title']}",
        schema["description"].strip(),
    ]
    for key, section in schema["properties"].items():
        parts += [f"## `{key}`", *_section(key, section, schema)]
    return "\n\n".join(parts) + "\n"


# --- Bringing values into one form ---------------------------------------------------------------


def _resolved(schema: dict, root: dict) -> dict:
    """Return the schema with its reference, if it is one, replaced by what that refers to."""
    if "$ref" not in schema:
        return schema
    target = root
    for part in schema["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**_resolved(target, root), **{k: v for k, v in schema.items() if k != "$ref"}}


def _types(schema: dict) -> tuple[str, ...]:
    types = schema.get("type", "string" if "enum" in schema else ())
    return (types,) if isinstance(types, str) else tuple(types)


def _tidy(value: Any, schema: dict, root: dict, path: Keys, problems: list[Problem]) -> Any:
    """Return the value in the form the schema asks for, as far as that can be done safely."""
    schema = _resolved(schema, root)
    types = _types(schema)
    if isinstance(value, Mapping):
        return _tidy_mapping(value, schema, root, path, problems)
    if not isinstance(value, list | tuple):
        value = _tidy_scalar(value, schema, path, problems)
        alone = isinstance(value, str | int | float)
        if isinstance(value, bool):
            alone = "boolean" in types
        if "array" not in types or not alone:
            return value
        value = [value]
    items = schema.get("items", {})
    return [_tidy(item, items, root, (*path, i), problems) for i, item in enumerate(value)]


def _tidy_scalar(value: Any, schema: dict, path: Keys, problems: list[Problem]) -> Any:
    types = _types(schema)
    if isinstance(value, str) and "string" not in types:
        # The command line, unlike YAML, gives what stands inside brackets as text.
        number = _number(value)
        if value in NULLS:
            return None
        if number is not None and {"integer", "number"} & {*types}:
            value = number
        elif "boolean" in types and value.lower() in ("true", "false"):
            return value.lower() == "true"
    if schema.get("x-text") and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            problems.append(Problem(path, _mismatch(value, schema)))
        elif value.is_integer() and "integer" in types and "number" not in types:
            return int(value)
    return value


def _tidy_mapping(
    value: Mapping, schema: dict, root: dict, path: Keys, problems: list[Problem]
) -> dict:
    named = schema.get("properties", {})
    others = schema.get("additionalProperties", {})
    tidied: dict[str, Any] = {}
    for key, item in value.items():
        name = _key(key, path, problems)
        if name is None:
            continue
        if name in tidied:
            problems.append(Problem((*path, name), "stands here twice (once as a number)"))
            continue
        if schema.get("x-parameters"):
            tidied[name] = _tidy_parameter(item, (*path, name), problems)
            continue
        item_schema = named.get(name) or (others if isinstance(others, dict) else {})
        item = _tidy(item, item_schema, root, (*path, name), problems)
        # Null is what stands for "not written" where that is no other value.
        if item is not None or _resolved(item_schema, root).get("default", "") is not None:
            tidied[name] = item
    return tidied


def _tidy_parameter(value: Any, path: Keys, problems: list[Problem]) -> Any:
    """Return a parameter of an estimator, with text that YAML 1.2 reads as a number as one."""
    if isinstance(value, Mapping):
        tidied = {}
        for key, item in value.items():
            name = _key(key, path, problems)
            if name is not None:
                # Keys may be classes, as in class_weight: {0: 1, 1: 5}, and then are numbers.
                plain = _number(name)
                name = name if plain is None else plain
                tidied[name] = _tidy_parameter(item, (*path, name), problems)
        if _stands_alone(tidied) and not tidied.keys() <= {"estimator", "params"}:
            text = "an estimator inside another has two keys, estimator and params; found "
            problems.append(Problem(path, text + ", ".join(map(str, tidied))))
        return tidied
    if isinstance(value, list | tuple):
        items = (_tidy_parameter(item, (*path, i), problems) for i, item in enumerate(value))
        return type(value)(items)
    if isinstance(value, str):
        number = _number(value)
        return WORDS.get(value, value) if number is None else number
    if value is not None and not isinstance(value, bool | int | float):
        text = f"found {_shown(value)}; expected text, a number or the like{_hint(value)}"
        problems.append(Problem(path, text))
    return value


def _key(key: Any, path: Keys, problems: list[Problem]) -> str | None:
    """Return a mapping's key as text; None, with a problem noted, if it cannot be one."""
    if isinstance(key, str):
        return key
    if isinstance(key, int | float) and not isinstance(key, bool):
        return str(key)
    problems.append(Problem(path, f"found the key {_shown(key)}; expected text{_hint(key)}"))
    return None


def _number(text: str) -> int | float | None:
    """Return the number that `text` is in plain decimal notation, None if it is none."""
    text = text.strip()
    if not text.isascii() or not NUMBER.fullmatch(text):
        return None
    return float(text) if set(text) & set(".eE") else int(text)


# --- What the schema says ------------------------------------------------------------------------


def _schema_problems(config: Any, schema: dict) -> list[Problem]:
    import jsonschema

    problems = []
    for error in jsonschema.Draft202012Validator(schema).iter_errors(config):
        path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            unknown = [key for key in error.instance if key not in error.schema["properties"]]
            problems += [
                Problem((*path, key), _unknown_key(key, path, error.schema, schema))
                for key in unknown
            ]
        elif error.validator == "required":
            missing = [key for key in error.validator_value if key not in error.instance]
            problems += [
                Problem((*path, key), f"is missing; expected {_expected(entry)}")
                for key in missing
                for entry in [_resolved(error.schema["properties"][key], schema)]
            ]
        elif "propertyNames" in error.absolute_schema_path:
            text = f"is no name to use here; expected {_expected(error.schema)}"
            problems.append(Problem((*path, error.instance), text))
        else:
            problems.append(Problem(path, _mismatch(error.instance, error.schema)))
    return list(dict.fromkeys(problems))


def _expected(schema: dict) -> str:
    """Return in words what the schema allows."""
    if "x-expected" in schema:
        return schema["x-expected"]
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    if "properties" in schema:
        return "a mapping with the keys " + ", ".join(schema["properties"])
    nouns = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}
    noun = nouns.get(_types(schema)[0], "text")
    if "exclusiveMinimum" in schema:
        low, high = schema["exclusiveMinimum"], schema["exclusiveMaximum"]
        return f"{noun} between {low} and {high}, both excluded"
    if "maximum" in schema:
        return f"{noun} from {schema['minimum']} to {schema['maximum']}"
    if "minimum" in schema:
        return f"{noun} of at least {schema['minimum']}"
    return noun


def _mismatch(value: Any, schema: dict) -> str:
    text = f"found {_shown(value)}; expected {_expected(schema)}"
    close = _nearest_value(value, schema) if isinstance(value, str) else None
    if close:
        return f"{text}; did you mean {close}?"
    return text + _hint(value) if "string" in _types(schema) else text


def _nearest_value(value: str, schema: dict) -> str | None:
    """Return the allowed value, or two, that were probably meant, None if none is near."""
    words = schema.get("enum") or schema.get("x-words") or []
    head, mark, tail = value.rpartition("_")
    endings = _close(mark + tail, [word for word in words if word.startswith("_")])
    if head and endings:
        return head + endings[0] if head + endings[0] != value else None
    return " or ".join(_close(value, [word for word in words if not word.startswith("_")])) or None


def _shown(value: Any) -> str:
    """Return a value as a user would write it, cut short if it is long."""
    if value is None:
        return "nothing"
    if isinstance(value, float) and not math.isfinite(value):
        return f".{value}"
    try:
        text = json.dumps(value, ensure_ascii=False)
    except TypeError:
        text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _hint(value: Any) -> str:
    """Return how to write what YAML read otherwise than it was meant."""
    if isinstance(value, bool):
        return f" ({YAML_TRUTH})"
    # datetime.date and datetime.datetime, without an import for the one look at them.
    return f" ({YAML_DATE})" if hasattr(value, "isoformat") else ""


def _close(word: str, words: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """Return the one or two of `words` that are most like `word`, in whatever case."""
    return similar(word, words, cutoff=cutoff)


def _closest(word: str, words: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the one of `words` that is most like `word`, None if none is."""
    return next(iter(_close(word, words, cutoff)), None)


def _dotted(path: Keys) -> str:
    text = ""
    for part in path:
        if not isinstance(part, str):
            text += f"[{part}]"
        elif re.fullmatch(r"[\w<>-]+", part):
            text += f".{part}"
        else:
            text += f"[{_shown(part)}]"
    return text.removeprefix(".") or "config"


def _unknown_key(key: str, path: Keys, here: dict, root: dict) -> str:
    """Return what to tell someone who wrote a key that does not exist, with the nearest that does.

    A slip of the pen goes first, then the same key in another place, then a likeness.
    """
    hint, siblings = here.get("x-unknown-key"), list(here["properties"])
    sibling = _closest(key, siblings, SLIP)
    nearest = sibling and _dotted((*path, sibling))
    nearest = nearest or _elsewhere(key, path, root)
    if not nearest and not hint:
        sibling = _closest(key, siblings)
        nearest = sibling and _dotted((*path, sibling))
        leaves = [known[-1] for known in _known_keys(root, root)]
        nearest = nearest or _elsewhere(_closest(key, leaves, cutoff=0.8), path, root)
    text = "there is no such key"
    if nearest:
        return f"{text}; did you mean {nearest}?"
    return f"{text}; {hint or 'the keys here are ' + ', '.join(siblings)}"


def _elsewhere(key: str | None, path: Keys, root: dict) -> str | None:
    """Return the place where the key does exist, as seen from `path`; None if nowhere."""
    in_dataset = path[:1] == ("datasets",) and len(path) > 1
    for known in _known_keys(root, root):
        if key is None or known[-1] != key.lower():
            continue
        if in_dataset and known[0] == "datasets":
            return _dotted((*path[:2], *known[2:]))
        if in_dataset and known[0] not in TOP_LEVEL_ONLY:
            return _dotted((*path[:2], *known))
        return _dotted(known) + (", at the top level, for all tables" if in_dataset else "")
    return None


def _known_keys(schema: dict, root: dict, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of each key of the schema, `<name>` for a free one, without the overrides."""
    schema = _resolved(schema, root)
    for key, entry in schema.get("properties", {}).items():
        if not _is_override(entry):
            yield (*path, key)
            yield from _known_keys(entry, root, (*path, key))
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        yield from _known_keys(others, root, (*path, "<name>"))


def _is_override(schema: dict) -> bool:
    return schema.get("$ref", "").startswith("#/properties/")


# --- Defaults and overrides ----------------------------------------------------------------------


def _prune(config: Any, path: Keys) -> None:
    """Take what stands at `path` out of the config; all of a list if only an item is wrong."""
    container = config
    for i, here in enumerate(path):
        following = path[i + 1] if i + 1 < len(path) else None
        if not isinstance(container, dict) or here not in container:
            return
        if following is None or isinstance(following, int):
            del container[here]
            return
        container = container[here]


def _filled(value: Any, schema: dict, root: dict) -> Any:
    """Return the value with the schema's defaults in place of what is missing."""
    schema = _resolved(schema, root)
    if not isinstance(value, dict) or schema.get("x-parameters"):
        return value
    filled = {}
    for key, entry in schema.get("properties", {}).items():
        if _is_override(entry):
            if key in value:
                filled[key] = _filled_models(value[key], root) if key == "models" else value[key]
            continue
        entry = _resolved(entry, root)
        if key in value or "default" in entry:
            item = value[key] if key in value else copy.deepcopy(entry["default"])
            filled[key] = _filled(item, entry, root)
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        filled |= {key: _filled(item, others, root) for key, item in value.items()}
    return filled


def _filled_models(models: dict, root: dict) -> dict:
    """Return a dataset's models with those that inherit nothing filled."""
    return {
        name: _filled(model, root["$defs"]["model"], root) if _stands_alone(model) else model
        for name, model in models.items()
    }


def _stands_alone(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("estimator"), str)


def _merged(base: Any, override: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(override, dict)) or _stands_alone(override):
        return override
    return base | {
        key: _merged(base[key], value) if key in base else value for key, value in override.items()
    }


# --- What no schema can say ----------------------------------------------------------------------


def _follows(problem: Problem, wrong: list[Keys]) -> bool:
    """Return whether a contradiction may come only from a value that is wrong anyway."""
    path = problem.path
    return any(
        path[: len(other)] == other
        or other[: len(path)] == path
        or (path[-1] == "baseline" and "models" in other[-2:])
        for other in wrong
    )


def _contradictions(config: dict) -> list[Problem]:
    """Return what is wrong with a completed config though each value is right by itself."""
    problems = list(_incomplete_models((), config["models"], config["models"]))
    names: dict[str, str] = {}
    for name, dataset in config.get("datasets", {}).items():
        path = ("datasets", name)
        twin = names.setdefault(name.lower(), name)
        if twin != name:
            text = (
                f"differs from {twin} by case only, and some disks would take them for one folder"
            )
            problems.append(Problem(path, text))
        found = [
            *_role_problems(dataset),
            *_table_problems(dataset),
            *_date_problems(dataset.get("dates", {})),
            *_split_problems(dataset_settings(config, name)),
        ]
        problems += [Problem((*path, *problem.path), problem.text) for problem in found]
        problems += _model_problems(config, name)
    for name in config.get("only", []):
        if name not in config.get("datasets", {}):
            text = f"names {name}, which is not in `datasets` ({', '.join(config.get('datasets', {}))})"
            problems.append(Problem(("only",), text))
    problems += _batch_problems(config)
    return list(dict.fromkeys(problems))


def batch_dataset(config: dict, batch: dict) -> str | None:
    """Return the table whose run predicts a batch, None if the config does not say."""
    names = list(config.get("datasets", {}))
    return batch["dataset"] or (names[0] if len(names) == 1 else None)


def _batch_problems(config: dict) -> Iterator[Problem]:
    outputs: dict[str, str] = {}
    for name, batch in config.get("predictions", {}).items():
        path = ("predictions", name)
        dataset = batch_dataset(config, batch)
        if dataset not in config.get("datasets", {}):
            known = ", ".join(config.get("datasets", {}))
            found = f"names {dataset}, which is not" if dataset else "is missing; it has to be one"
            yield Problem((*path, "dataset"), f"{found} in `datasets` ({known})")
        elif batch["run"] == "latest" and not dataset_settings(config, dataset)["register"]:
            text = f"is latest, but `register` of {dataset} is false: name a run id"
            yield Problem((*path, "run"), text)
        output = batch["output"]
        if output is not None:
            twin = outputs.setdefault(output, name)
            if twin != name:
                yield Problem((*path, "output"), f"is that of the batch {twin} too")
            if output in (batch["input"], *(d["table"] for d in config["datasets"].values())):
                yield Problem((*path, "output"), "is a file that is read; name another")


def _columns(dataset: dict, key: str) -> list[str]:
    """Return the columns that a dataset's key names, whether it is a name, a list or a mapping."""
    value = dataset.get(key) or []
    return [value] if isinstance(value, str) else list(value)


def _role_problems(dataset: dict) -> Iterator[Problem]:
    for first, second, reason in EXCLUSIVE_ROLES:
        taken = _columns(dataset, first)
        for column in _columns(dataset, second):
            if column in taken:
                yield Problem((second,), f"names {column}, as {first} does; {reason}")


def _table_problems(dataset: dict) -> Iterator[Problem]:
    overlap = {_folded(label) for label in dataset.get("positive") or []}
    for label in dataset.get("negative") or []:
        if _folded(label) in overlap:
            yield Problem(("negative",), f"names {_shown(label)}, as positive does; choose one")
    if dataset.get("table", "").lower().endswith(".parquet"):
        for key in TEXT_FILE_KEYS:
            if dataset[key] is not None:
                text = (
                    f"found {_shown(dataset[key])}; a Parquet file has no {key}: take the key out"
                )
                yield Problem((key,), text)
    if dataset["decimal"] is not None and dataset["decimal"] == dataset["separator"]:
        text = f"is {_shown(dataset['decimal'])}, as separator is; they cannot be told apart"
        yield Problem(("decimal",), text)
    if dataset["encoding"] is not None:
        try:
            "".encode(dataset["encoding"])
        except (LookupError, ValueError):
            text = f"found {_shown(dataset['encoding'])}; expected the name of a text encoding"
            close = _closest(dataset["encoding"], ("utf-8", "utf-16", "latin-1", "cp1252", "ascii"))
            yield Problem(("encoding",), text + (f"; did you mean {close}?" if close else ""))


def _folded(label: object) -> str:
    return str(label).strip().lower()


def _date_problems(dates: dict[str, str]) -> Iterator[Problem]:
    for column, date_format in dates.items():
        letters = re.findall(r"%(.?)", date_format, flags=re.DOTALL)
        unknown = [letter for letter in letters if letter not in STRPTIME_LETTERS]
        shown = _shown(date_format)
        if unknown:
            text = f"found {shown}; strptime knows no %{unknown[0]}"
            yield Problem(("dates", column), text)
        elif "M" in letters and not {"H", "I"} & {*letters}:
            text = (
                f"found {shown}; %M is minutes, and there is no hour: did you mean %m, the month?"
            )
            yield Problem(("dates", column), text)


def _split_problems(settings: dict) -> Iterator[Problem]:
    strategy = settings["split"]["strategy"]
    if strategy in ("group", "time") and settings[strategy] is None:
        text = f"is missing; split.strategy is {strategy}, which needs the name of a column here"
        yield Problem((strategy,), text)


def _model_problems(config: dict, name: str) -> Iterator[Problem]:
    """Yield what is wrong with the models one dataset ends up with, where it is to be mended."""
    dataset, inherited = config["datasets"][name], config["models"]
    settings = dataset_settings(config, name)
    path, own = ("datasets", name), dataset.get("models", {})
    for model, entry in own.items():
        if entry is None and model not in inherited:
            close = _closest(model, inherited)
            text = "null leaves a model out, but there is none of that name to leave out"
            text += f"; did you mean {close}?" if close else ""
            yield Problem((*path, "models", model), text)
    yield from _incomplete_models(
        path,
        {model: entry for model, entry in settings["models"].items() if model in own},
        inherited,
    )
    if not settings["models"]:
        place = path if own else ()
        yield Problem((*place, "models"), "no model is left; expected at least one")
    elif settings["baseline"] not in settings["models"]:
        there = "baseline" not in dataset and config["baseline"] not in inherited
        place = () if there else path
        close = _closest(settings["baseline"], settings["models"])
        text = f"there is no model {settings['baseline']}; " + (
            f"did you mean {close}?" if close else f"the models are {', '.join(settings['models'])}"
        )
        yield Problem((*place, "baseline"), text)


def _incomplete_models(path: Keys, models: dict, inherited: dict) -> Iterator[Problem]:
    for model, entry in models.items():
        if "estimator" not in entry:
            text = "is missing; expected the dotted path of a class"
            close = _closest(model, [name for name in inherited if name != model]) if path else None
            text += f" (or to change an inherited model: did you mean {close}?)" if close else ""
            yield Problem((*path, "models", model, "estimator"), text)


def _refuse(problems: list[Problem]) -> None:
    if problems:
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  {_dotted(path)}: {text}" for path, text in problems)
        raise InputError(f"the configuration has {count}:\n{lines}")


# --- Estimators ----------------------------------------------------------------------------------


class Bindings(NamedTuple):
    """The names that a module has, as far as its text tells."""

    bound: frozenset[str]  # by a statement
    listed: frozenset[str]  # in `__all__`, or in the tables of a module that imports lazily
    is_open: bool  # there may be others


def _estimators(config: dict) -> Iterator[tuple[Keys, str]]:
    """Yield each estimator named in the config, with the path of the model that names it."""
    yield from _nested_estimators(config["models"], ("models",))
    for name, dataset in config["datasets"].items():
        yield from _nested_estimators(dataset.get("models", {}), ("datasets", name, "models"))


def _nested_estimators(value: Any, path: Keys) -> Iterator[tuple[Keys, str]]:
    if _stands_alone(value) and value.keys() <= {
        "estimator",
        "params",
        "preprocessing",
        "threads",
        "time_limit",
    }:
        yield path, value["estimator"]
        value = {"params": value.get("params")}
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _nested_estimators(item, (*path, key))
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _nested_estimators(item, (*path, i))


def _estimator_problem(estimator: str) -> str | None:
    """Return why the class cannot be there, None if it is there or nobody can tell."""
    package, *parts = estimator.split(".")
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None:
        close = None if package in PACKAGES else _closest(package, PACKAGES, cutoff=0.7)
        if close:
            return f"there is no package {package}; did you mean {'.'.join([close, *parts])}?"
        return f"package {package} is not installed: pip install {PACKAGES.get(package, package)}"
    folders = [Path(folder) for folder in spec.submodule_search_locations or []]
    source = Path(spec.origin) if (spec.origin or "").endswith(".py") else None
    module = package
    while True:
        name, submodule = parts[0], _submodule(folders, parts[0])
        if submodule is not None and len(parts) > 1:
            (source, folders), module, parts = submodule, f"{module}.{name}", parts[1:]
            continue
        bindings = _bindings(source)
        if bindings is None or name in bindings.bound:
            return None
        if submodule is not None:
            return f"{module}.{name} is a module; name a class in it"
        if name in bindings.listed or bindings.is_open:
            return None
        return _missing_name(module, parts, bindings, folders, package)


def _missing_name(
    module: str, parts: list[str], bindings: Bindings, folders: list[Path], package: str
) -> str:
    """Return that a module has no such name, and where it or the nearest one is."""
    name, *rest = parts
    if rest:
        close = _close(name, [submodule for submodule, _ in _submodules(folders)])[:1]
        meant = [".".join([module, candidate, *rest]) for candidate in close]
        text = f"{module} has no module {name}"
    else:
        meant = _homes(name, package) or _close(name, _public(bindings.bound | bindings.listed))
        text = f"{module} has no {name}"
    return f"{text}; did you mean {' or '.join(meant)}?" if meant else text


def _public(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.isidentifier() and not name.startswith("_"))


def _homes(name: str, package: str) -> list[str]:
    """Return where in the package the class stands, if it is in one of its public modules."""
    spec = importlib.util.find_spec(package)
    folders = [Path(folder) for folder in spec.submodule_search_locations or []]
    modules = [(module, _bindings(source)) for module, source in _submodules(folders)]
    for field in ("listed", "bound"):  # where a class is public before where it is only used
        for module, bindings in modules:
            for known in _public(getattr(bindings, field, ())):
                if known.lower() == name.lower():
                    return [f"{package}.{module}.{known}"]
    return []


def _submodule(folders: list[Path], name: str) -> tuple[Path | None, list[Path]] | None:
    """Return the source (None if compiled) and the folders of a submodule; None if not there."""
    for folder in folders:
        inner = folder / name
        if (inner / "__init__.py").is_file():
            return inner / "__init__.py", [inner]
        if (folder / f"{name}.py").is_file():
            return folder / f"{name}.py", []
        if inner.is_dir():
            return None, [inner]
        if any(file.suffix in (".so", ".pyd", ".pyc") for file in folder.glob(f"{name}.*")):
            return None, []
    return None


def _submodules(folders: list[Path]) -> Iterator[tuple[str, Path]]:
    """Yield the name and the source of each public module in the folders."""
    for folder in folders:
        for item in sorted(folder.iterdir()) if folder.is_dir() else ():
            source = item / "__init__.py" if item.is_dir() else item
            if not item.name.startswith("_") and source.suffix == ".py" and source.is_file():
                yield item.stem, source


def _bindings(source: Path | None) -> Bindings | None:
    """Return the names a module binds, None if its text is not there or not Python."""
    try:
        tree = ast.parse(source.read_bytes()) if source else None
    except (OSError, SyntaxError, ValueError):
        return None
    if tree is None:
        return None
    bound: set[str] = set()
    strings: set[str] = set()
    public: list[ast.AST] = []  # what is put into `__all__`
    is_open, public_is_plain = False, True
    for node in _statements(tree.body):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                bound.add(node.name)
                continue
            case ast.ImportFrom(module=None):
                # `from . import name` binds a module, which is told by its file.
                bound |= {alias.asname for alias in node.names if alias.asname}
            case ast.Import() | ast.ImportFrom():
                bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        for inner in _expressions(node):
            match inner:
                case ast.Name(id="__all__"):
                    public.append(node)
                case ast.Name(ctx=ast.Store()):
                    bound.add(inner.id)
                case ast.Constant(value=str()):
                    strings.add(inner.value)
                case ast.Name(id="globals" | "vars" | "locals" | "exec" | "setattr"):
                    is_open = True
                case ast.Attribute(value=ast.Name(id="sys"), attr="modules"):
                    is_open = True
    listed = set()
    for inner in (inner for node in public for inner in ast.walk(node)):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            listed.add(inner.value)
        public_is_plain &= not isinstance(inner, ast.Call | ast.Attribute | ast.comprehension)
    if "__getattr__" in bound:  # names are made when asked for, out of tables of strings
        listed |= strings
        is_open |= not (public and public_is_plain)
    return Bindings(frozenset(bound), frozenset(listed), is_open or "*" in bound)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when a module is imported, those under `if` and `try` too."""
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for field in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(node, field, []))
            for handler in getattr(node, "handlers", []):
                yield from _statements(handler.body)


def _expressions(node: ast.stmt) -> Iterator[ast.AST]:
    """Yield the nodes of a statement that are not statements themselves."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt | ast.ExceptHandler):
            yield from ast.walk(child)


# --- The page ------------------------------------------------------------------------------------


def _section(key: str, section: dict, root: dict) -> list[str]:
    """Return the paragraphs that tell one key of the top level."""
    section = _resolved(section, root)
    entries = section.get("additionalProperties")
    keyed = isinstance(entries, dict)
    rows = list(_rows(entries if keyed else section, root))
    if not rows:
        default = f"`{_flow(section['default'])}`"
        return [
            section["description"],
            f"Default: {default}. Allowed: {_escaped(_expected(section))}.",
        ]
    parts = [section["description"]]
    if keyed:
        names = _escaped(section["propertyNames"]["x-expected"])
        parts.append(f"A name is made of {names}.")
    required = _resolved(entries, root).get("required", []) if keyed else []
    parts.append(_table(rows, required))
    if key == "datasets":
        overrides = ", ".join(f"`{k}`" for k in root["properties"] if k not in TOP_LEVEL_ONLY)
        parts.append(f"And any of {overrides}: they override, for this table, what is said below.")
    if section.get("default"):
        block = yaml.safe_dump({key: section["default"]}, sort_keys=False).strip()
        parts.append(f"Where the section is not written:\n\n```yaml\n{block}\n```")
    return parts


def _rows(schema: dict, root: dict, prefix: str = "") -> Iterator[tuple[str, dict]]:
    for key, entry in _resolved(schema, root).get("properties", {}).items():
        if _is_override(entry):
            continue
        entry = _resolved(entry, root)
        if "properties" in entry:
            yield from _rows(entry, root, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", entry


def _table(rows: list[tuple[str, dict]], required: Iterable[str] = ()) -> str:
    lines = ["| key | meaning | default | allowed |", "| --- | --- | --- | --- |"]
    for key, entry in rows:
        default = entry.get("default")
        shown = "required" if key in required else "" if default is None else f"`{_flow(default)}`"
        cells = [f"`{key}`", entry.get("description", ""), shown, _expected(entry)]
        lines.append("| " + " | ".join(_cell(text) for text in cells) + " |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return _escaped(" ".join(text.split()).replace("|", "\\|"))


def _escaped(text: str) -> str:
    """Return text for Markdown, where `<name>` would be HTML outside code."""
    pieces = text.split("`")
    pieces[::2] = [piece.replace("<", "&lt;") for piece in pieces[::2]]
    return "`".join(pieces)


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=math.inf)
    return text.removesuffix("...\n").strip()


if __name__ == "__main__":
    print(document(load_schema(sys.argv[1])), end="")
