"""Whether a column holds dates or times, and how they are written."""

import re
from collections.abc import Iterable

import pandas as pd

from ml_baseline.data import cells
from ml_baseline.errors import InputError

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
# So few unread cells are slips, for which no other format is looked for.
SLIP_SHARE = 0.001
# The formats that tell the order of day and month by nothing but their place.
NUMERIC_ORDERS = {
    "day": tuple(f"%d{sign}%m{sign}" for sign in "/-"),
    "month": tuple(f"%m{sign}%d{sign}" for sign in "/-"),
}
TWO_NUMBERS = r"^(\d{1,2})[/-](\d{1,2})[/-]\d{2}(?:\d\d)?\b"
LONG_OR_NEGATIVE = r"^(?:-|(?:2[4-9]|[3-9]\d|\d{3}):)"
# What cells of a format have.
MARKS = {"%b": "[A-Za-z]{3}", "%B": "[A-Za-z]{3}", "%p": "[AaPp]\\.?[Mm]"}
MARKS |= {sign: re.escape(sign) for sign in ":/-., "}
MANY_VERSIONS = 20
# The name of a zone behind a time.
ZONE_NAME = r":\d\d\S* ?\(?([A-Z]{3,4})\)?$"
SEASON = r"^(\d\d\d\d)-(\d\d)$"
# Years that a number such as 20240131 may begin with to be a date.
COMPACT_DATE = r"(?:19|20)\d{6}$"
# Two digits in a column of the past end here. The same for every run, as today's year would not be:
# late enough for some years to come, and hardly anyone in a table was born before 1931.
LATEST_YEAR = 2030


def day_first(
    columns: Iterable[pd.Series], is_european: bool, declared: Iterable[list[str]] = ()
) -> bool:
    """Return whether the day comes before the month in a table, where a column does not tell.

    A table is European if it has semicolons between cells, or decimal commas; `declared` are the
    formats that the config gives columns.
    """
    votes = [_order(cells.sample(texts, cells.ENOUGH_CELLS)) for texts in columns]
    votes += [order_of(formats) for formats in declared]
    days, months = votes.count("day"), votes.count("month")
    return days > months or (days == months == 0 and is_european)


def order_of(formats: Iterable[str]) -> str | None:
    """Return whether the "day" or the "month" comes first in formats such as %d/%m/%Y."""
    orders = NUMERIC_ORDERS.items()
    found = (order for f in formats for order, starts in orders if f.startswith(starts))
    return next(found, None)


def exchanged(formats: Iterable[str]) -> list[str]:
    """Return formats with day and month in the other order, where nothing else tells them apart."""
    return [re.sub("^(%[dm])([-/])(%[dm])", r"\3\2\1", date_format) for date_format in formats]


def _order(texts: pd.Series) -> str | None:
    """Return whether the day or the month comes first in dates such as 1/2/2024, if cells tell."""
    if not cells.sample(texts, cells.FEW_CELLS).str.match(TWO_NUMBERS).any():
        return None
    parts = texts.str.extract(TWO_NUMBERS).dropna().astype("int64")
    days, months = int((parts[0] > 12).sum()), int((parts[1] > 12).sum())
    return None if days == months else "day" if days > months else "month"


def date_formats(present: pd.Series, days_first: bool = False) -> list[str]:
    """Return the formats that together read nearly all cells, the one that reads most first.

    None if the cells are no dates. Of formats that read equally many, the first of
    `cells.DATE_FORMATS`; of two that differ in the order of day and month, the one that the column
    tells, else `days_first`.
    """
    distinct = present.drop_duplicates()
    never = distinct.str.match(cells.NO_DATES)
    if never.all():
        return []
    if never.any():
        present, distinct = present[~present.isin(distinct[never])], distinct[~never]
    few = distinct.sample(min(len(distinct), cells.FEW_CELLS), random_state=0)
    # Most columns of text are told by a glance: dates have digits beside what parts them.
    looks_like_one = few.str.contains(r"\d[-/.:, T]|[-/.:, T]\d")
    if looks_like_one.mean() < GLANCE_SHARE or _are_seasons(distinct):
        return []
    are_clocks = distinct.str.match(cells.CLOCK).mean() >= DATE_SHARE
    if are_clocks and distinct.str.match(LONG_OR_NEGATIVE).any():
        return [cells.DURATION]
    order = _order(distinct) or ("day" if days_first else "month")
    other = NUMERIC_ORDERS["month" if order == "day" else "day"]
    # Most formats need something that no cell has.
    unseen = [mark for mark, pattern in MARKS.items() if not few.str.contains(pattern).any()]
    candidates = [
        date_format
        for date_format in cells.DATE_FORMATS
        if not date_format.startswith(other)
        and not any(mark in date_format for mark in unseen)
        and cells.parse_dates(few, [date_format]).notna().any()
    ]
    # A sample decides which format comes next, all cells whether they are enough.
    unread = present
    chosen: list[str] = []
    while candidates and len(chosen) < MIXED_DATE_FORMATS:
        sample = unread.sample(min(len(unread), cells.ENOUGH_CELLS), random_state=0)
        read = {c: int(cells.parse_dates(sample, [c]).notna().sum()) for c in candidates}
        best = max(candidates, key=lambda candidate: read[candidate])  # the first of equals
        candidates.remove(best)
        chosen.append(best)
        unread = unread[cells.parse_dates(unread, [best]).isna()]
        if len(unread) <= (1 - DATE_SHARE) * len(present):
            more = [c for c in candidates if cells.parse_dates(unread, [c]).notna().any()]
            if not more or len(unread) <= SLIP_SHARE * len(present):
                return [] if _are_versions(present, chosen) else chosen
            candidates = more
    return chosen if len(unread) <= (1 - DATE_SHARE) * len(present) else []


