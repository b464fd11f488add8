"""The pictures: that they show the right numbers, say so, and hold whatever a table holds."""

import os
import subprocess
import sys
import warnings
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

import ml_baseline
from ml_baseline import plots
from ml_baseline.errors import InputError
from ml_baseline.plots import heatmap
from ml_baseline.plots.counts import association, count_quantiles, shares_of_ones
from ml_baseline.plots.registry import resolve
from ml_baseline.plots.view import View, short
from ml_baseline.text import percent

ROOT = Path(__file__).parents[2]
WHOLE = [name for name, picture in plots.PICTURES.items() if not picture.columns]
PNG = b"\x89PNG\r\n\x1a\n"


def build(columns, target, dataset="customers", positive=("1",), negative=("0",), target_name="y"):
    """Return a cleaned table and its schema; `columns` maps names to (kind, values[, more])."""
    data, entries = {"row_id": np.arange(len(target))}, []
    for name, (kind, values, *more) in columns.items():
        series = pd.Series(values, dtype="str" if kind == "category" else None)
        data[name] = series
        entry = {"name": name, "role": "feature", "kind": kind, "source": name}
        entry |= {"missing": int(series.isna().sum()), "nullable": bool(series.isna().any())}
        if kind in ("code", "category"):
            entry["categories"] = sorted(series.dropna().unique().tolist())
        entries.append(entry | (more[0] if more else {}))
    data[target_name] = pd.Series(target, dtype="int64")
    entries.append({"name": target_name, "role": "target", "kind": "boolean", "missing": 0})
    schema = {
        "dataset": dataset,
        "target": target_name,
        "positive": list(positive),
        "negative": list(negative),
        "rows": len(target),
        "columns": entries,
    }
    return pd.DataFrame(data), schema


def customers(rows=1_000):
    chance = np.random.default_rng(1)
    age = chance.integers(18, 80, rows).astype(float)
    age[:3] = np.nan
    gender = chance.integers(0, 2, rows).astype(float)
    gender[5:7] = np.nan
    return build(
        {
            "age": ("integer", age),
            "income": ("number", np.exp(chance.normal(10, 0.4, rows))),
            "monthly_visits": ("integer", chance.poisson(5, rows)),
            "member": ("boolean", chance.integers(0, 2, rows)),
            "gender": ("code", gender, {"labels": {"0": "Female", "1": "Male"}}),
            "product_type": ("code", chance.integers(0, 3, rows)),
            "town": ("category", chance.choice(["Ulm", "Bonn", "Köln"], rows)),
        },
        chance.integers(0, 2, rows),
        target_name="purchased",
        positive=["bought"],
        negative=["not bought"],
    )


def hostile():
    rows, chance = 120, np.random.default_rng(2)
    normal = chance.normal(size=rows)
    return build(
        {
            "all missing": ("number", np.full(rows, np.nan)),
            "no text": ("category", [None] * rows),
            "constant": ("number", np.full(rows, 7.5)),
            "same word": ("category", ["word"] * rows),
            "one": ("integer", np.ones(rows)),
            "huge": ("number", normal * 1e300),
            "far apart": ("number", normal * 10.0 ** (20 * normal)),
            "tiny": ("number", normal * 1e-12),
            "offset": ("number", 1e15 + chance.random(rows)),
            "endless": ("number", np.where(normal > 1, np.inf, normal)),
            "mostly 0": ("number", np.where(chance.random(rows) < 0.97, 0.0, normal)),
            "mostly 9": ("integer", np.where(chance.random(rows) < 0.97, 9, 1)),
            "$a_b$ [€] <b>": ("number", normal),
            "two\nlines\t": ("category", chance.choice(["a\nb", "", "\u200b", "$x^2$"], rows)),
            "🎉 年齢": ("category", chance.choice(["🎉", "普通", "العربية"], rows)),
            "_lead": ("boolean", chance.integers(0, 2, rows)),
            "a/b": ("integer", chance.integers(0, 100, rows)),
            "w" * 100: ("code", chance.integers(0, 40, rows)),
            "v" * 100: ("category", chance.choice(["m" * 99 + "1", "m" * 99 + "2"], rows)),
        },
        chance.integers(0, 2, rows),
        dataset="a table of quite a long name & $signs$",
        positive=["a label of the kind that survey tools export"],
        negative=["another label of this kind", "$\\frac", "third"],
        target_name="Has the customer terminated the contract in 90 days? (yes/no) $",
    )


