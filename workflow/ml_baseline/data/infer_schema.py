"""Finding out the input schema of a raw table: what each column is, and how it is to be read.

`infer_schema` looks at a raw table and decides how each column is to be read. It looks at how the
cells are written and never at how they relate to the target or to each other. `clean` then
follows the schema row by row, so new rows are read exactly as the first ones were.
"""

import re
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from ml_baseline.data import cells
from ml_baseline.data.schema import KEPT_ROLES, NUMERIC_KINDS, listed, names_of
from ml_baseline.errors import InputError, did_you_mean, similar

# Columns that the workflow adds; a raw column of that name gets "_raw" behind it.
RESERVED_NAMES = ("row_id", "copy")
# Roles of the columns that are learned from or sorted by, so that it matters what they mean.
READ_ROLES = ("time", "feature")
DATE_PARTS = ("year", "month", "day", "weekday", "hour")
# A column whose dates are written in more ways than this is hardly one of dates.
MIXED_DATE_FORMATS = 3
# Names of columns that were none's idea: ours, and the one that pandas writes for an index.
UNNAMED = re.compile(r"unnamed_\d+_*|Unnamed: \d+")

# From so many different values on, numbers are quantities; fewer may be the labels of a few groups.
MANY_NUMBERS = 10
# What stands between many different numbers and is none: up to so many different words, however
# frequent, are markers of missing values; more of them must be rare, as typing errors are.
MARKER_WORDS = 3
UNPARSABLE_SHARE = 0.1
# What is no number but holds a digit or is a single letter ("12b", "1.2.3", "K") speaks for codes.
# So few of them, or a single one, are typing errors.
CODE_LIKE_SHARE = 0.02
# Bounds such as 90+ are numbers at the end of a scale; where they are half of it, it is of labels.
BOUND_SHARE = 0.5
# Leading zeros make a column one of codes (postal codes, articles); one in a thousand is a slip.
LEADING_ZERO_SHARE = 0.001
# Integers below this are exact as floats.
EXACT_INTEGERS = 2.0**53
# A format of dates must read nearly all cells, and a unit stand behind them: the others are markers
# and typing errors.
DATE_SHARE = 0.9
UNIT_SHARE = 0.9
# At least so many cells of a column of dates look like dates at a glance.
GLANCE_SHARE = 0.5
# How many cells are asked, evenly spread over the column, whether a guess is worth a try, and how
# many decide what most cells decide. The rest is read cell by cell in any case.
FEW_CELLS = 200
ENOUGH_CELLS = 10_000
# Years that a number such as 20240131 may begin with to be a date.
COMPACT_DATE = r"(?:19|20)\d{6}$"
# Numbers that devices and databases write for a missing value: nines with a minus, and the -200 of
# air quality stations. They are so taken where they repeat and nothing comes near them.
SENTINELS = (-9.0, -99.0, -999.0, -9999.0, -99999.0, -999999.0, -200.0)
SENTINEL_ROWS = 5
# A column of texts that differ in nearly all of this many rows or more names the rows: an id.
ID_ROWS = 50
ID_SHARE = 0.95

# Labels of a target that leave no doubt which is the yes, in canonical form.
UNMISTAKABLE_PAIRS = (
    ("yes", "no"),
    ("y", "n"),
    ("true", "false"),
    ("t", "f"),
    ("on", "off"),
    ("1", "0"),
    ("positive", "negative"),
    ("pos", "neg"),
    ("+", "-"),
    ("1", "-1"),
)
SHOWN_LABELS = 8


