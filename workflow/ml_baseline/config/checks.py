"""What no schema can say: settings that contradict each other, and paths that would harm a file."""

import re
from collections.abc import Iterator
from pathlib import Path

from ml_baseline.config.estimator_rules import MADE_OF_OTHERS
from ml_baseline.config.paths import are_results, is_inside, is_readable, output_problem, same_path
from ml_baseline.config.problems import Keys, Problem, shown
from ml_baseline.config.settings import (
    SAMPLE_TABLES,
    batch_dataset,
    batch_files,
    dataset_settings,
)
from ml_baseline.errors import InputError, did_you_mean, similar

# Pairs of dataset keys that must not name the same column, and why.
EXCLUSIVE_ROLES = (
    ("target", "id", "the target cannot identify the rows"),
    ("target", "drop", "the target cannot be left out"),
    ("target", "forbidden", "the target is never a feature anyway"),
    ("target", "categorical", "the target is read by its labels; use positive and negative"),
    ("target", "encode", "use positive and negative for the target's labels"),
    ("target", "dates", "the target is a yes/no column"),
    ("target", "group", "rows of one group would all have the same target"),
    ("target", "time", "the target is a yes/no column"),
    ("id", "drop", "an id is kept but never learned from, so choose one"),
    ("id", "forbidden", "an id is never learned from, so choose one"),
    ("drop", "forbidden", "both leave the column out, so choose one"),
    ("group", "time", "rows are grouped by equal values and ordered by time, so name two columns"),
    ("target", "columns", "the target is read by its labels; use positive and negative"),
    ("encode", "dates", "a column is either codes or dates"),
    ("categorical", "dates", "a column is either a category or a date"),
)

# Keys that name columns of the table.
COLUMN_KEYS = (
    *("columns", "dates", "encode", "categorical"),
    *("drop", "forbidden", "id", "group", "time", "target"),
)
# The kind of column that has such a key.
KINDS_OF_KEYS = {"format": "date", "latest_year": "date", "decimal": "number", "unit": "number"}
# Keys that say how to read text between separators.
TEXT_KEYS = ("separator", "quote", "escape")
# Signs that cannot be the same one.
UNLIKE_KEYS = (
    *(("decimal", "separator"), ("quote", "separator")),
    *(("escape", "separator"), ("escape", "quote")),
)
# Keys that say how to read a file, and files that have nothing of the kind, by the end of their name.
FILE_KEYS = {
    r"\.parquet$": ("a Parquet file", (*TEXT_KEYS, "encoding", "sheet", "header_row")),
    r"\.(xlsx|xlsm|xlsb|ods)$": ("a workbook", (*TEXT_KEYS, "encoding")),
    r"\.(jsonl|ndjson)(\.\w+)?$": ("a JSON lines file", (*TEXT_KEYS, "sheet", "header_row")),
    r"\.(csv|tsv|txt)(\.\w+)?$": ("a text file", ("sheet", "header_row")),
}
NO_DUMMY = (
    "add `dummy: {estimator: sklearn.dummy.DummyClassifier}` here, or set `baseline` to another model "
    "(to keep the shipped models and add to them, write `models` below a table)"
)
STRPTIME_LETTERS = frozenset("aAwdbBmyYHIMpSfzZjUWcxXGuV%")


def contradictions(config: dict) -> list[Problem]:
    """Return what is wrong with a completed config though each value is right by itself."""
    datasets = config.get("datasets", {})
    problems = list(_unfit_models((), config["models"], config["models"]))
    names: dict[str, str] = {}
    for name, dataset in datasets.items():
        path = ("datasets", name)
        twin = names.setdefault(name.lower(), name)
        if twin != name:
            text = f"differs from {twin} only by case, and some disks treat the two as one folder"
            problems.append(Problem(path, text))
        settings = dataset_settings(config, name)
        control = f"{name}_permuted"
        if settings["controls"] and control in datasets:
            text = f"is the name of the negative control of {name}; rename this table"
            problems.append(Problem(("datasets", control), text))
        found = [*_role_problems(dataset), *_table_problems(dataset)]
        problems += [Problem((*path, *problem.path), problem.text) for problem in found]
        strategy = settings["split"]["strategy"]
        if strategy in ("group", "time") and settings[strategy] is None:
            text = (
                f"is missing; split.strategy is {strategy}, which needs the name of a column here"
            )
            problems.append(Problem((*path, strategy), text))
        problems += _model_problems(config, name)
    for name in config.get("only", []):
        if name not in datasets:
            text = f"names {name}, which is not in `datasets` ({', '.join(datasets)})"
            problems.append(Problem(("only",), text))
    problems += [*_batch_problems(config), *_unfit_paths(config)]
    return list(dict.fromkeys(problems))