def wide():
    rows, chance = 300, np.random.default_rng(3)
    columns = {}
    for i in range(60):
        values = chance.normal(size=rows)
        values[: i % 3] = np.nan
        columns[f"sensor_reading_channel_{i}"] = ("number", values)
        columns[f"text_of_channel_{i}"] = ("category", chance.choice(["a", "b", "c"], rows))
    return build(columns, chance.integers(0, 2, rows))


def levels():
    """60 categories: level i has 200 - i rows, half of each class or one less of class 1."""
    names = [f"level {i:02d}" for i in range(60) for _ in range(200 - i)]
    return build({"shop": ("category", names)}, np.arange(len(names)) % 2)


def one_class():
    table, schema = customers(50)
    return table.assign(purchased=0), schema


def one_row():
    table, schema = customers(8)
    return table.tail(1), schema


def no_rows():
    table, schema = customers(8)
    return table.head(0), schema


def only_target():
    return build({}, [0, 1, 1])


TABLES = [customers, hostile, wide, levels, one_class, one_row, no_rows, only_target]


def names_for(schema):
    """Return every whole-table plot, and the column plots of all columns or the last of many."""
    names, pairs = list(WHOLE), []
    for entry in schema["columns"][-4:] if len(schema["columns"]) > 20 else schema["columns"]:
        if "/" in entry["name"]:
            continue
        for ending, plot in plots.PICTURES.items():
            if entry["kind"] not in plot.kinds:
                continue
            if ending == "scatter":
                pairs.append(entry["name"])
            else:
                names.append(f"{entry['name']}_{ending}")
    return names + [f"{x}_{y}_scatter" for x, y in pairwise(pairs)]


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def notes(figure):
    return figure.texts[1].get_text()


def bars(figure, colour):
    """Return width and height of the bars of one class."""
    found = [p for p in figure.axes[0].patches if to_hex(p.get_facecolor()) == colour]
    return np.array([[p.get_width(), p.get_height()] for p in found])


def texts_shown(figure):
    """Yield the texts that are drawn: tick labels outside an axis' ends are not."""
    yield from figure.texts
    for legend in figure.legends:
        yield from legend.get_texts()
    for axes in figure.axes:
        yield from axes.texts
        yield from (axes.title, axes._left_title, axes._right_title)
        for axis in (axes.xaxis, axes.yaxis):
            yield axis.label
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if low <= tick.get_loc() <= high:
                    yield tick.label1
                    yield tick.label2


def cut_off(figure):
    """Return the texts that are not wholly inside the figure, with their places."""
    renderer, page = FigureCanvasAgg(figure).get_renderer(), figure.bbox
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*Glyph")
        shown = [t for t in texts_shown(figure) if t.get_visible() and t.get_text()]
        boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in shown]
    return [
        (text, box)
        for text, box in boxes
        if box.x0 < 0 or box.x1 > page.width or box.y0 < 0 or box.y1 > page.height
    ]