def infer_schema(raw: pd.DataFrame, settings: dict, dataset: str = "") -> dict:
    """Return the input schema of a raw table.

    Args:
        raw: shape (rows, columns), every cell text, as `tables.read_raw_table` gives it.
        settings: the table's settings: `target`, and if wanted `positive`, `negative`, `id`,
            `drop`, `forbidden`, `group`, `time`, `categorical`, `encode`, `dates`, `decimal`,
            `missing_values`.
        dataset: the table's name.

    Returns:
        `dataset`, `target`, `positive` and `negative` (the labels in the raw table that mean 1
        and 0), `missing_values` (what means missing in this table beside the usual tokens), and
        `columns`: for each its `name` in the cleaned table, `role`, `kind`, `source` (its name in
        the raw table) and how to read it:

        * `decimal`: the decimal sign, if not a point; `unit`: what stands behind each number
        * `missing_numbers`: numbers that mean missing
        * `date_formats`, `part`: how dates are written, and which part of them this column is
        * `encode`, `categories`, `labels`: the code of each label, the codes, a label for each
        * `spellings`: for labels that differ in upper and lower case only, the one to use
        * `answers`: usual missing tokens that are none here

        Columns set aside are text as it came. What only a look at all cells tells (range,
        categories, nullability) is added by `describe_columns` once the table is clean.

    Raises:
        InputError: a column named in the settings is not in the table or cannot be read as they
            say, or the target does not have two clear classes.
    """
    roles = _roles(raw, settings)
    declared = pd.Series(names_of(settings.get("missing_values")), dtype="str")
    tokens = frozenset(cells.strip(declared).str.lower())
    positive, negative = _classes(raw[str(settings["target"])], settings, tokens)
    present, answers = {}, {}
    for name in [name for name, role in roles.items() if role in READ_ROLES]:
        present[name], answers[name] = _present(raw[name], tokens)
    decimal = settings.get("decimal") or _usual_decimal(present.values())
    numbers = cells.parse_numbers(pd.Series(sorted(tokens), dtype="str"))[0].dropna().tolist()
    entries = []
    features = sum(role == "feature" for role in roles.values())
    for name, role in roles.items():
        readings = [{"kind": "boolean" if role == "target" else "category"}]
        if role in READ_ROLES:
            texts = present.pop(name)
            readings = _readings(name, texts, role, settings, decimal)
            if role == "feature" and readings[0]["kind"] == "category" and features > 1:
                declared_so = name in names_of(settings.get("categorical"))
                role = "feature" if declared_so or not _names_each_row(texts, len(raw)) else "id"
        for reading in readings:
            entry = {"name": name, "role": role, "source": name} | reading
            if numbers and entry["kind"] in NUMERIC_KINDS and "part" not in entry:
                entry["missing_numbers"] = sorted({*numbers, *entry.get("missing_numbers", ())})
            if answers.get(name):
                entry["answers"] = answers[name]
            entries.append(entry)
    _make_names_unique(entries)
    return {
        "dataset": dataset,
        "target": next(entry["name"] for entry in entries if entry["role"] == "target"),
        "positive": positive,
        "negative": negative,
        "missing_values": sorted(tokens),
        "columns": entries,
    }


def describe_columns(schema: dict, table: pd.DataFrame) -> dict:
    """Return the schema with each column's nullability, range and categories as `table` has them.

    Args:
        schema: as `infer_schema` gives it.
        table: the cleaned table of that schema.
    """
    columns = []
    for entry in schema["columns"]:
        if entry["role"] not in KEPT_ROLES:
            columns.append(entry)
            continue
        values = table[entry["name"]]
        missing = int(values.isna().sum())
        found: dict = {"nullable": missing > 0, "missing": missing}
        if entry["kind"] in NUMERIC_KINDS and missing < len(values):
            exact = int if entry["kind"] == "integer" else float
            found |= {"minimum": exact(values.min()), "maximum": exact(values.max())}
        elif entry["kind"] == "category" and entry["role"] == "feature":
            found |= {"categories": sorted(values.dropna().unique().tolist())}
        columns.append(entry | found)
    return schema | {"rows": len(table), "columns": columns}


def _roles(raw: pd.DataFrame, settings: dict) -> dict[str, str]:
    """Return each raw column's role, in the order of the columns."""
    roles = dict.fromkeys(raw.columns, "feature")
    named = set()
    for key in ("drop", "forbidden", "id", "group", "time", "target"):
        for name in names_of(settings.get(key)):
            if name not in roles:
                raise _unknown_column(raw, name, key)
            if key == "target" and name in named:
                raise InputError(
                    f"the target '{name}' is also named under `{roles[name]}`; take it out there"
                )
            roles[name] = key
            named.add(name)
    for key in ("categorical", "encode", "dates"):
        for name in _per_column(settings, key):
            if name not in roles:
                raise _unknown_column(raw, name, key)
            named.add(name)
    for name in raw.columns:
        if name not in named and UNNAMED.fullmatch(name) and _names_rows(raw[name]):
            roles[name] = "drop"
    if "feature" not in roles.values():
        raise InputError(
            "no column is left to predict from: all are target, id, group, time, drop or "
            "forbidden, or numbers of rows; the columns are: " + listed(roles)
        )
    return roles


def _names_each_row(present: pd.Series, rows: int) -> bool:
    """Return whether a column of texts has another one in (nearly) every row, as ids have."""
    return len(present) >= ID_ROWS and present.nunique() >= ID_SHARE * rows


