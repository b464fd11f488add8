"""What a cell of text means: missing, a number, a boolean or a date.

Every function looks at each cell by itself, so a cell means the same in a table of one row as in
a table of a million.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

# Missing wherever they stand. Compared without regard to case. Words such as "none" and "unknown"
# are not here: in a column of categories they are answers.
MISSING_TOKENS = frozenset(
    ["", "?", "na", "n/a", "n.a.", "#n/a", "nan", "-nan", "nat", "null", "<na>", "(null)", "\\n"]
    + ["-", "--", "---", "–", "—", ".", ".."]
    + ["n.a", "n. a.", "n/d", "k.a.", "k. a.", "k.a", "o.a."]  # as Spanish and German have it
    + ["#null!", "#value!", "#div/0!", "#ref!", "#num!", "#name?"]
    + ["#nv", "#n/d", "#n/b", "#wert!", "#bezug!", "#zahl!", "#valeur!", "#nombre!", "#valor!"]
)
# Missing if all other cells of the column are numbers. "none" and "nil" are not here: they may
# mean zero.
MISSING_WORDS = frozenset(
    ["unknown", "missing", "not available", "not applicable", "unavailable", "undefined"]
    + ["no data", "not specified", "unspecified", "not recorded", "*", "**", "??", "???"]
    + ["inf", "+inf", "-inf", "infinity", "-infinity"]
)
BOOLEANS = {
    **dict.fromkeys(["yes", "y", "true", "t", "on", "+", "1", "1.0", "1,0"], 1),
    **dict.fromkeys(["no", "n", "false", "f", "off", "-", "0", "0.0", "0,0"], 0),
}
# Letters of two different pairs in one column are codes, not answers (F and N, say).
BOOLEAN_LETTERS = ({"y", "n"}, {"t", "f"})

ISO8601 = "ISO8601"
ISO_DATE = r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)?)?"
# What may stand around a date and is no part of it: the weekday before, the zone behind a time.
WEEKDAY = r"^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? +"
ZONE = r"(\d:\d\d\S*?(?: ?[AaPp]\.?[Mm]\.?)?) ?(?:Z|[+-]\d\d(?::?\d\d)?|\(?[A-Z]{3,4}\)?)+$"
OFFSET = r"\d:\d\d\S*? ?([+-])(\d\d):?(\d\d)?$"
COMPACT_DATE = "%Y%m%d"
# Tried in this order; the one that reads most cells of a column is its format, the first of
# equals. So where day and month cannot be told apart the month comes first; `dates:` in the config
# decides otherwise.
DATE_FORMATS = (
    ISO8601,
    *(
        f"{date}{time}"
        for date in (
            *("%Y-%m-%d", "%Y/%m/%d"),  # without leading zeros too
            *("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y"),
            *("%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y"),
            *("%b %d, %Y", "%B %d, %Y", "%b %d %Y"),
        )
        for time in (
            *("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %I:%M%p"),
            *(", %H:%M:%S", ", %I:%M:%S %p"),
        )
    ),
    *("%Y%m%dT%H%M%S", "%d/%b/%Y:%H:%M:%S", "%b %d %H:%M:%S %Y"),
    *("%d-%b-%y %I.%M.%S %p", "%d-%b-%y %I.%M.%S.%f %p", "%b-%Y", "%b %Y", "%B %Y"),
    *("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p"),
)
CLOCKS = DATE_FORMATS[-4:]
# A time of day, and what looks like it but may be longer than a day or negative.
DURATION = "[h]:mm:ss"
CLOCK = r"^-?\d{1,3}:[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?$"
DURATION_PARTS = r"^([+-]?)(\d+):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?$"
# Missing where the other cells are dates: nought, and what databases write for never.
NO_DATES = (
    r"^(?:0{1,4}[-/.]0{1,2}[-/.]0{1,4}(?:[ T]00:00(?::00(?:\.0+)?)?)?"
    r"|9\d{3}-\d\d?-\d\d?(?:[ T].*)?|\d\d?[-/.]\d\d?[-/.]9\d{3}(?: .*)?)$"
)
NEVER_YEAR = 9000
NO_TIME = np.datetime64("NaT", "us")

SPACES = " \u00a0\u2009\u202f"
# Everything invisible: what Unicode calls white space, zero-width characters, byte order mark.
BLANKS = SPACES + "".join(map(chr, range(0x2000, 0x200B)))
BLANKS += (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u1680\u2028\u2029\u205f\u3000\u200b\u200c\u200d\u2060\ufeff"
)
BLANK_RUN = re.compile(f"[{BLANKS}]+")
QUOTES = ('"', "'")
CURRENCIES = (
    r"(?:(?:US|R|A|C|NZ|HK|S)?\$|[€£¥₹₩₽฿₺₪₫₴₦]|USD|EUR|GBP|CHF|JPY|CNY|INR|BRL|AUD|CAD|SEK|NOK|DKK"
    r"|PLN|CZK|[Kk]r\.?|Rs\.?|zł|Kč)"
)
# Of those that are written in more than one way.
CURRENCY_SIGNS = {
    **{"US$": "$", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "Rs": "₹"},
    **{"BRL": "R$", "AUD": "A$", "CAD": "C$", "PLN": "zł", "CZK": "Kč"},
}
NEGATIVE_SIGNS = pa.array(["-", "−", "–"])
# What may stand behind numbers of different size in one column.
SCALES = {"k": 1e3, "K": 1e3, "mn": 1e6, "M": 1e6, "bn": 1e9, "B": 1e9}
SCALED = rf"^(.*\d) ?({'|'.join(SCALES)})$"


def _number_pattern(decimal: str) -> str:
    """Return what a number looks like, in the syntax of RE2, its parts in named groups."""
    thousands = "," if decimal == "." else "."
    blanks = f"[{SPACES}]{{0,2}}"
    money = f"{CURRENCIES}?"
    # Groups of three behind one and the same sign; what begins with a zero is no large number.
    grouped = "|".join(rf"[1-9]\d{{0,2}}(?:[{gap}]\d{{3}})+" for gap in f"{thousands}'’_{SPACES}")
    indian = rf"[1-9]\d?(?:[{thousands}]\d\d)+[{thousands}]\d{{3}}"
    return (
        rf"^'?(?:[<>]=?|[≤≥])?{blanks}"
        rf"(?P<open>\(?){blanks}(?P<sign>[+\-−–]?){blanks}{money}{blanks}(?P<sign2>[+\-−–]?)"
        rf"(?P<whole>{grouped}|{indian}|\d*)(?P<fraction>(?:[{decimal}]\d*)?)"
        rf"(?P<exponent>(?:[eE][+-]?\d+)?){blanks}{money}(?P<percent>%?){blanks}(?P<sign3>-?)"
        r"(?P<close>\)?)\+?$"
    )


NUMBER_PATTERNS = {decimal: _number_pattern(decimal) for decimal in (".", ",")}
PLAIN_NUMBERS = {
    ".": r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$",
    ",": r"^[+-]?\d+(?:[eE][+-]?\d+)?$",
}
# A letter or two behind a number, as statistical offices mark what is provisional or estimated.
FLAG = r"^(.*\d) +[a-z]{1,2}$"
# A number whose digits are no code, for comparing labels.
NUMBER_LABEL = re.compile(r"[+-]?(0|[1-9]\d*)(\.\d*)?", re.ASCII)
# One as numpy.savetxt and Fortran write it.
SCIENTIFIC_LABEL = re.compile(r"[+-]?\d\.\d+[eE][+-]\d\d", re.ASCII)

# How many cells are asked, evenly spread over the column, whether a guess is worth a try, and how
# many decide what most cells decide. The rest is read cell by cell in any case.
FEW_CELLS = 200
ENOUGH_CELLS = 10_000
ENOUGH_TEXTS = 2_000
# So many cells are read at once as dates, or as numbers with more than digits.
PARSED_CELLS = 1 << 17
# So many of the words of a text stand in other cells too. Texts that differ in each row are ids,
# unless they have more words than names.
RECURRING_WORDS, TEXT_WORDS = 0.2, 3


def sample(texts: pd.Series, size: int) -> pd.Series:
    """Return up to `size` cells at equal distances: a sorted column shows all that it holds."""
    return texts.iloc[:: -(-len(texts) // size) or 1]


def is_text(texts: pd.Series, words: float = 1.5) -> bool:
    """Return whether cells are text: of so many words on average, which recur in other cells."""
    few = sample(texts.dropna().drop_duplicates(), ENOUGH_TEXTS).str.lower()
    found = few.str.findall(r"\w+").map(set).explode().dropna()
    return len(found) >= max(words * len(few), 1) and bool(
        found.duplicated(keep=False).mean() >= RECURRING_WORDS
    )


def strip(texts: pd.Series) -> pd.Series:
    """Return the cells without blanks around them and without quotes that enclose all of a cell.

    Where nothing is to be stripped these are the very `texts`: a table's second copy takes as much
    memory as the first.
    """
    stripped = texts.str.strip(BLANKS)
    if stripped.equals(texts):
        stripped = texts
    formula = stripped.str.startswith('="', na=False)  # how Excel is told to leave a text alone
    if formula.any():
        stripped = stripped.where(~formula, stripped.str.slice(1))
    if stripped.str.startswith(QUOTES, na=False).any():
        for q in QUOTES:
            enclosed = f"{q}(?:[^{q}]|{q}{q})*{q}|{q}+[^{q}]*{q}+"
            while (quoted := stripped.str.fullmatch(enclosed, na=False)).any():
                inner = stripped[quoted].str.slice(1, -1).str.replace(2 * q, q, regex=False)
                stripped = stripped.mask(quoted, inner.str.strip(BLANKS))
    return stripped


def is_missing(texts: pd.Series, tokens: frozenset[str] = MISSING_TOKENS) -> pd.Series:
    """Return a mask of the stripped cells that are null or one of `tokens` (in lower case)."""
    short = texts.str.len() <= max(map(len, tokens))  # spares long cells the comparison
    return texts.isna() | texts.where(short).str.lower().isin(tokens)


def markers(own: Iterable[str], of_labels: bool) -> frozenset[str]:
    """Return the texts that are missing in a column with its `own`: among labels nothing else is."""
    return frozenset(own) | (frozenset([""]) if of_labels else MISSING_TOKENS)


def canonical(label: str) -> str:
    """Return what a label is compared by: lower case, and numbers by value ("1.0" is "1").

    Digits behind a leading zero are a code ("010" is not "10").
    """
    if SCIENTIFIC_LABEL.fullmatch(label):
        label = f"{Decimal(label):f}"
    if not NUMBER_LABEL.fullmatch(label):
        return label.lower()
    whole, _, fraction = label.removeprefix("+").partition(".")
    fraction = fraction.rstrip("0")
    if fraction:
        return f"{whole}.{fraction}"
    return "0" if whole == "-0" else whole


def folded(label: str, keeps_case: bool = False) -> str:
    """Return what spellings of a category are compared by: Unicode's NFC, single blanks, no case."""
    if not label.isascii():
        label = unicodedata.normalize("NFC", label)
    label = BLANK_RUN.sub(" ", label)
    return label if keeps_case else label.lower()


