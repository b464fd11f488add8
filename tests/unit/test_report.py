import base64
import csv
import gzip
import html.parser
import random
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from result_files import LEAK, PASSED, TEMPLATES, WARNING, page_from, write_results
from rule_graph import ROOT

from ml_baseline.config.settings import config_alone
from ml_baseline.files import read_json, write_json
from ml_baseline.report import figures, words
from ml_baseline.report.columns import column_row, is_drawn
from ml_baseline.report.evidence import together
from ml_baseline.report.graph import draw_rules, layout, without_detours
from ml_baseline.report.index import failed_run_index, index_page, read_table_results
from ml_baseline.report.page import template_environment
from ml_baseline.report.sources import download, read_sources
from ml_baseline.report.standing import Standing
from ml_baseline.scoring.metrics import METRICS
from ml_baseline.text import config_entry

HOSTILE = '"><script>alert(1)</script>'


def page_of(folder, monkeypatch, **table) -> str:
    """Write the results of an invented table and return its page."""
    monkeypatch.chdir(folder)
    return page_from(write_results(folder, **table), table.get("dataset", "small"))


def told(part: str, found, of) -> list[str]:
    """Return the `sentences` or `steps` of the answer on a standing."""
    words = template_environment(TEMPLATES).get_template("answer.html.j2").module
    return re.findall(r"(?s)<(?:p|li)>(.*?)</(?:p|li)>", getattr(words, part)(found, of))


class Page(html.parser.HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str):
        super().__init__()
        self.ids, self.links, self.tags, self.words = [], [], [], []
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self.inside = tag
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "a":
            self.links.append(attributes.get("href", ""))

    def handle_data(self, data):
        if self.inside not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))


def test_the_answer_says_best_model_error_bar_baseline_audit(tmp_path, monkeypatch):
    text = Page(page_of(tmp_path, monkeypatch)).text
    assert "good is the best of the models tried" in text
    assert re.search(r"ROC-AUC 0\.\d+ \(95 % interval 0\.\d+ to 0\.\d+\) on 160 holdout rows", text)
    assert re.search(r"better than the baseline dummy \(by 0\.\d+, 95 % interval", text)
    assert "The audit ran 1 check and found no leakage" in text


def test_no_headline_claims_skill_that_the_ranking_does_not_show():
    """By F1 a coin flip is better than a baseline that predicts no ones."""
    row = {"model": "flip", "selected": "true", "oof_f1": "0.4", "baseline": "dummy"}
    row |= {"f1": "0.4", "f1_low": "0.3", "f1_high": "0.5", "level": "0.95", "rows": "200"}
    row |= {f"baseline_{name}": "0.4" for name in ("difference", "low", "high")}
    row |= {"baseline_p_adjusted": "1e-9", "roc_auc_low": "0.49"}
    found = Standing([row], [], [])
    assert (found.beats_baseline, found.words) == (False, "No clear gain")
    assert "its ROC-AUC may be chance" in told("sentences", found, [])[1]
    row |= {"roc_auc_low": "0.51"}
    assert Standing([row], [], []).beats_baseline  # as older leaderboards are
    row |= {f"blind_{name}": "0.01" for name in ("difference", "low", "high")}
    row |= {"blind_p_adjusted": "0.01", "blind": "always predicting yes"}
    found = Standing([row], [], [])
    assert found.beats_baseline
    assert "better than always predicting yes (by 0.010, " in told("sentences", found, [])[1]
    found = Standing([row | {"blind_p_adjusted": "0.1"}], [], [])
    assert (found.beats_baseline, found.words) == (False, "No clear gain")
    said = told("sentences", found, [])[1]
    assert "not shown to be better than always predicting yes" in said
    assert "nothing has been shown" not in said


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        (
            "group",
            "Rows of one group count together: the 160 holdout rows are 12 groups",
        ),
        (
            "distinct row",
            "which count once: of 160 holdout rows 12 are distinct",
        ),
        ("row", ""),
    ],
)
def test_rows_that_are_no_evidence_of_their_own_are_told(tmp_path, monkeypatch, unit, said):
    files = write_results(tmp_path, audit=(PASSED, WARNING | {"check": "shared_entities"}))
    board = pd.read_csv(files["leaderboard"])
    fewer = {"units": 12, "unit": unit, "reliable": False} if said else {}
    board.assign(**fewer).to_csv(files["leaderboard"], index=False)
    monkeypatch.chdir(tmp_path)
    text = Page(page_from(files)).text
    assert said in text
    assert ("holdout rows (12 " in text) == bool(said)
    assert f"too few {unit}s of a class" in text
    assert (f"Get more {unit}s before you rely" in text) == bool(said)
    assert ("take rows as independent" in text) == (unit != "group")


