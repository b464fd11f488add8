"""What a config file says as text: faults that YAML passes over, each with its file and line."""

import json

import pytest
from bad_configs import BAD_TEXTS, TABLE
from running import ROOT

from ml_baseline.config.completion import complete
from ml_baseline.config.configuration import checked_config, key_places
from ml_baseline.config.text import load_yaml, read_config_file
from ml_baseline.errors import InputError

SCHEMA = load_yaml(ROOT / "workflow" / "schemas" / "config.schema.yaml")


@pytest.mark.parametrize("case", BAD_TEXTS)
def test_a_fault_in_the_text_is_told_with_its_file_and_line(tmp_path, case):
    content, expected = BAD_TEXTS[case]
    file = tmp_path / "config.yaml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError) as error:
        read_config_file(file)
    message = str(error.value)
    assert message.startswith(str(file)) and expected in message
    assert len(message) < 400


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        "\ufeff" + TABLE,
        TABLE.replace("\n", "\r\n"),
        json.dumps({"datasets": {"a": {"table": "ä.csv"}}}, indent="\t"),
        "a: &a {x: 1}\nb: {<<: *a, x: 2}\nc: [*a, *a]\n",
        "a: !!str 010\nb: ! yes\n",
        "--- {a: 1}\n...\n",
        "Yes: 1\n'Yes ': 2\n",
        "a: {x: 1}\nb: {x: 1}\n",
    ],
)
def test_what_is_sound_is_let_through(tmp_path, text):
    file = tmp_path / "config.yaml"
    file.write_bytes(text.encode())
    assert read_config_file(file)


def test_the_line_of_each_key_is_known(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(TABLE + "models:\n  a:\n    params:\n      - {x: 1}\n")
    assert read_config_file(file) == {
        ("datasets",): 1,
        ("datasets", "churn"): 2,
        ("datasets", "churn", "table"): 2,
        ("datasets", "churn", "target"): 2,
        ("models",): 3,
        ("models", "a"): 4,
        ("models", "a", "params"): 5,
        ("models", "a", "params", 0, "x"): 6,
    }


def test_a_problem_is_told_with_the_file_that_decides(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own, mine = tmp_path / "config/config.yaml", tmp_path / "mine.yaml"
    own.parent.mkdir()
    own.write_text(TABLE + "threshold: 2\nseeds: [1]\n")
    mine.write_text("cv: {folds: 5}\nseeds: [1, x]\n")
    config = {
        "datasets": {"churn": {"table": "a.csv", "target": "y"}},
        "threshold": 2,
        "seeds": [1, "x"],
    }
    options = {"augment": 3, "cv": {"folds": 0}}
    with pytest.raises(InputError) as error:
        checked_config(config | options, SCHEMA, key_places([mine], options))
    found = [line.split("): ")[0].split(": ")[0] for line in str(error.value).splitlines()[1:]]
    assert sorted(found) == [
        "  augment (--config",
        "  cv.folds (--config",
        "  seeds[1] (mine.yaml, line 2",
        "  threshold (config/config.yaml, line 3",
    ]


def test_a_missing_config_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"config/config\.yaml: there is no such file in"):
        key_places([])
    (tmp_path / "config/config.yaml").mkdir(parents=True)
    with pytest.raises(InputError, match="this is not a file"):
        key_places([])


@pytest.mark.parametrize("grow", ["deep", "wide", "itself"])
def test_what_the_command_line_says_is_bounded_too(grow):
    value: list = [1]
    if grow == "itself":
        value.append(value)
    for _ in range({"deep": 200, "wide": 6}.get(grow, 0)):
        value = [value] * (1 if grow == "deep" else 10)
    with pytest.raises(InputError, match=r"nested more than|holds more than"):
        complete({"datasets": {"a": {"table": "a.csv", "target": "y"}}, "seeds": value}, SCHEMA)
