"""What the rules of the report share: what a page is made of and what it tells of its making."""

import functools
import platform
import tomllib

from ml_baseline.files import write_text
from ml_baseline.config.settings import config_alone

INDEX = "results/report.html"
INDEXED_TABLES = {
    dataset: {
        "leaderboard": made(f"results/{dataset}/metrics.csv"),
        "seeds": [made(path) for path in files(SCORES, dataset)],
        "audit": made(f"results/{dataset}/audit.csv"),
        "controls": [made(f"results/{dataset}/controls.csv")] * SETTINGS[dataset]["controls"],
        "link": f"{dataset}/report.html" if SETTINGS[dataset]["report"] else "",
    }
    for dataset in sorted(DATASETS)
}
# The graphs of the rules that make a page, by what they depend on.
PAGE_GRAPHS = {}


# The chapters of Snakemake's own report, in the order in which it shows them.
ANSWER = "1 The answer"
TRUST = "2 Whether to trust it"
EVIDENCE = "3 The evidence"
DATA = "4 The data"


def for_report(path, chapter, name, table="{dataset}", caption=None):
    """Mark an output for Snakemake's own report (`snakemake --report report.html`).

    Its caption stands in workflow/report, in the file of this name if no other is given; `table` is
    the heading. Labels are shown in alphabetical order: pages before plots and tables.
    """
    caption = caption or name.lower().replace(" ", "_").replace("-", "_")
    kind = {".csv": "table: ", ".png": "plot: "}.get(Path(path).suffix, "")
    return report(
        path,
        caption=f"../report/{caption}.rst",
        category=chapter,
        subcategory=table,
        labels={"result": kind + name},
    )


def plot_for_report(name):
    """Mark a plot likewise; plots of one or two columns have the caption of their kind."""
    kind = name.rpartition("_")[2]
    caption = kind if kind in ("histogram", "barplot", "scatter") else name
    path = f"results/{{dataset}}/plots/{name}.png"
    return for_report(path, DATA, name.replace("_", " "), caption=f"plot_{caption}")


def unwanted_pages():
    """Return the pages that `report: false` does without, whether they are there or not."""
    pages = {f"results/{name}/report.html": SETTINGS[name]["report"] for name in DATASETS}
    pages[INDEX] = any(pages.values())
    return [page for page, wanted in pages.items() if not wanted]


def templates(page):
    """Return the files that the page `report` or `index` is made of; the first is its own."""
    names = [f"{page}.html.j2", "base.html.j2", "macros.html.j2", "style.css", "page.js"]
    names += ["answer.html.j2"] * (page == "report")
    folder, here = WORKFLOW_FOLDER / "report", Path.cwd()
    # Relative where that is possible, so that a project can be moved without being stale.
    folder = folder.relative_to(here) if folder.is_relative_to(here) else folder
    return [as_is(str(folder / name)) for name in names]


def page_settings(wildcards):
    """Return what a page tells of how it was made."""
    settings = SETTINGS[wildcards.dataset]
    sample = SAMPLES.get(settings["table"])
    top_level = {"table_format": config["table_format"]}
    if sample in config["sample_data"]:
        top_level["sample_data"] = canonical({sample: config["sample_data"][sample]})
    estimators = [model["estimator"] for model in settings["models"].values()]
    return {
        "config": config_alone(wildcards.dataset, settings | top_level, SCHEMA["properties"]),
        "versions": versions(*sorted(estimators)),
        "graph": page_graph(wildcards.dataset),
        "first_seed": first_split(wildcards.dataset),
        "budget": budget_words(wildcards.dataset),
        "not_installed": list(not_installed(config, [wildcards.dataset])),
        "fit_on": settings["publish"]["fit_on"] if settings["register"] else "",
    }


def page_graph(dataset):
    """Return the graph of the rules that make a table's page."""
    settings = SETTINGS[dataset]
    table = settings["table"]
    # How a table is read makes no difference to its graph, nor which plots there are.
    same = {key: settings[key] for key in settings if key not in (*CLEANING_KEYS, "plots")}
    same |= {"plots": bool(settings["plots"]), "known": SAMPLES.get(table) == "customers"}
    same |= {"there": is_readable(table), "made": table in MADE_TABLES}
    key = repr(same)
    if key not in PAGE_GRAPHS:
        # Not by its name, which is another one where this workflow is a module.
        PAGE_GRAPHS[key] = snakemake_internals.rule_graph(
            workflow, rules.report.rule, {"dataset": dataset}
        )
    return PAGE_GRAPHS[key]


@functools.cache
def versions(*estimators):
    """Return the versions of what computes, those of the models' packages among them."""
    used = ("snakemake", "pandas", "numpy", "sklearn", *estimators)
    project = tomllib.loads((WORKFLOW_FOLDER.parent / "pyproject.toml").read_text("utf-8"))
    own = f"ml-baseline {project['project']['version']}, python {platform.python_version()}"
    return [*own.split(", "), *dict.fromkeys(map(package_version, used))]


def write_index_of_failed_run(unfinished, began):
    """Write the index with what there is, where a table's failure has kept the rule from doing so.

    Returns whether it was written.
    """
    from ml_baseline.report.index import failed_run_index

    folder = WORKFLOW_FOLDER / "report"
    page = failed_run_index(INDEXED_TABLES, folder, began, Path(made("results")))
    if page:
        write_text(page, made(INDEX))
    return bool(page)
