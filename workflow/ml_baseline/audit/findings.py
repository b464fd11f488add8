"""What a check reports, and the limits it judges by."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

import yaml

Verdict = Literal["fail", "warn", "pass"]


@dataclass(frozen=True)
class Finding:
    """One row of the audit. All texts are plain: no markup, and names in them may hold anything."""

    check: str
    subject: str  # the columns, rows or model it is about; "" for none
    value: float
    limit: float  # the limit that `value` passed; at a pass, the nearest one
    verdict: Verdict
    summary: str  # one sentence: what was found
    explanation: str = ""  # whole sentences: why it matters, what to do; "" at a pass
    fix: str = ""  # YAML for the table's config that settles it; "" where no entry does


COLUMNS = tuple(field.name for field in fields(Finding))


class Limit(NamedTuple):
    """From where on a figure is a warning and a failure; None for a step that does not exist.

    `below` is true of a figure that is bad when it is small.
    """

    warn: float | None
    fail: float | None
    below: bool = False


# Every limit stands here with its reason. "Real tables" are those of docs/audit.md. A limit is a
# compromise: the strongest honest column of one table is stronger than the leak of another, so a
# figure that honest tables reach is at most a warning.
LIMITS = {
    # roc_auc of one column alone. Honest columns reach 0.975 (the worst perimeter of a tumour) and
    # 0.986 (the odour of a mushroom); a copy of the target with 1 % of typing errors has 0.99.
    "single_feature": Limit(None, 0.99),
    # ... and a warning from here on if nothing else comes near (`single_gap`) or if it has nothing
    # to do with any other column (`single_dependence`). The duration of a bank's marketing call,
    # known only after the call, has 0.82; checking_status, Contract, tenure and sex on the Titanic,
    # all honest, have 0.69 to 0.76.
    "single_strong": Limit(0.77, None),
    # Distance to the best unrelated column, in standard deviations between the classes
    # (d' = sqrt(2) * normal quantile of the roc_auc). One honest table in ten exceeds 0.7.
    "single_gap": Limit(0.7, None),
    # Largest rank correlation with another column within a class, above what chance makes of as
    # many rows. Honest strong columns share causes with others: in a class too they go along.
    # What was made from the target and noise goes along with nothing once the class is known.
    "single_dependence": Limit(0.05, None, below=True),
    # Share of a class that lies where no row of the other class is, beyond what two normal classes
    # of the column's roc_auc would have there. Honest tables reach 0.3 (capital-gain: 0.1); an
    # amount that is zero unless the event happened covers the class.
    "given_away": Limit(0.30, None),
    # A figure near 1 on few rows says little; no column fails unless its lower bound is this high.
    "certain": Limit(None, 0.95, below=True),
    # Balanced accuracy of one cut through a column (or through two put together) that has errors
    # anywhere, not near the cut: the roc_auc within the sides is at most `step_within`. Honest
    # cuts this good have 0.78 and more within.
    "step": Limit(0.92, None),
    "step_within": Limit(0.65, None, below=True),
    # roc_auc of two columns together. Among thousands of pairs honest ones reach 0.994.
    "feature_pair": Limit(0.80, 0.995),
    # What a pair surely (by a lower bound) adds to the best column of the table, or to the better of
    # the two, in d'. Honest tables: up to 0.75 and 0.95. Half of the latter is enough if the pair has
    # nothing to do with any other column (`single_dependence`).
    "pair_gain": Limit(0.8, None),
    "pair_own_gain": Limit(1.0, None),
    # Out-of-fold roc_auc of a model. Honest models of easy tables reach 0.997 (breast cancer: 0.995).
    "model_score": Limit(0.998, None),
    # ... or, from 0.985 on, what the model adds to the best single column in d': honest models that
    # are nearly always right have a column that is often right (breast cancer: 0.6).
    "model_gain": Limit(1.5, None),
    # ... and its lower confidence bound, which near 1 asks for thousands of rows.
    "model_certain": Limit(0.99, 0.998),
    # roc_auc of the row's position in the file: many files are in some order that has to do with the
    # target a little (0.75); one that is sorted by class has 1. What is written in an id is random.
    "row_order": Limit(0.80, None),
    "id_order": Limit(0.60, 0.90),
    # Excess agreement of neighbours in the file on the target (Cohen's kappa): 0 in a shuffled file.
    "row_neighbours": Limit(0.45, None),
    # Share of holdout rows whose twin is in the training rows, beyond coincidence.
    "exact_duplicates": Limit(0.01, 0.10),
    # Real tables: up to 0.22 (sounds cut from the same recording), and 0.3 with mails sent again
    # and again. All rows copied with 1 to 2 % noise: mostly 0.8; a fifth of the rows: 0.27.
    "near_duplicates": Limit(0.16, 0.35),
    # Share of holdout rows that lie on a straight line between two training rows of their class.
    "interpolated_rows": Limit(0.10, 0.30),
    # Agreement on the target within an entity (kappa), beyond what the neighbouring values have,
    # where at least `entity_seen` of the holdout rows have their entity in the training rows.
    "shared_entities": Limit(0.15, 0.40),
    # For a column that is not declared an id or a group: the same, in what the features leave
    # unexplained (an intraclass correlation). A survey weight has kappa 0.2 and 0.0 here.
    "entity_residual": Limit(0.10, 0.25),
    "entity_seen": Limit(0.10, 0.30),
    # The same for a feature of whole numbers: prices and sizes recur without naming anyone.
    "shared_numbers": Limit(0.35, 0.50),
    # A declared id that recurs on both sides is worth a word however the target behaves.
    "id_recurs": Limit(0.05, None),
    # roc_auc that a random split promises beyond what rows of a later time give.
    "time_order": Limit(0.03, 0.10),
    # roc_auc of time alone: how far the share of ones moves with time.
    "time_drift": Limit(0.57, None),
    # roc_auc of telling holdout rows from training rows: 0.5 under a random split.
    "train_holdout_shift": Limit(0.60, 0.80),
    # Rows of the smaller class. With 20 the 95 % interval of a recall is about 0.4 wide; with 5 a
    # recall can take six values.
    "class_sizes": Limit(20, 5, below=True),
    # Numeric columns that were scaled, imputed or encoded with rows of both sides.
    "prepared_before_split": Limit(1, None),
    "encoded_with_target": Limit(None, 1),
    # Rows of the holdout among the training rows or the out-of-fold predictions.
    "sealed_holdout": Limit(None, 1),
}


def judged(value: float, limit: Limit) -> tuple[Verdict, float]:
    """Return the verdict on a figure and the limit it passed or, at a pass, the nearest one."""
    steps: tuple[tuple[Verdict, float | None], ...] = ("fail", limit.fail), ("warn", limit.warn)
    for verdict, bound in steps:
        if bound is not None and (value < bound if limit.below else value >= bound):
            return verdict, float(bound)
    nearest = limit.warn if limit.warn is not None else limit.fail
    return "pass", float(nearest)  # type: ignore[arg-type]  # a limit has one step at least


def passed(check: str, subject: str, value: float, limit: float, summary: str) -> Finding:
    """Return a finding that nothing is wrong."""
    return Finding(check, subject, float(value), float(limit), "pass", summary)


def config_entry(**keys: object) -> str:
    """Return the YAML that gives a table these keys, a line each, such as `forbidden: [paid, 'no']`."""
    return "\n".join(_line_of_yaml(key, value) for key, value in keys.items())


def _line_of_yaml(key: str, value: object) -> str:
    for style in (None, '"'):  # a name with a line break takes one line in double quotes only
        text = yaml.safe_dump(
            {key: value},
            default_flow_style=True,
            default_style=style,
            allow_unicode=True,
            width=float("inf"),
        ).strip()[1:-1]
        if "\n" not in text:
            break
    return text


def merged_fixes(fixes: Iterable[str]) -> str:
    """Return the `fix` of several findings as one: the columns that one key gets are listed.

    The result holds each key once, as a table of the config can. Where two fixes set the same key
    to different things that cannot be listed (two strategies of `split`), the first one stays.
    """
    together: dict[str, object] = {}
    for fix in fixes:
        for key, value in (yaml.safe_load(fix) or {}).items():
            before = together.setdefault(key, value)
            if isinstance(before, str | list) and isinstance(value, str | list):
                both = [*_listed(before), *_listed(value)]
                names = list(dict.fromkeys(both))
                together[key] = names[0] if len(names) == 1 else names
    return config_entry(**together)


def quoted(names: Iterable[str]) -> str:
    """Return column names as a sentence holds them: 'a', 'b' and 'c'."""
    *others, last = [f"'{name}'" for name in names]
    return f"{', '.join(others)} and {last}" if others else last


def _listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names
