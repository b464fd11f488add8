"""Whether a column holds numbers or booleans, and how they are written."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml_baseline.data import cells
from ml_baseline.data.schema import listed

# From so many different values on, numbers are quantities; fewer may be the labels of a few groups.
MANY_NUMBERS = 10
# What stands between many different numbers and is none: up to so many different words, however
# frequent, are markers of missing values; more of them must be rare, as typing errors are.
MARKER_WORDS = 3
UNPARSABLE_SHARE = 0.1
# What is no number but holds a digit or is a single letter ("12b", "1.2.3", "K") speaks for codes.
# So few of them, or a single one, are typing errors; so many of a few cells are more than that.
CODE_LIKE_SHARE, CODE_LIKE_GLANCE = 0.02, 0.5
# One letter, always the same, marks gaps in so many cells at most; more of it is a level.
ONE_MARKER_SHARE = 0.2
# So many numbers have a letter behind a blank that says "provisional", at most.
FLAGGED_SHARE = 0.2
# Bounds such as 90+ are numbers at the end of a scale; where they are half of it, it is of labels.
BOUND, BOUND_SHARE = r"^[<>≤≥]|\+$", 0.5
# Leading zeros make a column one of codes (postal codes, articles); one in a thousand is a slip.
LEADING_ZERO_SHARE = 0.001
# Integers below this are exact as floats.
EXACT_INTEGERS = 2.0**53
UNIT_SHARE = 0.9
# So many numbers of a column of codes are different.
CODES_SHARE = 0.95
# Numbers that devices and databases write for a missing value: nines with a minus, and the -200 of
# air quality stations. They are so taken where they repeat and nothing comes near them.
SENTINELS = (-9.0, -99.0, -999.0, -9999.0, -99999.0, -999999.0, -200.0)
# Among whole numbers this one may be a refund.
NOT_AMONG_WHOLE = -200.0
SENTINEL_ROWS = 5
# Far from a few answers this one stands for none, too.
NINES = 99.0
# What may be the unit of a number: not the end of a code, as in 563-B, but of a rate, as in 120/h.
UNIT_BEHIND = r"\d\s*(/[dhmswy]|(?![-_/#:](?:[A-Z]+|\w)$)[^\s\d.,+%)]+)$"
# What behind whole numbers may be part of a code, as in 563B: one or two letters that are no usual unit.
MAYBE_NO_UNIT = re.compile(
    r"(?!(?:[mglLshdwytWVkKM]|[KMGT]B|[KMG]W|KG|[CKM]M|ML|CC|HP|PS|FT|LB|OZ)$)(?:[A-Za-z]|[A-Z]{2})"
)
# What numbers of one column in several units have beside digits, and how many units it may be.
UNITS, MOST_UNITS = rf"(?:{cells.CURRENCIES}|[a-z]{{2,3}}|%|°[CF])?", 5
# What stands behind numbers and is no unit.
NO_UNITS = ("st", "nd", "rd", "th", "am", "pm")
# Digits such as 999 or 666 may stand for missing where nothing comes near them, measured by the
# spread of all others; another number only where it is farther off than they are from each other.
STRANGE_ROWS, MOST_STRANGE = 3, 3
REPEATED_DIGIT, NEAR, FAR = re.compile(r"-?(\d)\1{2,}(?:\.\d+)?"), 0.1, 1.0
# What money and percent add before and behind a number.
BEFORE, BEHIND = rf"^(?:[^\w.,]|{cells.CURRENCIES})*", r"[^\d.,]*$"


def _telling(sign: str, gap: str) -> str:
    """Return the pattern of numbers that can be read with one decimal sign only.

    For the comma 0,5 and 1.234,5 and 1.234.567; but 1,234 is open.
    """
    number = (
        rf"\d{{1,3}}(?:{gap}\d{{3}})+{sign}\d*|\d{{1,3}}(?:[{cells.SPACES}'’]\d{{3}})+{sign}\d+"
        rf"|0{sign}\d+|\d*{sign}(?:\d{{0,2}}|\d{{4,}})|\d{{4,}}{sign}\d*|\d{{1,3}}(?:{gap}\d{{3}}){{2,}}"
    )
    return rf"{BEFORE}(?:{number})(?:[eE][+-]?\d+)?{BEHIND}"


TELLING = {".": _telling(r"\.", ","), ",": _telling(",", r"\.")}
THOUSANDS = {
    decimal: rf"{BEFORE}[1-9]\d{{0,2}}{gap}\d{{3}}{BEHIND}"
    for decimal, gap in ((".", ","), (",", r"\."))
}
BESIDE_DIGITS = rf"\s{cells.SPACES}.,'’_()%+\-−–<>=≤≥"
BELOW_THOUSAND = rf"{BEFORE}\d{{1,3}}{BEHIND}"
WHOLE = rf"{BEFORE}\d+{BEHIND}"
# Beside whole numbers without a sign no program writes such zeros behind one.
PADDED = rf"{BEFORE}\d{{1,3}}[.,]\d\d0{BEHIND}"
FEW_GROUPED = 3
DOTTED_DATE = r"\d{1,2}\.\d{1,2}\.\d{2}(?:\d\d)?\b"
# Cells that are all like the one are codes if one of them is like the other: (1), 48E17, telephone
# and card numbers, which as floats would not all be exact.
CODES = {
    r"\(\d{1,3}\)": r"\(",
    r"\+\d{8,15}": r"\+",
    r"\d{16,}": r"\d{17}|^9\d{15}",
    r"\d+(?:[eE]\d+)?": r"[eE]",
}
VERSION = r"\d{1,3}\.(?:0|[1-9]\d?)"
ANSWERS = r"[1-9](?:,[1-9])*"


def number_entry(
    present: pd.Series, decimal: str, decimal_is_given: bool, separator: str | None, european: int
) -> dict | None:
    """Return how a column of booleans or numbers is read, None if it is none.

    `decimal` is assumed where the stripped cells do not tell the sign, or, if it is given, always.
    In a table that looks `european` (see `usual_decimal`) 1.234 may be a thousand.
    """
    if present.empty:
        return {"kind": "number"}
    if cells.are_booleans(present):
        return {"kind": "boolean"}
    numbers, distinct = None, present
    if not decimal_is_given or decimal == ".":
        numbers = cells.plain_numbers(present)
        # What every program writes so is that number, unless all cells may be thousands and the
        # rest of the table has decimal commas.
        if numbers is not None and decimal == "," and not are_thousands(present, decimal, 1):
            decimal = "."
    how: dict = {}
    if numbers is None or decimal != ".":
        distinct = present.drop_duplicates()
        if not distinct.str.contains(r"\d").any():  # most columns of text are told by a glance
            return None
        if not decimal_is_given:
            usual, decimal = decimal, _decimal(present) or decimal
            if (usual, decimal) == (".", ",") and _are_answers(distinct, separator):
                return None
        for how in _ways(present, distinct, decimal):
            numbers = _quantities(present, how)
            if numbers is not None:
                break
    if numbers is None or numbers.isna().all() or _are_codes(present):
        return None
    if unit := how.get("unit"):
        # Codes differ in each row, quantities that are whole hardly do.
        are_codes = len(unit) == 1 and maybe_no_unit(unit, numbers)
        are_codes = are_codes and numbers.nunique() >= CODES_SHARE * len(numbers)
        if are_codes or numbers.nunique() < MANY_NUMBERS:
            return None
    numbers = numbers.dropna()
    entry = _number_kind(numbers) | how
    sentinels = _sentinels(numbers)
    if distinct is present and not decimal_is_given:
        others = present[~numbers.isin(sentinels)] if sentinels else present
        entry |= {"open": True} if _is_open(others, european) else {}
    return entry | ({"missing_numbers": sentinels} if sentinels else {})


def read_as_numbers(present: pd.Series, decimal: str, unit: str | None = None) -> dict | None:
    """Return the way to read a column as numbers that reads most of its cells, None if none does.

    Whether they look like numbers is not asked. `decimal` is assumed where they do not tell; all
    numbers are in the `unit`, if one is given, whether they have it or not.
    """
    if present.empty:
        return {"kind": "number"}
    ways = list(_ways(present, present.drop_duplicates(), decimal))
    if unit is not None:
        sign = {} if decimal == "." else {"decimal": decimal}
        ways = [sign | ({"percent": "all"} if unit == "%" else {"unit": unit})]
    read = [cells.read_numbers(present, how)[0].dropna() for how in ways]
    best = max(range(len(ways)), key=lambda i: len(read[i]))
    return _number_kind(read[best]) | ways[best] if len(read[best]) else None


def maybe_no_unit(unit: str, numbers: pd.Series) -> bool:
    """Return whether what stands behind numbers may be part of a code instead, as in 563B."""
    return bool(MAYBE_NO_UNIT.fullmatch(unit) and (numbers.dropna() % 1 == 0).all())


def _number_kind(numbers: pd.Series) -> dict:
    whole = (numbers == np.floor(numbers)).all() and numbers.abs().max() < EXACT_INTEGERS
    return {"kind": "integer" if whole else "number"}


def _ways(present: pd.Series, distinct: pd.Series, decimal: str) -> Iterator[dict]:
    """Yield the ways to read a column of numbers, the plainest first."""
    how: dict = {} if decimal == "." else {"decimal": decimal}
    if distinct.str.contains("%", regex=False).any():
        percent = present.str.contains("%", regex=False)
        bare = cells.parse_numbers(present[~percent], decimal)[0]
        if percent.all():
            how |= {"percent": "all", "bare": False}
        elif percent.mean() > 0.5 and (bare.abs() > 1).any():
            how["percent"] = "all"
    yield how
    if distinct.str.match(cells.SCALED).any():
        scaled = present.str.extract(cells.SCALED)[1]
        # One and the same letter behind all of them may be any unit, and so may one behind whole numbers
        # that does not go on where the bare ones end: 12B and 14 are houses.
        bare = cells.parse_numbers(present[scaled.isna()], decimal)[0].abs().max()
        goes_on = bare * 1e3 >= scaled.map(cells.SCALES).min()
        goes_on |= scaled.isna().any() and present[scaled.notna()].str.contains(r"\d[.,]\d").any()
        if scaled.nunique() > 1 or goes_on:
            yield how | {"scales": True}
    if unit := _unit(distinct):
        all_have_it = present.str.endswith(unit).all()
        yield how | {"unit": unit} | ({"bare": False} if all_have_it else {})
    if 0 < present.str.match(cells.FLAG).mean() <= FLAGGED_SHARE:
        yield how | {"flags": True}


def _are_answers(distinct: pd.Series, separator: str | None) -> bool:
    """Return whether few different cells with commas may be lists: 1,2 for the first and second."""
    if len(distinct) >= MANY_NUMBERS or separator == ";":
        return False
    return separator == "," or bool(distinct.str.fullmatch(ANSWERS).all())


def _is_open(texts: pd.Series, european: int) -> bool:
    """Return whether numbers written as programs do, such as 1.234 and 950, may be thousands."""
    few = cells.sample(texts, cells.FEW_CELLS)  # most columns tell at a glance
    if not all(_are_grouped(some, ",", WHOLE) for some in (few, texts)):
        return False
    if european > 0 or texts.str.contains(PADDED).any():
        return european > 0 or texts.str.contains(WHOLE).any()
    # Where nothing else tells, 927 beside 2.217 and 3.756 does, and 1 beside 1.333 does not.
    sizes, whole = texts.astype("float64").abs(), texts.str.contains(WHOLE)
    several = european == 0 or texts[whole].nunique() > 1
    return bool(several and sizes[whole].min() > sizes[~whole].max())


def _are_grouped(texts: pd.Series, decimal: str, rest: str, fewest: int = 1) -> bool:
    """Return whether at least so many cells are like 1,234, and all others like the rest."""
    if texts.empty or not re.search(f"{THOUSANDS[decimal]}|{rest}", texts.iloc[0]):
        return False  # most columns are told by a glance
    grouped = texts.str.contains(THOUSANDS[decimal])
    return bool(grouped.sum() >= fewest and (grouped | texts.str.contains(rest)).all())


def _are_codes(present: pd.Series) -> bool:
    """Return whether what can be read as numbers are codes: 007, 48E17, (1)."""
    zeros = present[present.str.startswith("0")]
    if zeros.str.match(r"0\d").sum() > LEADING_ZERO_SHARE * len(present):
        return True
    few = cells.sample(present, cells.FEW_CELLS)
    for pattern, telling in CODES.items():
        glance = re.fullmatch(pattern, few.iloc[0]) and few.str.fullmatch(pattern).all()
        if glance and present.str.fullmatch(pattern).all():
            return bool(present.str.contains(telling).any())
    return _are_versions(few)


def _are_versions(few: pd.Series) -> bool:
    """Return whether cells count on behind the point: 1.1 and 1.10, and 1.9 or 1.11."""
    if not re.fullmatch(VERSION, few.iloc[0]) or not few.str.fullmatch(VERSION).all():
        return False
    found = {tuple(text.split(".")) for text in few}
    return any(
        (whole, part[0]) in found and {(whole, f"{int(part) + i}") for i in (-1, 1)} & found
        for whole, part in found
        if len(part) == 2 and part[1] == "0"
    )


def _quantities(texts: pd.Series, how: dict) -> pd.Series | None:
    """Return the numbers among cells that are quantities, None if they are labels."""
    # Most labels are told by a glance: level 1, 2024-01-31.
    few = cells.sample(texts, cells.FEW_CELLS)
    no_numbers = few[cells.read_numbers(few, how)[0].isna()]
    if no_numbers.str.contains(r"\d").sum() > CODE_LIKE_GLANCE * len(few):
        return None
    numbers, repaired = cells.read_numbers(texts, how)
    if repaired and _currencies(texts).nunique() > 1:
        return None  # dollars and euros are no one number
    if numbers.isna().all():
        return None
    bounds = texts.str.contains(BOUND).mean() if repaired else 0.0
    junk = texts[numbers.isna()]
    junk = junk[~junk.str.lower().isin(cells.MISSING_WORDS)]
    if not bounds and junk.empty:
        return numbers
    code_like = junk.str.contains(r"\d|^.$")
    if junk.nunique() == 1 and len(junk) <= ONE_MARKER_SHARE * len(texts):
        code_like &= junk.str.contains(r"\d")  # one and the same letter marks a gap
    words = junk[~code_like]
    few_words = words.nunique() <= MARKER_WORDS or len(words) <= UNPARSABLE_SHARE * len(texts)
    many_numbers = numbers.nunique() >= MANY_NUMBERS
    few_codes = code_like.sum() <= max(1, CODE_LIKE_SHARE * len(texts))
    return numbers if many_numbers and few_words and few_codes and bounds <= BOUND_SHARE else None


def signs_of(texts: pd.Series, entry: Mapping[str, Any]) -> list[str]:
    """Return what stands in numbers and changes what they mean: thousands sign, %, currencies."""
    gap = "," if entry.get("decimal", ".") == "." else "."
    found = [gap] * bool(texts.str.contains(rf"\d[{gap}]\d\d\d").any())
    found += ["%"] * bool(texts.str.contains("%", regex=False).any())
    return found + sorted(_currencies(texts).dropna().unique())


def _currencies(texts: pd.Series) -> pd.Series:
    """Return the currency of each cell, by its sign where it has one, null if there is none."""
    found = pc.extract_regex(pa.array(texts, pa.large_string()), f"(?P<sign>{cells.CURRENCIES})")
    signs = pd.Series(pc.struct_field(found, "sign").to_pandas(), texts.index, dtype="str")
    return signs.str.rstrip(".").replace(cells.CURRENCY_SIGNS) if signs.notna().any() else signs


def unlike_signs(texts: pd.Series, entry: Mapping[str, Any]) -> Iterator[tuple[str, pd.Series]]:
    """Yield what numbers of a column are to be, with a mask of cells that may mean another number.

    Which is so where the table that the schema was made of had no sign that they have: 51,010 where
    it had 51.01, 45% where it had 45, € where it had $. Whole numbers may be grouped in any case.
    """
    signs, decimal = entry.get("signs"), entry.get("decimal", ".")
    if signs is None:  # of a schema that does not know
        return
    gap = "," if decimal == "." else "."
    if gap not in signs and entry["kind"] == "number":
        yield f"a number without '{gap}' between its digits", texts.str.contains(THOUSANDS[decimal])
    if "%" not in signs:
        yield "a number without %", texts.str.contains("%", regex=False)
    known = [sign for sign in signs if sign not in (gap, "%")]
    # Most columns have one currency, and nothing else than it and numbers.
    if known and texts.str.contains(rf"[^\d{BESIDE_DIGITS}{re.escape(''.join(known))}]").any():
        found = _currencies(texts)
        yield f"a number in {listed(known)}", found.notna() & ~found.isin(known)


def _sentinels(numbers: pd.Series) -> list[float]:
    """Return those of `SENTINELS` that mark missing values among numbers without gaps."""
    if numbers.min() > max(SENTINELS):
        return []
    repeated = [value for value in SENTINELS if (numbers == value).sum() >= SENTINEL_ROWS]
    others = numbers[~numbers.isin(repeated)]
    if not repeated or others.nunique() < MANY_NUMBERS:
        return []
    if (others % 1 == 0).all():
        repeated = [value for value in repeated if value != NOT_AMONG_WHOLE]
    low, high = others.min(), others.max()
    # Where negative numbers occur, only what is farther off than they are from each other.
    return [value for value in repeated if low >= 0 or low - value > high - low]


def strange_numbers(numbers: pd.Series) -> dict[float, int]:
    """Return the largest and smallest numbers that look like markers, and how often they occur."""
    found: dict[float, int] = {}
    numbers = numbers.dropna().astype(f"{numbers.dtype.kind}8")  # differences need the space
    ends = [end for end in (numbers.max(), numbers.min()) if end != 0] if len(numbers) else []
    while ends and len(found) < MOST_STRANGE:
        number = ends.pop()
        is_it = numbers == number
        others = numbers[~is_it]
        if is_it.sum() < STRANGE_ROWS or len(others) < MANY_NUMBERS:
            continue
        low, high = others.min(), others.max()
        distance = (number - high if number > high else low - number) / max(high - low, 1e-300)
        alone = number < 0 <= low  # the only negative number
        repeated = REPEATED_DIGIT.fullmatch(f"{number:.15g}") is not None
        if not alone and distance <= (NEAR if repeated else FAR):
            continue
        different = others.nunique()
        usual = repeated or number in (*SENTINELS, NINES)  # beside few answers, only these
        if different >= MANY_NUMBERS or (usual and different > 1 and (alone or distance > FAR)):
            found[float(number)] = int(is_it.sum())
            numbers, ends = others, [high, *ends] if number > high else [*ends, low]
    return found


def have_units(texts: pd.Series) -> bool:
    """Return whether texts are numbers with a few different units or currencies, or with and without.

    Of a few texts only if these units measure: 1st, 5 am, 1 day and 2 days may be labels.
    """
    units = texts.str.replace(r"[\d.,\s+\-−]", "", regex=True)
    are_numbers = texts.str.match(rf"^(?:{cells.CURRENCIES})? ?[+\-−]?\d").all()
    if not (are_numbers and units.str.fullmatch(UNITS).all() and 1 < units.nunique() <= MOST_UNITS):
        return False
    measure = units.str.removesuffix("s").nunique() > 1 and not units.isin(["", *NO_UNITS]).any()
    return bool(measure or len(texts) >= MANY_NUMBERS)


def _told(texts: pd.Series) -> tuple[str | None, bool]:
    """Return the decimal sign by which alone more cells can be read, and whether any tells it."""
    points, commas = (int(texts.str.contains(TELLING[sign]).sum()) for sign in ".,")
    sign = None if points == commas else "." if points > commas else ","
    return sign, points + commas > 0


def _decimal(texts: pd.Series) -> str | None:
    """Return the decimal sign that more cells tell, None if none does or as many tell both."""
    texts = cells.sample(texts, cells.ENOUGH_CELLS)
    sign, is_told = _told(texts)
    if is_told:
        return sign
    # $974 and $19,190: three digits behind every sign, and no plain number that would have one.
    return next((sign for sign in THOUSANDS if are_thousands(texts, sign)), None)


def are_thousands(texts: pd.Series, decimal: str, fewest: int = FEW_GROUPED) -> bool:
    """Return whether all cells are below a thousand or have three digits behind a sign."""
    is_below = texts.str.contains(BELOW_THOUSAND).any()
    return bool(is_below and _are_grouped(texts, decimal, BELOW_THOUSAND, fewest))


def usual_decimal(columns: Iterable[pd.Series], separator: str | None = None) -> tuple[str, int]:
    """Return the decimal sign of a table, and whether it looks European (1), not so (-1) or neither (0).

    By the sign columns of numbers such as 1,234 are read. Columns that can be read in one way only
    decide; a semicolon between cells speaks for a comma, if there is any.
    """
    samples = [cells.sample(texts, cells.FEW_CELLS) for texts in columns]
    has_commas = any(texts.str.contains(",", regex=False).any() for texts in samples)
    samples = [texts for texts in samples if not _are_answers(texts.drop_duplicates(), separator)]
    signs = [_told(texts)[0] for texts in samples]
    commas, points = signs.count(",") + (separator == ";"), signs.count(".")
    dates = sum(bool(texts.str.match(DOTTED_DATE).all()) for texts in samples if len(texts))
    if separator == "," and points:  # which say more than dates do
        dates = 0
    european = 1 if commas + dates else -(points > 0 or separator == ",")
    return "," if has_commas and commas > points else ".", european


def _unit(distinct: pd.Series) -> str:
    """Return what stands behind nearly all numbers, such as "kg", "" if nothing does."""
    sample = cells.sample(distinct, cells.FEW_CELLS)
    units = sample.str.extract(UNIT_BEHIND, expand=False).value_counts()
    if units.empty or units.iloc[0] < UNIT_SHARE * len(sample):
        return ""
    return str(units.index[0])
