"""The graph of the rules behind a file, read from Snakemake's rules as a Snakefile has defined them.

Snakemake draws such graphs for all jobs of a run; this is the graph of one table whatever is run.
"""

from collections.abc import Iterable
from pathlib import PurePath
from typing import Any, TypedDict

HOLDOUT = "holdout"
TRAINING_ROWS = ("train", "augmented_data")


class RuleGraph(TypedDict):
    """What depends on what; rules that are made in a loop are one node, named after their script."""

    edges: list[list[str]]  # [from, to]
    jobs: dict[str, int]  # how many jobs a node stands for
    learns: list[str]  # nodes that read training rows, but no holdout
    sees: list[str]  # nodes that read the holdout, or what was made from it


def rule_graph(rules: Iterable[Any], start: Any, wildcards: dict[str, Any]) -> RuleGraph:
    """Return the graph of all rules that the job of the rule `start` waits for.

    Jobs of other tables are left out: what waits for them waits for what they need of this one.

    Args:
        rules: all rules of the workflow, `workflow.rules`.
        start: one of them; it has the wildcard `dataset`.
        wildcards: those of the job.
    """
    # Where two rules make a file, Snakemake takes the one that is written for this file alone.
    producers = sorted((r for r in rules if r.products()), key=lambda rule: rule.has_wildcards())
    node_of = {rule.name: PurePath(str(rule.script or rule.name)).stem for rule in producers}
    edges: set[tuple[str, str]] = set()
    jobs: dict[str, set[tuple]] = {}
    learns: set[str] = set()
    sees: set[str] = set()
    needs_of: dict[tuple, set[str]] = {}

    def needs(rule: Any, of: dict[str, Any]) -> set[str]:
        """Return the nodes of this table that a job needs, having noted theirs."""
        job = (rule.name, *sorted(of.items()))
        if job in needs_of:
            return needs_of[job]
        needs_of[job] = found = set()
        node = node_of[rule.name]
        for file in rule.expand_input(of)[0]:
            stem = PurePath(file).stem
            if stem in TRAINING_ROWS:
                learns.add(node)
            maker = next((one for one in producers if one.is_producer(file)), None)
            made_by = "" if maker is None else node_of[maker.name]
            if maker is not None:
                its = maker.get_wildcards(file)
                deeper = needs(maker, its)
                if its.get("dataset", wildcards["dataset"]) == wildcards["dataset"]:
                    jobs.setdefault(made_by, set()).add((maker.name, *sorted(its.items())))
                    edges.update((need, made_by) for need in deeper)
                    found.add(made_by)
                else:
                    found |= deeper
            if stem == HOLDOUT or made_by in sees:
                sees.add(node)
        return found

    end = node_of[start.name]
    edges.update((need, end) for need in needs(start, wildcards))
    sees.discard(end)
    return RuleGraph(
        edges=sorted(map(list, edges)),
        jobs={node: len(of_node) for node, of_node in sorted(jobs.items())},
        learns=sorted(learns - sees),
        sees=sorted(sees),
    )