def plain_numbers(texts: pd.Series) -> pd.Series | None:
    """Return the numbers of cells that are all null or written as computers do, else None.

    What is infinite, or larger than a float can be, is NaN.
    """
    found = pa.array(texts, type=pa.large_string())
    try:
        # Arrow goes on to the end whatever it finds, and takes most time over what is no number.
        found[:FEW_CELLS].cast(pa.float64())
        numbers = found.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    values = numbers.to_numpy(zero_copy_only=False)
    return pd.Series(np.where(np.isfinite(values), values, np.nan), texts.index)


def parse_numbers(texts: pd.Series, decimal: str = ".") -> tuple[pd.Series, int]:
    """Return the numbers that stripped cells mean and how many were not written plainly.

    Understands signs, thousands separators, currencies, percentages (45% is 0.45), accounting
    negatives in parentheses, exponents, and bounds (<0.1 is 0.1, 90+ is 90). NaN, in float64, where
    the cell is missing or no number, or infinite or overflowing: no estimator takes those.
    """
    # With a decimal comma a point may stand between thousands: 1.234 is not a plain number.
    if decimal == "." or not texts.str.contains(".", regex=False).any():
        plain = plain_numbers(texts)
        if plain is not None:
            return plain, 0
    read = _of_distinct(texts, partial(_parse_distinct_numbers, decimal=decimal), [np.nan, 0])
    return pd.Series(read[:, 0], texts.index), int(read[:, 1].sum())


