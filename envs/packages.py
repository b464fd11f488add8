"""Print what an image needs of the packages in pyproject.toml: packages.py workflow|service EXTRA,EXTRA..."""

import sys
import tomllib
from pathlib import Path

# What runs the workflow or draws; serving uses none of it.
NOT_FOR_THE_SERVICE = ("matplotlib", "seaborn", "snakemake")

image, extras = sys.argv[1:]
project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
needed = project["dependencies"]
if image == "service":
    needed = [name for name in needed if not name.startswith(NOT_FOR_THE_SERVICE)]
    extras += ",serve"
for extra in filter(None, extras.split(",")):
    needed += project["optional-dependencies"][extra]
print(*needed, sep="\n")
