"""The model card: what a person should know before using a published model.

The headings are those of Mitchell et al. (2019), "Model Cards for Model Reporting",
doi:10.1145/3287560.3287596, as far as a table and a column can tell them.
"""

from ml_baseline.data.schema import listed
from ml_baseline.registry.markdown import code, prose
from ml_baseline.registry.runs import SCHEMA
from ml_baseline.scoring.metrics import METRICS
from ml_baseline.text import joined, percent, plural

# A holdout smaller than this gives intervals so wide that it needs saying.
FEW_ROWS = 200
# A share of ones beyond which accuracy says little.
RARE = 0.1
SHOWN_CATEGORIES = 12
SHOWN_COLUMNS = 200
# Columns that no model is given, by their roles.
LEFT_OUT = {
    "Not learned from, as an id of the rows": ("id",),
    "Not read, because the settings say so": ("drop", "forbidden"),
}


def model_card(meta: dict, schema: dict, metrics: dict) -> str:
    """Return the model card of a run as Markdown, by its manifest, schema and `holdout_metrics.json`."""
    data, split, source = meta["data"], meta["split"], meta["code"]
    table, target = code(data["table"]), code(schema["target"])
    yes, no = (" or ".join(map(code, schema[side])) for side in ("positive", "negative"))
    roc_auc = _figure(metrics["model"]["roc_auc"], note=f"{metrics['level'] * 100:g} % interval ")
    failed = ", ".join(dict.fromkeys(f["check"] for f in meta["audit"] if f["verdict"] == "fail"))
    warning = f"**The audit failed ({failed}): read why before you trust these scores.**\n\n"
    no_target, repeated = data["rows_without_target"], data["duplicate_rows"]
    left_out = f", {no_target:,} of them left out because they have no target"
    repeats = f"\n* {plural(repeated, 'row')} repeat{'s' * (repeated == 1)} an earlier one"
    commit = f", commit `{source.get('commit')}`" if source.get("commit") else ""
    dirty = " with changes that are not committed" if source.get("dirty") else ""
    return f"""\
# {meta["dataset"]}: {prose(schema["target"])}

Run `{meta["run_id"]}`. The model {code(meta["model"]["name"])} ({code(meta["model"]["estimator"])}) \
predicts whether {target} is {yes}. {_members(meta["model"])}{_judged(meta, metrics["rows"], roc_auc)}

{warning if failed else ""}\
## Intended use

Ranking new rows of the same kind as {table}, from the same source and with the same columns: for each \
row it gives the probability that {target} is {yes}, and predicts yes where that is at least \
{meta["threshold"]:g}.

It is a baseline: what you get without tuning or domain knowledge. It is not meant to make decisions \
about people on its own, nor for rows from another place, time or population than those it was trained \
on, where nobody has measured it.

## Use it

```sh
ml-baseline predict --run {meta["run_id"]} --input new_rows.csv --output predictions.csv
ml-baseline runs verify {meta["run_id"]}
```

The rows go in as they are exported, with the columns below; the run cleans them as the training rows \
were cleaned. `model/model.joblib` can run code when it is loaded: do not load it by hand unless you \
know where it comes from.

## Data

* {table}: {plural(data["rows_read"], "row")}{left_out if no_target else ""}
* SHA-256 of the file: `{data["sha256"]}`
* {plural(split["train_rows"], "row")} to learn from, {split["holdout_rows"]:,} held out ({split["strategy"]} \
split, seed {meta["seed"]}); {percent(split["holdout_positive"], 1)} of the held out rows are {yes}
* yes is {yes}, no is {no}{repeats if repeated else ""}

## What it reads

{_columns(schema)}

## How good it is

{_scores(meta, metrics)}

## What the audit found

{_audit(meta)}

## Limits

{_own_limits(meta, metrics)}\
* The scores hold for rows like those held out. `ml-baseline predict` tells what is unlike training in new \
rows; whether the scores still hold for them, only their outcomes can tell.
* Values that were not in the training data are predicted too: an unknown category is pooled with the \
rare ones or treated as its own, and a number outside the range above is extrapolated.
* Fairness was not checked: this card does not say how well the model does within groups of people.
* The probabilities are the model's own; compare its Brier score with the baseline's to see whether \
they are calibrated. A threshold of {meta["threshold"]:g} is right only if both kinds of error cost what \
it implies.

## How it was made

Published {meta["published"][:19].replace("T", " ")} UTC by ml-baseline {source.get("version")}\
{commit}{dirty}, with Python {meta["python"]}, \
{", ".join(f"{name} {version}" for name, version in meta["packages"].items())}. Settings, hashes and \
all versions are in `run_meta.json` and `env/pip_freeze.txt`.
"""


def _members(model: dict) -> str:
    """Return a sentence on the models that the published one is made of, nothing of one by itself."""
    parts = [f"{code(m['name'])} ({percent(m['weight'])})" for m in model.get("members", [])]
    if len(parts) < 2:
        return f"It is made of {parts[0]}. " if parts else ""
    return f"Its probability is the weighted mean of that of {joined(parts)}. "


def _judged(meta: dict, rows: int, roc_auc: str) -> str:
    """Return which rows the model was fitted to, and how good it is on which."""
    fit = meta.get("fit", {"on": "train"})
    if fit["on"] == "all":
        return (
            f"It is fitted to all {fit['rows']:,} rows. The scores below are those of the same recipe "
            f"fitted to the {meta['split']['train_rows']:,} training rows, on {rows:,} holdout rows that "
            f"nothing was learned from: ROC-AUC {roc_auc}. No row is left to score this fit on."
        )
    failed = f" Fitting it to all rows failed: {prose(fit['failed'])}." if "failed" in fit else ""
    return (
        f"On {rows:,} holdout rows that nothing was learned from its ROC-AUC is {roc_auc}.{failed}"
    )


