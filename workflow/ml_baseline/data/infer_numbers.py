"""Whether a column holds numbers or booleans, and how they are written."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ml_baseline.data import cells

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
UNIT_SHARE = 0.9
# Numbers that devices and databases write for a missing value: nines with a minus, and the -200 of
# air quality stations. They are so taken where they repeat and nothing comes near them.
SENTINELS = (-9.0, -99.0, -999.0, -9999.0, -99999.0, -999999.0, -200.0)
SENTINEL_ROWS = 5


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


def number_entry(present: pd.Series, decimal: str, decimal_is_given: bool) -> dict | None:
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


def _decimal(texts: pd.Series) -> str | None:
    """Return the decimal sign that more cells tell, None if none does or as many tell both."""
    texts = cells.sample(texts, cells.ENOUGH_CELLS)
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


def usual_decimal(columns: Iterable[pd.Series]) -> str:
    """Return the decimal sign of a table, by which columns of numbers such as 1.234 are read."""
    samples = [cells.sample(texts, cells.FEW_CELLS) for texts in columns]
    with_comma = [texts.str.contains(",", regex=False).any() for texts in samples]
    if not any(with_comma):
        return "."
    signs = [_decimal(texts) for texts in samples]
    return "," if signs.count(",") > signs.count(".") else "."


def _unit(texts: pd.Series) -> str:
    """Return what stands behind nearly all numbers, such as "kg", "" if nothing does."""
    sample = cells.sample(texts.drop_duplicates(), cells.FEW_CELLS)
    units = sample.str.extract(r"\d\s*([^\s\d.,+%)]+)$", expand=False).value_counts()
    if units.empty or units.iloc[0] < UNIT_SHARE * len(sample):
        return ""
    return str(units.index[0])
