"""The audit's checks: each is a function that registers itself."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

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