def _columns(schema: dict) -> str:
    lines = ["| column | is | missing in training | values |", "| --- | --- | --- | --- |"]
    features = [entry for entry in schema["columns"] if entry["role"] == "feature"]
    for entry in features[:SHOWN_COLUMNS]:
        part = f", its {entry['part']}" if "part" in entry else ""
        missing = f"{entry.get('missing', 0):,}" if entry.get("nullable") else "none"
        cells = (_cell(entry["source"]), f"{entry['kind']}{part}", missing, _values(entry))
        lines.append(f"| {' | '.join(cells)} |")
    if len(features) > SHOWN_COLUMNS:
        lines.append(f"\nThese are the first; all {len(features):,} columns are in `{SCHEMA}`.")
    for words, roles in LEFT_OUT.items():
        left_out = [entry["source"] for entry in schema["columns"] if entry["role"] in roles]
        if left_out:
            names = listed(map(code, dict.fromkeys(left_out)), SHOWN_COLUMNS)
            lines.append(f"\n{words}: {names}.")
    return "\n".join(lines)


def _values(entry: dict) -> str:
    if entry["kind"] == "boolean":
        return "0 and 1" if "minimum" in entry else "yes and no"
    if "minimum" in entry and "part" not in entry:
        return f"{entry['minimum']:g} to {entry['maximum']:g}"
    if "encode" in entry:
        return ", ".join(f"{_cell(label)} ({number})" for label, number in entry["encode"].items())
    return listed(map(_cell, entry.get("categories", [])), SHOWN_CATEGORIES)


def _scores(meta: dict, metrics: dict) -> str:
    model, baseline = metrics["model"], metrics["baseline"]
    against = metrics["against_baseline"]
    lines = [
        f"On the {metrics['rows']:,} holdout rows, with {metrics['level'] * 100:g} % intervals:",
        "",
        f"| metric | {_cell(model['name'])} | {_cell(baseline['name'])} (baseline) |",
        "| --- | --- | --- |",
    ]
    for name in [name for name in model if name in METRICS]:
        pair = [_figure(part.get(name)) for part in (model, baseline)]
        lines.append(f"| {METRICS[name].title} | {pair[0]} | {pair[1]} |")
    lines += [f"| threshold | {model['threshold']:g} | {baseline['threshold']:g} |", ""]
    seeds, title = against["seeds"], METRICS[against["metric"]].title
    over = f" over {seeds} seeds" if seeds > 1 else ""
    difference = _figure(against | {"value": against["difference"]}, sign="+")
    figures = [part[name] for part in (model, baseline) for name in METRICS if name in part]
    words = {
        f"Against the baseline{over}, in {title}: {difference}.": against["difference"] is not None,
        f"In words: {prose(against['verdict'])}.": against["verdict"],
        f"The figures in the table are those of the split with seed {meta['seed']}, the one of this "
        f"model; the leaderboard has the means over {seeds} splits.": seeds > 1,
        "The holdout has too few rows of a class, or too few errors, for the intervals marked as rough "
        "to hold what they promise. (Rows of one group, or the same row again, count once.)": any(
            map(_is_rough, figures)
        ),
    }
    told = " ".join(text for text, holds in words.items() if holds)
    return "\n".join([*lines, told, "", prose(meta["selection"]["why"])])


def _audit(meta: dict) -> str:
    found = [
        f"\n* **{finding['verdict']}**, {finding['check']} ({code(finding['subject'])}): "
        f"{prose(finding['summary'])} {prose(finding['explanation'])}"
        for finding in meta["audit"]
        if finding["verdict"] in ("fail", "warn")
    ]
    result = ":\n" + "".join(found) if found else ", no problems found."
    return f"{meta['audit_checks']} checks{result}"


def _own_limits(meta: dict, metrics: dict) -> str:
    """Return the limits that not every run has, as lines of a list."""
    difference, share = meta["golden"]["difference_from_holdout"], metrics["prevalence"]
    rare = 0.5 if share is None else min(share, 1 - share)
    is_baseline = meta["model"]["name"] == metrics["baseline"]["name"]
    limits = {
        "No model was better than the baseline, so the baseline is what was published.": is_baseline,
        "A prediction depends on which rows are predicted with it: alone, some rows get a probability "
        f"that differs by up to {difference:.2g}.": difference,
        "The holdout was drawn at random from the same rows, so it says nothing about how the model "
        "ages; `split: {strategy: time}` would.": meta["split"]["strategy"] != "time",
        f"The holdout has {plural(metrics['rows'], 'row')} only: mind the intervals.": (
            metrics["rows"] < FEW_ROWS
        ),
        f"One class is rare ({percent(rare, 1)}), so a high accuracy says little; look at PR-AUC, "
        "precision and recall.": rare < RARE,
    }
    return "".join(f"* {limit}\n" for limit, holds in limits.items() if holds)


def _is_rough(figure: dict | None) -> bool:
    """Return whether a figure has an interval that may not hold what it promises."""
    return figure is not None and figure.get("reliable") is False and figure["low"] is not None


def _figure(figure: dict | None, sign: str = "", note: str = "") -> str:
    """Return a figure with its interval, if it has one, and a note before the interval."""
    if figure is None or figure.get("value") is None:
        return "none"
    text = f"{figure['value']:{sign}.3f}"
    if figure.get("low") is None:
        return text
    note += "rough " if _is_rough(figure) else ""
    return f"{text} ({note}{figure['low']:{sign}.3f} to {figure['high']:{sign}.3f})"


def _cell(text: object) -> str:
    return code(text, in_table=True)
