"""Make a virtual environment from a file of requirements, and write how much it takes on disk."""

import json
import subprocess
import sys
import venv
from pathlib import Path

requirements, size = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
folder = size.parent.absolute() / "venv"
venv.create(folder, with_pip=True, clear=True)
bare = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
install = [
    folder / "bin" / "python",
    "-m",
    "pip",
    "install",
    "--quiet",
    "--requirement",
    requirements,
]
subprocess.run(install, check=True, cwd=requirements.parent)
full = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
size.write_text(json.dumps({"megabytes": round((full - bare) / 1e6)}))
