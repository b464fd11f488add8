"""What the jobs have cost: gathered from the files that each job leaves, and drawn by stage.

Snakemake's `benchmark:` polls the process that it has started: it misses short peaks, and the worker
that a warm process has forked altogether. The figures here are the system's own (`getrusage`).
"""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

COLUMNS = (
    *("job", "dataset", "seed", "rows"),
    *("wall_seconds", "cpu_seconds", "peak_memory_mib", "exit_code"),
)
DRAWN_JOBS = 12


def costs(files: Iterable[Path], root: Path, rows: dict[str, int]) -> pd.DataFrame:
    """Return what each job cost when it last ran, the most expensive first.

    Columns `COLUMNS`: times in seconds, memory in MiB (the highest resident set of the job's
    processes, `getrusage`). A job of several tables has no dataset, one of all seeds no seed. `files`
    are `<root>/[<dataset>/[seed<seed>/]]<job>.json`, `rows` those of the cleaned tables, by dataset.
    """
    table = []
    for path in files:
        *folders, job = path.relative_to(root).with_suffix("").parts
        dataset = folders[0] if folders else ""
        seed = int(folders[1].removeprefix("seed")) if len(folders) > 1 else pd.NA
        used = json.loads(path.read_text(encoding="utf-8"))
        place = {"job": job, "dataset": dataset, "seed": seed, "rows": rows.get(dataset, pd.NA)}
        table.append(place | used)
    found = pd.DataFrame(table, columns=list(COLUMNS)).astype({"seed": "Int64", "rows": "Int64"})
    order = ["cpu_seconds", "dataset", "seed", "job"]
    return found.sort_values(order, ascending=[False, True, True, True], ignore_index=True)


def draw(found: pd.DataFrame):
    """Return a figure of `costs`: CPU time and memory of the dearest jobs, and CPU time against rows."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    import seaborn as sns

    by_job = found.groupby("job").agg(
        seconds=("cpu_seconds", "sum"), peak=("peak_memory_mib", "max"), runs=("job", "size")
    )
    by_job = by_job.nlargest(DRAWN_JOBS, "seconds")
    size = (13, 2 + 0.3 * len(by_job))
    figure, (left, right) = plt.subplots(1, 2, figsize=size, layout="constrained")
    sns.barplot(by_job, x="seconds", y="job", color="#4477aa", ax=left)
    labels = [
        f"{row.seconds:,.1f} s, {row.peak:,.0f} MiB" + f" ({row.runs} jobs)" * (row.runs > 1)
        for row in by_job.itertuples()
    ]
    left.bar_label(left.containers[0], labels, padding=4, fontsize=8)
    left.set(xlabel="CPU time of all jobs [s]; highest memory of one", ylabel="")
    left.set(title="What each stage costs", xlim=(0, 1.45 * by_job["seconds"].max()))

    sized = found[found["job"].isin(by_job.index)].dropna(subset="rows")
    sized = sized.astype({"rows": float})
    sns.scatterplot(
        sized, x="rows", y="cpu_seconds", hue="job", style="job", hue_order=by_job.index, ax=right
    )
    right.set(xlabel="rows of the table", ylabel="CPU time of a job [s]", title="Against the rows")
    right.set(xscale="log", yscale="log")
    if right.get_legend():
        sns.move_legend(right, "center left", bbox_to_anchor=(1, 0.5), title=None, frameon=False)
    sns.despine(figure)
    return figure