@pytest.mark.parametrize(
    "make", [pytest.param(m, marks=[pytest.mark.proof] * (m in (hostile, wide))) for m in TABLES]
)
def test_every_plot_of_every_table_is_drawn_without_warning_and_nothing_is_cut_off(make, tmp_path):
    table, schema = make()
    for number, name in enumerate(names_for(schema)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure = plots.draw(name, table, schema)
            plots.save(figure, tmp_path / f"{number}.png")
        assert (tmp_path / f"{number}.png").read_bytes().startswith(PNG)
        for text, box in cut_off(figure):
            pytest.fail(f"{name}: {text!r} at {box} is not inside {figure.bbox}")


def test_the_plots_of_a_table_that_names_none_are_all_those_of_a_whole_table():
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    assert set(schema["$defs"]["dataset"]["properties"]["plots"]["default"]) == set(WHOLE)


def test_the_histogram_shows_each_value_once_in_its_bin_and_class():
    age = [20, 20, 21, 23, 23, 23, np.nan]
    table, schema = build({"age": ("integer", age)}, [0, 1, 1, 0, 0, 1, 1])
    figure = plots.draw("age_histogram", table, schema)
    assert bars(figure, plots.NEGATIVE).tolist() == [[1, 1], [1, 0], [1, 0], [1, 2]]
    assert bars(figure, plots.POSITIVE).tolist() == [[1, 1], [1, 1], [1, 0], [1, 1]]
    # Stacked: the positive bars stand on the negative.
    assert [p.get_y() for p in figure.axes[0].patches[4:]] == [1, 0, 0, 2]
    assert notes(figure) == "7 rows · median 22 · a bar for each value · 1 row without age left out"
    assert figure.texts[0].get_text() == "customers: distribution of age by y"
    assert figure.axes[0].get_xlabel() == "age" and figure.axes[0].get_ylabel() == "rows"
    assert {"y = 0 (3 rows)", "y = 1 (3 rows)"} <= set(words(figure))


def test_bins_are_round_and_hold_all_rows():
    chance = np.random.default_rng(5)
    table, schema = build({"x": ("number", chance.normal(50, 9, 800))}, chance.integers(0, 2, 800))
    figure = plots.draw("x_histogram", table, schema)
    widths = bars(figure, plots.NEGATIVE)[:, 0]
    assert len(widths) > 15 and widths == pytest.approx(np.full(len(widths), 2.5)), widths
    assert sum(bars(figure, c)[:, 1].sum() for c in (plots.NEGATIVE, plots.POSITIVE)) == 800


def test_values_far_off_are_not_shown_and_are_counted():
    values = np.r_[np.linspace(0, 100, 997), 1e6, 2e6, 3e6]
    table, schema = build({"income": ("number", values)}, np.arange(1_000) % 2)
    figure = plots.draw("income_histogram", table, schema)
    shown = sum(bars(figure, c)[:, 1].sum() for c in (plots.NEGATIVE, plots.POSITIVE))
    assert shown == 997
    assert figure.axes[0].get_xlim()[1] < 200
    assert "3 rows above 10" in notes(figure) and "not shown" in notes(figure)
    assert "income*" in words(plots.draw("histograms", table, schema))


def test_the_barplot_counts_labels_and_rates():
    gender = [0, 0, 0, 1, 1, np.nan, 0, 0]
    labels = {"labels": {"0": "Female", "1": "Male"}}
    table, schema = build({"gender": ("code", gender, labels)}, [0, 1, 1, 0, 0, 1, 0, 1])
    figure = plots.draw("gender_barplot", table, schema)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == [
        "Female",
        "Male",
        "(missing)",
    ]
    assert bars(figure, plots.NEGATIVE)[:, 0].tolist() == [2, 2, 0]
    assert bars(figure, plots.POSITIVE)[:, 0].tolist() == [3, 0, 1]
    assert [t.get_text() for t in figure.axes[0].texts] == ["5  (60 %)", "2  (0 %)", "1  (100 %)"]
    assert "the share of them with y = 1" in notes(figure)


def test_many_categories_become_the_most_frequent_and_the_others():
    table, schema = levels()
    figure = plots.draw("shop_barplot", table, schema)
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert labels == [f"level {i:02d}" for i in range(25)] + ["35 others"]
    others = sum(200 - i for i in range(25, 60))
    assert figure.axes[0].texts[-1].get_text().startswith(f"{others:,} ")


def test_the_target_has_its_labels():
    table, schema = customers()
    share = table.purchased.mean()
    figure = plots.draw("target", table, schema)
    ends = [t.get_text() for t in figure.axes[0].texts]
    rows = int(table.purchased.sum())
    assert ends == [
        f"{1_000 - rows}  ({100 - 100 * share:.1f} %)",
        f"{rows}  ({100 * share:.1f} %)",
    ]
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert labels == ["purchased = not bought", "purchased = bought"]
    figure = plots.draw("purchased_barplot", table, schema)
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert labels == ["not bought", "bought"]


def test_rates_are_those_of_each_level_with_wilson_intervals():
    # 8 of 10: 0.490 to 0.943 by Wilson's formula (Agresti and Coull 1998 give the same).
    share, low, high = shares_of_ones(np.array([[2, 8], [10, 0], [0, 3]]))
    assert share.tolist() == [0.8, 0.0, 1.0]
    assert low == pytest.approx([0.4901625, 0.0, 0.4385030], abs=1e-6)
    assert high == pytest.approx([0.9433178, 0.2775328, 1.0], abs=1e-6)

    town = ["Ulm"] * 10 + ["Bonn"] * 30 + [None] * 5
    target = [1] * 8 + [0] * 2 + [1] * 6 + [0] * 24 + [1] * 5
    table, schema = build({"town": ("category", town)}, target)
    axes = plots.draw("target_by_feature", table, schema).axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["Bonn", "Ulm", "(missing)"]
    points = next(line for line in axes.lines if line.get_marker() == "o")
    assert points.get_xdata().tolist() == pytest.approx([20.0, 80.0, 100.0])
    assert [t.get_text() for t in axes.texts] == ["30", "10", "5"]


@pytest.mark.parametrize(
    ("values", "labels", "counts"),
    [
        ([1, 2, 2, 3], ["1", "2", "3"], [1, 2, 1]),
        (
            list(range(1, 101)),
            ["1 to 20", "21 to 40", "41 to 60", "61 to 80", "81 to 100"],
            [20] * 5,
        ),
        # Most rows have one value, the least or the greatest: it keeps a bin, and so does the rest.
        ([0] * 90 + list(range(1, 11)), ["0", "1 to 10"], [90, 10]),
        (list(range(10)) + [50] * 90, ["0 to 9", "50"], [10, 90]),
        ([0, 0, 0, 0, 1, 2, 3, 4, 5, 6], None, None),
        # As many digits as tell the bins apart, and no more.
        (
            [1_000 + i / 1_000 for i in range(10)],
            ["1000 to 1000.001", *(f"1000.00{i} to 1000.00{i + 1}" for i in (2, 4, 6, 8))],
            [2] * 5,
        ),
        ([], [], []),
    ],
)
def test_numbers_are_cut_into_bins_of_equal_rows(values, labels, counts):
    table, schema = build({"x": ("number", [float(v) for v in values])}, [0] * len(values))
    found = count_quantiles(View(table, schema), "x")
    assert (found.counts.sum(axis=1) > 0).all() and found.counts.sum() == len(values)
    if labels is not None:
        assert found.labels == labels
        assert found.counts[:, 0].tolist() == counts


def test_what_differs_most_comes_first():
    chance = np.random.default_rng(6)
    target = chance.integers(0, 2, 500)
    table, schema = build(
        {"noise": ("number", chance.normal(size=500)), "signal": ("number", target * 3.0)}, target
    )
    axes = plots.draw("target_by_feature", table, schema).axes
    assert [a.get_title(loc="left") for a in axes] == ["signal", "noise"]
    assert association(np.array([[50, 0], [0, 50]])) == pytest.approx(1)
    assert association(np.array([[25, 25], [25, 25]])) == 0
    assert association(np.array([[50, 0], [30, 0]])) == 0


def test_of_many_columns_the_most_different_are_shown_and_the_rest_counted():
    table, schema = wide()
    table["sensor_reading_channel_33"] = table["y"] * 2.0
    table["text_of_channel_44"] = table["y"].map({0: "a", 1: "b"}).astype("str")
    for name, first in (
        ("histograms", "sensor_reading_channel_33"),
        ("barplots", "text_of_channel_44"),
        ("target_by_feature", "sensor_reading_channel_33"),
    ):
        figure = plots.draw(name, table, schema)
        columns = 120 if name == "target_by_feature" else 60
        assert len(figure.axes) == 24
        assert figure.axes[0].get_title(loc="left").startswith(first[:8])
        assert f"{columns - 24} more columns not shown" in notes(figure).replace("\n", " ")
    figure = plots.draw("correlation_heatmap", table, schema)
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert len(labels) == 40 and labels[-1] == "y = 1"
    assert not figure.axes[0].texts
    assert "20 more columns not shown" in notes(figure).replace("\n", " ")


def test_the_heatmap_holds_what_has_an_order():
    table, schema = customers()
    figure = plots.draw("correlation_heatmap", table, schema)
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert labels == [
        "income",
        "monthly_visits",
        "member",
        "gender = Male",
        "purchased = bought",
    ]
    assert "codes without an order left out: product_type" in notes(figure).replace("\n", " ")
    drawn = figure.axes[0].findobj(QuadMesh)[0].get_array().compressed()
    expected = table[["age", "income", "monthly_visits", "member", "gender", "purchased"]].corr()
    lower = expected.to_numpy()[np.tril_indices(6, -1)]
    assert sorted(drawn) == pytest.approx(sorted(lower), abs=1e-10)
    # Written with a true minus, and never as minus nought.
    shown = {t.get_text() for t in figure.axes[0].texts}
    assert shown == {
        f"{r + 0.0:.2f}".replace("-", "\N{MINUS SIGN}")
        for r in expected.to_numpy().round(2)[np.tril_indices(6, -1)]
    }


def test_the_heatmap_of_a_long_table_is_the_same_in_pieces(monkeypatch):
    random = np.random.default_rng(0)
    numbers = random.normal(size=(500, 46)) + random.normal(size=(500, 1))
    numbers[random.random(numbers.shape) < 0.2] = np.nan
    numbers[:, 3], numbers[:, 4], numbers[:, 5] = np.nan, 7.0, 1e9 + numbers[:, 6] / 100
    numbers[np.isnan(numbers[:, 0]), 7] = 1.0  # constant where the eighth has a value
    numbers[~np.isnan(numbers[:, 0]), 7] = np.nan
    kinds = {f"n{i}": ("number", column) for i, column in enumerate(numbers.T)}
    table, schema = build(kinds, random.integers(0, 2, 500))
    drawn = []
    for long_rows in (heatmap.LONG_ROWS, 1):
        monkeypatch.setattr(heatmap, "LONG_ROWS", long_rows)
        monkeypatch.setattr(heatmap, "CELLS_AT_A_TIME", 4_000)
        figure = plots.draw("correlation_heatmap", table, schema)
        labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        drawn.append((labels, figure.axes[0].findobj(QuadMesh)[0].get_array()))
    assert drawn[0][0] == drawn[1][0]
    np.testing.assert_array_equal(drawn[0][1].mask, drawn[1][1].mask)
    np.testing.assert_allclose(drawn[0][1].filled(9), drawn[1][1].filled(9), atol=1e-9)


def test_missing_values_by_class():
    table, schema = build(
        {"a": ("number", [np.nan, np.nan, 1, 2]), "b": ("number", [1, 2, 3, 4.0])}, [0, 0, 0, 1]
    )
    figure = plots.draw("missingness", table, schema)
    assert bars(figure, plots.NEGATIVE)[:, 0] == pytest.approx([200 / 3])
    assert bars(figure, plots.POSITIVE)[:, 0].tolist() == [0]
    assert [t.get_text() for t in figure.axes[0].texts] == ["2  (50.0 %)"]
    assert "1 more feature without a gap" in notes(figure)
    figure = plots.draw("missingness", table.assign(a=1.0), schema)
    assert "No value is missing in 2 features and 4 rows." in words(figure)


def test_the_scatter_samples_large_tables_and_says_so():
    chance = np.random.default_rng(8)
    rows = 20_000
    table, schema = build(
        {"x": ("number", chance.normal(size=rows)), "y_1": ("number", chance.normal(size=rows))},
        chance.integers(0, 2, rows),
    )
    figure = plots.draw("x_y_1_scatter", table, schema)
    points = figure.axes[0].findobj(PathCollection)[0].get_offsets()
    assert len(points) == 5_000
    assert set(points[:, 0]) <= set(table.x)
    again = plots.draw("x_y_1_scatter", table, schema).axes[0].findobj(PathCollection)[0]
    assert (again.get_offsets() == points).all()
    assert "5,000 of 20,000 rows shown, drawn at random" in notes(figure)
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("x", "y_1")


def test_points_on_the_same_spot_are_spread_out_by_less_than_a_step():
    table, schema = build(
        {"a": ("integer", [1, 2, 3] * 40), "b": ("integer", [1, 1, 2] * 40)}, [0, 1] * 60
    )
    figure = plots.draw("a_b_scatter", table, schema)
    points = np.asarray(figure.axes[0].findobj(PathCollection)[0].get_offsets())
    assert len(np.unique(points, axis=0)) == 120
    assert (points.round() == table[["a", "b"]].to_numpy()).all()
    assert "spread out" in notes(figure)


def test_classes_have_their_colours_everywhere_and_differ_in_grey():
    table, schema = customers(200)
    for name in ("age_histogram", "gender_barplot", "missingness", "target", "barplots"):
        figure = plots.draw(name, table, schema)
        assert len(bars(figure, plots.NEGATIVE)) and len(bars(figure, plots.POSITIVE)), name
    figure = plots.draw("age_income_scatter", table, schema)
    colours = figure.axes[0].findobj(PathCollection)[0].get_facecolors()
    assert {to_hex(c) for c in colours} == {plots.NEGATIVE, plots.POSITIVE}
    grey = [np.dot(to_rgb(c), (0.299, 0.587, 0.114)) for c in (plots.NEGATIVE, plots.POSITIVE)]
    assert grey[1] - grey[0] > 0.15


def test_long_names_are_shortened_in_the_middle_and_signs_stay_what_they_are():
    assert short("a" * 30) == "a" * 30
    assert short("start " + "m" * 100 + " end", 20) == "start mmmmmm…mmm end"
    assert len(short("z" * 31)) == 30
    assert short(" two\nlines\t") == "two lines"
    assert short("\u200b") == "(blank)"
    table, schema = build({"cost $ in $": ("number", [1.0, 2.0, 3.0])}, [0, 1, 1])
    figure = plots.draw("cost $ in $_histogram", table, schema)
    title = figure.texts[0]
    assert "cost $ in $" in title.get_text() and not title.get_parse_math()
    assert not figure.axes[0].xaxis.label.get_parse_math()


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.001, "< 1 %"), (0.5, "50 %"), (0.999, "> 99 %"), (1, "100 %")],
)
def test_nearly_none_is_not_none(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("age_histgram", ["no plot 'age_histgram'", "'age_histogram'"]),
        ("histogram", ["no plot 'histogram'", "'histograms'"]),
        ("", ["no plot ''", "<column>_histogram"]),
        ("agee_histogram", ["no column 'agee'", "'age_histogram'"]),
        ("zzz_histogram", ["no column 'zzz'", "its columns are age, income"]),
        ("Gender_barplot", ["no column 'Gender'", "'gender_barplot'"]),
        ("incom_age_scatter", ["no column 'incom'", "'income_age_scatter'"]),
        (
            "age_monthly_visit_scatter",
            ["no column 'monthly_visit'", "'age_monthly_visits_scatter'"],
        ),
        ("ag_incom_scatter", ["'ag_incom_scatter'", "'age_income_scatter'"]),
        ("town_histogram", ["'town' is of kind category", "'town_barplot'"]),
        ("income_barplot", ["'income' is of kind number", "'income_histogram'"]),
        ("age_town_scatter", ["'town' is of kind category"]),
        ("key_barplot", ["no column 'key'", "its role is id"]),
        ("plots/age_histogram", ["cannot be a file name"]),
        ("_scatter", ["'_scatter'"]),
    ],
)
def test_names_that_mean_nothing_are_refused_with_the_nearest(name, pieces):
    table, schema = customers(20)
    schema["columns"].insert(0, {"name": "key", "role": "id", "kind": "category"})
    with pytest.raises(InputError) as refused:
        plots.resolve(name, schema)
    for piece in pieces:
        assert piece in str(refused.value)
    with pytest.raises(InputError):
        plots.draw(name, table, schema)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("a_b_histogram", ["a_b"]),
        ("a_b_c_scatter", ["a_b", "c"]),
        ("b_c_a_b_scatter", ["b_c", "a_b"]),
        ("c_c_scatter", ["c", "c"]),
        ("x_y_1_scatter", ["x_y", "1"]),
        ("hours per week [h]_histogram", ["hours per week [h]"]),
        # What may stand in a file's name stands for what a column is called.
        ("hours_per_week_h_histogram", ["hours per week [h]"]),
        ("c_hours_per_week_h_scatter", ["c", "hours per week [h]"]),
        ("in_out_histogram", ["in/out"]),
        ("y_barplot", ["y"]),
        ("_c_histogram", ["_c"]),
    ],
)
def test_names_are_split_where_the_columns_are(name, columns):
    names = ["a_b", "b_c", "c", "x_y", "1", "hours per week [h]", "in/out", "_c"]
    _, schema = build({n: ("number", [1.0, 2.0]) for n in names}, [0, 1])
    assert resolve(name, schema)[1] == columns


