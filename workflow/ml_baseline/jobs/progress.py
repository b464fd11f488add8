"""What is said while jobs run: a line for each that has ended, and an executor's reason for a failure."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml_baseline.jobs.job_log import cost_file, last_error

# From so much of a run on, what it has taken so far tells how long the rest will take.
SHARE_TO_GO_BY = 0.1


@dataclass(frozen=True)
class WatchedJob:
    """A job as Snakemake knows it: the rule, its wildcards in words, its log if it has one.

    And the name of the file of its script, and what it makes.
    """

    rule: str
    about: str
    log: str | None
    script: str = ""
    outputs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.rule} ({self.about})" if self.about else self.rule


class Progress:
    """Counts the jobs of a run and says how each ended.

    How long the rest will take comes from what jobs have cost in earlier runs, by the file beside each
    log, and from how fast this run does that much: nothing has to be known of its cores and nodes.

    Attributes:
        reasons: why jobs have failed for good of which no log says it, with where to look.
    """

    def __init__(
        self, jobs: Sequence[WatchedJob], say: Callable[[str], None], each: bool = True
    ) -> None:
        """Look up what the jobs have cost; `each` asks for a line for each that ends well too."""
        self.reasons: dict[str, Path] = {}
        self._say = say
        self._each = each
        self._all, self._ended = len(jobs), 0
        self._began = time.time()
        self._left = _expected_seconds(jobs) if each else {}
        self._expected = sum(self._left.values())

    def finished(self, jobs: Iterable[WatchedJob]) -> None:
        """Say that jobs have ended well, and how many are left."""
        for job in jobs if self._each else ():
            self._ended += 1
            self._left.pop(job, None)
            took = _seconds(job)
            words = f" in {duration(took)}" if took is not None else ""
            self._say(f"[{self._ended}/{self._all}] {job}{words}{self._rest()}")

    def failed(self, jobs: Sequence[WatchedJob], why: str | None, again: bool, log: str) -> None:
        """Say why jobs that an executor ran together have failed, unless their logs do.

        `why` are the executor's words, if it has any, and `log` is where it has written, empty for
        nowhere; `again` says that they are tried again.
        """
        if why is None or any(job.log and last_error(job.log) for job in jobs):
            return
        names = ", ".join(map(str, jobs))
        reason = f"{names}: {' '.join(why.split())}"
        self._say(reason + " It is tried again." * again)
        if not again:
            self.reasons[reason] = Path(log or jobs[0].log or "")

    def _rest(self) -> str:
        left = sum(self._left.values())
        done, elapsed = self._expected - left, time.time() - self._began
        if left <= 0 or done < SHARE_TO_GO_BY * self._expected:
            return ""
        return f"; about {duration(elapsed * left / done)} left"


def duration(seconds: float) -> str:
    """Return a time in words, as exact as it matters."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def _seconds(job: WatchedJob) -> float | None:
    """Return how long a job took when it last ran, None if that is not known."""
    path = cost_file(Path(job.log)) if job.log else None
    try:
        return float(json.loads(path.read_bytes())["wall_seconds"]) if path else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _expected_seconds(jobs: Iterable[WatchedJob]) -> dict[WatchedJob, float]:
    """Return how long each job may take: as last time, as others of its rule, as all on average.

    Empty if none is known.
    """
    took = {job: _seconds(job) for job in jobs}
    known: dict[str, list[float]] = {}
    for job, seconds in took.items():
        if seconds is not None:
            known.setdefault(job.rule, []).append(seconds)
            known.setdefault("any", []).append(seconds)
    usual = {of: sum(several) / len(several) for of, several in known.items()}
    return {
        job: seconds or (usual.get(job.rule, usual["any"]) if job.log else 0.0)
        for job, seconds in took.items()
        if usual
    }
