"""Whether a column holds dates or times, and how they are written."""

import re

import pandas as pd

from ml_baseline.data import cells

DATE_PARTS = ("year", "month", "day", "weekday", "hour")
# A column whose dates are written in more ways than this is hardly one of dates.
MIXED_DATE_FORMATS = 3
# From so many different values on, numbers such as 20240131 are dates.
MANY_DATES = 10
# A format of dates must read nearly all cells, and a unit stand behind them: the others are markers
# and typing errors.
DATE_SHARE = 0.9
# At least so many cells of a column of dates look like dates at a glance.
GLANCE_SHARE = 0.5
# Years that a number such as 20240131 may begin with to be a date.
COMPACT_DATE = r"(?:19|20)\d{6}$"


def date_formats(present: pd.Series) -> list[str]:
    """Return the formats that together read nearly all cells, the one that reads most first.

    Of formats that read equally many the first of `cells.DATE_FORMATS`; none if the cells are no
    dates.
    """
    few = cells.sample(present.drop_duplicates(), cells.FEW_CELLS)
    # Most columns of text are told by a glance: dates have digits beside what parts them.
    if few.str.contains(r"\d[-/.:, T]|[-/.:, T]\d").mean() < GLANCE_SHARE:
        return []
    candidates = [
        date_format
        for date_format in cells.DATE_FORMATS
        if cells.parse_dates(few, [date_format]).notna().any()
    ]
    unread = sample = cells.sample(present, cells.ENOUGH_CELLS)
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


def are_compact_dates(present: pd.Series) -> bool:
    """Return whether all cells are dates such as 20240131, and not just numbers."""
    if not re.fullmatch(COMPACT_DATE, present.iloc[0]) or not present.str.match(COMPACT_DATE).all():
        return False
    times = cells.parse_dates(present, [cells.COMPACT_DATE])
    return bool(times.notna().all() and times.nunique() >= MANY_DATES)


def date_entries(name: str, present: pd.Series, formats: list[str], role: str) -> list[dict]:
    """Return how the parts of a date column are read that its format has."""
    if role == "time":
        return [{"kind": "number", "date_formats": formats, "part": "days"}]
    times = cells.parse_dates(cells.sample(present, cells.ENOUGH_CELLS), formats).dropna()
    if any(re.search("%[YyGcxD]|ISO", date_format) for date_format in formats):
        has_hours = (times.dt.normalize() != times).any()
        parts = dict.fromkeys(DATE_PARTS if has_hours else DATE_PARTS[:-1], "integer")
    else:
        parts = {"hours": "number"}  # a time of day
    return [
        {"name": f"{name}_{part}", "kind": kind, "date_formats": formats, "part": part}
        for part, kind in parts.items()
    ]
