"""What a cell of text means: missing, a number, a boolean or a date.

Every function looks at each cell by itself, so a cell means the same in a table of one row as in
a table of a million.
"""

import re

import numpy as np
import pandas as pd
import pyarrow as pa

# Missing wherever they stand. Compared without regard to case. Words such as "none" and "unknown"
# are not here: in a column of categories they are answers.
MISSING_TOKENS = frozenset(
    ["", "?", "na", "n/a", "n.a.", "#n/a", "nan", "-nan", "nat", "null", "<na>", "(null)", "\\n"]
    + ["-", "--", "---", ".", "..", "#null!", "#value!", "#div/0!", "#ref!", "#num!", "#name?"]
)
# Missing if all other cells of the column are numbers. "none" and "nil" are not here: they may
# mean zero.
MISSING_WORDS = frozenset(
    ["unknown", "missing", "not available", "not applicable", "unavailable", "undefined"]
    + ["no data", "not specified", "unspecified", "not recorded", "*", "**", "???", "??"]
)
BOOLEANS = {
    **dict.fromkeys(["yes", "y", "true", "t", "on", "+", "1", "1.0"], 1),
    **dict.fromkeys(["no", "n", "false", "f", "off", "-", "0", "0.0"], 0),
}
# Letters of two different pairs in one column are codes, not answers (F and N, say).
BOOLEAN_LETTERS = ({"y", "n"}, {"t", "f"})

ISO8601 = "ISO8601"
ISO_DATE = r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?( ?(Z|UTC|[+-]\d{2}:?\d{2}))?)?"
COMPACT_DATE = "%Y%m%d"
# Tried in this order; the one that reads most cells of a column is its format, the first of
# equals. So where day and month cannot be told apart the month comes first; `dates:` in the config
# decides otherwise.
DATE_FORMATS = (
    ISO8601,
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y%m%dT%H%M%S",
    *(
        f"{date}{time}"
        for date in ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y")
        for time in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
    ),
    *("%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%m/%d/%y %H:%M", "%d/%m/%y %H:%M"),
    *("%d-%b-%Y", "%d-%b-%y", "%d-%b-%Y %H:%M:%S", "%d %b %Y", "%d %B %Y"),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%b-%Y", "%b %Y", "%B %Y"),
    *("%H:%M", "%H:%M:%S", "%I:%M %p"),
)

SPACES = " \u00a0\u2009\u202f"
# Everything invisible: what Unicode calls white space, zero-width characters, byte order mark.
BLANKS = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u1680\u2028\u2029\u205f\u3000\u200b\u200c\u200d\u2060\ufeff"
)
BLANKS += SPACES + "".join(map(chr, range(0x2000, 0x200B)))
CURRENCIES = "$€£¥₹₩₽฿"
NEGATIVE_SIGNS = frozenset("-−–")


def _number_pattern(decimal: str) -> re.Pattern[str]:
    thousands = "," if decimal == "." else "."
    blanks = f"[{SPACES}]*"
    money = f"(?:[{CURRENCIES}]|USD|EUR|GBP|CHF)?"
    # Groups of three behind one and the same sign; what begins with a zero is no large number.
    grouped = (
        rf"[1-9]\d{{0,2}}(?P<gap>[{re.escape(thousands)}'’_{SPACES}])\d{{3}}(?:(?P=gap)\d{{3}})*"
    )
    return re.compile(
        rf"(?:[<>]=?|[≤≥])?{blanks}"
        rf"(?P<open>\()?{blanks}(?P<sign>[+\-−–]?){blanks}{money}{blanks}(?P<sign2>[+\-−–]?)"
        rf"(?P<whole>{grouped}|\d*)(?P<fraction>{re.escape(decimal)}\d*)?"
        rf"(?P<exponent>[eE][+-]?\d+)?{blanks}{money}(?P<percent>%?){blanks}(?P<close>\))?\+?",
        re.ASCII,
    )


NUMBER_PATTERNS = {decimal: _number_pattern(decimal) for decimal in (".", ",")}
PLAIN_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)(\.\d*)?", re.ASCII)


def strip(texts: pd.Series) -> pd.Series:
    """Return the cells without blanks around them and without a pair of quotes."""
    stripped = texts.str.strip(BLANKS)
    for quote in "\"'":
        quoted = stripped.str.startswith(quote, na=False) & stripped.str.endswith(quote, na=False)
        if quoted.any():
            quoted &= stripped.str.len() > 1
            stripped = stripped.where(~quoted, stripped.str.slice(1, -1).str.strip(BLANKS))
    return stripped


def is_missing(texts: pd.Series, tokens: frozenset[str] = MISSING_TOKENS) -> pd.Series:
    """Return a mask of the stripped cells that are null or one of `tokens` (in lower case)."""
    return texts.isna() | texts.str.lower().isin(tokens)


