"""The graph of the rules that make one table's results, drawn as the report shows it."""

from functools import cache
from typing import TypedDict

from markupsafe import Markup, escape

from ml_baseline.report.charts import place, svg

BOX_WIDTH, BOX_HEIGHT = 92, 30
GAP, LINE = 20, 52
ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" '
    'markerHeight="7" orient="auto"><path class="arrow" d="M0 0L8 4L0 8Z"/></marker></defs>'
)
Edge = tuple[str, str]


class RuleGraph(TypedDict):
    """What depends on what; rules that are made in a loop are one node, named after their script."""

    edges: list[list[str]]  # [from, to]
    jobs: dict[str, int]  # how many jobs a node stands for
    learns: list[str]  # nodes that read training rows or their predictions, but no holdout
    sees: list[str]  # nodes that read the holdout, or what was made from it


def without_detours(edges: list[Edge]) -> list[Edge]:
    """Return the edges that no longer way between the same rules stands for."""
    followers: dict[str, set[str]] = {}
    for start, end in edges:
        followers.setdefault(start, set()).add(end)

    @cache
    def beyond(rule: str) -> frozenset[str]:
        nearest = followers.get(rule, set())
        return frozenset(nearest.union(*map(beyond, nearest)))

    return [
        (start, end)
        for start, end in edges
        if not any(end in beyond(other) for other in followers[start] - {end})
    ]


def layout(edges: list[Edge]) -> tuple[list[list[str]], dict[str, int]]:
    """Return the rules in columns from the left, and each one's line from the top.

    The last rule is in no column: it is as wide as all of them, and the last rule of each column
    leads straight down to it. Columns that begin high up stand left of the longest one.
    """
    needed: dict[str, set[str]] = {}
    for start, end in edges:
        needed.setdefault(end, set()).add(start)
        needed.setdefault(start, set())

    @cache
    def line(rule: str) -> int:
        return 1 + max(map(line, needed[rule]), default=-1)

    last = max(needed, key=line)
    taken = {last}
    columns = []
    deepest_first = sorted(needed, key=lambda rule: (rule not in needed[last], -line(rule), rule))
    for rule in deepest_first:
        column: list[str] = []
        free = {rule} - taken
        while free:
            column.insert(0, max(sorted(free), key=line))
            taken.add(column[0])
            free = needed[column[0]] - taken
        columns += [column] if column else []
    longest, *others = columns
    middle = line(last) / 2
    others.sort(key=lambda column: (line(column[0]), len(column), column))
    left = sum(line(column[0]) < middle for column in others)
    return [*others[:left], longest, *others[left:]], {rule: line(rule) for rule in needed}


def draw_rules(graph: RuleGraph) -> Markup:
    """Return the graph of one table's rules as an image."""
    edges = without_detours([(start, end) for start, end in graph["edges"]])
    columns, lines = layout(edges)
    last = max(lines, key=lambda rule: lines[rule])
    top, width = 8 + BOX_HEIGHT / 2, 8.0
    many = {rule: f" \N{MULTIPLICATION SIGN} {n}" for rule, n in graph["jobs"].items() if n > 1}
    names = {rule: rule + many.get(rule, "") for rule in lines}
    boxes = {rule: max(BOX_WIDTH, 8.4 * len(name)) for rule, name in names.items()}
    middles: dict[str, tuple[float, float]] = {}
    for column in columns:
        widest = max(boxes[rule] for rule in column)
        middles |= {rule: (width + widest / 2, top + lines[rule] * LINE) for rule in column}
        width += widest + GAP
    width += 8 - GAP
    bottom = top + lines[last] * LINE
    parts = [ARROW]
    for start, end in edges:
        x1, y1 = middles[start]
        x2, y2 = middles.get(end, (x1, bottom))
        y1, y2 = y1 + BOX_HEIGHT / 2, y2 - BOX_HEIGHT / 2 - 2
        bend = LINE / 2
        parts.append(
            f'<path class="edge" marker-end="url(#arrow)" d="M{place(x1)} {place(y1)}'
            f"C{place(x1)} {place(y1 + bend)} {place(x2)} {place(y2 - bend)} "
            f'{place(x2)} {place(y2)}"/>'
        )
    for rule, (x, y) in middles.items():
        looks = "rule sees" if rule in graph["sees"] else "rule"
        looks = "rule learns" if rule in graph["learns"] else looks
        parts.append(_box(names[rule], looks, x, y, boxes[rule]))
    parts.append(_box(last, "rule", width / 2, bottom, width - 16))
    ways = ", ".join(f"{start} to {end}" for start, end in edges)
    height = bottom + BOX_HEIGHT / 2 + 8
    return svg(width, height, f"Graph of the rules: {ways}.", "".join(parts), "graph")


def _box(name: str, css: str, x: float, y: float, width: float) -> str:
    return (
        f'<rect class="{css}" x="{place(x - width / 2)}" y="{place(y - BOX_HEIGHT / 2)}" '
        f'width="{place(width)}" height="{BOX_HEIGHT}" rx="6"/>'
        f'<text class="rule-name" x="{place(x)}" y="{place(y + 4)}" text-anchor="middle">'
        f"{escape(name)}</text>"
    )