def _per_column(settings: dict, key: str) -> dict[str, object]:
    """Return what the settings say under `key`, by column name."""
    value = settings.get(key)
    if isinstance(value, Mapping):
        return {str(name): value[name] for name in value}
    return dict.fromkeys(names_of(value))


def _names_rows(texts: pd.Series) -> bool:
    """Return whether a column without a name is what exports add: row numbers, or nothing."""
    texts = cells.strip(texts)
    if cells.is_missing(texts).all():
        return True
    numbers, _ = cells.parse_numbers(texts)
    return bool((numbers % 1 == 0).all() and numbers.is_unique)


def _quoted(labels: Iterable[str]) -> str:
    return listed([f"'{label}'" for label in labels], SHOWN_LABELS)


def _unknown_column(raw: pd.DataFrame, name: str, key: str) -> InputError:
    names = list(raw.columns)
    close = [f"'{known}'" for known in similar(name, names, n=3)]
    if len(names) == 1:
        advice = "if these are several columns in one, set `separator`"
    else:
        advice = "if these are values, put a header line above them"
    return InputError(
        f"`{key}` names the column '{name}', which is not among the table's columns "
        f"({listed(names)}); {did_you_mean(close, advice)}"
    )


def _make_names_unique(entries: list[dict]) -> None:
    """Rename columns that are called like ours, and parts of dates called like other columns."""
    sources = {entry["source"] for entry in entries}
    taken = {*RESERVED_NAMES, *(name for name in sources if name not in RESERVED_NAMES)}
    for entry in entries:
        suffix = "_part" if "part" in entry else "_raw"
        if entry["name"] == entry["source"] and entry["name"] not in RESERVED_NAMES:
            continue
        while entry["name"] in taken:
            entry["name"] += suffix
        taken.add(entry["name"])


