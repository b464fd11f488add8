"""Which labels of a target mean yes and which no."""

from collections.abc import Mapping

import pandas as pd

from ml_baseline.data import cells
from ml_baseline.data.schema import SHOWN_LABELS, listed, quoted
from ml_baseline.errors import InputError, did_you_mean, similar
from ml_baseline.text import plural

# Labels of a target that leave no doubt which is the yes, in canonical form.
UNMISTAKABLE_PAIRS = (
    *(("yes", "no"), ("y", "n"), ("true", "false"), ("t", "f"), ("on", "off")),
    *(("1", "0"), ("positive", "negative"), ("pos", "neg"), ("+", "-"), ("1", "-1")),
)
# How a label is told that YAML has read as a truth value.
READ_BY_YAML = {
    True: "true (as YAML reads a bare yes, on or true)",
    False: "false (as YAML reads a bare no, off or false)",
}


def target_classes(
    texts: pd.Series, settings: dict, tokens: frozenset[str]
) -> tuple[list[str], list[str]]:
    """Return the target's labels that mean 1 and those that mean 0.

    Labels that differ in upper and lower case or in how a number is written are one class.
    """
    target = str(settings["target"])
    counts = cells.strip(texts).value_counts()
    spellings: dict[str, list[str]] = {}
    for label in counts.index:
        spellings.setdefault(cells.canonical(label), []).append(label)
    yes, no = (
        _named_classes(settings.get(key), spellings, key, target)
        for key in ("positive", "negative")
    )
    # What the user calls a class is one, even if it looks like a marker; so is - beside +.
    answers = yes | no | ({"+", "-"} if "+" in spellings else set())
    labels = pd.Series(list(spellings), dtype="str")
    gone = cells.is_missing(labels, cells.MISSING_TOKENS | tokens) & ~labels.isin(answers)
    classes = set(labels[~gone])
    shown = _shown_classes(spellings, counts, classes)
    if len(classes) < 2:
        what = "no values" if not classes else "one class only"
        raise InputError(
            f"the target '{target}' has {what}: {shown}; expected a yes/no column with rows of both"
        )
    if yes & no or classes in (yes, no):
        raise InputError(
            f"the target '{target}' has {shown}; `positive` must name some of these and `negative` others"
        )
    yes, no = _yes_and_no(classes, yes, no)
    if not (yes or no) and len(classes) == 2:
        raise InputError(
            f"which value of the target '{target}' is the yes? It has {shown}; "
            "say so with `positive:` (`--positive` on a command line)"
        )
    if not yes or not no or yes | no != classes:
        unnamed = [labels[0] for name, labels in spellings.items() if name in classes - yes - no]
        left = f"Neither `positive` nor `negative` names {quoted(unnamed)}. " if yes or no else ""
        raise InputError(
            f"the target '{target}' has {len(classes):,} different values, expected two: {shown}. "
            f"{left}Name a yes/no column, or say which labels mean yes and no with `positive:` and "
            "`negative:` (each may be a list; `--positive` and `--negative` on a command line) and "
            "which mean unknown with `missing_values:`"
        )
    return (
        sorted(label for name in yes for label in spellings[name]),
        sorted(label for name in no for label in spellings[name]),
    )


def _named_classes(
    declared: object, spellings: Mapping[str, list[str]], key: str, target: str
) -> set[str]:
    """Return the classes that `positive` or `negative` in the config names.

    `positive: 1` means the label "1.0" too, and `positive: Yes`, which YAML reads as true, "Yes".
    """
    if declared is None:
        return set()
    values = declared if isinstance(declared, list | tuple) else [declared]
    named = {cells.canonical(text) for value in values for text in texts_of(value)}
    if not named & spellings.keys():
        found = quoted(labels[0] for labels in spellings.values())
        only = ", one class only; a yes/no column needs rows of both" if len(spellings) == 1 else ""
        labels = [label for spelled in spellings.values() for label in spelled]
        written = ", ".join(READ_BY_YAML[v] if isinstance(v, bool) else str(v) for v in values)
        close = did_you_mean(f"'{label}'" for label in similar(str(values[0]), labels, n=1))
        raise InputError(
            f"`{key}: {written}` is no value of the target '{target}'; it has "
            f"{found}{only}" + (f"; {close}" if close else "")
        )
    return named & spellings.keys()


def texts_of(value: object) -> list[str]:
    """Return the texts that a label given in the config may have in a table.

    YAML reads Yes, on and true alike, so a truth value stands for every spelling of it.
    """
    if isinstance(value, bool):
        return [text for text, meaning in cells.BOOLEANS.items() if meaning == value]
    return cells.strip(pd.Series([str(value)], dtype="str")).tolist()


def _yes_and_no(classes: set[str], yes: set[str], no: set[str]) -> tuple[set[str], set[str]]:
    """Return which classes mean 1 and which 0, from what was named or an unmistakable pair."""
    if not yes and not no:
        pairs = (pair for pair in UNMISTAKABLE_PAIRS if classes == set(pair))
        return next((({first}, {second}) for first, second in pairs), (yes, no))
    # Of two classes, naming one is enough; of more, the rest may be a class or anything.
    rest = classes - yes - no
    if len(rest) == 1 and not (yes and no):
        return yes or rest, no or rest
    return yes, no


def _shown_classes(spellings: Mapping[str, list[str]], counts: pd.Series, classes: set[str]) -> str:
    """Return a target's labels and their frequencies as a message shows them."""
    of_classes = [labels for name, labels in spellings.items() if name in classes]
    rows = [f"'{labels[0]}' ({plural(counts[labels].sum(), 'row')})" for labels in of_classes]
    shown = listed(rows, SHOWN_LABELS)
    gone = [label for label in counts.index if cells.canonical(label) not in classes]
    return f"{shown} (read as missing: {quoted(gone)})".strip() if gone else shown
