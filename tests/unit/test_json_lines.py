"""JSON lines: objects as rows, values of types, what is refused."""

import gzip
import json

import pyarrow as pa
import pytest

from ml_baseline.data.tables import open_rows, read_raw_table
from ml_baseline.errors import InputError

RECORDS = [
    {
        "id": "007",
        "n": 1,
        "x": 1.333,
        "ok": True,
        "at": {"city": "Ulm", "zip": "01"},
        "tags": ["a"],
    },
    {"id": "012", "n": 2, "x": 12, "ok": None, "at": {"city": None}, "late": "no"},
]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
COLUMNS = {
    "id": (["007", "012"], pa.large_string()),
    "n": (["1", "2"], pa.int64()),
    "x": (["1.333", "12"], pa.float64()),
    "ok": (["true", None], pa.bool_()),
    "at.city": (["Ulm", None], pa.large_string()),
    "at.zip": (["01", None], pa.large_string()),
    "tags": (['["a"]', None], pa.large_string()),
    "late": ([None, "no"], pa.large_string()),
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.jsonl", LINES),
        ("t.NDJSON", LINES.replace(b"\n", b"\r\n")),
        ("t.jsonl.gz", gzip.compress(LINES, mtime=0)),
        ("t.json", b"\n" + LINES),  # what it is, its content says
        ("t.csv", LINES),
        ("marked.jsonl", b"\xef\xbb\xbf" + LINES.replace(b"}\n", b"}\n\n")),
        ("utf16.jsonl", LINES.decode().encode("utf-16")),
    ],
)
def test_objects_are_rows(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    table, reading = read_raw_table(tmp_path / name)
    table = table.astype(object).where(table.notna(), None)
    assert table.to_dict("list") == {column: texts for column, (texts, _) in COLUMNS.items()}
    assert reading["format"] == "json_lines"
    assert open_rows(tmp_path / name).types == {c: kind for c, (_, kind) in COLUMNS.items()}


def test_values_that_are_no_json_and_large_ones(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": NaN, "b": 123456789012345678901234}\n{"a": 2, "b": 1}\n')
    table, _ = read_raw_table(path)
    assert table["a"].isna().tolist() == [True, False]
    assert table["b"].tolist() == ["123456789012345678901234", "1"]
    assert open_rows(path).types == {"a": pa.int64(), "b": pa.float64()}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"a": 1}\n\n{"a": 2', "line 3: not valid JSON"),
        (b'{"a": 1}\n[1]\n', "line 2: found '[1]'; expected an object on each line"),
        (b'[{"a": 1}, {"a": 2}]', "line 1: found '[{"),
        (b'{"a": 1, "a": 2}\n', "line 1: not valid JSON (the key 'a' stands twice)"),
        (b'{"a.b": 1, "a": {"b": 2}}\n{"a ": 1, "a": 2}', "'a' stands more than once"),
        (b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}\n", "line 1: it is nested too deeply"),
        (b'{"a": "\xff"}\n{"a": "\xc3\xa9"}\n', "is not valid utf-8"),
        (b"\n \n", "the file is empty"),
        (b"{}\n{}\n", "the file is empty"),
    ],
)
def test_bad_lines_are_named(tmp_path, content, words):
    path = tmp_path / "t.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_raw_table(path)
    assert words in str(caught.value) and str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
