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
# Jobs below this share of the whole are drawn together.
SMALL_SHARE = 0.01
OTHERS = "all others"
DRAWN_JOBS = 8


def costs(files: Iterable[Path], root: Path, rows: dict[str, int]) -> pd.DataFrame:
    """Return what each job cost when it last ran, the most expensive first.

    Columns `COLUMNS`: times in seconds, memory in MiB (the highest resident set of the job's
    processes, `getrusage`). A job of several tables has no dataset, one of all seeds no seed.

    Args:
        files: the JSON files, `<root>/[<dataset>/[seed<seed>/]]<job>.json`.
        root: the folder they are in.
        rows: rows of the cleaned tables, by dataset.
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
    """Return a figure of `costs`: CPU time and memory by job, and CPU time against rows."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    by_job = found.groupby("job")[["cpu_seconds"]].sum()
    by_job["peak"] = found.groupby("job")["peak_memory_mib"].max()
    by_job["runs"] = found.groupby("job").size()
    small = by_job["cpu_seconds"] < SMALL_SHARE * by_job["cpu_seconds"].sum()
    if small.sum() > 1:
        rest = by_job[small].agg({"cpu_seconds": "sum", "peak": "max", "runs": "sum"})
        by_job = pd.concat([by_job[~small], rest.to_frame(OTHERS).T])
    by_job = by_job.sort_values("cpu_seconds")
    height = max(3.5, 1.2 + 0.3 * len(by_job))
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, height), layout="constrained")

    bars = left.barh(by_job.index, by_job["cpu_seconds"], color="#4477aa")
    labels = [
        f"{row.cpu_seconds:,.1f} s, {row.peak:,.0f} MiB"
        + (f" ({row.runs:.0f} jobs)" if row.runs > 1 else "")
        for row in by_job.itertuples()
    ]
    left.bar_label(bars, labels, padding=4, fontsize=8)
    left.set_xlim(right=1.45 * by_job["cpu_seconds"].max())
    left.set_xlabel("CPU time of all jobs [s]; highest memory of one")
    left.set_title("What each stage costs")

    sized = found.dropna(subset="rows")
    several_sizes = len(sized) and sized["rows"].max() >= 3 * sized["rows"].min()
    most = [job for job in by_job.index[::-1] if job != OTHERS][:DRAWN_JOBS]
    for marker, job in zip("osD^vPX*", most, strict=False):
        of_job = sized[sized["job"] == job].sort_values("rows")
        if of_job.empty:
            continue
        if several_sizes:
            means = of_job.groupby("rows")["cpu_seconds"].mean()
            right.plot(means.index.astype(float), means, "-", color="0.8", zorder=1)
        right.scatter(
            of_job["rows"].astype(float), of_job["cpu_seconds"], marker=marker, label=job, s=28
        )
    right.set(
        xscale="log", yscale="log", xlabel="rows of the table", ylabel="CPU time of a job [s]"
    )
    for axis in (right.xaxis, right.yaxis):
        axis.set_major_formatter("{x:,g}")
        axis.set_minor_formatter("{x:,g}" if not several_sizes else "")
    right.set_title("Against the rows, for the dearest stages and models")
    if right.get_legend_handles_labels()[0]:
        right.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure
