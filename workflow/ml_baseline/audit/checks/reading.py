"""What is not certain about how the table was read, and what was lost in reading."""

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit, quoted
from ml_baseline.audit.registry import check
from ml_baseline.data.schema import Doubt
from ml_baseline.text import config_entry, merged_fixes, plural

CELLS = Limit(
    1,
    1,
    "cells whose reading is not certain: a failure where nothing in the file tells which it is, a warning "
    "where it was chosen by evidence; and cells that were lost, of unreadable ones 1 % of the column",
)
# So many columns of which the same is to be said get a finding each.
EACH = 3


@check(reading=CELLS)
def reading(context: Context) -> list[Finding]:
    """Cells whose reading is not certain, and what was lost in reading.

    A finding for each doubt of the table; those of many columns together where they are alike.
    """
    alike: dict[tuple[str, str], list[Doubt]] = {}
    for doubt in context.doubts:
        alike.setdefault((doubt.severity, doubt.what), []).append(doubt)
    findings = []
    for doubts in alike.values():
        if len(doubts) > EACH:
            findings.append(_finding(doubts))
        else:
            findings += [_finding([doubt]) for doubt in doubts]
    if all(finding.verdict == "pass" for finding in findings):
        summary = "Every column that is learned from can be read in one way only."
        findings.append(Finding("", 0, CELLS.nearest, summary))
    return findings


def _finding(doubts: list[Doubt]) -> Finding:
    first, names = doubts[0], [doubt.column for doubt in doubts]
    cells, summary = sum(doubt.cells for doubt in doubts), f"{first.summary}."
    if others := names[1:]:
        summary += f" The like holds for {plural(len(others), 'column')}: {quoted(others)}."
    if first.severity == "told":
        return Finding(", ".join(names), cells, CELLS.nearest, summary)
    fix = merged_fixes(config_entry(**doubt.settle) for doubt in doubts)
    verdict, why = first.severity, first.explanation
    return Finding(", ".join(names), cells, CELLS.nearest, summary, verdict, why, fix)
