"""The graph of jobs: what may depend on what, and what the README shows of it."""

import re
import sys

import pytest
import warm_snakemake
from rule_graph import PAGE, ROOT, documented_edges, snakemake_edges
from running import QUICK_MODELS, small_table

# Every rule that learns from rows: only the last may come after the holdout, and only what publishes
# its model after that.
LEARNING = re.compile(r"^(augment|train_\w+|tune\w*|calibrate\w*|choose\w*|refit)$")
AFTER_REFIT = {"register", "predict_new"}
# A job of a dry run: its rule, and what is said of it.
JOB = re.compile(r"^(?:local)?rule (\w+):\n((?: +.*\n)+)", re.MULTILINE)


def test_no_rule_that_learns_reads_the_holdout_but_the_one_that_nothing_scored_depends_on(project):
    """Walks the files of the real graph: the holdout is an input of scoring rules and of `refit`."""
    project.write("table.csv", small_table())
    table = {"table": "table.csv", "target": "answer", "plots": []}
    tree = {"estimator": "sklearn.tree.DecisionTreeClassifier"}
    project.write("new.csv", small_table())
    project.write_config(
        datasets={"small": table | {"naive": True, "controls": True}},
        models=QUICK_MODELS | {"tree": tree},
        predictions={"new": {"input": "new.csv"}},
    )
    # Without their messages, Snakemake tells of jobs what they read and make.
    told = project.write(
        "Snakefile",
        f'include: "{ROOT / "Snakefile"}"\nfor each in workflow.rules:\n    each.message = None\n',
    )
    plain = ("--dry-run", "--workflow-profile", "none")
    said = project.run(*plain, "--snakefile", str(told), "all")
    made_from, rule_of = {}, {}
    for name, about in JOB.findall(re.sub(r" \(\w+\)", "", said)):  # as in `a.csv (update)`
        files = dict(re.findall(r"^ +(input|output): (.*)$", about, re.MULTILINE))
        for output in files["output"].split(", ") if "output" in files else []:
            made_from[output] = files.get("input", "").split(", ")
            rule_of[output] = name

    def ancestors(path):
        found = set()
        waiting = list(made_from.get(path, []))
        while waiting:
            parent = waiting.pop()
            if parent not in found:
                found.add(parent)
                waiting += made_from.get(parent, [])
        return found

    holdout = "data/processed/small/seed42/holdout.csv"
    learned = [path for path, rule in rule_of.items() if LEARNING.match(rule)]
    assert {rule_of[path] for path in learned} >= {"augment", "train_dummy", "train_ensemble"}
    after = {path for path in learned if holdout in ancestors(path)}
    assert {rule_of[path] for path in after} == {"refit"}, f"{after} come after the holdout"
    (refitted,) = (path for path in after if path.startswith("results/small/"))
    followers = {rule_of[path] for path in rule_of if refitted in ancestors(path)}
    assert followers == AFTER_REFIT
    # The walk itself works: what is scored does come after the holdout.
    scored = "results/small/seed42/holdout_predictions.csv"
    assert holdout in ancestors(scored)


def test_a_large_table_alone_has_parquet_between_its_stages(project):
    """By the size of its file, whatever is in it; `table_format` overrides that."""
    project.write("small.csv", small_table())
    with project.write("large.csv", small_table()).open("r+b") as file:
        file.truncate(50_000_000)
    tables = {name: {"table": f"{name}.csv", "target": "answer"} for name in ("small", "large")}
    targets = "data/processed/small/seed42/train.csv", "data/processed/large/seed42/train."
    for table_format, of_large in (("auto", "parquet"), ("csv", "csv")):
        project.write_config(datasets=tables, table_format=table_format)
        project.run("--dry-run", targets[0], targets[1] + of_large)
        assert ("clean_parquet" in project.run("--dry-run")) == (of_large == "parquet")
    project.write_config(datasets={"large": tables["large"]})
    project.run("--dry-run", targets[1] + "parquet")


def test_the_docs_show_the_rule_graph():
    assert documented_edges(PAGE.read_text(encoding="utf-8")) == snakemake_edges("--forceall"), (
        "the graph in docs/how_it_works.md is out of date: python tests/rule_graph.py"
    )


@pytest.mark.parametrize("argument", ["--lint", "--dag", "-n"])
def test_ways_to_look_at_the_workflow(argument):
    code, said = warm_snakemake.run([sys.executable, "-m", "snakemake", argument], ROOT)
    assert code == 0, said
    if argument == "--lint":
        assert "good condition" in said


def test_workflow_folder_leads_to_the_same_workflow():
    """The catalog, snakedeploy and `module:` look for workflow/Snakefile."""
    edges = snakemake_edges("--forceall", "--snakefile", "workflow/Snakefile")
    assert edges == snakemake_edges("--forceall")


# Jobs that are run where the run was started, and predicting, which is a job by itself.
UNGROUPED = {"budget", "gather", "report_index", "benchmarks", "predict"}


def test_every_rule_says_what_it_needs_and_which_group_of_a_cluster_it_is_in():
    """A rule between two of a group that is not in it would have a cluster refuse all of them."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "workflow/rules").glob("*.smk")]
    rules = [rule for text in texts for rule in re.split(r"^ *rule\b", text, flags=re.M)[1:]]
    scripts = [re.search(r"scripts/(\w+)\.py", rule) for rule in rules]
    assert all("**needs(" in rule for rule, script in zip(rules, scripts, strict=True) if script)
    grouped = next(text for text in texts if "STAGES = {" in text)
    grouped = grouped.split("STAGES = {")[1].split("\n}\n")[0]
    named = set(re.findall(r'"(\w+)"', grouped)) - {"table", "seed", "scores"}
    assert named | UNGROUPED == {script[1] for script in scripts if script}


def test_a_batch_is_a_part_of_the_tables_and_the_last_gathers_all(project):
    project.write("table.csv", small_table())
    tables = {name: {"table": "table.csv", "target": "answer"} for name in ("one", "other")}
    project.write_config(datasets=tables)
    part = project.run("--dry-run", "--batch", "all=1/2")
    assert re.search(r"clean +1\b", part)
    assert "gather" not in part
