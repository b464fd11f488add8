"""The images of the workflow and of the service, built here on a Debian made here, and run as docs/container.md says.

It takes root and Debian's packages buildah, debootstrap, podman and runc. ML_BASELINE_IMAGES may name a folder in
which the images and their layers are kept from one call to the next.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from running import ROOT, Project, small_table

from ml_baseline.cli import command
from ml_baseline.registry.runs import find_run
from ml_baseline.seal import KEY_VARIABLE

PROGRAMS = ("buildah", "debootstrap", "podman", "runc")
missing = [name for name in PROGRAMS if not shutil.which(name)]
pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(os.geteuid() != 0, reason="building an image from nothing takes root"),
    pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}"),
]

MIRROR = "http://deb.debian.org/debian"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# What Debian leaves out of its own slim image.
NOT_IN_SLIM = [f"usr/share/{name}" for name in ("doc", "info", "lintian", "locale", "man")]
NOT_IN_SLIM += ["var/cache/apt", "var/lib/apt/lists"]
LARGEST = {"workflow": 700e6, "service": 450e6}
STORAGE = """
[storage]
driver = "overlay"
graphroot = "{0}/graph"
runroot = "{0}/runroot"
"""
# No network, and nothing that a machine without systemd or its own cgroups lacks.
CONTAINERS = """
[containers]
netns = "none"
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
"""
HARDENED = ("--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges")
ROW = {"size": 1.25, "weight": -0.5, "colour": "red"}
ASK = """
import sys, urllib.request
asked = urllib.request.Request(
    "http://127.0.0.1:8000/predict", sys.argv[1].encode(), {"content-type": "application/json"}
)
print(urllib.request.urlopen(asked).read().decode())
"""
# What apptainer does, by podman: Snakemake's side of it is tried, and that the image is all that jobs need.
APPTAINER = """#!{python}
import os, sys
words = sys.argv[1:]
if words == ["--version"]:
    sys.exit(print("apptainer version 1.3.0"))
mounts, words = [], words[words.index("exec") + 1 :]
while words[0].startswith("--"):
    option, value = words.pop(0), words.pop(0)
    source, _, target = value.partition(":")
    mounts += ["-v", source + ":" + (target or source)] * (option in ("--home", "--bind"))
assert words.pop(0) == "ml-baseline.sif"
open("by-the-image", "a").write("x")
mounts += ["-v", "/tmp:/tmp", "-v", "{root}:{root}"]
passed = [f"--env={{name}}" for name in os.environ if name.startswith("ML_BASELINE")]
os.execvp("podman", ["podman", "run", "--rm", "-w", os.getcwd(), *passed, *mounts, "ml-baseline", *words])
"""


def said(*words, **options) -> str:
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, **options)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def pip_settings() -> str:
    """Return the settings by which pip finds its index here, for pip.conf in a build."""
    lines = ["[global]"]
    for line in said(sys.executable, "-m", "pip", "config", "list").splitlines():
        name, _, value = line.partition("=")
        name, value = name.rpartition(".")[2], value.strip("'")
        if name in ("index-url", "extra-index-url", "trusted-host") and "file:" not in value:
            lines.append(f"{name} = {value}")
    if CERTIFICATES.exists():
        lines.append("cert = /run/secrets/certificates")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Both images, `ml-baseline` and `ml-baseline-service`, for podman and buildah."""
    folder = Path(os.environ.get("ML_BASELINE_IMAGES") or tmp_path_factory.mktemp("images"))
    files = {"storage.conf": STORAGE.format(folder), "containers.conf": CONTAINERS}
    files["pip.conf"] = pip_settings()
    for name, content in files.items():
        (folder / name).write_text(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTAINERS_STORAGE_CONF", str(folder / "storage.conf"))
        patch.setenv("CONTAINERS_CONF", str(folder / "containers.conf"))
        patch.setenv("BUILDAH_ISOLATION", "chroot")
        if subprocess.run(["podman", "image", "exists", "debian-slim"]).returncode:
            debian = folder / "debian"
            said("debootstrap", "--variant=minbase", "bookworm", str(debian), MIRROR)
            for name in NOT_IN_SLIM:
                shutil.rmtree(debian / name)
            empty = said("buildah", "from", "scratch")
            said("buildah", "copy", empty, str(debian), "/")
            said("buildah", "commit", "--rm", empty, "localhost/debian-slim")
            shutil.rmtree(debian)
        secrets = [f"--secret=id=pip,src={folder / 'pip.conf'}"]
        if CERTIFICATES.exists():
            secrets.append(f"--secret=id=certificates,src={CERTIFICATES}")
        for target, name in {"workflow": "ml-baseline", "service": "ml-baseline-service"}.items():
            build = ["buildah", "build", "--format=docker", "--layers", f"--target={target}"]
            said(*build, *secrets, "--build-arg=BASE=localhost/debian-slim", f"--tag={name}", ".")
        yield {"workflow": "ml-baseline", "service": "ml-baseline-service"}
        said("podman", "rm", "--all", "--force")
        if "ML_BASELINE_IMAGES" not in os.environ:
            said("podman", "image", "rm", "--all", "--force")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose run is published with a key that the service may be given."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.write("table.csv", small_table())
    datasets = {"small": {"table": "table.csv", "target": "answer", "plots": []}}
    project.write_config(datasets=datasets, report=False)
    key = project.write("key", "5e" * 32 + "\n")
    key.chmod(0o400)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_VARIABLE, str(key))
        project.run()
        yield project


