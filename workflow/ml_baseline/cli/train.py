"""Training one table from the command line, by running the workflow for it and nothing else."""

import json
import os
import re
import subprocess
import sys
from argparse import Namespace
from collections import ChainMap
from collections.abc import Iterator
from pathlib import Path

from ml_baseline.cli import FEATURES, INTERRUPTED, say
from ml_baseline.config.configuration import COMMAND_LINE
from ml_baseline.config.paths import same_path
from ml_baseline.config.text import load_yaml, read_config_file
from ml_baseline.data.source import SourceFile
from ml_baseline.errors import InputError, similar
from ml_baseline.files import own_folder
from ml_baseline.text import plural, shortened

CONFIG = Path("config/config.yaml")  # the one that the Snakefile reads
# A larger file is read once, by the job that cleans it.
LARGE_BYTES = 1 << 25
SHOWN_DOUBTS, SHOWN_CHARACTERS = 3, 200

NAME = re.compile(r"(?!(?i:logs|benchmarks|seed[0-9]*)$)[A-Za-z][A-Za-z0-9_-]{0,99}")


def train_table(options: Namespace) -> int:
    """Run the workflow for one table in the current folder; return the exit code.

    Raises:
        InputError: there is no workflow beside this package, no such table, or the name is taken.
    """
    snakefile, table = workflow_file(), options.input
    if table == FEATURES and not Path(table).exists():
        raise InputError(
            f"{table}: there is no such file; make one with `ml-baseline make-sample-data`, or name "
            "your own with --input"
        )
    SourceFile(table)  # says so if it is none
    known = known_tables(options.config)
    name, entry = name_and_settings(table, options.target, options.name, known)
    for key in ("id", "positive", "negative"):
        if (value := getattr(options, key)) is not None:
            entry[key] = value
    reading = ChainMap(*reversed([*contents(options.config)])).get("reading")
    _look_first(table, {"reading": reading} | known.get(name, {}) | entry)
    # The file is taken as it is: what a user has put there is not to be made anew.
    config = {"datasets": {name: entry}, "only": [name], "sample_data": {"make": False}}
    arguments = ["--cores", options.cores]
    code = 0
    if options.unlock:
        code = run_workflow(snakefile, config, options.config, [*arguments, "--unlock"])
    code = code or run_workflow(snakefile, config, options.config, arguments)
    if code == 0:
        _tell_run(name, entry if name not in known else None)
    return code


def _look_first(table: str, settings: dict) -> None:
    """Say in short how a table is read; of a large one only look whether it has the target.

    Raises InputError if the target or its labels are none, or `reading: strict` refuses the table.
    """
    from ml_baseline.data.doubts import require_certain
    from ml_baseline.data.inspection import in_short, inspect_table, require_target

    if Path(table).stat().st_size > LARGE_BYTES:
        require_target(table, settings)
        return
    found = inspect_table(table, settings)
    if settings.get("reading") == "strict":
        require_certain(found.doubts)
    labels = ", ".join(f"{label}: {plural(n, 'row')}" for label, n in found.classes.items())
    say(f"{table}: {in_short(found)}; {found.target} is {labels}")
    open_ones = [doubt for doubt in found.doubts if doubt.severity != "told"]
    for doubt in open_ones[:SHOWN_DOUBTS]:
        say(f"{doubt.severity}: {shortened(doubt.summary, SHOWN_CHARACTERS)}")
    if open_ones:
        more = (
            f"{len(open_ones) - SHOWN_DOUBTS} more, and " if len(open_ones) > SHOWN_DOUBTS else ""
        )
        say(f"{more}what settles this: `ml-baseline inspect {table} --target {found.target}`")


def workflow_file() -> Path:
    """Return the Snakefile of this package; InputError if it was installed without one."""
    path = Path(__file__).resolve().parents[3] / "Snakefile"
    if not path.is_file():
        raise InputError(
            "this installation has the library but not the workflow: there is no Snakefile in "
            f"{path.parent}. Clone the repository and install it with `pip install -e .`"
        )
    return path


