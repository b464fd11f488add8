import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ml_baseline.data import sample_data

NUMBERS = ["age", "income", "purchase_amount", "monthly_visits", "satisfaction_score"]
LABELS = {"gender": ["Female", "Male"], "product_type": ["Basic", "Plus", "Premium"]}
CUSTOMERS_COLUMNS = [*NUMBERS, *LABELS, "purchased"]


def as_csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False)


def cleaned(raw: pd.DataFrame) -> pd.DataFrame:
    """A cleaning of customers that knows nothing of how the mess was made."""
    table = raw.copy()
    for name in NUMBERS:
        plain = table[name].str.replace(r"[$,]", "", regex=True)
        table[name] = pd.to_numeric(plain, errors="coerce")
    for name, labels in LABELS.items():
        label = table[name].str.strip().str.capitalize()
        table[name] = label.where(label.isin(labels)).astype(object)
    return table


# --- customers: the table ---


@pytest.mark.parametrize("rows", [50, 51, 99, 100, 167, 1000, 1001])
def test_customers_has_exactly_the_rows_and_columns_asked_for(rows):
    table = sample_data.customers(rows, random_state=3)
    assert table.shape == (rows, 8)
    assert list(table.columns) == CUSTOMERS_COLUMNS
    assert list(table.index) == list(range(rows))


@pytest.mark.parametrize("rows", [50, 99, 1000])
def test_between_one_and_two_percent_of_customers_are_exact_copies(rows):
    copies = sample_data.customers(rows, random_state=3).duplicated().sum()
    assert 0.01 * rows <= copies <= 0.02 * rows


def test_copies_are_scattered_over_the_table():
    positions = np.flatnonzero(sample_data.customers(5000, random_state=3).duplicated())
    # A copy is the later of two random places: two thirds of the way down on average.
    assert positions.mean() == pytest.approx(2 / 3 * 5000, rel=0.12)
    assert positions.min() < 2000


@pytest.mark.parametrize("random_state", range(5))
def test_the_smallest_table_has_every_kind_of_mess_and_both_classes(random_state):
    table = sample_data.customers(50, random_state)
    assert table.duplicated().any()
    assert table["purchased"].nunique() == 2
    for name in NUMBERS:
        assert table[name].isin(sample_data.MISSING_TOKENS).any()
        assert table[name].isin(sample_data.UNPARSABLE_TOKENS).any()


def test_customers_depends_on_the_seed_and_on_nothing_else():
    first = as_csv(sample_data.customers(500, random_state=42))
    np.random.seed(7)
    assert as_csv(sample_data.customers(500, random_state=42)) == first
    assert as_csv(sample_data.customers(500, random_state=43)) != first


