"""What a check reports, and the limits it judges by."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from ml_baseline.text import joined

Verdict = Literal["fail", "warn", "pass"]
VERDICTS = get_args(Verdict)


@dataclass(frozen=True)
class Finding:
    """One row of the audit. All texts are plain: no markup, and names in them may hold anything."""

    subject: str  # the columns, rows or model it is about; "" for none
    value: float
    limit: float  # the limit that `value` passed; of a pass, the nearest one
    summary: str  # one sentence: what was found
    verdict: Verdict = "pass"
    explanation: str = ""  # whole sentences: why it matters, what to do; "" of a pass
    fix: str = ""  # YAML for the table's config that settles it; "" where no entry does
    check: str = ""  # filled in by the audit


COLUMNS = ("check", "subject", "value", "limit", "verdict", "summary", "explanation", "fix")


class Limit(NamedTuple):
    """From where on a figure is a warning and a failure; None for a step that does not exist.

    `below` is true of a figure that is bad when it is small. `why` is the reason, with figures of
    real tables (those of docs/audit.md). A limit is a compromise: the strongest honest column of
    one table is stronger than the leak of another, so a figure that honest tables reach is at most
    a warning.
    """

    warn: float | None = None
    fail: float | None = None
    why: str = ""
    below: bool = False

    @property
    def nearest(self) -> float:
        """The first step."""
        return float(self.warn if self.warn is not None else self.fail or 0.0)

    def verdict(self, value: float) -> Verdict:
        """Return the verdict on a figure."""
        steps: tuple[tuple[Verdict, float | None], ...] = ("fail", self.fail), ("warn", self.warn)
        for verdict, step in steps:
            if step is not None and (value < step if self.below else value >= step):
                return verdict
        return "pass"

    def passed(self, value: float) -> bool:
        """Return whether a figure is neither a warning nor a failure."""
        return self.verdict(value) == "pass"

    def found(
        self,
        subject: str,
        value: float,
        summary: str,
        why: str,
        fix: str = "",
        may_fail: bool = True,
    ) -> Finding:
        """Return the finding on a figure that has passed a step, a warning unless it `may_fail`.

        The summary comes without a full stop, as the limit follows; `why` is the explanation.
        """
        failed = may_fail and self.verdict(value) == "fail"
        limit = float(self.fail) if failed and self.fail is not None else self.nearest
        summary = f"{summary} (limit {limit:g})."
        verdict: Verdict = "fail" if failed else "warn"
        return Finding(subject, float(value), limit, summary, verdict, why, fix)


def quoted(names: Iterable[str]) -> str:
    """Return column names as a sentence holds them: 'a', 'b' and 'c'."""
    return joined(f"'{name}'" for name in names)
