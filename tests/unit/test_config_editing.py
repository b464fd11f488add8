"""A table is added to a config, and every other character of it stays."""

import difflib
import json

import pytest
import yaml
from running import ROOT

from ml_baseline.config.editing import add_table
from ml_baseline.errors import InputError

SETTINGS = {"table": "a b.csv", "target": "y", "columns": {"x: y": {"kind": "category"}}}
PLAIN = "datasets:\n  new:\n    table: a b.csv\n    target: y\n    columns:\n"
PLAIN += "      'x: y': {kind: category}\n"
COMMENT = "    # check: 'x'\n"
BLOCK = PLAIN.replace("    columns", f"{COMMENT}    columns")
IN_BRACES = ("braces", "empty braces", "JSON", "JSON without tables")

CONFIGS = {
    "the shipped one": (ROOT / "config/config.yaml").read_text(encoding="utf-8"),
    "block": "datasets:\n  # of ours\n  a:\n    table: a.csv\n    target: y\nseeds: [1]\n",
    "deep indentation": "# top\ndatasets: # all\n\n      a:\n          table: a.csv\n          target: y\n",
    "no indentation of lists": "seeds:\n- 1\n- 2\ndatasets:\n  a: {table: a.csv, target: y}  # end",
    "without tables": "seeds: [1]\n# the end\n",
    "without a last line end": "seeds: [1]",
    "an empty section": "seeds: [1]\ndatasets:\n# nothing yet\nnaive: true\n",
    "an empty section at the end": "seeds: [1]\ndatasets:",
    "braces": "datasets: {a: {table: a.csv, target: y}}\n",
    "empty braces": "datasets: {}  # none\nseeds: [1]\n",
    "JSON": json.dumps(
        {"datasets": {"a": {"table": "a.csv", "target": "y"}}, "seeds": [1]}, indent=4
    ),
    "JSON without tables": '{"seeds": [1]}\n',
    "an anchor": "x-y: &a {target: y}\ndatasets:\n  a:\n    <<: *a\n    table: a.csv\n",
    "a quoted key": '"datasets":\n  "a":\n    table: a.csv\n    target: y\n',
    "line ends of Windows": "seeds: [1]\r\ndatasets:\r\n  a:\r\n    table: a.csv\r\n    target: y\r\n",
    "a byte order mark": "\ufeffdatasets:\n  a:\n    table: ä.csv\n    target: y\n",
    "a text of several lines": "datasets:\n  a:\n    table: a.csv\n    target: |-\n      y\nseeds: [1]\n",
    "a start mark": "---\ndatasets:\n  a: {table: a.csv, target: y}\n",
}


@pytest.mark.parametrize("name", CONFIGS)
def test_nothing_else_is_changed(tmp_path, name):
    text = CONFIGS[name]
    path = tmp_path / "config.yaml"
    path.write_bytes(text.encode())
    path.chmod(0o640)
    add_table(path, "new", SETTINGS, PLAIN if name in IN_BRACES else BLOCK)
    changed = path.read_bytes().decode()
    assert (COMMENT.strip() in changed) == (name not in IN_BRACES)
    before, after = (yaml.safe_load(t.removeprefix("\ufeff")) for t in (text, changed))
    tables = before.pop("datasets", None) or {}
    assert after.pop("datasets") == tables | {"new": SETTINGS} and after == before
    kinds = {tag for tag, *_ in difflib.SequenceMatcher(None, text, changed, False).get_opcodes()}
    assert kinds <= {"equal", "insert"}
    assert ("\r\n" in text) == ("\r\n" in changed) and changed.count("\r") in (
        0,
        changed.count("\n"),
    )
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_config_that_is_not_there_is_made(tmp_path):
    add_table(tmp_path / "config" / "config.yaml", "new", SETTINGS, BLOCK)
    assert (tmp_path / "config" / "config.yaml").read_text() == BLOCK


def test_a_link_stays_one(tmp_path):
    (tmp_path / "real.yaml").write_text(CONFIGS["block"])
    (tmp_path / "config.yaml").symlink_to("real.yaml")
    add_table(tmp_path / "config.yaml", "new", SETTINGS, BLOCK)
    assert (tmp_path / "config.yaml").is_symlink() and "new:" in (
        tmp_path / "real.yaml"
    ).read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("datasets:\n  new: {table: b.csv, target: z}\n", "has the table `new` already"),
        ("datasets: ~\nseeds: [1]\n", "cannot be put in without changing more"),
        ("datasets: 5\n", "cannot be put in"),
        ("datasets: newer\n", "cannot be put in"),
        *((CONFIGS[name], "in braces, where the comments") for name in IN_BRACES),
        (CONFIGS["braces"] + COMMENT.lstrip(), "in braces, where the comments"),
        ("x: &a {a: {table: a.csv, target: y}}\ndatasets: *a\n", "cannot be put in"),
        ("datasets:\n  a: {table: a.csv, target: y}\n...\n", None),
        ("seeds: [1]\n...\n", "cannot be put in"),
        ("datasets: [a\n", "not valid YAML"),
        ("- a\n", "expected keys such as `datasets:`"),
        ("", "the file is empty"),
    ],
)
def test_what_cannot_be_done_leaves_the_file_alone(tmp_path, text, words):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    if words is None:
        add_table(path, "new", SETTINGS, BLOCK)
        assert yaml.safe_load(path.read_text())["datasets"]["new"] == SETTINGS
        return
    with pytest.raises(InputError) as caught:
        add_table(path, "new", SETTINGS, BLOCK)
    assert words in str(caught.value) and str(path) in str(caught.value)
    assert path.read_text() == text