def _of_distinct(texts: pd.Series, read: Callable[[pd.Index], Any], gap: Any) -> np.ndarray:
    """Return for each cell what `read` makes of the different ones, and `gap` where it is null.

    It reads them in pieces: on the way to a number or a time a text takes ten times its memory.
    """
    pieces = []
    for start in range(0, len(texts) or 1, PARSED_CELLS):
        codes, distinct = pd.factorize(texts.iloc[start : start + PARSED_CELLS])
        values = np.concatenate([read(distinct), np.array([gap])])
        pieces.append(values[codes])  # a null cell has the code -1
    return np.concatenate(pieces)


def _parse_distinct_numbers(distinct: pd.Index, decimal: str) -> np.ndarray:
    """Return the numbers, NaN for none, and whether they are not written plainly: shape (texts, 2)."""
    texts = pa.array(distinct, pa.large_string())
    found = pc.extract_regex(texts, NUMBER_PATTERNS[decimal])
    part = {name: pc.fill_null(pc.struct_field(found, name), "") for name in found.type.names}
    part["whole"] = pc.replace_substring_regex(part["whole"], r"\D", "")
    part["fraction"] = pc.utf8_slice_codeunits(part["fraction"], 1)  # without the decimal sign
    has = {name: np.asarray(pc.not_equal(part[name], "")) for name in part}
    zero, point, nothing = (pa.scalar(text, texts.type) for text in ("0", ".", ""))
    pieces = (zero, part["whole"], point, part["fraction"], part["exponent"], nothing)
    values = np.array(pc.binary_join_element_wise(*pieces).cast(pa.float64()))
    values[has["percent"]] /= 100
    sign = pc.binary_join_element_wise(part["sign"], part["sign2"], part["sign3"], nothing)
    is_number = (has["whole"] | has["fraction"]) & (has["open"] == has["close"])
    is_number &= np.asarray(pc.utf8_length(sign)) < 2
    is_number &= np.isfinite(values)
    negative = has["open"] | np.asarray(pc.is_in(sign, NEGATIVE_SIGNS))
    values = np.where(is_number, np.where(negative, -values, values), np.nan)
    # A dash for nought, as accountants write it.
    nought = np.asarray(pc.match_substring_regex(texts, rf"^{CURRENCIES} *-$|^- *{CURRENCIES}$"))
    is_plain = np.asarray(pc.match_substring_regex(texts, PLAIN_NUMBERS[decimal]))
    return np.column_stack([np.where(nought, 0.0, values), (is_number | nought) & ~is_plain])


