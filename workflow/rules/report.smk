# What the report shows and no other rule has computed, in tables that any program can read; and the
# report itself.

import functools
import platform
import tomllib

from ml_baseline.files import whole_file
from ml_baseline.report.remake import config_alone

INDEX = "results/report.html"
INDEXED_TABLES = {
    dataset: {
        "leaderboard": f"results/{dataset}/metrics.csv",
        "seeds": [f"results/{dataset}/seed{seed}/metrics.csv" for seed in seeds(dataset)],
        "audit": f"results/{dataset}/audit.csv",
        "link": f"{dataset}/report.html" if SETTINGS[dataset]["report"] else "",
    }
    for dataset in DATASETS
}


def templates(page):
    """Return the files that the page `report` or `index` is made of; the first is its own."""
    names = (f"{page}.html.j2", "base.html.j2", "macros.html.j2", "style.css", "page.js")
    return [str(WORKFLOW_FOLDER / "report" / name) for name in names]


def where_wanted(key, pattern):
    """Return the input function for a file that is made where the setting `key` asks for it."""
    return lambda wildcards: [pattern.format(dataset=wildcards.dataset)] * bool(
        SETTINGS[wildcards.dataset][key]
    )


def page_settings(wildcards):
    """Return what a page tells of how it was made."""
    settings = SETTINGS[wildcards.dataset]
    sample = next((s for s, path in SAMPLE_TABLES.items() if path == settings["table"]), None)
    top_level = {"table_format": TABLE_SUFFIX}
    if sample in config["sample_data"]:
        top_level["sample_data"] = {sample: config["sample_data"][sample]}
    absent = {
        "make_sample_data": sample is None,
        "plots": not settings["plots"],
        "naive": not settings["naive"],
        "contrast": not settings["naive"],
        "permute": not settings["controls"],
        "controls": not settings["controls"],
    }
    estimators = [model["estimator"] for model in settings["models"].values()]
    return {
        "config": config_alone(wildcards.dataset, settings | top_level, SCHEMA["properties"]),
        "versions": versions(*estimators),
        "absent": [rule for rule, missing in absent.items() if missing],
    }


@functools.cache
def versions(*estimators):
    """Return the versions of what computes, those of the models' packages among them."""
    used = ("snakemake", "pandas", "numpy", "sklearn", *estimators)
    project = tomllib.loads((WORKFLOW_FOLDER.parent / "pyproject.toml").read_text("utf-8"))
    own = f"ml-baseline {project['project']['version']}, python {platform.python_version()}"
    return [*own.split(", "), *dict.fromkeys(map(package_version, used))]


def write_index_of_failed_run():
    """Write the index with what there is, if a table's failure has kept the rule from doing so.

    Then some input of the rule could not be made. What made Snakemake's record of the index goes
    too, so that the rule runs as soon as it can.
    """
    if INDEX not in wanted_files():
        return
    from ml_baseline.report.index import failed_run_index

    if page := failed_run_index(INDEXED_TABLES, WORKFLOW_FOLDER / "report", STARTED):
        with whole_file(INDEX) as temporary:
            temporary.write_text(page, encoding="utf-8")
        workflow.persistence.cleanup_metadata(rules.report_index.output[0])


rule curves:
    """ROC, precision-recall, calibration, scores and thresholds of all models, first seed."""
    input:
        first_seed("results/{dataset}/seed{seed}/holdout_predictions.csv"),
    output:
        roc=for_report("results/{dataset}/curves/roc.csv", EVIDENCE, "ROC curves"),
        precision_recall=for_report(
            "results/{dataset}/curves/precision_recall.csv", EVIDENCE, "precision-recall curves"
        ),
        calibration=for_report("results/{dataset}/curves/calibration.csv", EVIDENCE, "calibration"),
        score_distribution=for_report(
            "results/{dataset}/curves/score_distribution.csv", EVIDENCE, "score distribution"
        ),
        thresholds=for_report("results/{dataset}/curves/thresholds.csv", EVIDENCE, "thresholds"),
    log:
        "results/logs/{dataset}/curves.log",
    conda:
        CONDA_ENVIRONMENT
    params:
        cfg=curve_settings,
        code=code("curves"),
    message:
        "Drawing the curves of {wildcards.dataset} as tables"
    script:
        "../scripts/curves.py"


rule explain:
    """What drives the best model of a table, measured on holdout rows of the first seed.

    It sees the holdout and teaches nothing: no model, threshold or choice depends on it.
    """
    input:
        leaderboard="results/{dataset}/metrics.csv",
        models=first_seed_model_files,
        holdout=first_seed(processed("seed{seed}/holdout")),
        schema="data/processed/{dataset}/input_schema.json",
    output:
        importance=for_report("results/{dataset}/importance.csv", EVIDENCE, "importance"),
        partial_dependence=for_report(
            "results/{dataset}/partial_dependence.csv", EVIDENCE, "partial dependence"
        ),
    log:
        "results/logs/{dataset}/explain.log",
    conda:
        CONDA_ENVIRONMENT
    params:
        cfg=explanation_settings,
        code=code("explain"),
    message:
        "Explaining the best model of {wildcards.dataset}"
    script:
        "../scripts/explain.py"


rule report:
    """The page of one table: the answer first, the evidence below. Nothing is computed for it."""
    input:
        templates=templates("report"),
        raw=raw_table,
        table=processed("cleaned_data"),
        schema="data/processed/{dataset}/input_schema.json",
        repairs="results/{dataset}/repairs.json",
        leaderboard="results/{dataset}/metrics.csv",
        seed_metrics=seed_files("results/{dataset}/seed{seed}/metrics.csv"),
        audit="results/{dataset}/audit.csv",
        naive=where_wanted("naive", "results/{dataset}/naive.csv"),
        controls=where_wanted("controls", "results/{dataset}/controls.csv"),
        roc="results/{dataset}/curves/roc.csv",
        precision_recall="results/{dataset}/curves/precision_recall.csv",
        calibration="results/{dataset}/curves/calibration.csv",
        score_distribution="results/{dataset}/curves/score_distribution.csv",
        thresholds="results/{dataset}/curves/thresholds.csv",
        importance="results/{dataset}/importance.csv",
        partial_dependence="results/{dataset}/partial_dependence.csv",
        stats="results/{dataset}/stats.csv",
        distributions="results/{dataset}/distributions.csv",
        plots=lambda wildcards: plot_files(wildcards.dataset),
    output:
        for_report("results/{dataset}/report.html", ANSWER, "page"),
    log:
        "results/logs/{dataset}/report.log",
    wildcard_constraints:
        # The tables with shuffled labels have no repairs of their own.
        dataset="|".join(DATASETS),
    conda:
        CONDA_ENVIRONMENT
    params:
        cfg=page_settings,
        code=code("report"),
    message:
        "Writing the report of {wildcards.dataset}"
    script:
        "../scripts/report.py"


rule report_index:
    """The index of all tables. If a table fails, the run's end writes it with what there is."""
    input:
        templates=templates("index"),
        results=[
            path
            for files in INDEXED_TABLES.values()
            for path in (files["leaderboard"], *files["seeds"], files["audit"])
        ],
    output:
        for_report(INDEX, ANSWER, "index", "all tables"),
    log:
        "results/logs/report_index.log",
    conda:
        CONDA_ENVIRONMENT
    params:
        cfg={"tables": INDEXED_TABLES},
        code=code("report_index"),
    message:
        "Writing the index of all tables"
    script:
        "../scripts/report_index.py"
