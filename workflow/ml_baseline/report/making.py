"""How a page and its numbers were made, and what it takes to make them again."""

import shlex
from typing import Any

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