def read_numbers(texts: pd.Series, reading: Mapping[str, Any]) -> tuple[pd.Series, int]:
    """Return what `parse_numbers` does for a column with this entry in the schema."""
    bare = texts
    factors: pd.Series | float = 1.0
    if reading.get("scales"):
        parts = texts.str.extract(SCALED)
        bare, factors = parts[0].fillna(texts), parts[1].map(SCALES).fillna(1.0)
    elif unit := reading.get("unit"):
        bare = texts.str.removesuffix(unit).str.strip(BLANKS)
    elif "flags" in reading:
        bare = texts.str.replace(FLAG, r"\1", regex=True)
    values, repaired = parse_numbers(bare, reading.get("decimal", "."))
    without = texts.notna()
    if "percent" in reading:
        without &= ~texts.str.contains("%", regex=False, na=False)
        values = values.where(~without, values / 100)  # who left the sign out meant it
    else:
        without &= bare == texts
    if reading.get("bare") is False:  # without its unit a number may be anything
        values = values.mask(without)
    if bare is not texts:
        repaired = int((values.notna() & (bare != texts)).sum())
    return values * factors if reading.get("scales") else values, repaired


def encode(texts: pd.Series, codes: Mapping[str, int]) -> pd.Series:
    """Return the codes of stripped cells, NaN for what has none.

    A cell takes the code of the label it equals, else of one with the same `canonical` form.
    """
    of_canonical = {canonical(label): code for label, code in reversed(list(codes.items()))}
    return _coded(texts, lambda text: codes.get(text, of_canonical.get(canonical(text), np.nan)))


