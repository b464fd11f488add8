"""`python -m ml_baseline.audit` prints the tables of docs/audit.md."""

from inspect import getdoc

import ml_baseline.audit.checks  # noqa: F401  # registers them
from ml_baseline.audit.registry import CHECKS


def tables() -> str:
    """Return the checks and their limits as two tables in Markdown."""
    lines = ["| check | what is measured |", "| --- | --- |"]
    for check in CHECKS.values():
        measured = (getdoc(check.findings) or "").split("\n\n")[0].replace("\n", " ")
        lines.append(f"| `{check.name}` | {measured.removesuffix('.')} |")
    lines += ["", "| limit | of | warn | fail | why there |", "| --- | --- | --- | --- | --- |"]
    limits = {name: limit for check in CHECKS.values() for name, limit in check.limits.items()}
    for name, limit in limits.items():
        of = ", ".join(f"`{check.name}`" for check in CHECKS.values() if name in check.limits)
        warn, fail = ("" if step is None else f"{step:g}" for step in (limit.warn, limit.fail))
        lines.append(f"| `{name}` | {of} | {warn} | {fail} | {limit.why} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(tables(), end="")