def known_tables(config_file: Path | None = None) -> dict[str, dict]:
    """Return the `datasets` of the folder's config and of another one, as far as they are sound."""
    found: dict[str, dict] = {}
    for content in contents(config_file):
        datasets = content.get("datasets")
        for name, entry in (datasets if isinstance(datasets, dict) else {}).items():
            if isinstance(entry, dict):
                found[str(name)] = found.get(str(name), {}) | entry
    return found


def contents(config_file: Path | None) -> Iterator[dict]:
    """Yield what the folder's config and another one hold, the one that counts more last."""
    if config_file is not None and not config_file.is_file():
        raise InputError(f"--config {config_file}: there is no such file")
    for path in [path for path in (CONFIG, config_file) if path and path.is_file()]:
        read_config_file(path)
        content = load_yaml(path)
        if isinstance(content, dict):
            yield content


def name_and_settings(
    table: str, target: str, name: str | None, known: dict[str, dict]
) -> tuple[str, dict]:
    """Return the name of a table and what the config has to be told about it.

    A table that the config has already, with the same file and target, keeps its name and its
    settings. One of which the config has settings only is told its file and target.

    Raises:
        InputError: the name cannot be one, or is another table's.
    """
    wanted = {"table": table, "target": target}
    advice = ""
    if name is None:
        same = [key for key, entry in known.items() if not _differences(entry, wanted)]
        name = next((key for key in same if {*wanted} <= {*known[key]}), name_of_file(table))
        advice = "; give this one another name with --name"
    require_name(name)
    taken = next((key for key in known if key.lower() == name.lower()), name)
    entry = known.get(taken, {})
    if differences := _differences(entry, wanted):
        has = ", ".join(f"{key}: {entry[key]}" for key in differences)
        if differences == ["target"] and similar(target, [str(entry["target"])]):
            meant = f"; did you mean --target {entry['target']}?"
            advice = meant + advice.replace("; give", " Else give")
        raise InputError(f"the config has another table `{taken}` ({has}){advice}")
    return taken, {key: value for key, value in wanted.items() if key not in entry}


def require_name(name: str) -> None:
    """Raise InputError if a table cannot have this name."""
    if not NAME.fullmatch(name):
        raise InputError(
            f"--name {name!r} cannot be the name of a table; expected at most 100 letters, digits, _ "
            "and -, a letter first, but not logs, benchmarks or seed<number>"
        )


def _differences(entry: dict, wanted: dict[str, str]) -> list[str]:
    """Return which of the table's file and target the config has otherwise."""
    found = {key: str(entry.get(key, value)) for key, value in wanted.items()}
    file = found["table"]
    same = bool(file) and "\0" not in file and same_path(file, wanted["table"])
    return ["table"] * (not same) + ["target"] * (found["target"] != wanted["target"])


def name_of_file(path: str) -> str:
    """Return the name of a table that is called after its file."""
    stem = Path(path).name.split(".")[0]
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_")[:100]
    return name if NAME.fullmatch(name) else f"table_{name}"[:100]


def run_workflow(
    snakefile: Path, config: dict, config_file: Path | None, arguments: list[str]
) -> int:
    """Run Snakemake with a config laid over the folder's own; return the program's exit code."""
    with own_folder() as folder:
        overlay = folder / COMMAND_LINE
        overlay.write_text(json.dumps(config), encoding="utf-8")
        files = [str(path) for path in (config_file, overlay) if path is not None]
        command = [sys.executable, "-P", "-m", "snakemake", "--snakefile", str(snakefile)]
        command += [*arguments, "--configfile", *files]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=os.environ)
        try:
            return int(process.wait() != 0)
        except KeyboardInterrupt:
            # Snakemake has had the Ctrl-C as well; it ends its jobs and tidies up.
            process.wait()
            return INTERRUPTED


def _tell_run(name: str, entry: dict | None) -> None:
    from ml_baseline.registry.runs import latest_run_id, touch_latest

    runs = Path("results", name, "runs")
    touch_latest(runs)
    run_id = latest_run_id(runs)
    if run_id is not None:
        say(f"published run {run_id}; its model card is {runs / run_id / 'README.md'}")
        say("predict new rows with `ml-baseline predict --input new.csv --output predictions.csv`")
    if entry is not None:
        whole = json.dumps({"datasets": {name: entry}}, ensure_ascii=False)
        say(f"to change settings, write the table with them into {CONFIG} and train again: {whole}")
