"""Noise of the right size on the right columns, learned from the rows given and no others."""

import numpy as np
import pandas as pd
import pytest

from ml_baseline.data.augment import augment

pytestmark = pytest.mark.filterwarnings("error")

ROWS = 20_000


@pytest.fixture(scope="module")
def mixed(schema_of):
    """A table with a column of every kind, and its schema."""
    random = np.random.default_rng(0)
    gap = random.random(ROWS) < 0.1
    table = pd.DataFrame(
        {
            "row_id": np.arange(ROWS) * 3,
            "key": [f"k{i}" for i in range(ROWS)],
            "amount": random.normal(50, 200, ROWS),
            "amount with gaps": np.where(gap, np.nan, random.exponential(3, ROWS)),
            "visits": random.integers(0, 2_000, ROWS),
            "visits with gaps": np.where(gap, np.nan, random.integers(0, 2_000, ROWS)),
            "paid": random.integers(0, 2, ROWS),
            "product": random.integers(0, 900, ROWS),
            "town": random.choice(["Ulm", "Bonn", None], ROWS),
            "since_year": random.integers(1950, 2020, ROWS),
            "asked_hours": random.random(ROWS) * 24,
            "household": random.integers(0, 500, ROWS),
            "day": random.random(ROWS) * 1000,
            "answer": random.integers(0, 2, ROWS),
        }
    ).astype({"key": "str", "town": "str"})
    schema = schema_of(
        **{
            "amount": "number",
            "amount with gaps": "number",
            "visits": "integer",
            "visits with gaps": "integer",
            "paid": "boolean",
            "product": "code",
            "town": "category",
            "since_year": {"kind": "integer", "part": "year"},
            "asked_hours": {"kind": "number", "part": "hours"},
        }
    )
    for name, role in {"key": "id", "household": "group", "day": "time"}.items():
        schema["columns"].append({"name": name, "role": role, "kind": "number"})
    return table, schema


NOISY = ["amount", "amount with gaps", "visits", "visits with gaps"]


def test_rows_first_then_their_copies(mixed):
    table, schema = mixed
    augmented = augment(table, schema, copies=2, random_state=1)
    assert list(augmented) == ["row_id", "copy", *list(table)[1:]]
    assert augmented["copy"].tolist() == [0] * ROWS + [1] * ROWS + [2] * ROWS
    assert augmented["row_id"].tolist() == table["row_id"].tolist() * 3
    assert augmented.index.tolist() == list(range(3 * ROWS))
    pd.testing.assert_frame_equal(augmented[:ROWS].drop(columns="copy"), table)
    pd.testing.assert_series_equal(augmented.dtypes.drop("copy"), table.dtypes)


def test_nothing_but_quantities_is_touched(mixed):
    table, schema = mixed
    copies = augment(table, schema, noise_frac=5.0, random_state=1)[ROWS:].reset_index(drop=True)
    others = [name for name in table if name not in NOISY]
    pd.testing.assert_frame_equal(copies[others], table[others])
    for name in NOISY:
        assert (copies[name] != table[name])[table[name].notna()].mean() > 0.99


@pytest.mark.parametrize("noise_frac", [0.02, 0.5])
@pytest.mark.parametrize("name", NOISY)
def test_noise_has_the_share_of_the_spread_that_is_asked_for(mixed, name, noise_frac):
    table, schema = mixed
    copies = augment(table, schema, noise_frac=noise_frac, random_state=2)[ROWS:]
    noise = copies[name].to_numpy() - table[name].to_numpy()
    present = ~np.isnan(noise)
    assert present.sum() == table[name].notna().sum()  # what is missing stays missing
    wanted = noise_frac * np.nanstd(table[name])
    # 4 standard errors; rounding to whole numbers adds a twelfth to the variance.
    rounding = 1 / 12 if name.startswith("visits") else 0.0
    error = 4 / np.sqrt(2 * present.sum())
    assert np.std(noise[present]) == pytest.approx(np.sqrt(wanted**2 + rounding), rel=error)
    assert abs(noise[present].mean()) < 4 * wanted / np.sqrt(present.sum())
    if not rounding:
        # Gaussian: 4.55 % beyond two standard deviations.
        assert np.mean(np.abs(noise[present]) > 2 * wanted) == pytest.approx(0.0455, abs=0.007)


def test_noise_is_independent_between_columns_and_copies(mixed):
    table, schema = mixed
    augmented = augment(table, schema, copies=2, random_state=3)
    noise = [
        augmented.loc[augmented["copy"] == copy, name].to_numpy() - table[name].to_numpy()
        for copy in (1, 2)
        for name in ("amount", "visits")
    ]
    noise.append(table["amount"].to_numpy())
    correlations = np.corrcoef(noise)[~np.eye(5, dtype=bool)]
    assert np.abs(correlations).max() < 5 / np.sqrt(ROWS)