def test_customers_survives_a_round_trip_through_csv_as_text():
    table = sample_data.customers(500, random_state=42)
    read = pd.read_csv(io.StringIO(as_csv(table)), dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(read, table.astype(str), check_dtype=False)


def test_target_is_clean_and_its_prevalence_as_documented():
    target = sample_data.customers(20_000, random_state=1)["purchased"]
    assert target.dtype == "int64"
    assert set(target) == {0, 1}
    assert target.mean() == pytest.approx(0.394, abs=0.015)


# --- customers: the mess ---


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    return sample_data.customers(10_000, random_state=5)


def test_every_feature_misses_three_percent_under_every_token(many):
    for name in [*NUMBERS, *LABELS]:
        missing = many[name].isin(sample_data.MISSING_TOKENS)
        assert missing.mean() == pytest.approx(0.03, abs=0.003), name
        assert set(many.loc[missing, name]) == {"", "NA", "?", "n/a"}, name


@pytest.mark.parametrize("name", NUMBERS)
def test_half_a_percent_of_each_number_is_unparsable(many, name):
    text = many.loc[~many[name].isin(sample_data.MISSING_TOKENS), name]
    unreadable = pd.to_numeric(text.str.replace(r"[$,]", "", regex=True), errors="coerce").isna()
    assert unreadable.sum() / len(many) == pytest.approx(0.005, abs=0.0015)
    assert set(text[unreadable]) == {"unknown", "abc", "12..5"}


@pytest.mark.parametrize(
    ("name", "pattern", "share"),
    [
        ("income", r"\d{2,3},\d{3}", 0.04),
        ("income", r"\$\d{5,6}", 0.02),
        ("purchase_amount", r"\$[\d,]+\.\d\d", 0.04),
        ("gender", r"(female|male)", 0.06),
        ("gender", r"(FEMALE|MALE)", 0.04),
        ("gender", r" +(Female|Male)", 0.03),
        ("gender", r"(Female|Male) +", 0.03),
        ("product_type", r" +(Basic|Plus|Premium)", 0.03),
        ("product_type", r"(Basic|Plus|Premium) +", 0.03),
    ],
)
def test_share_of_each_other_kind_of_mess(many, name, pattern, share):
    assert many[name].str.fullmatch(pattern).mean() == pytest.approx(share, abs=0.003)


def test_amounts_from_a_thousand_up_always_have_a_comma(many):
    amount = cleaned(many)["purchase_amount"]
    assert (amount >= 1000).any()
    assert many.loc[amount >= 1000, "purchase_amount"].str.contains(",").all()
    assert not many.loc[amount < 1000, "purchase_amount"].str.contains(",").any()


def test_mess_strikes_independently_of_the_target(many):
    lost = cleaned(many)[[*NUMBERS, *LABELS]].isna().any(axis=1)
    gap = many.loc[lost, "purchased"].mean() - many.loc[~lost, "purchased"].mean()
    assert 0.15 < lost.mean() < 0.25
    assert abs(gap) < 0.05  # three and a half standard errors


# --- customers: the truth ---


@pytest.mark.parametrize(("rows", "random_state"), [(50, 0), (1000, 42), (3000, 1)])
def test_cleaning_the_raw_table_gives_the_visible_features(rows, random_state):
    table = cleaned(sample_data.customers(rows, random_state)).drop(columns="purchased")
    visible = sample_data.customers_features(rows, random_state, visible=True)
    assert list(visible.columns) == CUSTOMERS_COLUMNS[:-1]
    for name in NUMBERS:
        np.testing.assert_array_equal(table[name].to_numpy(float), visible[name].to_numpy(float))
    for name in LABELS:
        assert table[name].fillna("-").tolist() == visible[name].fillna("-").tolist()


def test_true_features_are_complete_plausible_and_equal_the_visible_where_these_are_known():
    true = sample_data.customers_features(5000, random_state=2)
    visible = sample_data.customers_features(5000, random_state=2, visible=True)
    for name in true:
        known = visible[name].notna()
        assert 0.02 < 1 - known.mean() < 0.05
        assert (true.loc[known, name] == visible.loc[known, name]).all()
    assert not true.isna().any(axis=None)
    bounds = {
        "age": (18, 80),
        "income": (15_000, 250_000),
        "purchase_amount": (5, 5000),
        "monthly_visits": (0, 60),
        "satisfaction_score": (1, 10),
    }
    for name, (low, high) in bounds.items():
        assert true[name].between(low, high).all(), name
    assert true["income"].skew() > 0.8
    for name, labels in LABELS.items():
        assert set(true[name]) == set(labels)


def test_probability_is_the_documented_formula():
    features = pd.DataFrame(
        {
            "age": [46, 61, 31, 46],
            "income": [50_000, 50_000, 50_000, 100_000],
            "purchase_amount": [150.0, 150.0, 300.0, 150.0],
            "monthly_visits": [7, 11, 0, 40],
            "satisfaction_score": [6.0, 8.0, 4.0, 2.0],
            "gender": ["Female", "Male", "Female", "Male"],
            "product_type": ["Basic", "Plus", "Premium", "Premium"],
        }
    )
    logit = [
        -0.6 - 1.05,
        -0.6 + 0.0 + 1.0 * 1.0 + 0.35,
        -0.6 + 0.0 + (-1.0) * (-1.5) + 0.5 * np.log(2) / 0.8 - 0.35,
        -0.6 - 1.05 + (-2.0) * 2.0 + 1.5 * np.log(2) / 0.45 - 0.7,
    ]
    expected = 1 / (1 + np.exp(-np.array(logit)))
    np.testing.assert_allclose(sample_data.customers_probability(features), expected, rtol=1e-12)


def test_labels_are_drawn_with_the_true_probability():
    true = sample_data.customers_features(40_000, random_state=9)
    target = sample_data.customers(40_000, random_state=9)["purchased"].to_numpy()
    chance = sample_data.customers_probability(true)
    bucket = pd.qcut(chance, 10, labels=False)
    for number in range(10):
        inside = bucket == number
        assert target[inside].mean() == pytest.approx(chance[inside].mean(), abs=0.035)


# --- the best ROC-AUC there is ---


def best_possible_roc_auc(rows: int, random_state: int) -> float:
    chance = sample_data.customers_probability(sample_data.customers_features(rows, random_state))
    labels, weights = np.repeat([1, 0], rows), np.concatenate([chance, 1 - chance])
    return roc_auc_score(labels, np.tile(chance, 2), sample_weight=weights)


def test_best_possible_roc_auc_is_the_documented_number():
    assert round(best_possible_roc_auc(1_000_000, 0), 3) == 0.849


def test_best_possible_roc_auc_agrees_with_labels_drawn_independently():
    chance = sample_data.customers_probability(
        sample_data.customers_features(100_000, random_state=77)
    )
    labels = np.random.default_rng(78).random(len(chance)) < chance
    drawn = roc_auc_score(labels, chance)
    assert best_possible_roc_auc(100_000, 77) == pytest.approx(drawn, abs=0.004)
    assert best_possible_roc_auc(200_000, 3) == pytest.approx(drawn, abs=0.005)


def test_boosting_comes_close_to_the_best_visible_roc_auc_and_not_above():
    categories = dict.fromkeys(LABELS, "category")
    (train, seen), (fresh, target) = (
        (
            sample_data.customers_features(60_000, seed, visible=True).astype(categories),
            sample_data.customers(60_000, seed)["purchased"],
        )
        for seed in (1, 99)
    )
    model = HistGradientBoostingClassifier(max_leaf_nodes=16, max_iter=200, random_state=0)
    reached = roc_auc_score(target, model.fit(train, seen).predict_proba(fresh)[:, 1])
    assert -0.015 < reached - sample_data.BEST_VISIBLE_ROC_AUC < 0.003


@pytest.mark.parametrize("random_state", [1, 2, 3])
def test_a_forest_finds_what_a_line_cannot_and_neither_beats_the_best(random_state):
    features = [*NUMBERS, *LABELS]
    train = cleaned(sample_data.customers(1000, random_state).drop_duplicates())
    fresh = cleaned(sample_data.customers(6000, random_state + 100))
    scores = {}
    for model in (
        LogisticRegression(),
        RandomForestClassifier(n_estimators=100, random_state=random_state),
    ):
        prepare = make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
            (OneHotEncoder(handle_unknown="ignore"), list(LABELS)),
        )
        fitted = make_pipeline(prepare, model).fit(train[features], train["purchased"])
        probability = fitted.predict_proba(fresh[features])[:, 1]
        scores[type(model).__name__] = roc_auc_score(fresh["purchased"], probability)
    assert 0.59 < scores["LogisticRegression"] < 0.66
    assert 0.74 < scores["RandomForestClassifier"] < 0.840
    assert scores["RandomForestClassifier"] - scores["LogisticRegression"] > 0.10


