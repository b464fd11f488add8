"""Lists of packages and names of versions agree: what conda's file installs is what was tested."""

import importlib.metadata
import re
import tomllib

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from running import ROOT


def test_the_conda_environment_has_all_that_is_needed_in_the_versions_that_were_tested():
    environment = yaml.safe_load((ROOT / "envs" / "ml-baseline.yaml").read_text("utf-8"))
    pins = environment["dependencies"][-1]["pip"]
    assert set(pins) <= set((ROOT / "constraints.txt").read_text("utf-8").splitlines())
    named = {pin.partition("==")[0] for pin in pins}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    waiting = [Requirement(text) for text in project["dependencies"]]
    seen = set()
    while waiting:
        needed = waiting.pop()
        name = canonicalize_name(needed.name)
        assert name in named, f"{name} is missing from envs/ml-baseline.yaml"
        for extra in {"", *needed.extras} - {seen_as for known, seen_as in seen if known == name}:
            seen.add((name, extra))
            for text in importlib.metadata.requires(name) or ():
                found = Requirement(text)
                if found.marker is None or found.marker.evaluate({"extra": extra}):
                    waiting.append(found)
    assert named == {name for name, _ in seen}


def test_the_changelog_and_the_docs_name_the_version_of_the_package():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    released = re.findall(r"^## (\S+) \(\d{4}-\d\d-\d\d\)$", changelog, re.MULTILINE)
    assert released[0] == version
    assert f'tag="v{version}"' in (ROOT / "docs" / "module.md").read_text("utf-8")
