"""Running the workflow in a folder of its own, as a user would."""

import csv
import hashlib
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import warm_snakemake
import yaml

ROOT = Path(__file__).parents[1]

# Files of a published run that hold the time of its publication, and the name it has from it.
DATED = ("published.json", "latest.txt", "run_meta.json", "seal.txt", "README.md")
# What stands in a fresh clone.
IN_A_CLONE = ("data/README.md", "data/raw/.gitkeep", "results/README.md")
RUN_ID = re.compile(r"[0-9T:-]+Z__classification__seed\d+")

QUICK_MODELS = {
    "dummy": {"estimator": "sklearn.dummy.DummyClassifier"},
    "logistic_regression": {"estimator": "sklearn.linear_model.LogisticRegression"},
}


@dataclass
class Project:
    """A folder with a config and tables in which the workflow is run as a user would."""

    folder: Path
    root: Path = ROOT

    def write_config(self, **config) -> None:
        config.setdefault("models", QUICK_MODELS)
        path = self.folder / "config" / "config.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")

    def write(self, path: str, content: str | bytes) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def command(self, *arguments: str, cores: int = 2) -> list[str]:
        """Return the command that runs the workflow in the folder; to be started in `root`."""
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(self.root / "Snakefile")]
        return [*command, "--directory", str(self.folder), "--cores", str(cores), *arguments]

    def start(self, *arguments: str, cores: int = 2, **more) -> subprocess.Popen:
        """Start a run; what it says goes into one pipe, if `more` does not say otherwise."""
        more = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} | more
        return subprocess.Popen(
            self.command(*arguments, cores=cores),
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=self.root,
            **more,
        )

    def snakemake(self, *arguments: str, cores: int = 2) -> subprocess.CompletedProcess:
        """Run the workflow in the folder; stdout and stderr come back as one text."""
        command = self.command(*arguments, cores=cores)
        return subprocess.CompletedProcess(command, *warm_snakemake.run(command, self.root))

    def run(self, *arguments: str, cores: int = 2) -> str:
        """Run the workflow and expect it to end well; return what it said."""
        done = self.snakemake(*arguments, cores=cores)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def checksums(self) -> dict[str, str]:
        """Return the hash of every file that is made, apart from logs and what jobs cost.

        The published runs count by what they hold: their names, and the files that tell the time of
        their publication, are left out.
        """
        found = {}
        for root in ("data", "results"):
            for path in sorted((self.folder / root).rglob("*")):
                parts = path.relative_to(self.folder).parts
                dated = path.name in DATED and ("runs" in parts or path.name == "published.json")
                cloned = "/".join(parts) in IN_A_CLONE
                if path.is_file() and not (dated or cloned or {"logs", "benchmarks"} & set(parts)):
                    name = RUN_ID.sub("run", "/".join(parts))
                    content = path.read_bytes()
                    if name.endswith(".check.json"):  # which says what run has predicted
                        content = RUN_ID.sub("run", content.decode()).encode()
                    found[name] = hashlib.sha256(content).hexdigest()
        return found


def small_table(rows: int = 120, random_state: int = 0, signal: float = 2.0) -> str:
    """Return a CSV with two numbers, a category and a yes/no target that depends on one number."""
    random = np.random.default_rng(random_state)
    size = random.normal(size=rows)
    weight = random.normal(size=rows)
    colour = random.choice(["red", "green", "blue"], rows)
    answer = random.random(rows) < 1 / (1 + np.exp(-signal * size))
    lines = ["size,weight,colour,answer"]
    for i in range(rows):
        word = "yes" if answer[i] else "no"
        lines.append(f"{size[i]:.4f},{weight[i]:.4f},{colour[i]},{word}")
    return "\n".join(lines) + "\n"


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file as text."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