def _coded(texts: pd.Series, code: Callable[[str], float]) -> pd.Series:
    coded = _of_distinct(texts, lambda distinct: [code(text) for text in distinct], np.nan)
    return pd.Series(coded, texts.index)


def are_booleans(texts: pd.Series) -> bool:
    """Return whether all of the stripped cells (one at least, none missing) are booleans."""
    if texts.empty or texts.iloc[0].lower() not in BOOLEANS:  # most columns are told by a glance
        return False
    spellings = set(texts.str.lower().unique())
    letters = spellings & set("yntf")
    return spellings <= BOOLEANS.keys() and any(letters <= pair for pair in BOOLEAN_LETTERS)


def parse_booleans(texts: pd.Series) -> pd.Series:
    """Return 1.0 and 0.0 for stripped cells in any usual spelling of a boolean, else NaN."""
    return _coded(texts, lambda text: BOOLEANS.get(text.lower(), np.nan))


def parse_dates(
    texts: pd.Series, formats: list[str], latest_year: int | None = None, utc: bool = False
) -> pd.Series:
    """Return the times that stripped cells mean, NaT where they mean none.

    Args:
        texts: stripped cells, null where missing.
        formats: formats of `datetime.strptime`, "ISO8601" or `DURATION` (which counts from 1970);
            a cell is read by the first that fits it. With %z it is read in UTC.
        latest_year: two digits of a year never mean a later one; up to 2068 if None.
        utc: whether an offset behind a time (+02:00) counts. If not, as always with a zone's name,
            the time is what the clock there showed.
    """

    def read(distinct: pd.Index) -> np.ndarray:
        few = pd.Series(distinct, dtype="str")
        times = np.full(len(few), NO_TIME)
        for date_format in formats:
            unread = np.flatnonzero(np.isnat(times))
            times[unread] = _parse_distinct_dates(few.iloc[unread], date_format, latest_year)
        if utc:
            sign, hours, minutes = few.str.extract(OFFSET).T.to_numpy()
            offset = 60 * pd.to_numeric(hours) + np.nan_to_num(pd.to_numeric(minutes))
            offset = np.where(sign == "-", -offset, offset)
            times -= np.nan_to_num(offset).astype("timedelta64[m]")
        return times

    return pd.Series(_of_distinct(texts, read, NO_TIME), texts.index)


def _parse_distinct_dates(
    texts: pd.Series, date_format: str, latest_year: int | None
) -> np.ndarray:
    if date_format == DURATION:
        sign, *parts = texts.str.extract(DURATION_PARTS).T.to_numpy()
        hours, minutes, seconds = (pd.to_numeric(part).astype("float64") for part in parts)
        total = 3600 * hours + 60 * minutes + np.nan_to_num(seconds)
        micros = np.round(np.where(sign == "-", -total, total) * 1e6)
        known = np.isfinite(micros)
        times = np.full(len(texts), NO_TIME)
        times[known] = micros[known].astype("int64").astype("datetime64[us]")
        return times
    if "%z" not in date_format and "%Z" not in date_format and "%a" not in date_format.lower():
        values = pa.array(texts, pa.large_string())
        for pattern, kept in ((ZONE, r"\1"), (WEEKDAY, "")):
            values = pc.replace_substring_regex(values, pattern, kept)
        texts = pd.Series(values.to_pandas(), dtype="str")
    if date_format == ISO8601:  # pandas takes bare years and more for ISO 8601
        texts = texts.where(texts.str.fullmatch(ISO_DATE))
    elif date_format in CLOCKS:  # 2:3 is a score
        texts = texts.where(texts.str.fullmatch(CLOCK))
    # Without a zone in the format, UTC only says what to do with none.
    times = pd.to_datetime(texts, format=date_format, errors="coerce", utc=True)
    times = times.dt.tz_localize(None)
    if latest_year is not None and "%y" in date_format:
        late = times.dt.year > latest_year
        times = times.where(~late, times - pd.DateOffset(years=100)) if late.any() else times
    times = times.where(times.dt.year < NEVER_YEAR)
    return times.astype("datetime64[us]").to_numpy()
