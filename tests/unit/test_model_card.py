"""The model card says what the run's figures say, and warns where they deserve it."""

import copy
import json
import re

import pytest
from markdown_it import MarkdownIt
from publishing import NOON
from small_shop import publish_shop

from ml_baseline.registry import find_run
from ml_baseline.registry.markdown import code, prose
from ml_baseline.registry.model_card import model_card
from ml_baseline.text import for_terminal


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> tuple[dict, dict, dict]:
    """Manifest, schema and metrics of a run."""
    results = tmp_path_factory.mktemp("card") / "results"
    publish_shop(results / "shop" / "runs", now=NOON)
    run = find_run("latest", results)
    metrics = json.loads((run.folder / "metrics/holdout_metrics.json").read_text())
    assert (run.folder / "README.md").read_text() == model_card(run.meta, run.schema, metrics)
    return run.meta, run.schema, metrics


def card(parts, meta: dict | None = None, metrics: dict | None = None) -> str:
    own = copy.deepcopy(parts)
    return model_card(own[0] | (meta or {}), own[1], own[2] | (metrics or {}))


def test_every_part_a_card_needs_is_there(parts):
    text = card(parts)
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# shop: bought",
        "## Intended use",
        "## Use it",
        "## Data",
        "## What it reads",
        "## How good it is",
        "## What the audit found",
        "## Limits",
        "## How it was made",
    ]
    assert parts[0]["run_id"] in text and parts[0]["data"]["sha256"] in text


def test_figures_are_those_of_the_metrics(parts):
    text = card(parts)
    for part in ("model", "baseline"):
        figure = parts[2][part]["f1"]
        rough = "" if figure["reliable"] else "rough "
        assert f"{figure['value']:.3f} ({rough}{figure['low']:.3f} to {figure['high']:.3f})" in text
    split = parts[0]["split"]
    assert f"{split['train_rows']} rows to learn from, {split['holdout_rows']} held out" in text


def test_columns_are_shown_with_what_training_saw(parts):
    text = card(parts)
    assert "| `visits` | integer | 16 | 0 to 19 |" in text
    assert "| `city` | category | none | `Bern`, `Oslo`, `Rome` |" in text
    assert "| `joined` | integer, its month | none |" in text
    answers = [{"name": "x", "source": "x", "role": "feature", "kind": "boolean"}]
    data = parts[0]["data"] | {"duplicate_rows": 1}
    other = model_card(parts[0] | {"data": data}, parts[1] | {"columns": answers}, parts[2])
    assert "| `x` | boolean | none | yes and no |" in other and "* 1 row repeats an" in other
    answers[0] |= {"minimum": 0, "maximum": 1}
    other = model_card(parts[0], parts[1] | {"columns": answers}, parts[2])
    assert "| `x` | boolean | none | 0 and 1 |" in other
    many = [answers[0] | {"source": f"x{i}"} for i in range(5_000)]
    other = model_card(parts[0], parts[1] | {"columns": many}, parts[2])
    assert other.count("| boolean |") == 200
    assert "all 5,000 columns are in `schema/input_schema.json`" in other
    unread = [column | {"role": "drop"} for column in many]
    other = model_card(parts[0], parts[1] | {"columns": unread}, parts[2])
    assert "settings say so: `x0`, `x1`, " in other and "`x199` and 4,800 more." in other
    assert "| `customer`" not in text
    assert "\nNot learned from, as an id of the rows: `customer`.\n" in text


def test_a_failed_audit_stands_at_the_top(parts):
    finding = {
        "check": "leak",
        "subject": "x",
        "verdict": "fail",
        "summary": "a",
        "explanation": "b",
    }
    top = card(parts, {"audit": [finding]}).split("## Intended use")[0]
    assert "The audit failed (leak)" in top
    assert "The audit failed" not in card(parts)
    assert "no problems found" in card(parts, {"audit": []})


