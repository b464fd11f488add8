"""Every bad config through every door, with Snakemake's own loading in between."""

import json
from pathlib import Path

import pytest
import yaml
from bad_configs import BAD_CONFIGS
from running import ROOT
from snakemake.cli import parse_config
from snakemake.common.configfile import load_configfile
from snakemake.settings.types import ConfigSettings
from snakemake.utils import update_config

from ml_baseline.cli.train import known_tables, name_and_settings
from ml_baseline.config.configuration import COMMAND_LINE, checked_config, key_places
from ml_baseline.config.text import load_yaml
from ml_baseline.errors import InputError

SCHEMA = load_yaml(ROOT / "workflow" / "schemas" / "config.schema.yaml")
GOOD = "datasets: {good: {table: good.csv, target: answer}}\n"


def own_config(config: dict) -> dict:
    """The folder's own config/config.yaml."""
    Path("config/config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    places = key_places([])
    return checked_config(load_configfile("config/config.yaml"), SCHEMA, places)


def merged(files: list[Path], config: dict | None = None) -> dict:
    """Return what Snakemake makes of the folder's config, more files and the command line."""
    settings = ConfigSettings(config=config or {}, configfiles=files)
    places = key_places(settings.configfiles, settings.config)
    found = load_configfile("config/config.yaml")
    update_config(found, settings.overwrite_config)
    return checked_config(found, SCHEMA, places)


def configfile(config: dict) -> dict:
    """`snakemake --configfile mine.yaml`."""
    Path("mine.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    return merged([Path("mine.yaml")])


def json_configfile(config: dict) -> dict:
    """`snakemake --configfile mine.json`."""
    Path("mine.json").write_text(json.dumps(config, default=str, skipkeys=True, indent="\t"))
    return merged([Path("mine.json")])


def train(config: dict) -> dict:
    """`ml-baseline train --config mine.yaml`."""
    Path("mine.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    known = known_tables(Path("mine.yaml"))
    name, entry = name_and_settings("good.csv", "answer", None, known)
    more = {"datasets": {name: entry}, "only": [name], "sample_data": {"make": False}}
    Path(COMMAND_LINE).write_text(json.dumps(more))
    return merged([Path("mine.yaml"), Path(COMMAND_LINE)])


def command_line(config: dict) -> dict:
    """`snakemake --config key=value`."""
    arguments = [
        f"{key}={yaml.safe_dump(value, default_flow_style=True, width=10**6)}".removesuffix("\n")
        for key, value in config.items()
    ]
    arguments = [argument.removesuffix("\n...") for argument in arguments]
    return merged([], parse_config(arguments))


IDS = [str(i) + " " + expected[:50] for i, (_, expected) in enumerate(BAD_CONFIGS)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("config").mkdir()
    Path("config/config.yaml").write_text(GOOD)
    Path("good.csv").write_text("answer\n1\n")
    return tmp_path


@pytest.mark.parametrize("door", [own_config, configfile, train], ids=lambda door: door.__name__)
@pytest.mark.parametrize(("config", "expected"), BAD_CONFIGS, ids=IDS)
def test_a_bad_config_is_told_once_with_its_place(folder, door, config, expected):
    with pytest.raises(InputError) as error:
        door(config)
    if "once as a number" in expected:  # seen in the file already
        assert "is defined twice, on lines" in str(error.value)
        return
    first, *problems = str(error.value).splitlines()
    assert first == "the configuration has a problem:" and len(problems) == 1
    key, _, text = problems[0].partition(" (")
    file, _, said = text.partition("): ")
    assert file.startswith(("config/config.yaml", "mine.yaml")), problems
    assert ", line " in file or key.strip() in ("config", "baseline")
    assert expected in f"{key}: {said}"
    assert not Path("results").exists()


TYPED = ("YAML", "true", "nothing", "null", ".nan", ".inf", "once as a number", "2024", "config:")


@pytest.mark.parametrize("door", [json_configfile, command_line], ids=lambda door: door.__name__)
@pytest.mark.parametrize(("config", "expected"), BAD_CONFIGS, ids=IDS)
def test_a_bad_config_in_another_form_is_told_too(folder, door, config, expected):
    """Where what is wrong is not how YAML reads it, the same is said."""
    try:
        door(config)
    except (InputError, ValueError) as error:
        said = str(error)
    else:
        said = ""
    if not any(word in expected for word in TYPED):
        assert said.startswith("the configuration has a problem:"), expected
