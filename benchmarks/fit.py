"""Run one tool in its environment, and keep its probabilities and what they cost.

A tool that fails, or takes ten times its budget and ten minutes, has no predictions; `compare.py` puts
it last.
"""

import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import pandas as pd

tool, budget = snakemake.params.tool, snakemake.params.budget
python = Path(snakemake.input.environment).parent.resolve() / "venv" / "bin" / "python"
predictions = Path(snakemake.output.predictions).resolve()
arguments = {
    "train": str(Path(snakemake.input.train).resolve()),
    "holdout": str(Path(snakemake.input.holdout).resolve()),
    "predictions": str(predictions),
    "seed": int(snakemake.wildcards.seed),
    "threads": snakemake.threads,
    "budget": budget,
    "options": tool.get("options", {}),
}
command = [python, Path(snakemake.input.tools).resolve(), tool["run"], json.dumps(arguments)]
environment = {
    "OMP_NUM_THREADS": str(snakemake.threads),  # for those that are not told otherwise
    "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",  # for what the tool starts itself
}
start, reason = time.monotonic(), ""
with tempfile.TemporaryDirectory() as folder:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600 + 10 * budget,
        )
        reason = "" if done.returncode == 0 else done.stdout.strip()[-2000:] or "no word"
    except subprocess.TimeoutExpired:
        reason = "took too long"
used = resource.getrusage(resource.RUSAGE_CHILDREN)
if reason:
    pd.DataFrame({"target": [], "probability": []}).to_csv(predictions, index=False)
cost = {
    "seconds": time.monotonic() - start,
    "cpu_seconds": used.ru_utime + used.ru_stime,
    "megabytes": used.ru_maxrss / 1024,
    "reason": reason,
}
Path(snakemake.output.cost).write_text(json.dumps(cost))