@pytest.mark.parametrize(
    ("meta", "metrics", "words"),
    [
        ({}, {"rows": 20}, "The holdout has 20 rows only"),
        ({}, {"prevalence": 0.02}, "One class is rare (2.0 %)"),
        ({}, {"prevalence": 0.97}, "One class is rare (3.0 %)"),
        ({"model": {"name": "dummy", "estimator": "x"}}, {}, "No model was better"),
        ({"code": {"version": "1", "commit": "abc", "dirty": True}}, {}, "not committed"),
        ({"fit": {"on": "all", "rows": 200}}, {}, "It is fitted to all 200 rows. The scores below"),
        (
            {"fit": {"on": "train", "rows": 160, "failed": "ValueError: too *much*"}},
            {},
            r"Fitting it to all rows failed: ValueError: too \*much\*.",
        ),
    ],
)
def test_limits_that_only_some_runs_have(parts, meta, metrics, words):
    plenty = {"rows": 5000, "prevalence": 0.5}
    assert words in card(parts, meta, plenty | metrics)
    clean = {"code": {"version": "1", "commit": "abc", "dirty": False}}
    assert words not in card(parts, clean, plenty)


def test_a_split_by_time_says_something_about_ageing(parts):
    by_time = parts[0]["split"] | {"strategy": "time"}
    words = "nothing about how the model ages"
    assert words in card(parts) and words not in card(parts, {"split": by_time})


def test_unreliable_intervals_and_missing_figures_are_told(parts):
    sure = {
        part: {
            name: figure | {"reliable": True} if isinstance(figure, dict) else figure
            for name, figure in parts[2][part].items()
        }
        for part in ("model", "baseline")
    }
    assert "rough" not in card(parts, metrics=sure)
    recall = sure["model"]["recall"] | {"reliable": False}
    text = card(parts, metrics=sure | {"model": sure["model"] | {"recall": recall}})
    assert text.count("(rough ") == 1
    assert "the intervals marked as rough" in text
    none = {"value": None, "low": None, "high": None}
    baseline = parts[2]["baseline"] | dict.fromkeys(("f1", "roc_auc"), none)
    against = parts[2]["against_baseline"] | {"difference": None, "verdict": ""}
    text = card(parts, metrics={"baseline": baseline, "against_baseline": against})
    assert "| none |" in text and "Against the baseline" not in text and "In words" not in text


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "![a](http://evil.example/x.png)",
    "[click](javascript:alert(1))",
    "<http://evil.example>",
    "http://evil.example and www.evil.example, a@evil.example",
    "a|b\nc",
    "# heading\n\n* list\n\n<script>alert(1)</script>\n",
    "`code` ``more`` `",
    "**bold** _it_ ~~gone~~ \\",
    "\\` <b>x</b> \\",
    "\x1b[2J\u202e",
    "&lt;b&gt; &#60;",
    "$x$",
    "   ",
)


def rendered(text: str) -> list:
    """Return the tokens of Markdown as CommonMark and GitHub's tables have them."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    return [*tokens, *(child for token in tokens for child in token.children or ())]


def kinds(tokens: list) -> list[str]:
    left_out = ("text", "code_inline", "text_special", "inline")
    return [token.type for token in tokens if token.type not in left_out]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_others_stays_text(parts, text):
    """Wherever a card shows a name or a label, whatever it is: the same headings, lists, tables."""

    def card_with(name: str) -> list:
        meta, schema, metrics = copy.deepcopy(parts)
        schema["target"] = name
        schema["positive"] = schema["negative"] = [name, name]
        for entry in schema["columns"]:
            entry["source"] = name
            if "categories" in entry:
                entry["categories"] = [name]
        schema["columns"][1] |= {"encode": {name: 1}}
        schema["columns"].append({"name": "a", "role": "drop", "kind": "number", "source": name})
        meta["model"] |= {"name": name, "estimator": name}
        meta["data"]["table"] = name
        meta["selection"]["why"] = f"It is {name}."
        finding = {"check": "leak", "verdict": "fail"}
        meta["audit"] = [finding | dict.fromkeys(("subject", "summary", "explanation"), name)]
        metrics["model"]["name"] = metrics["baseline"]["name"] = name
        metrics["against_baseline"]["verdict"] = name
        return rendered(model_card(meta, schema, metrics))

    found = card_with(text)
    assert kinds(found) == kinds(card_with("plain"))
    assert not [t for t in found if "html" in t.type or t.type in ("link_open", "image")]
    for token in found:
        if token.type == "text":  # GitHub makes links of these by itself
            assert not re.search(r"://|\bwww\.|@", token.content, re.IGNORECASE)
        assert "\x1b" not in token.content and "\u202e" not in token.content


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_others_can_be_read_as_it_is(text):
    def read(markdown: str) -> str:
        return "".join(t.content for t in rendered(f"x {markdown} x") if not t.children)

    wanted = for_terminal(" ".join(text.split()))
    assert wanted in read(prose(text))
    assert (wanted or "(blank)") in read(code(text))
