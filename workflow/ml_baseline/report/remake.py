"""What it takes to make one table's results again: its whole config and the versions."""

from collections.abc import Iterable, Mapping

import yaml


def config_alone(name: str, settings: Mapping, sections: Iterable[str]) -> str:
    """Return a config file, as YAML, that has this table alone and says everything about it.

    Args:
        name: the table's name.
        settings: its settings, with defaults and overrides merged, and what else stands at the top
            level.
        sections: the keys that stand at the top level of a config; all others are the table's.
    """
    sections = [key for key in sections if key in settings]
    # Only what was left out is null, and a config may not say so; inside `params` it is a value.
    own = {key: value for key, value in settings.items() if key not in sections}
    own = {key: value for key, value in own.items() if value is not None}
    config = {"datasets": {name: own}} | {key: settings[key] for key in sections}
    # The dumper in C is ten times as fast, but not there on every machine.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return yaml.dump(config, Dumper=dumper, sort_keys=False, allow_unicode=True, width=100)
