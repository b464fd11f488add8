"""The rule graph as the docs show it. Remake it with `python tests/rule_graph.py`."""

import re
import sys
from functools import cache
from pathlib import Path

import warm_snakemake

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "how_it_works.md"
BLOCK = re.compile(r"(?<=```mermaid\n).*?(?=```)", re.DOTALL)


def drawn_edges(mermaid: str) -> set[tuple[str, str]]:
    """Return the (from, to) rule names of a graph that Snakemake drew."""
    names = dict(re.findall(r"(id\d+)\[(.+?)\]", mermaid))
    return {(names[a], names[b]) for a, b in re.findall(r"(id\d+) --> (id\d+)", mermaid)}


def documented_edges(page: str) -> set[tuple[str, str]]:
    """Return the edges of the graph in a page of the docs."""
    return set(re.findall(r"(\w+) --> (\w+)", BLOCK.search(page)[0]))


@cache
def snakemake_edges(*arguments: str) -> set[tuple[str, str]]:
    """Return the edges of the workflow's rule graph."""
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js", *arguments]
    code, said = warm_snakemake.run(command, ROOT)
    assert code == 0, said
    return drawn_edges(said)


def as_mermaid(edges: set[tuple[str, str]]) -> str:
    """Return the graph as the docs write it."""
    lines = [f"    {start} --> {end}" for start, end in sorted(edges)]
    return "\n".join(["flowchart TB", *lines]) + "\n"


if __name__ == "__main__":
    graph = as_mermaid(snakemake_edges())
    PAGE.write_text(BLOCK.sub(lambda _: graph, PAGE.read_text()), encoding="utf-8")
