"""Tables of every style, written, read back and compared with what was meant."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from round_trip import AMERICAN, LOCALES, MAKERS, Column, make_table, tables, wrong_without_a_word

FIXED = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def compare(table):
    with tempfile.TemporaryDirectory() as folder:
        assert wrong_without_a_word(table, Path(folder)) == {}


@settings(FIXED, max_examples=40)
@given(tables())
def test_what_is_written_is_read_or_told(table):
    compare(table)


@pytest.mark.proof
@settings(FIXED, max_examples=2000)
@given(tables())
def test_nothing_of_2000_tables_is_read_wrongly_without_a_word(table):
    compare(table)


def test_every_style_comes_back_from_a_plain_file(tmp_path):
    """As a check of the generator: without gaps, at home, each style alone is right or told."""
    for make in MAKERS:
        table = make_table([make], AMERICAN, ",", False, 60, 0.0, "", 0)
        assert wrong_without_a_word(table, tmp_path) == {}, table


def test_a_wrong_value_is_noticed(tmp_path):
    """The comparison can fail: a truth that is another one, a column that is no number."""

    def lie(random, rows, locale):
        return Column("number", "a lie", [7.0] * rows, [f"{i}.5" for i in range(rows)])

    def lost(random, rows, locale):
        return Column("number", "words", [float(i) for i in range(rows)], list("abcdefghijkl" * 5))

    for make in (lie, lost):
        table = make_table([make], LOCALES[0], ",", False, 60, 0.0, "", 0)
        assert wrong_without_a_word(table, tmp_path).keys() == {"v0"}
