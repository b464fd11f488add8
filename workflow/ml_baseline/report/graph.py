"""The graph of the rules that make one table's results, drawn as the report shows it."""

from collections.abc import Iterable

from markupsafe import Markup, escape

from ml_baseline.report.charts import place, svg

# What depends on what, as Snakemake draws it; a test holds this in step with the rules. Rules that
# are made in a loop stand under the common part of their names.
EDGES = (
    ("make_sample_data", "clean"),
    ("clean", "stats"),
    ("clean", "plots"),
    ("clean", "split"),
    ("clean", "naive"),
    ("clean", "permute"),
    ("clean", "augment"),
    ("clean", "train"),
    ("clean", "evaluate"),
    ("clean", "compare"),
    ("clean", "audit"),
    ("clean", "explain"),
    ("clean", "controls"),
    ("clean", "report"),
    ("split", "augment"),
    ("split", "train"),
    ("split", "evaluate"),
    ("split", "audit"),
    ("split", "explain"),
    ("augment", "train"),
    ("train", "evaluate"),
    ("train", "compare"),
    ("train", "audit"),
    ("train", "explain"),
    ("train", "controls"),
    ("evaluate", "compare"),
    ("evaluate", "curves"),
    ("evaluate", "contrast"),
    ("evaluate", "report"),
    ("naive", "contrast"),
    ("compare", "explain"),
    ("compare", "controls"),
    ("compare", "report"),
    ("permute", "controls"),
    ("stats", "report"),
    ("plots", "report"),
    ("audit", "report"),
    ("contrast", "report"),
    ("controls", "report"),
    ("curves", "report"),
    ("explain", "report"),
)
# Columns from the left: one for each rule that the report waits for last, so that its line falls
# straight down to the report, which is as wide as all of them.
COLUMNS = (
    ("stats",),
    ("plots",),
    ("naive", "contrast"),
    ("permute", "controls"),
    ("make_sample_data", "clean", "split", "augment", "train", "evaluate", "compare", "explain"),
    ("curves",),
    ("audit",),
)
LINES = {
    "make_sample_data": 0,
    "clean": 1,
    "split": 2,
    "stats": 3,
    "plots": 3,
    "naive": 3,
    "permute": 3,
    "augment": 3,
    "train": 4,
    "evaluate": 5,
    "audit": 5,
    "contrast": 6,
    "compare": 6,
    "curves": 6,
    "controls": 7,
    "explain": 7,
    "report": 8,
}
WORDS = {
    "make_sample_data": "the sample table",
    "clean": "repair rows",
    "split": "hold rows out",
    "stats": "describe",
    "plots": "draw",
    "augment": "noisy copies",
    "train": "fit, validate",
    "evaluate": "score holdout",
    "audit": "look for leaks",
    "compare": "rank models",
    "permute": "shuffle labels",
    "naive": "the naive way",
    "contrast": "naive, honest",
    "curves": "how it errs",
    "explain": "what drives it",
    "controls": "judge controls",
    "report": "this page",
}
LEARNS = {"augment", "train", "naive"}
SEES_HOLDOUT = {"evaluate", "audit", "compare", "curves", "explain", "contrast", "controls"}
# Rules that run once for each split, as long as there are several.
PER_SPLIT = {"split", "augment", "train", "evaluate"}
BOX_WIDTH, BOX_HEIGHT = 92, 40
PITCH, LINE = 100, 62


def without_detours(edges: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the edges that no longer way between the same rules stands for."""
    edges = list(edges)
    followers: dict[str, set[str]] = {}
    for start, end in edges:
        followers.setdefault(start, set()).add(end)

    def reachable(start: str) -> set[str]:
        found: set[str] = set()
        waiting = list(followers.get(start, ()))
        while waiting:
            rule = waiting.pop()
            if rule not in found:
                found.add(rule)
                waiting += followers.get(rule, ())
        return found

    beyond = {rule: reachable(rule) for rule in followers}
    return [
        (start, end)
        for start, end in edges
        if not any(end in beyond.get(other, ()) for other in followers[start] - {end})
    ]


def rule_graph(absent: set[str], models: int, splits: int) -> Markup:
    """Return the graph of one table.

    Args:
        absent: rules that this table has no use for.
        models: how many models are trained.
        splits: how many splits there are.
    """
    edges = without_detours(edge for edge in EDGES if not absent & set(edge))
    columns = [[rule for rule in column if rule not in absent] for column in COLUMNS]
    columns = [column for column in columns if column]
    first = min(LINES[rule] for column in columns for rule in column)
    width = (len(columns) - 1) * PITCH + BOX_WIDTH + 16
    middles = {
        rule: (8 + BOX_WIDTH / 2 + i * PITCH, 8 + BOX_HEIGHT / 2 + (LINES[rule] - first) * LINE)
        for i, column in enumerate(columns)
        for rule in column
    }
    bottom = 8 + BOX_HEIGHT / 2 + (LINES["report"] - first) * LINE
    parts = []
    for start, end in edges:
        x1, y1 = middles[start]
        x2, y2 = (x1, bottom) if end == "report" else middles[end]
        y1, y2 = y1 + BOX_HEIGHT / 2, y2 - BOX_HEIGHT / 2 - 2
        bend = LINE / 2
        parts.append(
            f'<path class="edge" marker-end="url(#arrow)" d="M{place(x1)} {place(y1)}'
            f"C{place(x1)} {place(y1 + bend)} {place(x2)} {place(y2 - bend)} "
            f'{place(x2)} {place(y2)}"/>'
        )
    for rule, (x, y) in middles.items():
        parts.append(_box(rule, x, y, max(BOX_WIDTH, 8.4 * len(rule)), _name(rule, models, splits)))
    parts.append(_box("report", width / 2, bottom, width - 16, "report"))
    arrow = (
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path class="arrow" d="M0 0L8 4L0 8Z"/></marker></defs>'
    )
    ways = ", ".join(f"{start} to {end}" for start, end in edges)
    height = bottom + BOX_HEIGHT / 2 + 8
    return svg(width, height, f"Graph of the rules: {ways}.", arrow + "".join(parts), "graph")


def _name(rule: str, models: int, splits: int) -> str:
    times = (models if rule == "train" else 1) * (splits if rule in PER_SPLIT else 1)
    return f"{rule} \N{MULTIPLICATION SIGN} {times}" if times > 1 else rule


def _box(rule: str, x: float, y: float, width: float, name: str) -> str:
    css = "rule sees" if rule in SEES_HOLDOUT else "rule learns" if rule in LEARNS else "rule"
    return (
        f'<rect class="{css}" x="{place(x - width / 2)}" y="{place(y - BOX_HEIGHT / 2)}" '
        f'width="{place(width)}" height="{BOX_HEIGHT}" rx="6"/>'
        f'<text class="rule-name" x="{place(x)}" y="{place(y - 3)}" text-anchor="middle">'
        f"{escape(name)}</text>"
        f'<text class="rule-words" x="{place(x)}" y="{place(y + 12)}" text-anchor="middle">'
        f"{escape(WORDS[rule])}</text>"
    )
