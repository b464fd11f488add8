"""Every file that is no table gets one line that says what it is, read whole or piece by piece."""

import os
import socket

import pytest
from bad_tables import FILES, GOOD, PLACES

from ml_baseline.data import source
from ml_baseline.data.tables import open_rows, read_raw_table
from ml_baseline.errors import InputError


@pytest.fixture(autouse=True)
def _small_bombs(monkeypatch):
    monkeypatch.setattr(source, "BOMB_BYTES", 1 << 20)


def piece_by_piece(path):
    rows = open_rows(path)
    if not sum(map(len, rows.pieces(rows.names))):
        raise InputError(f"{path}: no rows below it")


def told(read, path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    said = str(caught.value)
    assert "\n" not in said and len(said) < 700
    assert said.startswith(str(path)[:200]) and said.isprintable()
    return said


def test_there_are_enough_of_them():
    assert len(FILES) + len(PLACES) >= 120


@pytest.mark.parametrize("read", [read_raw_table, piece_by_piece])
@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_tables(tmp_path, name, read):
    content, words = FILES[name]
    (tmp_path / name).write_bytes(content)
    assert words in told(read, tmp_path / name)


@pytest.mark.parametrize("read", [read_raw_table, piece_by_piece])
@pytest.mark.parametrize("name", PLACES)
def test_places_without_a_file(tmp_path, name, read):
    make, words = PLACES[name]
    make(tmp_path / name)
    said = told(read, tmp_path / name)
    assert words in said
    assert ("did you mean" in said) == (name == "tabel.csv")


def test_a_socket(tmp_path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.csv"))
        assert "this is a socket" in told(read_raw_table, tmp_path / "s.csv")


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_no_right_to_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(GOOD)
    path.chmod(0)
    assert "you may not read this file" in told(read_raw_table, path)


@pytest.mark.parametrize("change", ["grows", "shrinks", "is replaced"])
@pytest.mark.parametrize("size", [1, 100_000])
def test_a_file_that_changes_while_it_is_read(tmp_path, change, size):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * size)
    rows = open_rows(path)
    if change == "grows":
        with path.open("ab") as file:
            file.write(b"3,4\n")
    elif change == "shrinks":
        os.truncate(path, 6)
    else:
        path.unlink()
        path.write_bytes(b"a,b\n9,9\n" * 9)
    with pytest.raises(InputError, match="has changed while it was read"):
        list(rows.pieces(rows.names))


def test_a_packed_table_of_little_variety_is_no_bomb(tmp_path):
    import gzip

    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 200_000, mtime=0))
    assert len(read_raw_table(path)[0]) == 200_000
