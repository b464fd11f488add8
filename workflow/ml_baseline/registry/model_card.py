"""The model card: what a person should know before using a published model.

The headings are those of Mitchell et al. (2019), "Model Cards for Model Reporting",
doi:10.1145/3287560.3287596, as far as a table and a column can tell them.
"""

from collections.abc import Iterable

from ml_baseline.registry.markdown import code, prose
from ml_baseline.scoring.metrics import METRICS
from ml_baseline.text import percent

# A holdout smaller than this gives intervals so wide that it needs saying.
FEW_ROWS = 200
# A share of ones beyond which accuracy says little.
RARE = 0.1
SHOWN_CATEGORIES = 12


def model_card(meta: dict, schema: dict, metrics: dict) -> str:
    """Return the model card of a run as Markdown.

    Args:
        meta: the run's manifest (its `files` are not needed).
        schema: its input schema.
        metrics: the content of its `holdout_metrics.json`.
    """
    parts = [
        f"# {meta['dataset']}: {prose(schema['target'])}",
        _summary(meta, schema, metrics),
        "## Intended use",
        _intended_use(meta, schema),
        "## Use it",
        _commands(meta),
        "## Data",
        _data(meta, schema),
        "## What it reads",
        _columns(schema),
        "## How good it is",
        _scores(meta, metrics),
        "## What the audit found",
        _audit(meta),
        "## Limits",
        _bullets(_limits(meta, schema, metrics)),
        "## How it was made",
        _origin(meta),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(meta: dict, schema: dict, metrics: dict) -> str:
    model = metrics["model"]
    area = model["roc_auc"]
    return (
        f"Run `{meta['run_id']}`. The model {code(meta['model']['name'])} "
        f"({code(meta['model']['estimator'])}) predicts whether {code(schema['target'])} is "
        f"{_labels(schema['positive'])}. On {metrics['rows']:,} holdout rows that nothing was "
        f"learned from its ROC-AUC is {_interval(area, metrics['level'])}."
        f"{_warning(meta)}"
    )


def _warning(meta: dict) -> str:
    failed = [finding for finding in meta["audit"] if finding["verdict"] == "fail"]
    if not failed:
        return ""
    names = ", ".join(dict.fromkeys(finding["check"] for finding in failed))
    return f"\n\n**The audit failed ({names}): read why before you trust these scores.**"


def _intended_use(meta: dict, schema: dict) -> str:
    return (
        f"Ranking new rows of the same kind as {code(meta['data']['table'])}, from the same "
        f"source and with the same columns: for each row it gives the probability that "
        f"{code(schema['target'])} is {_labels(schema['positive'])}, and predicts yes where that is at "
        f"least {meta['threshold']:g}.\n\nIt is a baseline: what you get without tuning or domain "
        "knowledge. It is not meant to make decisions about people on its own, nor for rows from "
        "another place, time or population than those it was trained on, where nobody has measured "
        "it."
    )


def _commands(meta: dict) -> str:
    return (
        "```sh\n"
        f"ml-baseline predict --run {meta['run_id']} --input new_rows.csv --output predictions.csv\n"
        f"ml-baseline runs verify {meta['run_id']}\n"
        "```\n\n"
        "The rows go in as they are exported, with the columns below; the run cleans them as the "
        "training rows were cleaned. `model/model.joblib` can run code when it is loaded: do not "
        "load it by hand unless you know where it comes from."
    )


def _data(meta: dict, schema: dict) -> str:
    data, split = meta["data"], meta["split"]
    facts = [
        f"{code(data['table'])}: {data['rows_read']:,} rows"
        + (
            f", {data['rows_without_target']:,} of them left out because they have no target"
            if data["rows_without_target"]
            else ""
        ),
        f"SHA-256 of the file: `{data['sha256']}`",
        f"{split['train_rows']:,} rows to learn from, {split['holdout_rows']:,} held out "
        f"({split['strategy']} split, seed {meta['seed']}); {percent(split['holdout_positive'], 1)} of the "
        f"held out rows are {_labels(schema['positive'])}",
        f"yes is {_labels(schema['positive'])}, no is {_labels(schema['negative'])}",
    ]
    if data.get("duplicate_rows"):
        facts.append(f"{data['duplicate_rows']:,} rows repeat an earlier one")
    return _bullets(facts)


def _columns(schema: dict) -> str:
    lines = ["| column | is | missing in training | values |", "| --- | --- | --- | --- |"]
    for entry in schema["columns"]:
        if entry["role"] != "feature":
            continue
        name = entry["source"]
        part = f", its {entry['part']}" if "part" in entry else ""
        missing = f"{entry.get('missing', 0):,}" if entry.get("nullable") else "none"
        lines.append(f"| {_cell(name)} | {entry['kind']}{part} | {missing} | {_values(entry)} |")
    left_out = [e["source"] for e in schema["columns"] if e["role"] in ("drop", "forbidden")]
    text = "\n".join(lines)
    if left_out:
        names = ", ".join(map(code, dict.fromkeys(left_out)))
        text += f"\n\nNot read, because the settings say so: {names}."
    return text


def _values(entry: dict) -> str:
    if "minimum" in entry and "part" not in entry:
        return f"{entry['minimum']:g} to {entry['maximum']:g}"
    if "encode" in entry:
        return ", ".join(f"{_cell(label)} ({number})" for label, number in entry["encode"].items())
    categories = entry.get("categories", [])
    shown = ", ".join(map(_cell, categories[:SHOWN_CATEGORIES]))
    more = len(categories) - SHOWN_CATEGORIES
    return f"{shown} and {more:,} more" if more > 0 else shown


def _scores(meta: dict, metrics: dict) -> str:
    model, baseline = metrics["model"], metrics["baseline"]
    lines = [
        f"On the {metrics['rows']:,} holdout rows, with {metrics['level'] * 100:g} % intervals:",
        "",
        f"| metric | {_cell(model['name'])} | {_cell(baseline['name'])} (baseline) |",
        "| --- | --- | --- |",
    ]
    for name in [name for name in model if name in METRICS]:
        pair = [_with_interval(part.get(name)) for part in (model, baseline)]
        lines.append(f"| {METRICS[name].title} | {pair[0]} | {pair[1]} |")
    lines.append(f"| threshold | {model['threshold']:g} | {baseline['threshold']:g} |")
    against = metrics["against_baseline"]
    told = ""
    if against["difference"] is not None:
        over = f" over {against['seeds']} seeds" if against["seeds"] > 1 else ""
        told = (
            f"Against the baseline{over}, in {METRICS[against['metric']].title}: "
            f"{_with_interval(against | {'value': against['difference']}, sign='+')}. "
        )
    if against["verdict"]:
        told += f"In words: {prose(against['verdict'])}."
    if against["seeds"] > 1:
        told += (
            f" The figures in the table are those of the split with seed {meta['seed']}, whose "
            f"model this is; the leaderboard has the means over {against['seeds']} splits."
        )
    if not model["reliable"]:
        told += (
            " The holdout has too few rows of a class, or too few errors, for these intervals to "
            "hold what they promise: take them as a rough guide."
        )
    return "\n".join(lines) + f"\n\n{told}\n\n{prose(meta['selection']['why'])}"


def _audit(meta: dict) -> str:
    found = [f for f in meta["audit"] if f["verdict"] in ("fail", "warn")]
    if not found:
        return f"{meta['audit_checks']} checks, no problems found."
    return f"{meta['audit_checks']} checks:\n\n" + _bullets(
        f"**{finding['verdict']}**, {finding['check']} ({code(finding['subject'])}): "
        f"{prose(finding['summary'])} {prose(finding['explanation'])}"
        for finding in found
    )


def _limits(meta: dict, schema: dict, metrics: dict) -> list[str]:
    split = meta["split"]
    limits = [
        "The scores hold for rows like those held out. If the data changes, they no longer do, and "
        "nothing here notices.",
        "Values that were not in the training data are predicted too: an unknown category is pooled "
        "with the rare ones or treated as its own, and a number outside the range above is "
        "extrapolated.",
        "Fairness was not checked: this card does not say how well the model does within groups of "
        "people.",
        "The probabilities are the model's own; compare its Brier score with the baseline's to see "
        f"whether they are calibrated. A threshold of {meta['threshold']:g} is right only if both "
        "kinds of error cost what it implies.",
    ]
    if meta["golden"]["difference_from_holdout"]:
        limits.insert(
            0,
            "A prediction depends on which rows are predicted with it: alone, some rows get a "
            f"probability that differs by up to {meta['golden']['difference_from_holdout']:.2g}.",
        )
    if split["strategy"] != "time":
        limits.append(
            "The holdout was drawn at random from the same rows, so it says nothing about how the "
            "model ages; `split: {strategy: time}` would."
        )
    if metrics["rows"] < FEW_ROWS:
        limits.append(f"The holdout has {metrics['rows']:,} rows only: mind the intervals.")
    share = metrics["prevalence"]
    if share is not None and min(share, 1 - share) < RARE:
        limits.append(
            f"One class is rare ({percent(min(share, 1 - share), 1)}), so a high accuracy says little; look "
            "at PR-AUC, precision and recall."
        )
    if meta["model"]["name"] == metrics["baseline"]["name"]:
        limits.insert(
            0, "No model was better than the baseline, so the baseline is what was published."
        )
    return limits


def _origin(meta: dict) -> str:
    source = meta["code"]
    commit = f", commit `{source['commit']}`" if source.get("commit") else ""
    dirty = " with changes that are not committed" if source.get("dirty") else ""
    packages = ", ".join(f"{name} {version}" for name, version in meta["packages"].items())
    time = meta["published"][:19].replace("T", " ")
    return (
        f"Published {time} UTC by ml-baseline {source.get('version')}{commit}{dirty}, with "
        f"Python {meta['python']}, {packages}. Settings, hashes and all versions are in "
        "`run_meta.json` and `env/pip_freeze.txt`."
    )


def _interval(figure: dict, level: float) -> str:
    if figure["value"] is None:
        return "not known"
    if figure["low"] is None:
        return f"{figure['value']:.3f}"
    return (
        f"{figure['value']:.3f} ({level * 100:g} % interval {figure['low']:.3f} to "
        f"{figure['high']:.3f})"
    )


def _with_interval(figure: dict | None, sign: str = "") -> str:
    if figure is None or figure.get("value") is None:
        return "none"
    text = f"{figure['value']:{sign}.3f}"
    if figure.get("low") is None:
        return text
    return f"{text} ({figure['low']:{sign}.3f} to {figure['high']:{sign}.3f})"


def _labels(labels: list[str]) -> str:
    return " or ".join(map(code, labels))


def _cell(text: object) -> str:
    return code(text, in_table=True)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"* {line}" for line in lines)