def _classes(
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
    named = {
        key: _named_classes(settings.get(key), spellings, key, target)
        for key in ("positive", "negative")
    }
    # What the user calls a class is one, even if it looks like a marker; so is - beside +.
    answers = named["positive"] | named["negative"] | ({"+", "-"} if "+" in spellings else set())
    labels = pd.Series(list(spellings), dtype="str")
    gone = cells.is_missing(labels, cells.MISSING_TOKENS | tokens) & ~labels.isin(answers)
    classes = set(labels[~gone])
    shown = _shown_classes(spellings, counts, classes)
    if len(classes) < 2:
        what = "no values" if not classes else "one class only"
        raise InputError(
            f"the target '{target}' has {what}: {shown}; expected a yes/no column with rows of both"
        )
    if named["positive"] & named["negative"] or classes in named.values():
        raise InputError(
            f"the target '{target}' has {shown}; `positive` must name some of these and `negative` "
            "others"
        )
    yes, no = _yes_and_no(classes, named["positive"], named["negative"])
    if not (yes or no) and len(classes) == 2:
        raise InputError(
            f"which value of the target '{target}' is the yes? It has {shown}; "
            "say so with `positive:`"
        )
    if not yes or not no or yes | no != classes:
        raise InputError(
            f"the target '{target}' has {len(classes):,} different values, expected two: {shown}. "
            "Name a yes/no column, or say which labels mean yes and no with `positive:` and "
            "`negative:` (each may be a list) and which mean unknown with `missing_values:`"
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
    named = {cells.canonical(text) for value in values for text in _texts(value)}
    if not named & spellings.keys():
        found = _quoted(labels[0] for labels in spellings.values())
        only = ", one class only; a yes/no column needs rows of both" if len(spellings) == 1 else ""
        raise InputError(
            f"`{key}: {', '.join(map(str, values))}` is no value of the target '{target}'; it has "
            f"{found}{only}"
        )
    return named & spellings.keys()


def _texts(value: object) -> list[str]:
    """Return the texts that a label given in the config may have in a table.

    YAML reads Yes, on and true alike, so a truth value stands for every spelling of it.
    """
    if isinstance(value, bool):
        return [text for text, meaning in cells.BOOLEANS.items() if meaning == value]
    return cells.strip(pd.Series([str(value)], dtype="str")).tolist()


def _yes_and_no(classes: set[str], yes: set[str], no: set[str]) -> tuple[set[str], set[str]]:
    """Return which classes mean 1 and which 0, from what was named or an unmistakable pair."""
    for pair in UNMISTAKABLE_PAIRS if not yes and not no else ():
        if classes == set(pair):
            return {pair[0]}, {pair[1]}
    # Of two classes, naming one is enough; of more, the rest may be a class or anything.
    if yes and not no and len(classes - yes) == 1:
        no = classes - yes
    elif no and not yes and len(classes - no) == 1:
        yes = classes - no
    return yes, no


def _shown_classes(spellings: Mapping[str, list[str]], counts: pd.Series, classes: set[str]) -> str:
    """Return a target's labels and their frequencies as a message shows them."""
    rows = counts.to_dict()
    shown = listed(
        [
            f"'{labels[0]}' ({sum(rows[label] for label in labels):,} rows)"
            for name, labels in spellings.items()
            if name in classes
        ],
        SHOWN_LABELS,
    )
    gone = [label for label in rows if cells.canonical(label) not in classes]
    return f"{shown} (read as missing: {_quoted(gone)})".strip() if gone else shown


def _present(texts: pd.Series, tokens: frozenset[str]) -> tuple[pd.Series, list[str]]:
    """Return the stripped cells that are not missing, and usual tokens that are answers here."""
    texts = cells.strip(texts)
    missing = cells.is_missing(texts, cells.MISSING_TOKENS | tokens)
    # A minus is a missing value, but not in a column of plus and minus.
    signs = {"+", "-"} <= set(texts[texts.str.len() == 1].unique()) and "-" not in tokens
    return (texts[~missing] if missing.any() else texts), ["-"] if signs else []


def _readings(name: str, present: pd.Series, role: str, settings: dict, decimal: str) -> list[dict]:
    """Return how a feature or time column is read: one entry, or one for each part of a date."""
    if role == "time" and present.empty:
        raise InputError(f"`time` names the column '{name}', which has no values; name another")
    encode = _per_column(settings, "encode").get(name)
    if encode is not None:
        return [_encode_entry(name, present, encode)]
    if name in names_of(settings.get("categorical")):
        return [_category_entry(present)]
    formats = _declared_formats(name, present, settings)
    if not formats and len(present) and _are_compact_dates(present):
        formats = [cells.COMPACT_DATE]
    if not formats:
        entry = _number_entry(present, decimal, bool(settings.get("decimal")))
        if entry is not None:
            return [entry]
        formats = _date_formats(present)
    if formats:
        return _date_entries(name, present, formats, role)
    if role == "time":
        raise InputError(
            f"`time` names the column '{name}', but its cells are neither numbers nor dates "
            f"(found '{present.iloc[0]}'); give their format: `dates: {{{name}: '%d %b %Y'}}`"
        )
    return [_category_entry(present)]


def _declared_formats(name: str, present: pd.Series, settings: dict) -> list[str]:
    date_format = _per_column(settings, "dates").get(name)
    if date_format is None:
        return []
    try:
        times = cells.parse_dates(present, [date_format])
    except ValueError as error:
        raise InputError(
            f"`dates` gives the column '{name}' the format '{date_format}', which is none: {error}"
        ) from error
    if len(times) and times.isna().all():
        raise InputError(
            f"`dates` gives the column '{name}' the format '{date_format}', which reads none of "
            f"its cells (found '{present.iloc[0]}'); give the format they are written in"
        )
    return [date_format]


def _encode_entry(name: str, present: pd.Series, encode: Mapping) -> dict:
    codes: dict[str, int] = {}
    labels: dict[str, str] = {}
    for label, code in encode.items():
        codes |= dict.fromkeys(_texts(label), code)
        labels.setdefault(str(code), _texts(label)[0])
    if len(present) and cells.encode(present, codes).isna().all():
        raise InputError(
            f"`encode` has codes for {_quoted(codes)} of the column '{name}', but the column has "
            f"{_quoted(present.unique())}; give codes for these labels"
        )
    categories = sorted(set(encode.values()))
    return {"kind": "code", "encode": codes, "categories": categories, "labels": labels}


def _category_entry(present: pd.Series) -> dict:
    """Return how a column of categories is read: as it is, with one spelling for each."""
    counts = present.value_counts()
    labels = pd.DataFrame({"label": counts.index.astype("str"), "rows": counts.to_numpy()})
    labels["folded"] = labels["label"].str.lower()
    # Single letters may be codes in which the case has a meaning.
    labels = labels[labels["folded"].duplicated(keep=False) & (labels["label"].str.len() > 1)]
    labels = labels.sort_values(["rows", "label"], ascending=[False, True])
    labels = labels.drop_duplicates("folded").sort_values("folded")
    spellings = dict(zip(labels["folded"], labels["label"], strict=True))
    return {"kind": "category"} | ({"spellings": spellings} if spellings else {})


def _number_entry(present: pd.Series, decimal: str, decimal_is_given: bool) -> dict | None:
    """Return how a column of booleans or numbers is read, None if it is none.

    Args:
        present: the stripped cells that are not missing.
        decimal: the decimal sign to assume where the cells do not tell.
        decimal_is_given: whether to assume it even where they do.
    """
    if present.empty:
        return {"kind": "number"}
    if cells.are_booleans(present):
        return {"kind": "boolean"}
    unit, bare = "", present
    numbers = cells.plain_numbers(present) if decimal == "." else None
    if numbers is None:
        if not decimal_is_given:
            decimal = _decimal(present) or decimal
        numbers = _quantities(present, decimal)
    if numbers is None:
        unit = _unit(present)
        bare = cells.without_unit(present, unit)
        numbers = _quantities(bare, decimal) if unit else None
    if numbers is None or numbers.isna().all() or (unit and numbers.nunique() < MANY_NUMBERS):
        return None
    numbers = numbers.dropna()
    whole = (numbers == np.floor(numbers)).all() and numbers.abs().max() < EXACT_INTEGERS
    if whole and bare.str.match(r"0\d").mean() > LEADING_ZERO_SHARE:
        return None
    entry: dict = {"kind": "integer" if whole else "number"}
    if decimal != ".":
        entry["decimal"] = decimal
    if unit:
        entry["unit"] = unit
    sentinels = _sentinels(numbers)
    if sentinels:
        entry["missing_numbers"] = sentinels
    return entry


def _quantities(texts: pd.Series, decimal: str) -> pd.Series | None:
    """Return the numbers among cells that are quantities, None if they are labels."""
    numbers, repaired = cells.parse_numbers(texts, decimal)
    if numbers.isna().all():
        return None
    bounds = texts.str.contains(r"^[<>≤≥]|\+$").mean() if repaired else 0.0
    junk = texts[numbers.isna()]
    junk = junk[~junk.str.lower().isin(cells.MISSING_WORDS)]
    if not bounds and junk.empty:
        return numbers
    code_like = junk.str.contains(r"\d|^.$")
    words = junk[~code_like]
    few_words = words.nunique() <= MARKER_WORDS or len(words) <= UNPARSABLE_SHARE * len(texts)
    many_numbers = numbers.nunique() >= MANY_NUMBERS
    few_codes = code_like.sum() <= max(1, CODE_LIKE_SHARE * len(texts))
    return numbers if many_numbers and few_words and few_codes and bounds <= BOUND_SHARE else None


def _sentinels(numbers: pd.Series) -> list[float]:
    """Return those of `SENTINELS` that mark missing values among numbers without gaps."""
    if numbers.min() > max(SENTINELS):
        return []
    repeated = [value for value in SENTINELS if (numbers == value).sum() >= SENTINEL_ROWS]
    others = numbers[~numbers.isin(repeated)]
    if not repeated or others.nunique() < MANY_NUMBERS:
        return []
    low, high = others.min(), others.max()
    # Where negative numbers occur, only what is farther off than they are from each other.
    return [value for value in repeated if low >= 0 or low - value > high - low]


# Numbers that can be read with one decimal sign only: 0,5 and 1.234,5 and 1.234.567, and the same
# with point and comma exchanged. 1,234 is open. Before and behind, what money and percent add.
def _telling(sign: str, gap: str) -> str:
    number = (
        rf"\d{{1,3}}(?:{gap}\d{{3}})+{sign}\d*|0{sign}\d+|\d*{sign}(?:\d{{0,2}}|\d{{4,}})"
        rf"|\d{{1,3}}(?:{gap}\d{{3}}){{2,}}"
    )
    return rf"^[^\w.,]*(?:{number})(?:[eE][+-]?\d+)?[^\d.,]*$"


TELLING = {".": _telling(r"\.", ","), ",": _telling(",", r"\.")}
THOUSANDS = {
    ".": r"^[^\w.,]*[1-9]\d{0,2},\d{3}[^\d.,]*$",
    ",": r"^[^\w.,]*[1-9]\d{0,2}\.\d{3}[^\d.,]*$",
}
BELOW_THOUSAND = r"^[^\w.,]*\d{1,3}[^\d.,]*$"
FEW_GROUPED = 3


def _decimal(texts: pd.Series) -> str | None:
    """Return the decimal sign that more cells tell, None if none does or as many tell both."""
    texts = _sample(texts, ENOUGH_CELLS)
    told = {sign: texts.str.contains(pattern).sum() for sign, pattern in TELLING.items()}
    if told["."] != told[","]:
        return max(told, key=told.get)
    if told["."]:
        return None
    # $974 and $19,190: three digits behind every sign, and no plain number that would have one.
    plain = texts.str.contains(BELOW_THOUSAND)
    for sign, grouped in THOUSANDS.items():
        matches = texts.str.contains(grouped)
        if plain.any() and matches.sum() >= FEW_GROUPED and (plain | matches).all():
            return sign
    return None


def _usual_decimal(columns: Iterable[pd.Series]) -> str:
    """Return the decimal sign of a table, by which columns of numbers such as 1.234 are read."""
    samples = [_sample(texts, FEW_CELLS) for texts in columns]
    with_comma = [texts.str.contains(",", regex=False).any() for texts in samples]
    if not any(with_comma):
        return "."
    signs = [_decimal(texts) for texts in samples]
    return "," if signs.count(",") > signs.count(".") else "."


def _unit(texts: pd.Series) -> str:
    """Return what stands behind nearly all numbers, such as "kg", "" if nothing does."""
    sample = _sample(texts.drop_duplicates(), FEW_CELLS)
    units = sample.str.extract(r"\d\s*([^\s\d.,+%)]+)$", expand=False).value_counts()
    if units.empty or units.iloc[0] < UNIT_SHARE * len(sample):
        return ""
    return str(units.index[0])


def _date_formats(present: pd.Series) -> list[str]:
    """Return the formats that together read nearly all cells, the one that reads most first.

    Of formats that read equally many the first of `cells.DATE_FORMATS`; none if the cells are no
    dates.
    """
    few = _sample(present.drop_duplicates(), FEW_CELLS)
    # Most columns of text are told by a glance: dates have digits beside what parts them.
    if few.str.contains(r"\d[-/.:, T]|[-/.:, T]\d").mean() < GLANCE_SHARE:
        return []
    candidates = [
        date_format
        for date_format in cells.DATE_FORMATS
        if cells.parse_dates(few, [date_format]).notna().any()
    ]
    unread = sample = _sample(present, ENOUGH_CELLS)
    chosen = []
    while candidates and len(chosen) < MIXED_DATE_FORMATS:
        best, unread = _best_date_format(unread, candidates)
        candidates.remove(best)
        chosen.append(best)
        if len(unread) <= (1 - DATE_SHARE) * len(sample):
            return chosen
    return []


def _best_date_format(texts: pd.Series, candidates: list[str]) -> tuple[str, pd.Series]:
    """Return the format that reads most cells, and the cells that it does not read."""
    best, left = candidates[0], texts
    for date_format in candidates:
        unread = texts[cells.parse_dates(texts, [date_format]).isna()]
        if len(unread) < len(left):
            best, left = date_format, unread
    return best, left


def _sample(texts: pd.Series, size: int) -> pd.Series:
    """Return up to `size` cells at equal distances: a sorted column shows all that it holds."""
    return texts.iloc[:: -(-len(texts) // size) or 1]


def _are_compact_dates(present: pd.Series) -> bool:
    """Return whether all cells are dates such as 20240131, and not just numbers."""
    if not re.fullmatch(COMPACT_DATE, present.iloc[0]) or not present.str.match(COMPACT_DATE).all():
        return False
    times = cells.parse_dates(present, [cells.COMPACT_DATE])
    return bool(times.notna().all() and times.nunique() >= MANY_NUMBERS)


def _date_entries(name: str, present: pd.Series, formats: list[str], role: str) -> list[dict]:
    """Return how the parts of a date column are read that its format has."""
    if role == "time":
        return [{"kind": "number", "date_formats": formats, "part": "days"}]
    times = cells.parse_dates(_sample(present, ENOUGH_CELLS), formats).dropna()
    if any(re.search("%[YyGcxD]|ISO", date_format) for date_format in formats):
        has_hours = (times.dt.normalize() != times).any()
        parts = dict.fromkeys(DATE_PARTS if has_hours else DATE_PARTS[:-1], "integer")
    else:
        parts = {"hours": "number"}  # a time of day
    return [
        {"name": f"{name}_{part}", "kind": kind, "date_formats": formats, "part": part}
        for part, kind in parts.items()
    ]
