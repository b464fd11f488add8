"""The tables of others that once were read wrongly without a word, where they lie beside the project.

Each folder of ../shared/cases/reading holds a table, a config and what is right. `RIGHT` says it in
code: how it is read, or what is told where nothing in the file settles it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import pytest
import yaml
from running import ROOT

from ml_baseline.data.clean import clean
from ml_baseline.data.doubts import doubts
from ml_baseline.data.infer_schema import describe_columns, infer_schema
from ml_baseline.data.schema import Doubt
from ml_baseline.data.tables import read_raw_table
from ml_baseline.errors import InputError

CASES = ROOT.parent / "shared/cases/reading"


@dataclass
class Read:
    """What a table was read as."""

    raw: pd.DataFrame
    schema: dict
    table: pd.DataFrame
    repairs: dict
    doubts: list[Doubt]

    def kinds(self, source: str) -> set[str]:
        """Return the kinds of the features that come from a column."""
        columns = self.schema["columns"]
        return {c["kind"] for c in columns if (c["source"], c["role"]) == (source, "feature")}

    def role(self, source: str) -> str:
        return next(c["role"] for c in self.schema["columns"] if c["source"] == source)

    def cell(self, text: str, column: str = "v", source: str | None = None) -> object:
        """Return what the first cell with this text was read as."""
        rows = self.raw[source or column.split("_")[0]].str.strip() == text
        return self.table[column][rows.to_numpy()].iloc[0]

    def missing(self, column: str) -> int:
        return int(self.table[column].isna().sum())


def read(case: str, **more) -> Read:
    """Read a case as cleaning reads it."""
    folder = CASES / case
    (path,) = folder.glob("table.*")
    (settings,) = yaml.safe_load((folder / "config.yaml").read_text())["datasets"].values()
    raw, reading = read_raw_table(path, settings)
    settings |= more
    schema = infer_schema(raw, settings, case, reading)
    table, repairs = clean(raw, schema)
    found = doubts(table, describe_columns(schema, table), reading | repairs, settings)
    return Read(raw, schema, table, repairs, found)


def number(*cells: tuple[str, float], missing: int = 0, column: str = "v") -> Callable:
    """Return a check that the column is one of numbers with these values among them."""

    def check(found: Read) -> bool:
        numeric = found.kinds(column.split("_")[0]) <= {"number", "integer"}
        values = all(found.cell(text, column) == pytest.approx(value) for text, value in cells)
        return numeric and values and found.missing(column) == missing

    return check


def kind(wanted: str, column: str = "v") -> Callable:
    return lambda found: found.kinds(column) == {wanted}


def date(text: str, year: int, month: int, day: int, column: str = "v", missing: int = 0):
    """Return a check that a cell is this day."""

    def check(found: Read) -> bool:
        parts = [found.cell(text, f"{column}_{part}") for part in ("year", "month", "day")]
        return parts == [year, month, day] and found.missing(f"{column}_year") == missing

    return check


def told(what: str, column: str = "v", severity: str = "warn") -> Callable:
    """Return a check that the user is told this of a column."""
    return lambda f: (column, what, severity) in [(d.column, d.what, d.severity) for d in f.doubts]


def rows(count: int) -> Callable:
    return lambda found: len(found.raw) == count


RIGHT: dict[str, Callable[[Read], bool]] = {
    "A1_tsv_two_stray_quotes": rows(300),
    "A2_spark_backslash_inches": rows(300),
    "A5_semicolon_first_last": rows(300),
    "B1_thirds_and_city": number(("1.667", 1.667), column="food"),
    "B3_thirds_parquet": number(("1.333", 1.333), column="service"),
    "B5_gravity_and_answer_codes": lambda f: (
        f.cell("1.025", "sg") == 1.025 and f.kinds("codes") == {"category"}
    ),
    "B7_french_thousands": number(("6 104,44 €", 6104.44)),
    "C1_region_NA": told("answer"),
    "C3_dipstick_minus": lambda f: (
        f.cell("-") == "-" and f.missing("v") == (f.raw["v"] == "").sum()
    ),
    "C6_parquet_NA": told("answer"),
    "D1_sibling_tells": lambda f: (
        date("01/06/2023", 2023, 6, 1, "billing")(f) and told("order", "billing")(f)
    ),
    "D3_european_file": lambda f: (
        date("05/10/2023", 2023, 10, 5, "due")(f) and told("order", "due")(f)
    ),
    "D4_time_column": lambda f: f.cell("11/08/2023") == 19580.0,
    "E1_dob_mdy": date("02/03/64", 1964, 2, 3),
    "E4_dob_slash_dmy": date("24/05/60", 1960, 5, 24),
    "F1_k_and_bare": number(("51.70k", 51700), ("848", 848)),
    "F4_currencies": kind("category"),
    "F6_percent_and_bare": lambda f: number(("7%", 0.07), ("58", 0.58))(f) and told("unit")(f),
    "G10_sqlserver_date": date("Jan 9 2021 10:05AM", 2021, 1, 9),
    "G12_iso_short_hour": date("2022-11-20 3:36", 2022, 11, 20),
    "G14_zone_name": date("2021-11-05 20:41:00 EST", 2021, 11, 5),
    "G17_blood_pressure": told("text"),
    "G18_fifa_K_M": number(("€55.56M", 55.56e6), ("€180K", 180e3)),
    "G19_zero_dates": lambda f: date(
        "2022-06-15", 2022, 6, 15, missing=int((f.raw["v"] == "0000-00-00").sum())
    )(f),
    "G1_brl": number(("R$ 7.297,12", 7297.12)),
    "G21_few_trailing_minus": lambda f: (
        f.missing("v") == 0 and (f.table["v"] < 0).tolist() == f.raw["v"].str.endswith("-").tolist()
    ),
    "G3_rupees": number(("Rs. 98617", 98617)),
    "G5_trailing_minus": lambda f: (
        f.missing("v") == 0 and (f.table["v"] < 0).tolist() == f.raw["v"].str.endswith("-").tolist()
    ),
    "G6_apostrophe_negatives": number(("'-12.85", -12.85), ("41.80", 41.8)),
    "G9_js_date": date("7/9/2023, 1:05:00 PM", 2023, 7, 9),
    "H10_code_E": lambda f: f.kinds("v") <= {"category"},
    "H13_sentinel_dates": lambda f: date(
        "2023-09-04", 2023, 9, 4, missing=int((f.raw["v"] == "9999-12-31").sum())
    )(f),
    "H1_score": kind("category"),
    "H3_duration_over_24h": lambda f: f.missing("v_hours") == 0 and f.table["v_hours"].max() > 24,
    "H5_negative_time": lambda f: f.missing("v_hours") == 0 and f.table["v_hours"].min() < 0,
    "H6_season": lambda f: (
        "v_month" not in f.table and f.table.filter(like="v").notna().all(axis=None)
    ),
    "H8_version": lambda f: "v_year" not in f.table,
    "I1_alternating_formats": date("21/08/2021", 2021, 8, 21),
    "J1_case_codes": lambda f: f.table["v"].nunique() == f.raw["v"].nunique(),
    "J3_unicode_spellings": lambda f: f.table["v"].nunique() == f.raw["v"].nunique() - 3,
    "J5_group_spellings": lambda f: (
        f.table["cust"].nunique() == f.raw["cust"].str.strip().str.lower().nunique()
    ),
    "K1_zero_width_header": lambda f: "y" in f.table,
    "K4_nbsp_header": lambda f: "ma cible" in f.table,
    "L1_unnamed_0_1": lambda f: f.role("Unnamed: 0.1") != "feature",
    "L3_rownames": lambda f: f.role("rownames") != "feature",
    "L6_concat_index": lambda f: f.role("Unnamed: 0") != "feature",
    "M1_two_offsets": lambda f: f.table["v"].is_monotonic_increasing,
    "N1_r_rownames": rows(300),
    "N3_semicolon_commas_in_names": lambda f: list(f.raw) == ["Income, USD", "Age, years", "y"],
    "O10_excel_accounting_zero": number(("$-", 0.0), ("$42.31", 42.31)),
    "O1_en_dash": lambda f: f.kinds("v") == {"number"} and f.cell("12.71") == 12.71,
    "O3_letter_x": lambda f: f.kinds("v") == {"number"} and f.cell("69.22") == 69.22,
    "O7_provisional_flag": number(("13.17", 13.17)),
    "P1_refund_200": lambda f: number(("-200", -200))(f) and told("sentinel")(f),
    "P3_bonus_99": told("marker"),
}
# Cells that nothing in the file tells from missing ones, and what keeps them.
KEPT = {"C1_region_NA": "NA", "C6_parquet_NA": "NA", "P3_bonus_99": "-99"}


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases do not lie beside the project")
def test_every_case_has_a_check():
    found = {path.name for path in CASES.iterdir()} - {"Q_predict"}
    assert found == RIGHT.keys()


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases do not lie beside the project")
@pytest.mark.parametrize("case", RIGHT)
def test_the_case_is_read_right(case):
    try:
        assert RIGHT[case](read(case))
    except InputError as error:
        pytest.fail(f"refused: {error}")


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases do not lie beside the project")
@pytest.mark.parametrize("case", KEPT)
def test_the_config_keeps_an_answer_that_looks_like_a_marker(case):
    found = read(case, columns={"v": {"missing_values": []}})
    assert str(found.cell(KEPT[case])) == KEPT[case]
    assert not found.doubts
    if found.kinds("v") == {"category"}:
        for short in ({"categorical": "v"}, {"encode": {"v": {KEPT[case]: 1}}}):
            assert pd.notna(read(case, **short).cell(KEPT[case]))
