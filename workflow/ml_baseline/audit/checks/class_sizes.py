"""Classes that are too small for what is claimed of them."""

import numpy as np

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit
from ml_baseline.audit.registry import check
from ml_baseline.data.schema import class_names
from ml_baseline.text import plural

LIMIT = Limit(
    20,
    5,
    "with 20 rows the 95 % interval of a recall is about 0.4 wide; with 5 a recall can take six "
    "values",
    below=True,
)
WHY = (
    "A score from so few rows changes much with each of them: go by its interval rather than by the "
    "figure. Get more rows of that class, hold out a larger part of the table, or use more seeds."
)


@check(class_sizes=LIMIT)
def class_sizes(context: Context) -> list[Finding]:
    """Rows of the smaller class on a side."""
    findings, smallest = [], len(context.train)
    for side, table in (("holdout", context.holdout), ("train", context.train)):
        counts = np.bincount(table[context.schema["target"]].to_numpy(), minlength=2)
        rows, smaller = int(counts.min()), int(counts.argmin())
        smallest = min(smallest, rows)
        if not LIMIT.passed(rows):
            name = "training" if side == "train" else side
            summary = (
                f"The {name} rows have only {rows} with {class_names(context.schema)[smaller]}"
            )
            findings.append(LIMIT.found(side, rows, summary, WHY))
    summary = f"Each class has at least {plural(int(smallest), 'row')} on both sides of the split."
    return findings or [Finding("holdout", smallest, LIMIT.nearest, summary)]
