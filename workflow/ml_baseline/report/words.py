"""Numbers and sentences of the report: rounded to what is known, and claiming no more than that."""

import math
from typing import NamedTuple

from markupsafe import Markup

from ml_baseline import text as texts

MINUS = "\N{MINUS SIGN}"
MOST_DIGITS = 6


def decimals(low: float, high: float) -> int:
    """Return how many decimals a figure with this interval supports.

    The rule of the Particle Data Group (Review of Particle Physics, section 5.3): of the error (half
    the interval) two digits are kept if the first three are 100 to 354, one if they are 355 to
    949, and from 950 on it is rounded to the next power of ten and keeps two; the figure ends
    where its error does. Three decimals where there is no error to go by.
    """
    error = abs(high - low) / 2
    if not math.isfinite(error) or error < 10.0**-MOST_DIGITS:
        return 3
    exponent = math.floor(math.log10(error))
    leading = error / 10.0**exponent
    kept = 2 if leading < 3.55 or leading >= 9.5 else 1
    exponent += leading >= 9.5
    return min(MOST_DIGITS, max(0, kept - 1 - exponent))


def fixed(value: float, digits: int, sign: bool = False) -> str:
    """Return a number with a fixed number of decimals, a true minus, and no minus before zero."""
    text = f"{value:+,.{digits}f}" if sign else f"{value:,.{digits}f}"
    if not text.strip("+-0.,"):
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


class Score(NamedTuple):
    """A figure and its interval, as they stand in the results."""

    value: float
    low: float
    high: float

    @property
    def digits(self) -> int:
        """How many decimals the interval supports."""
        return decimals(self.low, self.high)

    def text(self, sign: bool = False, digits: int | None = None) -> str:
        """Return the figure alone, rounded to what the interval supports or to `digits`."""
        return fixed(self.value, self.digits if digits is None else digits, sign)

    def limits(self, sign: bool = False, digits: int | None = None) -> str:
        """Return `low to high`, rounded in the same way."""
        digits = self.digits if digits is None else digits
        return f"{fixed(self.low, digits, sign)} to {fixed(self.high, digits, sign)}"


def score_of(row: dict[str, str], name: str) -> Score | None:
    """Return the figure `name` of a row with `<name>_low` and `<name>_high`; None if it is empty."""
    prefix = name.removesuffix("_difference")
    return score_in(row, name, f"{prefix}_low", f"{prefix}_high")


def score_in(row: dict[str, str], *names: str) -> Score | None:
    """Return the figure and its limits that stand in three cells; None if one of them is empty."""
    value, low, high = (number(row.get(name)) for name in names)
    return None if value is None or low is None or high is None else Score(value, low, high)


def number(text: str | None) -> float | None:
    """Return the number that a cell of a result file holds, None for an empty or missing one."""
    if text is None or text == "":
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def true(text: str | None) -> bool:
    """Return whether a cell of a result file says true."""
    return (text or "").lower() == "true"


def percent(share: float, rows: float | None = None) -> str:
    """Return a share as a percentage, with a decimal where at least 1,000 rows stand behind it."""
    digits = 1 if rows is not None and rows >= 1000 else 0
    return texts.percent(share, digits).replace(" %", "\N{NO-BREAK SPACE}%")


def significant(value: float, digits: int = 4) -> str:
    """Return a measurement with that many significant digits.

    Thousands are set apart from 10,000 on: years have four digits.
    """
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    magnitude = math.floor(math.log10(abs(value)))
    if not -4 <= magnitude < 12:
        return f"{value:.{digits - 1}e}".replace("-", MINUS)
    places = max(0, digits - 1 - magnitude)
    text = fixed(value, places) if magnitude >= 4 else f"{value:.{places}f}".replace("-", MINUS)
    return text.rstrip("0").rstrip(".") if "." in text else text


def visible(value: object) -> object:
    """Return a text with control characters and marks of direction written out.

    Markup and what is no text is returned as it is.
    """
    return texts.for_terminal(value) if type(value) is str else value


def breakable(name: str) -> Markup:
    """Return a name that may go on in the next line after any underscore."""
    return Markup("_<wbr>").join(str(visible(name)).split("_"))


def html(template: str, *values: object) -> Markup:
    """Return a sentence of ours with values put into its `{}`, escaped unless they are markup."""
    return Markup(template).format(*map(visible, values))