def canonical(label: str) -> str:
    """Return what a label is compared by: lower case, and numbers by value ("1.0" is "1").

    Digits behind a leading zero are a code ("010" is not "10").
    """
    if not PLAIN_NUMBER.fullmatch(label):
        return label.lower()
    whole, _, fraction = label.removeprefix("+").partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else str(int(whole))


def parse_number(text: str, decimal: str = ".") -> float:
    """Return the number a text means, NaN if it means none.

    Understands signs, thousands separators, currencies, percentages (45% is 0.45), accounting
    negatives in parentheses, exponents, and bounds (<0.1 is 0.1, 90+ is 90). Infinite and
    overflowing values are NaN: no estimator takes them.
    """
    match = NUMBER_PATTERNS[decimal].fullmatch(text)
    if match is None:
        return np.nan
    whole, fraction = match["whole"], (match["fraction"] or "")
    if not whole and len(fraction) < 2:
        return np.nan
    if (match["open"] is None) != (match["close"] is None) or (match["sign"] and match["sign2"]):
        return np.nan
    digits = re.sub(r"\D", "", whole)
    value = float(f"{digits or 0}.{fraction[1:] or 0}{match['exponent'] or ''}")
    negative = match["open"] or (match["sign"] or match["sign2"]) in NEGATIVE_SIGNS
    if not np.isfinite(value):
        return np.nan
    if match["percent"]:
        value /= 100
    return -value if negative and value else value


def parse_numbers(texts: pd.Series, decimal: str = ".") -> tuple[pd.Series, int]:
    """Return the numbers that stripped cells mean and how many were not written plainly.

    Args:
        texts: stripped cells, null where missing.
        decimal: the decimal sign, "." or ",".

    Returns:
        float64, NaN where the cell is missing or no number; and the count of cells that are
        numbers only after repair (thousands separators, currency, percent, decimal comma ...).
    """
    if decimal == ".":
        try:
            plain = pa.array(texts, type=pa.large_string()).cast(pa.float64())
            values = plain.to_numpy(zero_copy_only=False)
            return pd.Series(np.where(np.isfinite(values), values, np.nan), texts.index), 0
        except pa.ArrowInvalid:
            pass
    codes, distinct = pd.factorize(texts)
    values = np.array([_plain_number(text, decimal) for text in distinct], dtype="float64")
    repaired = np.zeros(len(distinct) + 1, dtype=bool)
    for i in np.flatnonzero(np.isnan(values)):
        values[i] = parse_number(distinct[i], decimal)
        repaired[i] = not np.isnan(values[i])
    values = np.append(values, np.nan)  # code -1, a missing cell, takes the last
    return pd.Series(values[codes], texts.index), int(repaired[codes].sum())


def _plain_number(text: str, decimal: str) -> float:
    if "_" in text or not text.isascii() or (decimal == "," and "." in text):
        return np.nan  # float() reads "1_000" and other scripts' digits too
    try:
        value = float(text)
    except ValueError:
        return np.nan
    return value if np.isfinite(value) else np.nan


def are_booleans(texts: pd.Series) -> bool:
    """Return whether all of the stripped cells (one at least, none missing) are booleans."""
    if texts.empty or texts.iloc[0].lower() not in BOOLEANS:  # most columns are told by a glance
        return False
    spellings = set(texts.str.lower().unique())
    letters = {spelling for spelling in spellings if spelling in set("yntf")}
    return spellings <= BOOLEANS.keys() and any(letters <= pair for pair in BOOLEAN_LETTERS)


def parse_booleans(texts: pd.Series) -> pd.Series:
    """Return 1.0 and 0.0 for stripped cells in any usual spelling of a boolean, else NaN."""
    return texts.str.lower().map(BOOLEANS).astype("float64")


def parse_dates(texts: pd.Series, date_format: str) -> pd.Series:
    """Return the times that stripped cells mean (without zone, in UTC), NaT where they mean none.

    Args:
        texts: stripped cells, null where missing.
        date_format: a format of `datetime.strptime`, or "ISO8601".
    """
    codes, distinct = pd.factorize(texts)
    distinct = pd.Series(distinct, dtype="str")
    if date_format == ISO8601:  # pandas takes bare years and more for ISO 8601
        distinct = distinct.where(distinct.str.fullmatch(ISO_DATE).astype(bool))
        distinct = distinct.str.replace("UTC", "Z")
    times = pd.to_datetime(distinct, format=date_format, errors="coerce", utc=True)
    times = times.dt.tz_localize(None).astype("datetime64[us]")
    # One more, not-a-time, for the code -1 of missing cells.
    values = np.append(times.to_numpy(), np.datetime64("NaT", "us"))
    return pd.Series(values[codes], texts.index)
