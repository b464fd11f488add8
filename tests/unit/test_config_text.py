"""What a config file says as text: faults that YAML passes over, each with its file and line."""

import json

import pytest
from running import ROOT

from ml_baseline.config.completion import complete
from ml_baseline.config.configuration import checked_config, key_places
from ml_baseline.config.schema import load_schema
from ml_baseline.config.text import read_config_file
from ml_baseline.errors import InputError

SCHEMA = load_schema(ROOT / "workflow" / "schemas" / "config.schema.yaml")
TABLE = "datasets:\n  churn: {table: a.csv, target: y}\n"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdef", "bcdefg", strict=True)
)
MAPPING_BOMB = "a: &a {1: x, 2: x, 3: x, 4: x, 5: x, 6: x, 7: x, 8: x, 9: x}\n" + "".join(
    f"{new}: &{new} {{{', '.join(f'{i}: *{old}' for i in range(10))}}}\n"
    for old, new in zip("abcdef", "bcdefg", strict=True)
)

BAD_TEXTS = {
    "section twice": (
        TABLE + "models: {a: {}}\nseeds: 1\nmodels: {b: {}}\n",
        "models is defined twice, on lines 3 and 5",
    ),
    "table twice": (
        TABLE + "  churn: {table: b.csv}\n",
        "datasets.churn is defined twice, on lines 2",
    ),
    "on one line": (
        "split: {test_size: 0.1, test_size: 0.2}\n",
        "split.test_size is defined twice, on line 1",
    ),
    "as number and text": ("a: {1: x, '1': y}\n", "a.1 is defined twice, on line 1"),
    "inside a list": ("a:\n- b: 1\n  b: 2\n", "a[0].b is defined twice, on lines 2 and 3"),
    "in JSON": ('{"seeds": 1,\n\t"seeds": 2}', "seeds is defined twice, on lines 1 and 2"),
    "two merges": ("a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n", "is defined twice, on lines 3 and 4"),
    "alias in itself": ("a: &a [*a]\n", "line 1: *a stands inside the value it stands for"),
    "mapping in itself": ("a: &a\n  b: *a\n", "line 2: *a stands inside the value"),
    "alias to nothing": ("a: *b\n", "*b refers to &b, which is nowhere above"),
    "bomb": (BOMB, "holds more than 100,000 values"),
    "bomb of mappings": (MAPPING_BOMB, "holds more than 100,000 values"),
    "deep": ("a: " + "[" * 200 + "]" * 200, "nested more than 100 levels deep"),
    "very deep": ("a: " + "[" * 100_000, "nested more than 100 levels deep"),
    "tab": ("datasets:\n\tchurn: 1\n", "line 2: not valid YAML: a tab; YAML wants blanks"),
    "open bracket": ("a: [1,\n", "line 2: not valid YAML"),
    "no colon": ("a: 1\nb\n", "line 3: not valid YAML"),
    "control character": ("a: 1\nb: \x07\n", "line 2: an invisible control character"),
    "null character": ("a: \x00\n", "line 1: an invisible control character"),
    "not UTF-8": (b"a: 1\nb: caf\xe9\n", "line 2: byte 0xe9 is not UTF-8"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "line 1: byte 0xff is not UTF-8"),
    "empty": ("", "line 1: the file is empty"),
    "comments alone": ("# nothing yet\n", "the file is empty"),
    "a list": ("- datasets\n", "line 1: expected `datasets:` and the like"),
    "a word": ("datasets\n", "line 1: expected `datasets:` and the like"),
    "nothing": ("---\n", "expected `datasets:` and the like"),
    "two documents": ("a: 1\n---\nb: 2\n", "line 2: a second document begins here"),
    "code of YTE": ("__use_yte__: true\na: ?1 + 1\n", "line 1: this would let the file run code"),
    "a Python tag": (
        "a: !!python/object/apply:os.system [ls]\n",
        "the tag !!python/object/apply:os",
    ),
    "a tuple": ("a: !!python/tuple [1]\n", "line 1: the tag !!python/tuple means nothing here"),
    "binary": ("a: !!binary aGk=\n", "the tag !!binary means nothing here"),
    "own tag": ("a: !mine 1\n", "the tag !mine means nothing here"),
    "list as key": ("? [a, b]\n: 1\n", "line 1: a key has to be text"),
    "alias as key": ("a: &a b\n*a : 1\n", "line 2: a key has to be text"),
    "no such date": ("a: 1\nb: 2024-13-45\n", 'line 2: YAML takes "2024-13-45" for a number or a'),
    "no number": ("a: 0x_\n", 'line 1: YAML takes "0x_" for a number or a date'),
    "number without end": (f"a: {'9' * 5000}\n", "for a number or a date, and there is no such"),
    "merge of a number": ("a:\n  <<: 3\n", "line 2: not valid YAML"),
}


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
        "augment": 3,  # from --config
    }
    with pytest.raises(InputError) as error:
        checked_config(config, SCHEMA, key_places([mine]))
    found = [line.split("): ")[0].split(": ")[0] for line in str(error.value).splitlines()[1:]]
    assert sorted(found) == [
        "  augment",
        "  seeds[1] (mine.yaml, line 2",
        "  threshold (config/config.yaml, line 3",
    ]


def test_a_missing_config_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"config/config\.yaml: there is no such file in"):
        key_places([])
    (tmp_path / "config/config.yaml").mkdir(parents=True)
    with pytest.raises(InputError, match="this is no file"):
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