def _batch_problems(config: dict) -> Iterator[Problem]:
    for name, batch in config.get("predictions", {}).items():
        path = ("predictions", name)
        dataset = batch_dataset(config, batch)
        if dataset is None or dataset not in config.get("datasets", {}):
            known = ", ".join(config.get("datasets", {}))
            found = f"names {dataset}, which is not" if dataset else "is missing; name one of those"
            yield Problem((*path, "dataset"), f"{found} in `datasets` ({known})")
        elif batch["run"] == "latest" and not dataset_settings(config, dataset)["register"]:
            text = f"is latest, but `register` of {dataset} is false; name a run id"
            yield Problem((*path, "run"), text)


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
            yield Problem(("negative",), f"names {shown(label)}, as positive does; choose one")
    for ending, (file, keys) in FILE_KEYS.items():
        if re.search(ending, dataset.get("table", ""), re.IGNORECASE):
            for key in (key for key in keys if dataset[key] is not None):
                text = f"found {shown(dataset[key])}; {file} has no {key}; remove the key"
                yield Problem((key,), text)
    for key, other in UNLIKE_KEYS:
        if dataset[key] is not None and dataset[key] == dataset[other]:
            text = f"is {shown(dataset[key])}, as {other} is; they cannot be told apart"
            yield Problem((key,), text)
    if dataset["encoding"] is not None:
        try:
            "".encode(dataset["encoding"])
        except (LookupError, ValueError):
            text = f"found {shown(dataset['encoding'])}; expected the name of a text encoding"
            close = similar(dataset["encoding"], ("utf-8", "utf-16", "latin-1", "cp1252"), 1)
            hint = did_you_mean(close, otherwise="write utf-8, latin-1 or the like")
            yield Problem(("encoding",), f"{text}; {hint}")
    for column, date_format in dataset.get("dates", {}).items():
        yield from _format_problems(("dates", column), date_format)
    for column, how in dataset.get("columns", {}).items():
        path, kind = ("columns", column), how.get("kind")
        for key, wanted in KINDS_OF_KEYS.items():
            if key in how and kind not in (None, wanted):
                text = f"a {kind} has no {key}; write `kind: {wanted}`, or take {key} out"
                yield Problem((*path, key), text)
        if len({KINDS_OF_KEYS[key] for key in how if key in KINDS_OF_KEYS}) > 1:
            text = "a date has no decimal or unit; take them out, or format and latest_year"
            yield Problem(path, text)
        for short in ("categorical", "encode", "dates"):
            if column in _columns(dataset, short) and {*how} - {"missing_values"}:
                yield Problem(path, f"says how a column is read, as {short} does; choose one")
        for date_format in how.get("format", []):
            yield from _format_problems((*path, "format"), date_format)


def _format_problems(path: Keys, date_format: str) -> Iterator[Problem]:
    letters = re.findall(r"%(.?)", date_format, flags=re.DOTALL)
    unknown = [letter for letter in letters if letter not in STRPTIME_LETTERS]
    text = f"found {shown(date_format)}; "
    if unknown:
        yield Problem(path, f"{text}strptime knows no %{unknown[0]}")
    elif "M" in letters and not {"H", "I"} & {*letters}:
        text += "%M is minutes, and there is no hour: did you mean %m, the month?"
        yield Problem(path, text)


def _folded(label: object) -> str:
    return str(label).strip().lower()


def _model_problems(config: dict, name: str) -> Iterator[Problem]:
    """Yield what is wrong with the models one dataset ends up with, where it is to be mended."""
    dataset, inherited = config["datasets"][name], config["models"]
    settings = dataset_settings(config, name)
    path, own = ("datasets", name), dataset.get("models", {})
    for model, entry in own.items():
        if entry is None and model not in inherited:
            hint = did_you_mean(similar(model, inherited, 1), otherwise="remove the line")
            text = f"null leaves a model out, but there is no model of this name; {hint}"
            yield Problem((*path, "models", model), text)
    complete = {model: entry for model, entry in settings["models"].items() if model in own}
    yield from _unfit_models(path, complete, inherited)
    if not settings["models"]:
        place = path if own else ()
        yield Problem((*place, "models"), "no model is left; expected at least one")
    elif settings["baseline"] not in settings["models"]:
        differs = dataset.keys() & {"models", "effort"} and config["baseline"] in inherited
        place = path if "baseline" in dataset or differs else ()
        close = similar(settings["baseline"], settings["models"], 1)
        text = did_you_mean(close, otherwise=f"the models are {', '.join(settings['models'])}")
        name = settings["baseline"]
        why = f"there is no model {name}"
        if own.get(name, inherited.get(name)) is not None:
            why = f"{name} is of more `effort`, or not installed"
        if name == "dummy" and not close and "dummy" not in inherited:
            yield Problem((*place, "models"), f"{why}, the `baseline`; {NO_DUMMY}")
        else:
            yield Problem((*place, "baseline"), f"{why}; {text}")