def test_the_same_table_gives_the_same_bytes_and_only_what_is_needed_is_imported(tmp_path):
    table, schema = customers(300)
    names = ["age_histogram", "gender_barplot", "age_income_scatter", *WHOLE]
    for name in names:
        plots.save(plots.draw(name, table, schema), tmp_path / "here" / f"{name}.png")
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from test_plots import customers
from ml_baseline import plots
table, schema = customers(300)
for name in sys.argv[3:]:
    plots.save(plots.draw(name, table, schema), f"{sys.argv[2]}/{name}.png")
print(sorted({module.partition(".")[0] for module in sys.modules}))
import scipy.stats
print(scipy.stats.norm.cdf(0))
"""
    library = Path(ml_baseline.__file__).parents[1]
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path / "there")]
    environment = {**os.environ, "PYTHONPATH": str(library), "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [*command, *names], env=environment, capture_output=True, text=True, check=True
    )
    modules, half = done.stdout.splitlines()
    assert "'seaborn'" in modules
    assert "'sklearn'" not in modules and "'scipy'" not in modules
    # Others in the process find scipy as ever.
    assert half == "0.5"
    for name in names:
        here, there = ((tmp_path / side / f"{name}.png").read_bytes() for side in ("here", "there"))
        assert here == there, name
        assert b"matplotlib" not in here.lower()


def test_matplotlib_is_left_as_it_was(tmp_path):
    table, schema = customers(50)
    before = dict(matplotlib.rcParams)
    plots.save(plots.draw("target", table, schema), tmp_path / "target.png")
    assert dict(matplotlib.rcParams) == before


def test_the_users_own_minus_changes_no_picture(tmp_path):
    table, schema = customers(50)
    for name, its_own in (("usual", True), ("other", False)):
        with matplotlib.rc_context({"axes.unicode_minus": its_own}):
            plots.save(plots.draw("correlation_heatmap", table, schema), tmp_path / name)
    assert (tmp_path / "usual").read_bytes() == (tmp_path / "other").read_bytes()


def test_files_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    table, schema = customers(50)
    path = tmp_path / "new" / "target.png"
    plots.save(plots.draw("target", table, schema), path)
    whole = path.read_bytes()

    def fail(self, name, **options):
        Path(name).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        plots.save(plots.draw("target", table, schema), path)
    assert path.read_bytes() == whole
    assert list(path.parent.iterdir()) == [path]
