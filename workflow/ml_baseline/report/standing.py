"""What the results of a table come to: what every part of the report goes by."""

from ml_baseline.report.words import Score, number, score_of, true
from ml_baseline.scoring.metrics import METRICS, NO_FARTHER
from ml_baseline.text import plural

Row = dict[str, str]
# The audit's checks that find rows of one entity, or made from each other, in no declared group.
TOGETHER = ("shared_entities", "near_duplicates", "interpolated_rows")


class Standing:
    """The best model, how it compares with the baseline, and what speaks against believing it."""

    def __init__(self, leaderboard: list[Row], audit: list[Row], controls: list[Row]):
        # The metric that the best model was chosen by is the one that has an out-of-fold score.
        chosen_by = next(name for name in leaderboard[0] if name.startswith("oof_"))
        self.metric = metric = chosen_by.removeprefix("oof_")
        self.title = METRICS[metric].title
        self.failed = [row for row in leaderboard if has_failed(row)]
        self.fitted = [row for row in leaderboard if not has_failed(row)]
        self.best = best = next((row for row in self.fitted if true(row["selected"])), None)
        self.is_baseline = best is not None and best["model"] == best["baseline"]
        self.rough = [row["model"] for row in self.fitted if not is_reliable(row)]
        self.has_rough_cells = not all(is_reliable(r, m) for r in self.fitted for m in METRICS)
        self.is_rough = best is not None and not is_reliable(best)
        row = best or leaderboard[0]
        self.rows = number(row.get("rows")) or 0
        # Of which the rows are the evidence: groups, distinct rows or the rows themselves.
        self.units = number(row.get("units")) or self.rows
        self.unit = row.get("unit") or "row"
        self.units_text = plural(self.units, self.unit).removesuffix(" rows").removesuffix(" row")
        self.seeds = int(number(row.get("seeds")) or 1)
        level = number(row.get("level")) or 0.95
        alpha = 1 - level
        self.level_text = f"{level * 100:g}\N{NO-BREAK SPACE}%"
        self.score = score_of(best, metric) if best else None
        self.gain = gain_of(best, metric) if best else None
        self.blind_gain = gain_of(best, metric, "blind") if best else None
        # Whether an answer without a look at a row is better than the baseline.
        ahead = self.gain.value - self.blind_gain.value if self.gain and self.blind_gain else 0
        self.blind_is_harder = ahead > NO_FARTHER
        self.ties = [
            row
            for row in self.fitted
            if best and row is not best and (number(row.get("best_p_adjusted")) or 0) > alpha
        ]

        def is_shown(gain: Score | None, over: str) -> bool:
            p = number(row.get(f"{over}_p_adjusted"))
            return gain is not None and gain.value > 0 and p is not None and p <= alpha

        # By F1 or recall a coin flip beats a model that predicts no ones: skill shows in the ranking,
        # and against the best answer without a look at a row (the row's `blind`).
        doubt = ""
        if best is not None and (number(best.get("roc_auc_low")) or 0) <= 0.5:
            doubt = "chance"
        elif self.blind_gain is not None and not is_shown(self.blind_gain, "blind"):
            doubt = "blind"
        gained = is_shown(self.gain, "baseline")
        self.skilled = best is not None and not doubt
        self.doubt = doubt if gained else ""  # why the best model only seems to beat the baseline
        self.beats_baseline = gained and self.skilled
        self.fails = [row for row in audit if row["verdict"] == "fail"]
        self.warns = [row for row in audit if row["verdict"] == "warn"]
        # Whether the audit saw rows that belong together, of which the intervals know nothing.
        found = {row["check"] for row in (*self.fails, *self.warns)}
        self.takes_rows_as_independent = self.unit != "group" and not found.isdisjoint(TOGETHER)
        failed_controls = [row for row in controls if row["verdict"] != "pass"]
        self.leaks = [row for row in failed_controls if row["control"] == "negative"]
        self.missed = [row for row in failed_controls if row["control"] == "positive"]
        if self.fails or self.leaks or best is None:
            self.status = "fail"
        elif self.warns or self.missed or not self.beats_baseline or self.is_rough:
            self.status = "warn"
        else:
            self.status = "pass"

    @property
    def rows_text(self) -> str:
        """How many rows the scores are from."""
        of = f" ({self.units_text})" if self.units < self.rows else ""
        if self.seeds > 1:
            return f"{self.seeds} holdouts of {plural(self.rows, 'row')}{of} each"
        return f"{plural(self.rows, 'holdout row')}{of}"

    @property
    def words(self) -> str:
        """Whether the scores are to be believed, in a few words."""
        if self.best is None:
            return "No model could be fitted"
        if self.status == "fail":
            return "Do not believe these scores"
        if self.gain is None:
            return "Not compared with the baseline"
        if not (self.beats_baseline or self.warns):
            return "No better than the baseline" if self.is_baseline else "No clear gain"
        if self.warns:
            return "Check the warnings first"
        if self.missed:
            return "Check the controls first"
        return "Too few rows to be sure" if self.is_rough else "No problems found"


def has_failed(row: Row) -> bool:
    """Return whether a leaderboard's row is of a model that could not be fitted."""
    return row.get("status") == "failed"


def is_reliable(row: Row, metric: str = "") -> bool:
    """Return whether the interval of a metric can be relied on, without one that of the chief one."""
    return true(row.get(f"{metric}_reliable" if metric else "reliable", "true"))


def gain_of(row: Row, metric: str, over: str = "baseline") -> Score | None:
    """Return by how much a model is better than the baseline (or `over`), above 0 if it is."""
    difference = score_of(row, f"{over}_difference")
    if difference is None or METRICS[metric].higher_is_better:
        return difference
    return Score(-difference.value, -difference.high, -difference.low)
