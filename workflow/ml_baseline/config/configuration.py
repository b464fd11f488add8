"""The config of a run: its files looked at, its values completed and checked.

This is imported at each start of the workflow, so it needs nothing heavier than `yaml`.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ml_baseline.config.checks import path_problems, unfit_tables
from ml_baseline.config.completion import complete
from ml_baseline.config.estimators import estimator_problems
from ml_baseline.config.problems import ConfigError, Keys, refuse
from ml_baseline.config.text import read_config_file
from ml_baseline.errors import InputError

# The config that the workflow reads, in the folder in which it runs.
OWN_CONFIG = "config/config.yaml"
# What a command line says, where a program hands it to Snakemake as one more file.
COMMAND_LINE = "ml-baseline-command-line.json"


def key_places(
    files: Iterable[str | Path], options: Mapping[str, object] | None = None
) -> dict[Keys, str]:
    """Return where each key of the config stands ("config/config.yaml, line 12"); of `()`, the files.

    The folder's own config comes first, whether it is named or not; of a key in several files the
    last one counts, and what an option (`--config`) says before all. What can be read only once (a
    pipe) is left alone.

    Raises:
        InputError: see `text.read_config_file`; or there is no config at all.
    """
    named = [Path(file) for file in files]
    own = Path(OWN_CONFIG)
    if not own.exists() and not named:
        raise InputError(
            f"{OWN_CONFIG}: there is no such file in {Path.cwd()}; run in the folder that has it, name "
            "that with --directory, or name a config with --configfile"
        )
    places: dict[Keys, str] = {}
    names = []
    for file in [own] * own.exists() + named:
        if file == own or file.is_file():
            lines = read_config_file(file)
            here = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
            name = "the command line" if file.name == COMMAND_LINE else str(here)
            names.append(name)
            for key, line in lines.items():
                places[key] = name if file.name == COMMAND_LINE else f"{name}, line {line}"
    places |= dict.fromkeys(_keys(options or {}), "--config")
    return places | {(): " and ".join(names)} if names else places


def checked_config(
    config: Mapping, schema: dict, places: Mapping[Keys, str] | None = None, start: bool = True
) -> dict:
    """Return the completed config.

    Args:
        config: what the user wrote, as Snakemake gathers it from files and the command line.
        schema: from `text.load_yaml`.
        places: from `key_places`.
        start: whether a run starts with it; its jobs read the config again, but what their
            environment and the disk hold is not asked once more.

    Raises:
        InputError: with all that is wrong in it.
    """
    try:
        completed = complete(config, schema)
        if start:
            problems = [*estimator_problems(completed), *path_problems(completed)]
            # An unfit table alone is told by `run.Run`, as it may keep no other from its run.
            refuse(problems and problems + unfit_tables(completed))
    except ConfigError as error:
        raise ConfigError(error.problems, places) from None
    return completed


def _keys(options: Mapping[str, object], path: Keys = ()) -> Iterator[Keys]:
    for key, value in options.items():
        yield (*path, key)
        if isinstance(value, Mapping):
            yield from _keys(value, (*path, key))