@pytest.mark.parametrize("image", LARGEST)
def test_an_image_is_small_and_holds_neither_test_tools_nor_what_the_build_was_told(images, image):
    name = images[image]
    assert int(said("podman", "image", "inspect", "--format", "{{.Size}}", name)) < LARGEST[image]
    root = Path(said("podman", "image", "mount", name))
    packages = {path.name for path in root.glob("opt/venv/lib/python3*/site-packages/*")}
    assert "sklearn" in packages
    assert not packages & {"pytest", "ruff", "mypy", "hypothesis", "pip"}
    assert ("snakemake" in packages) == (image == "workflow")
    assert (root / "bin/sh").exists() == (image == "workflow")
    assert not (root / "etc/pip.conf").exists()
    assert not list((root / "run").rglob("certificates"))


def assert_same_bytes(here: Project, there: Project) -> None:
    expected, found = here.checksums(), there.checksums()
    assert set(found) == set(expected)
    differ = {Path(name).name for name in expected if found[name] != expected[name]}
    # Those name Python's version and all that is installed.
    assert differ <= {"report.html", "pip_freeze.txt"}


def test_the_shipped_config_gives_the_same_bytes_in_the_container(images, tmp_path):
    key = tmp_path / "key"
    key.write_text("5e" * 32)
    key.chmod(0o400)
    there = Project(tmp_path / "there")
    there.folder.mkdir()
    run = ["podman", "run", "--rm", "-v", f"{there.folder}:/project", "-v", f"{key}:/key:ro"]
    run += ["-e", f"{KEY_VARIABLE}=/key", "-e", "OMP_NUM_THREADS=1", images["workflow"]]
    said(*run, "cp", "-r", "/opt/ml-baseline/config", ".")
    said(*run)
    here = Project(tmp_path / "here")
    shutil.copytree(ROOT / "config", here.folder / "config")
    here.run()
    assert_same_bytes(here, there)


def served(name: str, *options: str, within: float = 300) -> dict:
    """Start a service, wait until its own check finds it healthy, and ask for a prediction."""
    said("podman", "run", "--detach", f"--name={name}", *HARDENED, *options)
    deadline = time.monotonic() + within
    while subprocess.run(["podman", "healthcheck", "run", name], capture_output=True).returncode:
        assert time.monotonic() < deadline, said("podman", "logs", name)
        time.sleep(1)
    return json.loads(said("podman", "exec", name, "python", "-c", ASK, json.dumps(ROW)))


def expected_of(project) -> float:
    rows = project.write("row.csv", ",".join(ROW) + "\n" + ",".join(map(str, ROW.values())) + "\n")
    output = project.folder / "predicted.csv"
    words = ["predict", "--results", str(project.folder / "results"), "--input", str(rows)]
    assert command.main([*words, "--output", str(output), "--overwrite"]) == 0
    return float(output.read_text().splitlines()[1].split(",")[1])


@pytest.mark.parametrize("way", ["baked in", "mounted"])
def test_a_run_is_served_by_nobody_from_a_file_system_that_cannot_be_written(
    images, project, tmp_path, way
):
    results = project.folder / "results"
    name = f"served-{way.split()[0]}"
    if way == "baked in":
        export = ["runs", "export", "latest", str(tmp_path / "image"), "--container"]
        assert command.main([*export, "--results", str(results)]) == 0
        said("buildah", "build", "--format=docker", "--tag=small-service", str(tmp_path / "image"))
        answer = served(name, "small-service")
    else:
        key = shutil.copy(project.folder / "key", tmp_path / "key")
        os.chown(key, 65532, 65532)
        mounts = ["-v", f"{results}:/results:ro", "-v", f"{key}:/run/secrets/ml-baseline.key:ro"]
        answer = served(name, *mounts, images["service"])
    assert answer["run_id"] == find_run("latest", results).run_id
    assert answer["predictions"][0]["probability"] == pytest.approx(expected_of(project), abs=1e-12)
    look = "import os; print(os.getuid(), os.access('/results', os.W_OK))"
    assert said("podman", "exec", name, "python", "-c", look) == "65532 False"
    said("podman", "stop", "--time=30", name)
    assert said("podman", "inspect", "--format", "{{.State.ExitCode}}", name) == "0"


def test_a_run_without_its_key_is_not_served(images, project):
    mount = f"{project.folder / 'results'}:/results:ro"
    run = ["podman", "run", "--rm", *HARDENED, "-v", mount, images["service"]]
    refused = subprocess.run(run, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "was not published from this account" in refused.stderr


def test_apptainer_runs_every_job_in_the_image_of_the_workflow(
    images, project, tmp_path, monkeypatch
):
    there = Project(tmp_path)
    for name in ("table.csv", "config/config.yaml"):
        there.write(name, (project.folder / name).read_bytes())
    there.write("ml-baseline.sif", "")
    program = there.write("bin/apptainer", APPTAINER.format(python=sys.executable, root=ROOT))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    there.run("--sdm", "apptainer")
    assert_same_bytes(project, there)
    assert len((tmp_path / "by-the-image").read_text()) > 10