# --- users ---


@pytest.mark.parametrize("random_state", range(3))
def test_is_high_value_is_exactly_the_threshold_rule(random_state):
    table = sample_data.users(2000, random_state)
    assert list(table.columns) == [
        "user_id",
        "country",
        "n_orders",
        "avg_amount",
        "total_amount",
        "is_high_value",
    ]
    assert len(table) == 2000
    rule = (table["total_amount"] > sample_data.HIGH_VALUE_THRESHOLD).astype(int)
    assert (table["is_high_value"] == rule).all()
    cents = (table["avg_amount"] * 100).round().astype(int) * table["n_orders"]
    assert ((table["total_amount"] * 100).round().astype(int) == cents).all()
    assert 0.25 < table["is_high_value"].mean() < 0.35


def test_users_are_tidy_repeatable_and_the_rule_holds_after_csv():
    table = sample_data.users(1500, random_state=42)
    assert table["user_id"].is_unique
    assert table["user_id"].iloc[0] == "U00001"
    assert table["user_id"].iloc[-1] == "U01500"
    assert not table.isna().any(axis=None)
    assert table["n_orders"].min() >= 1
    assert as_csv(sample_data.users(1500, random_state=42)) == as_csv(table)
    assert as_csv(sample_data.users(1500, random_state=43)) != as_csv(table)
    read = pd.read_csv(io.StringIO(as_csv(table)))
    assert ((read["total_amount"] > 1000) == read["is_high_value"].astype(bool)).all()
    for name in ("avg_amount", "total_amount"):
        text = as_csv(table[[name]]).split()[1:]
        assert max(len(cell.partition(".")[2]) for cell in text) <= 2


# --- breast cancer, and what importing costs ---


def test_breast_cancer_is_the_published_table():
    table = sample_data.breast_cancer()
    assert table.shape == (569, 31)
    assert table.columns[0] == "mean radius"
    assert table.columns[-1] == "diagnosis"
    assert table["diagnosis"].value_counts().to_dict() == {"benign": 357, "malignant": 212}
    # Malignant tumours are larger: the words are not swapped.
    radius = table.groupby("diagnosis")["mean radius"].mean()
    assert radius["malignant"] > radius["benign"] + 4
    for word in ("Wolberg", "Mangasarian", "Street", "CC BY 4.0", "10.24432/C5DW2B", "1995"):
        assert word in sample_data.BREAST_CANCER_SOURCE


def test_making_synthetic_tables_does_not_import_scikit_learn():
    code = (
        "import sys; from ml_baseline.data import sample_data as s; s.customers(50, 1); s.users(9, 1);"
        "print('sklearn' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "False"