@pytest.mark.parametrize("name", ["visits", "visits with gaps"])
def test_whole_numbers_stay_whole(mixed, name):
    table, schema = mixed
    augmented = augment(table, schema, random_state=1)
    present = augmented[name].dropna()
    assert (present % 1 == 0).all()
    assert not np.signbit(present[present == 0]).any()  # no "-0.0" in a file
    assert augmented[name].dtype == table[name].dtype


def test_the_spread_is_that_of_the_rows_given(mixed):
    table, schema = mixed
    calm = table[table["amount"].abs() < 10]
    copies = augment(calm, schema, random_state=1)[len(calm) :]
    noise = copies["amount"].to_numpy() - calm["amount"].to_numpy()
    assert noise.std() == pytest.approx(0.02 * calm["amount"].std(ddof=0), rel=0.15)
    assert noise.std() < 0.1 * 0.02 * table["amount"].std()


def test_the_rows_given_are_left_as_they_were(mixed):
    table, schema = mixed
    before = table.copy()
    augment(table, schema)
    pd.testing.assert_frame_equal(table, before)


def test_the_seed_decides(mixed):
    table, schema = mixed
    first, again, other = (augment(table, schema, random_state=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first["amount"].equals(other["amount"])


def test_the_first_copies_do_not_depend_on_how_many_there_are(mixed):
    table, schema = mixed
    one, three = (augment(table, schema, copies=copies) for copies in (1, 3))
    pd.testing.assert_frame_equal(one, three[: 2 * ROWS])


def test_method_none_adds_the_column_and_no_rows(mixed):
    table, schema = mixed
    augmented = augment(table, schema, method="none", copies=3)
    assert set(augmented["copy"]) == {0}
    pd.testing.assert_frame_equal(augmented.drop(columns="copy"), table)


def test_no_noise_gives_exact_copies(mixed):
    table, schema = mixed
    augmented = augment(table, schema, noise_frac=0.0)
    copies = augmented[ROWS:].drop(columns="copy").reset_index(drop=True)
    pd.testing.assert_frame_equal(copies, table)


# Columns in which there is nothing to be noisy about, or too much.
ODD_COLUMNS = {
    "constant": ("number", [0.1] * 1000),
    "constant, no short fraction": ("number", [1 / 3] * 1000),
    "constant and missing": ("number", [0.1] * 500 + [np.nan] * 500),
    "all missing": ("number", [np.nan] * 1000),
    "all missing, whole": ("integer", [np.nan] * 1000),
    "zero": ("number", [0.0] * 1000),
    "constant, beyond floats": ("integer", [2**53 + 1] * 1000),
}


@pytest.mark.parametrize("case", ODD_COLUMNS)
def test_what_does_not_vary_is_copied_exactly(schema_of, case):
    kind, values = ODD_COLUMNS[case]
    table = pd.DataFrame({"row_id": range(1000), "x": values, "answer": [0, 1] * 500})
    copies = augment(table, schema_of(x=kind), noise_frac=0.5)[1000:]
    pd.testing.assert_series_equal(copies["x"].reset_index(drop=True), table["x"])


def test_one_row_is_copied_exactly(schema_of):
    table = pd.DataFrame({"row_id": [0], "x": [3.5], "answer": [1]})
    assert augment(table, schema_of(x="number"))["x"].tolist() == [3.5, 3.5]


def test_huge_numbers_do_not_overflow(schema_of):
    values = np.random.default_rng(0).normal(size=1000) * 1e300
    table = pd.DataFrame({"row_id": range(1000), "x": values, "answer": [0, 1] * 500})
    noise = augment(table, schema_of(x="number"))["x"].to_numpy()[1000:] / 1e300 - values / 1e300
    assert noise.std() == pytest.approx(0.02 * (values / 1e300).std(), rel=0.1)


def test_integers_that_floats_cannot_hold_stay_exact(schema_of):
    values = 2**60 + 1 + np.arange(1000) * 2  # odd, and 256 apart as floats
    table = pd.DataFrame({"row_id": range(1000), "x": values, "answer": [0, 1] * 500})
    noise = augment(table, schema_of(x="integer"))["x"].to_numpy()[1000:] - values
    assert noise.std() == pytest.approx(0.02 * 577, rel=0.1)


@pytest.mark.parametrize("name", ["self", "<a[b", "größe $", "_", "x" * 100])
def test_column_names_may_be_anything(schema_of, name):
    table = pd.DataFrame({"row_id": range(10), name: np.arange(10.0), "answer": [0, 1] * 5})
    augmented = augment(table, schema_of(**{name: "number"}))
    assert list(augmented) == ["row_id", "copy", name, "answer"]
    assert augmented[name].nunique() == 20


def test_many_columns(numbers_table):
    table, schema = numbers_table(20, features=500)
    noise = augment(table, schema)[20:].to_numpy()[:, 2:-1] - table.to_numpy()[:, 1:-1]
    assert (noise != 0).all()
