"""What the results of a table come to: what every part of the report goes by."""

from typing import NamedTuple

from ml_baseline.report.words import Score, number, score_of, true
from ml_baseline.scoring.metrics import METRICS, NO_FARTHER
from ml_baseline.text import plural

Row = dict[str, str]
# The audit's checks that find rows of one entity, or made from each other, in no declared group.
TOGETHER = ("shared_entities", "near_duplicates", "interpolated_rows")


class Standing(NamedTuple):
    """The best model, how it compares with the baseline, and what speaks against believing it."""

    metric: str
    best: Row | None
    score: Score | None
    gain: Score | None
    beats_baseline: bool
    # Why it only seems to beat it: "chance" where its ROC-AUC may be that, "blind" where an answer
    # without a look at a row (the row's `blind`) may do as well by the metric.
    doubt: str
    skilled: bool
    blind_gain: Score | None
    ties: list[Row]
    fitted: list[Row]
    failed: list[Row]
    fails: list[Row]
    warns: list[Row]
    leaks: list[Row]
    missed: list[Row]
    rows: float
    units: float  # of which the rows are the evidence: groups, distinct rows or the rows themselves
    unit: str
    seeds: int
    level: float
    status: str

    @property
    def title(self) -> str:
        """The metric's name as people write it."""
        return METRICS[self.metric].title

    @property
    def level_text(self) -> str:
        """The confidence level as people write it."""
        return f"{self.level * 100:g}\N{NO-BREAK SPACE}%"

    @property
    def rows_text(self) -> str:
        """How many rows the scores are from."""
        of = f" ({self.units_text})" if self.units < self.rows else ""
        if self.seeds > 1:
            return f"{self.seeds} holdouts of {plural(self.rows, 'row')}{of} each"
        return f"{plural(self.rows, 'holdout row')}{of}"

    @property
    def units_text(self) -> str:
        """How many pieces of evidence the rows are."""
        return plural(self.units, self.unit).removesuffix(" rows").removesuffix(" row")

    @property
    def takes_rows_as_independent(self) -> bool:
        """Whether the audit saw rows that belong together, of which the intervals know nothing."""
        checks = {row["check"] for row in (*self.fails, *self.warns)}
        return self.unit != "group" and bool(checks & set(TOGETHER))

    @property
    def is_rough(self) -> bool:
        """Whether the best model's interval cannot be relied on."""
        return self.best is not None and not is_reliable(self.best)

    @property
    def rough(self) -> list[str]:
        """The models whose intervals cannot be relied on."""
        return [row["model"] for row in self.fitted if not is_reliable(row)]

    @property
    def has_rough_cells(self) -> bool:
        """Whether any metric of any model has an interval that cannot be relied on."""
        return not all(is_reliable(row, name) for row in self.fitted for name in METRICS)

    @property
    def is_baseline(self) -> bool:
        """Whether the best model is the baseline itself."""
        return self.best is not None and self.best["model"] == self.best["baseline"]

    @property
    def blind_is_harder(self) -> bool:
        """Whether an answer without a look at a row is better than the baseline."""
        return bool(
            self.gain and self.blind_gain and self.gain.value - self.blind_gain.value > NO_FARTHER
        )

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


def standing(leaderboard: list[Row], audit: list[Row], controls: list[Row]) -> Standing:
    """Return what the results of a table come to."""
    # The metric that the best model was chosen by is the one that has an out-of-fold score.
    metric = next(name for name in leaderboard[0] if name.startswith("oof_")).removeprefix("oof_")
    fitted = [row for row in leaderboard if not has_failed(row)]
    best = next((row for row in fitted if true(row["selected"])), None)
    any_row = best or leaderboard[0]
    level = number(any_row.get("level")) or 0.95
    alpha = 1 - level
    gain = gain_of(best, metric) if best else None
    p = number(best.get("baseline_p_adjusted")) if best else None
    ties = [
        row
        for row in fitted
        if best and row is not best and (number(row.get("best_p_adjusted")) or 0) > alpha
    ]
    # By F1 or recall a coin flip beats a model that predicts no ones: skill shows in the ranking, and
    # against the best answer without a look at a row.
    gained = p is not None and p <= alpha and gain is not None and gain.value > 0
    blind_gain = gain_of(best, metric, "blind") if best else None
    doubt = ""
    if best is not None and (number(best.get("roc_auc_low")) or 0) <= 0.5:
        doubt = "chance"
    elif best is not None and blind_gain is not None:
        p_of_blind = number(best.get("blind_p_adjusted"))
        if p_of_blind is None or p_of_blind > alpha or blind_gain.value <= 0:
            doubt = "blind"
    skilled = best is not None and not doubt
    beats_baseline = gained and skilled
    fails = [row for row in audit if row["verdict"] == "fail"]
    warns = [row for row in audit if row["verdict"] == "warn"]
    failed_controls = [row for row in controls if row["verdict"] != "pass"]
    leaks = [row for row in failed_controls if row["control"] == "negative"]
    missed = [row for row in failed_controls if row["control"] == "positive"]
    if fails or leaks or best is None:
        status = "fail"
    elif warns or missed or not beats_baseline or not is_reliable(best):
        status = "warn"
    else:
        status = "pass"
    return Standing(
        metric=metric,
        best=best,
        score=score_of(best, metric) if best else None,
        gain=gain,
        beats_baseline=beats_baseline,
        doubt=doubt if gained else "",
        skilled=skilled,
        blind_gain=blind_gain,
        ties=ties,
        fitted=fitted,
        failed=[row for row in leaderboard if has_failed(row)],
        fails=fails,
        warns=warns,
        leaks=leaks,
        missed=missed,
        rows=number(any_row.get("rows")) or 0,
        units=number(any_row.get("units")) or number(any_row.get("rows")) or 0,
        unit=any_row.get("unit") or "row",
        seeds=int(number(any_row.get("seeds")) or 1),
        level=level,
        status=status,
    )