def _are_seasons(distinct: pd.Series) -> bool:
    """Return whether cells that look like dates are seasons such as 2012-13."""
    if not re.fullmatch(SEASON, distinct.iloc[0]):
        return False
    years = distinct.str.extract(SEASON).dropna().astype("int64")
    seasons = ((years[0] + 1) % 100 == years[1]).sum()
    return bool(seasons > DATE_SHARE * len(distinct) and len(distinct) > 1)


def _are_versions(present: pd.Series, formats: list[str]) -> bool:
    """Return whether all that is read with two digits for the year are versions such as 4.9.56."""
    if "%y" not in formats[0]:
        return False
    times = cells.parse_dates(present.drop_duplicates(), formats)
    days, years = times.dt.day, times.dt.year
    many = len(times) >= MANY_VERSIONS and days.nunique() > 1
    return bool(many and days.max() <= 12 and years.max() - years.min() > 20)


def are_compact_dates(present: pd.Series) -> bool:
    """Return whether all cells are dates such as 20240131, and not just numbers."""
    if not re.fullmatch(COMPACT_DATE, present.iloc[0]) or not present.str.match(COMPACT_DATE).all():
        return False
    times = cells.parse_dates(present, [cells.COMPACT_DATE])
    return bool(times.notna().all() and times.nunique() >= MANY_DATES)


def _are_half_turned(present: pd.Series, formats: list[str]) -> bool:
    """Return whether ISO dates are all at most the 12th, and those of another order all above it.

    A spreadsheet of another place leaves them so: day and month of those that it could read are exchanged.
    """
    if cells.ISO8601 not in formats or order_of(formats) is None:
        return False
    distinct = present.drop_duplicates()
    iso = cells.parse_dates(distinct, [cells.ISO8601])
    others = cells.parse_dates(distinct[iso.isna()], [f for f in formats if f != cells.ISO8601])
    return bool(iso.dt.day.max() <= 12 < others.dt.day.min())


def date_entries(
    name: str, present: pd.Series, formats: list[str], role: str, latest: int | None = None
) -> list[dict]:
    """Return how the parts of a date column are read that its format has.

    `latest` is the latest year that two digits can mean, if the config says it.
    """
    how: dict = {"date_formats": formats}
    if _are_half_turned(present, formats):
        how["half_turned"] = True
    if latest is None and any("%y" in date_format for date_format in formats):
        years = cells.parse_dates(present, formats).dt.year
        # What knows of 1969 to 1999 is births and the like, and none of them far in the future.
        if years.between(1969, 1999).any() and (years > LATEST_YEAR).any():
            latest = LATEST_YEAR
    if latest is not None:
        how["latest_year"] = latest
    if role == "time":
        zones = present.str.extract(ZONE_NAME)[0].dropna()
        if zones.str.replace("[SD](?=T$)", "", regex=True).nunique() > 1:  # but for summer time
            found = ", ".join(zones.unique()[:3])
            raise InputError(
                f"`time` names the column '{name}', whose times are in several zones ({found}), "
                "so their order is not known; write them with offsets (2024-01-31T18:00+01:00) or in one zone"
            )
        return [{"kind": "number", **how, "part": "days"}]
    times = cells.parse_dates(cells.sample(present, cells.ENOUGH_CELLS), formats).dropna()
    if any(re.search("%[YyGcxD]|ISO", date_format) for date_format in formats):
        has_hours = (times.dt.normalize() != times).any()
        return [
            {"name": f"{name}_{part}", "kind": "integer", **how, "part": part}
            for part in (DATE_PARTS if has_hours else DATE_PARTS[:-1])
        ]
    # A time of day, or how long something took.
    part = "duration" if formats == [cells.DURATION] else "hours"
    return [{"name": f"{name}_hours", "kind": "number", **how, "part": part}]
