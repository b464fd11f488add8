"""The audit's checks: each is a function that registers itself.

`python -m ml_baseline.audit.registry` prints the tables of docs/audit.md.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import getdoc

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit


@dataclass(frozen=True)
class Check:
    """A check and its limits."""

    name: str
    limits: dict[str, Limit]
    findings: Callable[[Context], Iterable[Finding]]


CHECKS: dict[str, Check] = {}


def check(**limits: Limit) -> Callable:
    """Register the decorated function as the check of its name, with its limits by theirs.

    The function takes a `Context` and returns findings, without their `check`: what is wrong or,
    if nothing is, one that passes. Checks run in the order in which `audit.checks` imports them.
    The documentation says of it what its docstring says first: what is measured.
    """

    def register(function: Callable[[Context], Iterable[Finding]]) -> Callable:
        name = function.__name__
        CHECKS[name] = Check(name, limits, function)
        return function

    return register


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
    from ml_baseline.audit import checks as _all_checks  # noqa: F401  # registers them
    from ml_baseline.audit import registry  # this file runs under another name here

    print(registry.tables(), end="")
