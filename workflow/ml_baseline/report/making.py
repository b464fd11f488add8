"""How a page and its numbers were made, and what it takes to make them again."""

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from ml_baseline.files import content_hash
from ml_baseline.report.graph import draw_rules
from ml_baseline.report.sources import Sources, download
from ml_baseline.report.standing import Standing


def made_view(sources: Sources, settings: dict, found: Standing) -> dict[str, Any]:
    """Return what the section on the making is filled with."""
    hashed = [settings["cleaned_table"], sources.files["leaderboard"]]
    hashes = {sources.repairs["table"]: sources.repairs["sha256"]}
    config_name = f"{sources.schema['dataset']}.config.yaml"
    return {
        "graph": draw_rules(settings["graph"]),
        "config": settings["config"],
        "config_name": config_name,
        "config_download": download(settings["config"].encode(), config_name, "text/yaml"),
        "versions": settings["versions"],
        "hashes": hashes | {path: content_hash(path) for path in hashed},
        "by_snakemake": f"snakemake --cores 4 {settings['target']} --replace-workflow-config "
        f"--configfile {config_name}",
        "by_command": shlex.join(
            ["ml-baseline", "train", "--input", sources.repairs["table"]]
            + ["--target", sources.schema["target"], "--name", sources.schema["dataset"]]
            + ["--config", config_name]
        ),
    }


def config_alone(name: str, settings: Mapping, sections: Iterable[str]) -> str:
    """Return a config file, as YAML, that has this table alone and says everything about it.

    `settings` are the table's, with defaults and overrides merged, and what else stands at the top
    level, where the keys `sections` have their place.
    """
    sections = [key for key in sections if key in settings]
    # Only what was left out is null, and a config may not say so; inside `params` it is a value.
    own = {key: value for key, value in settings.items() if key not in sections}
    own = {key: value for key, value in own.items() if value is not None}
    config = {"datasets": {name: own}} | {key: settings[key] for key in sections}
    # The dumper in C is ten times as fast, but not there on every machine.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return yaml.dump(config, Dumper=dumper, sort_keys=False, allow_unicode=True, width=100)