def test_a_failed_audit_comes_before_everything(tmp_path, monkeypatch):
    text = Page(page_of(tmp_path, monkeypatch, audit=(PASSED, LEAK, WARNING))).text
    answer = text[text.index("How well can") :]
    assert answer.index("Do not believe these scores") < answer.index("ROC-AUC")
    assert "'x0' alone has a ROC-AUC of 1.000" in answer
    assert "write forbidden: x0 in the table's config" in answer
    assert "is the best of the models tried" not in text
    assert "claims ROC-AUC" in answer


def test_a_warning_is_to_be_looked_at(tmp_path, monkeypatch):
    text = Page(page_of(tmp_path, monkeypatch, audit=(PASSED, WARNING))).text
    assert "Check the warnings first" in text
    assert "Read the warning of the audit about row_id" in text


def test_the_page_counts_the_columns_of_the_users_table_and_cuts_no_name_off(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = write_results(tmp_path, positive="a label that is as long as the chart is high " * 2)
    text = Path(files["schema"]).read_text()
    Path(files["schema"]).write_text(text.replace('"source": "x2"', '"source": "x1"'))
    page = page_from(files)
    assert "400 rows, 3 feature columns" in Page(page).text  # x0, kind, and the parts of x1
    title = re.search(r'rotate\(-90\)">(share with [^<]*)<', page)
    assert len(title[1]) < 40


def test_columns_are_told_in_words():
    day = {"name": "d_weekday", "source": "d", "role": "feature", "kind": "integer"}
    day |= {"part": "weekday", "minimum": 0, "maximum": 6}
    stats = [
        {"class": c, "kind": "integer", "count": "9", "mean": "2.5"} for c in ("all", "0", "1")
    ]
    told = column_row(day, stats)
    assert [told[key] for key in ("range", "negatives", "positives")] == ["Mon to Sun", "", ""]
    target = {"name": "y", "source": "y", "role": "target", "kind": "boolean"}
    assert column_row(target, stats)["positives"] == ""
    assert column_row({**day, "part": "year"}, stats)["positives"] == "mean 2.5"


def test_of_text_there_is_nothing_to_draw():
    named = [
        {"kind": "category", "label": f"t{i}", "negatives": 1, "positives": 0} for i in range(9)
    ]
    others = {"kind": "category", "label": "1,191 others", "negatives": 591, "positives": 600}
    assert is_drawn(named) and not is_drawn([*named, others])
    assert is_drawn([named[0] | {"negatives": 200}, others])
    assert is_drawn([{"kind": "number", "label": "0 to 1", "negatives": 5, "positives": 5}])


def test_parts_of_dates_and_examples_are_told_of_where_there_are_any(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = write_results(tmp_path)
    repairs = read_json(Path(files["repairs"]))
    write_json(repairs | {"columns": {"x0": {"stripped": 3}}}, Path(files["repairs"]))
    page = page_from(files)
    assert ">examples</th>" not in page and "parts of a date" not in page
    schema = read_json(Path(files["schema"]))
    schema["columns"][0] |= {"part": "year"}
    write_json(schema, Path(files["schema"]))
    write_json(repairs | {"columns": {"x0": {"missing": {"-": 3}}}}, Path(files["repairs"]))
    page = page_from(files)
    assert ">examples</th>" in page
    assert "The parts of a date, such as x0, are columns of their own here." in Page(page).text


def test_of_how_many_columns_importance_was_measured_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = write_results(tmp_path)
    assert "were measured" not in page_from(files)
    lines = Path(files["importance"]).read_text().splitlines(keepends=True)
    Path(files["importance"]).write_text("".join(lines[:3]))
    words = (
        "Of the table's 4 columns only the 2 were measured that the model's predictions go along"
    )
    assert words in Page(page_from(files)).text


def test_what_cannot_be_told_apart_is_said_to_be_so(tmp_path, monkeypatch):
    models = {"dummy": 0.0, "useless": 0.02}
    files = write_results(tmp_path, signals=models)
    monkeypatch.chdir(tmp_path)
    sources = read_sources(files)
    best = next(row for row in sources.tables["leaderboard"] if row["selected"] == "true")
    if best["model"] == "dummy":
        expected = "no model did better in training than dummy"
    else:
        expected = "not distinguishable from the baseline|no better than the baseline"
    text = Page(page_from(files)).text
    assert re.search(expected, text)
    assert "better than the baseline dummy (by" not in text
    assert "Look for other columns or more rows before you try other models" in text
    assert re.search("No clear gain|No better than the baseline", text)
    assert "No problems found" not in text


def test_models_that_are_alike_are_said_to_be_so(tmp_path, monkeypatch):
    models = {"dummy": 0.0, "one": 1.5, "other": 1.5}
    text = Page(page_of(tmp_path, monkeypatch, signals=models)).text
    assert re.search(r"; (one|other) is not distinguishable from (?!\1)(one|other)\.", text)


def test_failed_models_are_shown_with_their_reason(tmp_path, monkeypatch):
    failed = {"broken": "ValueError: <no> convergence"}
    page = page_of(tmp_path, monkeypatch, failed=failed)
    text = Page(page).text
    assert "1 of 4 models could not be fitted" in text
    assert "broken: ValueError: <no> convergence" in text
    assert "Repair broken, or take it out of the config" in text
    assert "<no>" not in page


def test_a_table_whose_models_all_failed_has_a_page(tmp_path, monkeypatch):
    files = write_results(tmp_path, failed={"one": "MemoryError", "two": "no"})
    monkeypatch.chdir(tmp_path)
    for name in ("importance", "partial_dependence", "roc", "precision_recall", "calibration"):
        keep_header(files[name])
    for name in ("score_distribution", "thresholds"):
        keep_header(files[name])
    board = (tmp_path / "results/small/metrics.csv").read_text().splitlines()
    failed = [line for line in board if "failed" in line.replace('"', "").split(",")]
    (tmp_path / "results/small/metrics.csv").write_text("\n".join([board[0], *failed]) + "\n")
    text = Page(page_from(files)).text
    assert "None of the 2 models could be fitted" in text
    assert "one: MemoryError" in text
    assert "Where it errs" not in text


def keep_header(path: str) -> None:
    header = Path(path).read_text(encoding="utf-8").partition("\n")[0]
    Path(path).write_text(header + "\n", encoding="utf-8")


def test_a_baseline_that_failed_is_no_reason_to_claim_anything(tmp_path, monkeypatch):
    files = write_results(tmp_path)
    monkeypatch.chdir(tmp_path)
    with Path(files["leaderboard"]).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row |= {name: "" for name in row if name.startswith("baseline_")}
        if row["model"] == "dummy":
            kept = ("dataset", "model", "rank", "baseline")
            row |= {name: "" for name in row if name not in kept}
            row |= {"selected": "false", "status": "failed", "reason": "MemoryError"}
    with Path(files["leaderboard"]).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    text = Page(page_from(files)).text
    assert "Not compared with the baseline" in text
    assert "There is no comparison with the baseline dummy" in text
    assert "better than the baseline dummy" not in text
    assert "before you try other models" not in text


def test_an_old_leaderboard_without_status_will_do(tmp_path, monkeypatch):
    files = write_results(tmp_path)
    monkeypatch.chdir(tmp_path)
    for path in (files["leaderboard"], *files["seed_metrics"]):
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        cut = [line.rsplit(",", 2)[0] for line in lines]
        assert lines[0].replace('"', "").endswith(",status,reason")
        Path(path).write_text("\n".join(cut) + "\n", encoding="utf-8")
    assert "good is the best of the models tried" in Page(page_from(files)).text


@pytest.mark.parametrize("metric", ["brier", "log_loss", "f1", "pr_auc"])
def test_every_metric_can_choose(tmp_path, monkeypatch, metric):
    text = Page(page_of(tmp_path, monkeypatch, select_by=metric)).text
    assert re.search(r"better than the baseline dummy \(by 0\.\d+, 95 % interval 0\.\d+ to", text)


def test_several_splits_are_told_apart(tmp_path, monkeypatch):
    text = Page(page_of(tmp_path, monkeypatch, seeds=(1, 2, 3))).text
    assert "a mean ROC-AUC of" in text
    assert "3 holdouts of 160 rows each" in text
    assert "seed 2" in text


def test_names_from_the_table_are_text_and_nothing_else(tmp_path, monkeypatch):
    page = page_of(
        tmp_path,
        monkeypatch,
        names=(HOSTILE, "' onclick=alert(1) x='", "{{ 7 * 7 }}", "a" * 100),
        labels=("<img src=x onerror=alert(1)>", "**b** `c` [d](#e)"),
        target='"<i>target</i>',
        positive="<b>yes</b>",
        audit=(LEAK | {"subject": HOSTILE, "summary": HOSTILE, "fix": f"forbidden: '{HOSTILE}'"},),
        failed={"broken": HOSTILE},
    )
    parsed = Page(page)
    scripts = [attributes for tag, attributes in parsed.tags if tag == "script"]
    assert len(scripts) == 1
    assert not {"img", "i"} & {tag for tag, _ in parsed.tags}
    assert not [a for _, a in parsed.tags if any(name.startswith("on") for name in a)]
    assert "{{ 7 * 7 }}" in parsed.text
    assert HOSTILE in parsed.text


def test_anchors_resolve_and_ids_are_unique(tmp_path, monkeypatch):
    parsed = Page(page_of(tmp_path, monkeypatch, seeds=(1, 2)))
    assert len(parsed.ids) == len(set(parsed.ids))
    anchors = {link[1:] for link in parsed.links if link.startswith("#")}
    assert anchors <= set(parsed.ids)
    assert {"answer", "models", "audit", "curves", "drivers", "data", "made"} <= anchors


def test_nothing_is_fetched(tmp_path, monkeypatch):
    page = page_of(tmp_path, monkeypatch)
    parsed = Page(page)
    assert {link[:5] for link in parsed.links if not link.startswith("#")} == {"data:"}
    assert not [tag for tag, _ in parsed.tags if tag in ("link", "iframe", "object", "base")]
    assert not [a for _, a in parsed.tags if "src" in a and not a["src"].startswith("data:")]
    assert not re.search(r"url\((?!#)|@import|https?://", page)


def test_the_same_results_make_the_same_bytes_anywhere(tmp_path, monkeypatch):
    pages = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        pages.append(page_of(tmp_path / name, monkeypatch).encode())
    assert pages[0] == pages[1].replace(b"/there/", b"/here/")


def test_every_figure_has_its_data_beside_it(tmp_path, monkeypatch):
    files = write_results(tmp_path)
    monkeypatch.chdir(tmp_path)
    parsed = Page(page_from(files))
    carried = {}
    for tag, attributes in parsed.tags:
        if tag == "a" and "download" in attributes:
            content = base64.b64decode(attributes["href"].partition(";base64,")[2])
            carried[attributes["download"]] = content
    for name in ("roc", "precision_recall", "calibration", "thresholds", "importance", "audit"):
        assert carried[f"{name}.csv"] == Path(files[name]).read_bytes()


def test_large_data_travels_packed_and_very_large_data_is_named():
    content = b"a,b\n" + b"1,2\n" * 30_000
    packed = download(content, "x.csv")
    assert packed.name == "x.csv.gz"
    assert gzip.decompress(base64.b64decode(packed.href.partition(",")[2])) == content
    noise = random.Random(0).randbytes(700_000)
    assert download(noise, "x.csv").href == ""


def test_500_columns_and_60_categories_stay_below_5_mb(tmp_path, monkeypatch):
    names = tuple(f"{'column_with_a_long_name_' * 4}{i:03}" for i in range(498))
    labels = tuple(f"category {i}" for i in range(60))
    page = page_of(tmp_path, monkeypatch, names=names, labels=labels, rows=1000)
    assert len(page.encode()) < 5_000_000
    assert "more columns are in the data but not drawn" in page


def test_nothing_heavy_is_imported():
    """Pages are written from text: pandas alone would take longer to import than to write one."""
    script = (
        "import sys; import ml_baseline.report.page, ml_baseline.report.index; "
        "print(sorted({'pandas', 'numpy', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT / "workflow", capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_features_that_go_together_are_told_once():
    rows = [
        {"feature": "tenure", "correlated_with": '["charges", "bill"]'},
        {"feature": "charges", "correlated_with": '["tenure"]'},
        {"feature": "bill", "correlated_with": '["tenure"]'},
        {"feature": "other", "correlated_with": "[]"},
    ]
    assert together(rows) == [{"feature": "tenure", "others": ["charges", "bill"]}]


def test_steps_are_three_at_most_and_follow_from_what_was_found(tmp_path, monkeypatch):
    for audit, first in (((LEAK, WARNING), "forbidden: x0"), ((WARNING,), "Repair broken")):
        page = page_of(tmp_path, monkeypatch, audit=audit, failed={"broken": "why"})
        steps = page.partition('<ol class="steps">')[2].partition("</ol>")[0].split("<li>")[1:]
        assert len(steps) == (2 if LEAK in audit else 3)
        assert first in steps[0]
        sentences = page.partition('<div class="sentences">')[2].partition("</div>")[0]
        assert sentences.count("<p>") == 3


def test_shuffled_labels_that_were_learned_are_not_believed(tmp_path):
    sources = read_sources(write_results(tmp_path))
    control = {"control": "negative", "model": "good", "verdict": "fail"}
    found = Standing(sources.tables["leaderboard"], sources.tables["audit"], [control])
    assert found.status == "fail"
    assert "with the labels shuffled" in told("sentences", found, sources.tables["audit"])[0]


def test_the_config_of_one_table_says_everything_and_nothing_else():
    settings = {
        "table": "x.csv",
        "target": "Churn",
        "positive": ["Yes"],
        "negative": None,
        "seeds": [1, 2],
        "models": {"b": {"params": {"max_depth": None}}, "a": {"params": {}}},
    }
    config = config_alone("churn", settings, ["datasets", "seeds", "models"])
    assert config["datasets"] == {
        "churn": {"table": "x.csv", "target": "Churn", "positive": ["Yes"]}
    }
    # The order of the models decides between equals.
    assert list(config["models"]) == ["b", "a"]
    assert config["models"]["b"]["params"] == {"max_depth": None}
    assert config["seeds"] == [1, 2]


def test_rules_stand_below_what_they_need_and_columns_end_at_the_page():
    edges = [("clean", "stats"), ("clean", "split"), ("clean", "report"), ("split", "train")]
    edges += [("split", "score"), ("train", "score"), ("score", "curves")]
    edges += [("curves", "report"), ("stats", "report"), ("score", "report")]
    reduced = without_detours(edges)
    assert set(edges) - set(reduced) == {
        ("clean", "report"),
        ("split", "score"),
        ("score", "report"),
    }
    columns, lines = layout(reduced)
    assert columns == [["stats"], ["clean", "split", "train", "score", "curves"]]
    assert all(lines[start] < lines[end] for start, end in edges)


def test_boxes_of_the_graph_are_beside_each_other():
    pairs = [["clean", "train_ensemble"], ["clean", "audit"], ["train_ensemble", "report"]]
    graph = {"edges": [*pairs, ["audit", "report"]], "jobs": {"train_ensemble": 12}}
    drawn = draw_rules(graph | {"learns": [], "sees": []})
    boxes = re.findall(r'<rect class="rule\S*" x="(\S+)" y="(\S+)" width="(\S+)"', drawn)
    level = max(boxes, key=lambda box: sum(other[1] == box[1] for other in boxes))[1]
    (left, _, wide), (right, _, _) = sorted(
        (b for b in boxes if b[1] == level), key=lambda b: float(b[0])
    )
    assert float(left) + float(wide) < float(right)


def test_checks_are_counted_once_each(tmp_path, monkeypatch):
    twice = (LEAK, LEAK | {"subject": "x2", "summary": "'x2' tells it too."})
    fine = [LEAK | {"check": "reading", "subject": x, "verdict": "pass"} for x in ("x3", "x4")]
    text = Page(page_of(tmp_path, monkeypatch, audit=(*twice, *fine))).text
    assert re.search(r"1 check of the audit failed: .*? And 1 more finding\.", text)
    assert "1 of 2 checks passed" in text


def index_of(folder, monkeypatch, tables: dict) -> str:
    monkeypatch.chdir(folder)
    results = []
    for name, table in tables.items():
        files = write_results(folder, dataset=name, **table)
        paths = (files["leaderboard"], files["seed_metrics"], files["audit"])
        results.append(read_table_results(name, *paths, link=f"{name}/report.html"))
    return index_page(results, TEMPLATES)


def test_the_index_has_a_row_a_table(tmp_path, monkeypatch):
    page = index_of(
        tmp_path,
        monkeypatch,
        {
            "fine": {},
            "leaky": {"audit": (LEAK,)},
            "odd": {"audit": (WARNING,)},
            "repeated": {"seeds": (3, 4)},
            "lossy": {"select_by": "log_loss"},
            "broken": {"failed": {"third": HOSTILE}},
        },
    )
    parsed = Page(page)
    text = parsed.text
    assert "6 tables: 4 without problems, 1 with warnings to check" in text
    assert "1 with scores not to be believed" in text
    assert "repeated/report.html" in parsed.links
    assert re.search(r"2 splits: 0\.\d+ to 0\.\d+", text)
    assert "(1 failed)" in text
    assert text.index("leaky") < text.index("Do not believe these scores")


def test_a_failed_control_is_not_believed_in_the_index_either(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = write_results(tmp_path)
    control = tmp_path / "controls.csv"
    control.write_text("control,model,verdict\nnegative,good,fail\n")
    paths = (files["leaderboard"], files["seed_metrics"], files["audit"], [str(control)])
    text = Page(index_page([read_table_results("small", *paths)], TEMPLATES)).text
    assert "Do not believe these scores" in text
    assert "controls: 1 failed" in text


def test_a_hundred_tables_have_an_index(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = write_results(tmp_path)
    paths = (files["leaderboard"], files["seed_metrics"], files["audit"])
    tables = [read_table_results(f"table_{i}", *paths) for i in range(100)]
    page = index_page(tables, TEMPLATES)
    assert len(page.encode()) < 1_000_000
    assert "100 tables: 100 without problems" in Page(page).text


def test_a_failed_table_stands_in_the_index_with_its_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tables = {}
    for name in ("fine", "broken", "missing"):
        files = write_results(tmp_path, dataset=name)
        tables[name] = {
            "leaderboard": files["leaderboard"],
            "seeds": files["seed_metrics"],
            "audit": files["audit"],
            "controls": [],
            "link": f"{name}/report.html",
        }
    assert failed_run_index(tables, TEMPLATES, since=0.0) is None
    (tmp_path / "results/missing/audit.csv").unlink()
    log = tmp_path / "results/logs/broken/clean.log"
    log.parent.mkdir(parents=True)
    log.write_text("error: broken: no such column\n")
    text = Page(failed_run_index(tables, TEMPLATES, since=0.0)).text
    assert "1 without problems, 2 without results" in text
    assert "broken: no such column" in text
    assert "the run ended before this table was done" in text
    # An error of an earlier run tells nothing about this one.
    after = log.stat().st_mtime + 1
    assert "no such column" not in failed_run_index(tables, TEMPLATES, since=after)


NAMES = (
    "score: final; v2",
    "a`b``c",
    "<b>bold</b>",
    "a|b",
    "{{x}}",
    "**strong** [x](#y)",
    "long" + " name" * 60,
    "שלום عربي",
    "evil \u202egnp.exe",
    "bell \x07\x1b[31m",
)


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_any_column_name_is_told_as_it_is(tmp_path, monkeypatch, name):
    """Nothing in a name is taken for markup, cut off or obeyed; what cannot be seen is written."""
    fix = config_entry(forbidden=name)
    finding = LEAK | {"subject": name, "summary": f"'{name}' tells it all.", "fix": fix}
    page = page_of(tmp_path, monkeypatch, names=(name, "x1"), audit=(finding,))
    parsed = Page(page)
    shown = " ".join(words.visible(name).split())
    assert f"1 check of the audit failed: '{shown}' tells it all." in parsed.text
    # A line of the config is told whole or not at all.
    step = fix if len(fix) <= 200 else "what the audit gives"
    assert f"If not, write {step} in the table's config" in "".join(parsed.words)
    assert yaml.safe_load(next(w for w in parsed.words if w == fix)) == {"forbidden": name}
    assert "#y" not in parsed.links
    assert "<b>bold" not in page and "<strong>strong" not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", page)


GROUPS = {
    "check": "shared_entities",
    "subject": "patient",
    "summary": "Rows of one patient are on both sides.",
    "fix": "split: {strategy: group}\ngroup: patient",
}
FEW = {"check": "class_sizes", "subject": "", "summary": "The holdout has 3 positives.", "fix": ""}


@pytest.mark.parametrize(
    ("finding", "sentence", "step"),
    [
        (LEAK, "Take out what gives the answer away", "write <code>forbidden: x0</code> in the"),
        (
            GROUPS,
            "Split by group, run again",
            "Write <code>split: {strategy: group}</code> and <code>group: patient</code> in the",
        ),
        (
            FEW,
            "Get more rows of the smaller class",
            "The holdout has 3 positives. No setting settles this",
        ),
    ],
)
def test_headline_and_next_step_follow_the_findings_fix(tmp_path, finding, sentence, step):
    sources = read_sources(write_results(tmp_path, audit=(LEAK | finding,)))
    found = Standing(sources.tables["leaderboard"], sources.tables["audit"], [])
    assert told("sentences", found, sources.tables["audit"])[2].startswith(sentence)
    assert step in told("steps", found, sources)[0]


def test_the_headline_follows_the_finding_that_it_tells(tmp_path):
    sealed = FEW | {"check": "sealed_holdout", "summary": "Holdout rows are training rows."}
    sources = read_sources(write_results(tmp_path, audit=(LEAK | GROUPS, LEAK | sealed)))
    board, audit = sources.tables["leaderboard"], sources.tables["audit"]
    sentences = told("sentences", Standing(board, audit, []), audit)
    assert "Holdout rows are training rows." in sentences[0]
    assert sentences[2].startswith("No setting repairs this")


def test_a_rough_interval_is_no_warning_of_the_audit(tmp_path):
    sources = read_sources(write_results(tmp_path))
    board = [row | {"reliable": "false"} for row in sources.tables["leaderboard"]]
    assert Standing(board, sources.tables["audit"], []).words == "Too few rows to be sure"
    assert (
        Standing(sources.tables["leaderboard"], sources.tables["audit"], []).words
        == "No problems found"
    )


def test_figures_of_one_column_end_at_the_same_digit(tmp_path, monkeypatch):
    page = page_of(tmp_path, monkeypatch, signals={"dummy": 0.0, "weak": 0.5, "strong": 4.0})
    board = page[page.index('<table class="sortable" id="board">') :].partition("</table>")[0]
    rows = [
        re.findall(r"<td data-value=[^>]*>[^<]*?([0-9.]+)<span", row)
        for row in re.findall(r"<tr class.*?</tr>", board, re.DOTALL)
    ]
    columns = list(zip(*(row[-len(METRICS) :] for row in rows), strict=True))
    assert len(rows) == 3 and len(columns) == len(METRICS)
    gains = re.findall("<td data-value=[^>]*>[+\N{MINUS SIGN}]([0-9.]+)<span class=.limits", board)
    chart = page[page.index('<div class="tracks') :].partition("figcaption")[0]
    columns += [gains, re.findall(r"row-value.><b>([0-9.]+)<", chart)]
    assert len(gains) == 2 and len(columns[-1]) == 3
    for column in columns:
        assert len({len(cell.partition(".")[2]) for cell in column}) == 1


def bins_at(*places: float) -> list[dict]:
    names = ("mean_probability", "observed", "observed_low", "observed_high", "rows")
    return [dict(zip(names, (p, p, p - 0.02, p + 0.02, 20), strict=True)) for p in places]


def test_calibration_is_drawn_where_the_groups_are():
    """15 groups between 0.80 and 0.95 spread over the chart; those of all kinds stand from 0 to 1."""
    crowded = figures.calibration_chart(bins_at(*(0.80 + i / 100 for i in range(15))), "y = 1", "")
    places = [float(x) for x in re.findall(r'<circle[^>]*cx="([\d.]+)"', crowded)]
    assert max(places) - min(places) > 150
    assert "axes from 0.75 to 1" in crowded
    wide = figures.calibration_chart(bins_at(0.1, 0.5, 0.9), "y = 1", "")
    assert "axes from" not in wide and "share with y = 1" in wide


def test_long_labels_stand_above_their_bars_and_years_have_no_separator():
    label = "Nest never touched by a clutch."
    point = {"kind": "categorical", "value": None, "probability": 0.5, "low": 0.1, "high": 0.9}
    assert label in figures.dependence_chart([point | {"label": label}], (0, 1), "")
    group = {"label": label, "low": "", "high": "", "negatives": 3.0, "positives": 4.0}
    assert label in figures.distribution_chart([group], "")
    whole = "Nest never occupied by an Egyptian or a Dutch goose, nor by any other bird of its size"
    both = [point | {"label": whole}, point | {"label": "other"}]
    chart = figures.dependence_chart(both, (0, 1), "")
    lines = re.findall(r'<text class="tick" text-anchor="start"[^>]*>([^<]*)<', chart)
    assert " ".join(reversed(lines[:-1])) == whole and lines[-1] == "other"
    years = [
        {
            "kind": "numeric",
            "value": v,
            "label": str(v),
            "probability": 0.5,
            "low": 0.1,
            "high": 0.9,
        }
        for v in (1990.0, 2000.0, 2010.0)
    ]
    chart = figures.dependence_chart(years, (0, 1), "")
    places = re.findall(r'<text x="([\d.]+)"[^>]*class="tick" text-anchor="middle">([^<]*)<', chart)
    assert places and all(
        float(x) + 3.5 * len(text) <= 300 for x, text in places
    )  # none is cut off
    assert ">2000<" in chart and "2,000" not in chart
    days = [years[0] | {"value": float(i), "label": d} for i, d in enumerate(["Mon", "Tue"])]
    assert ">Tue<" in figures.dependence_chart(days, (0, 1), "")