def _unfit_models(path: Keys, models: dict, inherited: dict) -> Iterator[Problem]:
    for model in MADE_OF_OTHERS.keys() & models.keys():
        text = "is the name of a model that is made of the others; give this one another name"
        yield Problem((*path, "models", model), text)
    for model in (name for name, entry in models.items() if "estimator" not in entry):
        text = "is missing; expected the import path of a class"
        close = similar(model, {*inherited} - {model} if path else (), 1)
        text += f" (or to change an inherited model: {did_you_mean(close)})" if close else ""
        yield Problem((*path, "models", model, "estimator"), text)


# --- Paths ---------------------------------------------------------------------------------------

# In a path, Snakemake takes {word} for a wildcard and <word> for a variable of its own.
NOT_IN_PATHS = {
    r"[{}]": "has a brace, which Snakemake takes for a wildcard; give the file another name",
    r"<[a-z][a-z0-9_]*>": "has angle brackets, which Snakemake takes for a variable; give the file "
    "another name",
    r"[\x00-\x1f\x7f]": "has an invisible control character in it; delete that",
    r"://": "is an address; download the file and name its path",
    r"[^/]{256}": "is too long: a file's name has at most 255 characters",
    r"(?s)^.{4096}": "is too long: a path has at most 4,095 characters",
}


def _unfit_paths(config: dict) -> Iterator[Problem]:
    """Yield the files that no workflow can use by their name."""
    for section, keys in (("datasets", ("table",)), ("predictions", ("input", "output"))):
        for name, entry in config.get(section, {}).items():
            for key, path in ((key, entry.get(key) or "") for key in keys):
                why = [why for found, why in NOT_IN_PATHS.items() if re.search(found, path)]
                if why:
                    yield Problem((section, name, key), f"found {shown(path)}; this {why[0]}")


def unfit_tables(config: dict) -> list[Problem]:
    """Return the tables and batches of a run that are not there, or lack a sheet or column that is named.

    As far as the beginning of a file tells; the rest is left to the jobs.
    """
    from ml_baseline.data.first_look import missing_columns, plain_absence  # not for each job

    made = SAMPLE_TABLES.values() if config["sample_data"]["make"] else ()
    wanted = config["only"] or config["datasets"]
    tables = {name: table for name, table in config["datasets"].items() if name in wanted}
    files = {("datasets", n, "table"): (one["table"], one["sheet"]) for n, one in tables.items()}
    files |= {
        ("predictions", name, "input"): (batch["input"], batch["sheet"])
        for name, batch in config["predictions"].items()
        if batch_dataset(config, batch) in wanted
    }
    problems = []
    for place, (path, sheet) in files.items():
        if path not in made and (sheet is not None or not is_readable(path)):
            why, is_sheet = plain_absence(path, sheet)
            if why:
                problems.append(Problem((*place[:-1], "sheet") if is_sheet else place, why))
    unread = {problem.path[1] for problem in problems if problem.path[0] == "datasets"}
    for name, table in tables.items():
        if name in unread or not is_readable(table["table"]):
            continue
        named = {column: key for key in COLUMN_KEYS for column in _columns(table, key)}
        try:
            missing = missing_columns(table["table"], table, named)
        except InputError as error:
            problems.append(Problem(("datasets", name, "table"), str(error)))
            continue
        for column, why in missing.items():
            key = named[column]
            path = ("datasets", name, key, *[column] * isinstance(table[key], dict))
            problems.append(Problem(path, why))
    return problems


def path_problems(config: dict) -> list[Problem]:
    """Return the predictions that would be written where they must not be.

    This asks the disk, relative to the current folder, so it belongs before the start of a run and
    not into its jobs.
    """
    problems = []
    reads: dict[str, str] = {}
    tables = {name: dataset["table"] for name, dataset in config["datasets"].items()}
    made = are_results(tables.values(), tables)
    for (name, table), is_result in zip(tables.items(), made, strict=True):
        reads[table] = f"the table of {name}"
        if is_result:
            text = f"{table} is a result of this workflow; copy it to data/raw first"
            problems.append(Problem(("datasets", name, "table"), text))
    for name, batch in config["predictions"].items():
        reads.setdefault(batch["input"], f"the input of the batch {name}")
    written: dict[str, str] = {}
    for name, batch in config["predictions"].items():
        for output in batch_files(config, name):
            problem = output_problem(output, reads)
            if problem is None and Path(output).is_symlink():  # Snakemake would delete the link
                problem = "is a link; name the file that it leads to"
            for other, twin in written.items():
                if same_path(other, output):
                    problem = f"is the output of the batch {twin} too; name another file"
                elif is_inside(output, other) or is_inside(other, output):
                    problem = f"lies in {other}, the output of the batch {twin}; name another file"
            written[output] = name
            if problem:
                key = "output" if batch["output"] else "input"
                problems.append(Problem(("predictions", name, key), f"{output} {problem}"))
                break  # what is wrong with the one file is wrong with the other
    return problems
