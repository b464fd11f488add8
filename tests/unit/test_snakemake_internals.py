"""Snakemake still works as we take it to: each use of its internals, on a workflow of a few lines."""

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import warm_snakemake

from ml_baseline.jobs import snakemake_internals
from ml_baseline.jobs.snakemake_internals import forget_broken_records

SNAKEFILE = """
    import sys
    from ml_baseline.jobs import snakemake_internals as internals

    class Conduct:
        def before_graph(self, executes):
            said("before_graph", executes, internals.left_locks(workflow))
            {before_graph}
        def before_jobs(self):
            jobs = internals.jobs_to_run(workflow)
            said("before_jobs", sorted(filter(None, (job.script for job in jobs))),
                 sorted(path for job in jobs for path in job.outputs))
        def after_jobs(self, ended_well):
            said("after_jobs", ended_well, sorted(internals.unfinished_outputs(workflow)))
            internals.cancel_timers()
            {after_jobs}
            return ended_well

    def said(*words):
        with open("said", "a") as file:
            print(*words, file=file)

    if internals.is_main_process(workflow):
        internals.conduct(workflow, Conduct())
    internals.without_pandas()
    internals.look_once()
    internals.keep_old_versions(lambda path: False)
    internals.import_first_from({library!r})
    made = internals.prefixing(workflow)
    said("made", made("results/x"), internals.outputs_of_rules(workflow, ["a.txt"]))

    rule all:
        input: "a.txt", "b.txt"
    rule a:
        output: update("a.txt")
        params: cfg=config.get("setting", 1)
        script: "a.py"
    rule b:
        input: "a.txt"
        output: "b.txt"
        shell: "{command} {{output}}"
"""
SCRIPT = """
import which_library
with open(snakemake.output[0], "w") as file:
    print(which_library.NAME if snakemake.params.cfg else "half", file=file)
assert snakemake.params.cfg
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function that runs the workflow; returns the exit code, and what was called when."""
    monkeypatch.chdir(tmp_path)
    for place in ("hashed", "installed"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "which_library.py").write_text(f"NAME = {place!r}")
    (tmp_path / "a.py").write_text(SCRIPT)
    package = Path(snakemake_internals.__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'installed'}:{package}")

    def start(*arguments, before_graph="pass", after_jobs="pass", command="touch"):
        text = textwrap.dedent(SNAKEFILE).format(
            library=str(tmp_path / "hashed"),
            before_graph=before_graph,
            after_jobs=after_jobs,
            command=command,
        )
        (tmp_path / "Snakefile").write_text(text)
        (tmp_path / "said").write_text("")
        command = [sys.executable, "-m", "snakemake", "--cores", "1", "--keep-going", *arguments]
        code, told = warm_snakemake.run(command, tmp_path)
        return code, (tmp_path / "said").read_text().splitlines(), told

    return start


MADE = "made results/x []"  # no rule is known yet


def test_a_run_is_conducted_from_its_graph_to_its_last_job(run, tmp_path):
    code, said, _ = run()
    assert code == 0
    assert said == [
        MADE,
        "before_graph True False",
        "before_jobs ['a.py'] ['a.txt', 'b.txt']",
        "after_jobs True []",
    ]
    # The script has imported what it was told to, whatever is installed.
    assert (tmp_path / "a.txt").read_text() == "hashed\n"
    # Snakemake's records are where we look for them.
    records = [path for path in (tmp_path / ".snakemake/metadata").rglob("*") if path.is_file()]
    assert {json.loads(path.read_bytes())["rule"] for path in records} == {"a", "b"}
    code, said, _ = run()
    assert said == [MADE, "before_graph True False"]  # nothing to do


ALSO = [pytest.param(argument, marks=pytest.mark.proof) for argument in ("--summary", "--dag")]


@pytest.mark.parametrize("argument", ["-n", "--touch", *ALSO])
def test_a_dry_run_a_touch_and_a_summary_are_no_runs(run, tmp_path, argument):
    for name in ("a.txt", "b.txt"):  # what can be touched
        (tmp_path / name).touch()
    assert run(argument)[:2] == (0, [MADE, "before_graph False False"])


def test_hooks_are_not_needed_and_a_run_may_be_declared_failed(run):
    assert run("--no-hooks")[1][-1] == "after_jobs True []"
    code, _, said = run("--forceall", after_jobs="ended_well = False")
    assert code == 1
    assert "Traceback" not in said


def test_what_could_not_be_made_is_known(run):
    code, said, _ = run(command="false")
    assert code == 1
    assert said[-1] == "after_jobs False ['b.txt']"


def test_it_says_what_it_is_told_to_and_drops_what_it_is_not_to_say(run):
    words = {"CalledProcessError": "", "At least one (job)": r"One \1 failed."}
    _, _, told = run(command="false", before_graph=f"internals.say_instead({words!r})")
    assert "One job failed." in told and "CalledProcessError" not in told


def test_a_mistake_is_found_each_time_and_nothing_runs_once_it_is_undone(run, tmp_path):
    run()
    for _ in range(2):
        assert run("--config", "setting=0")[0] == 1
        assert (tmp_path / "a.txt").read_text() == "hashed\n"
    assert run()[1] == [MADE, "before_graph True False"]


def test_a_file_is_made_again(run, tmp_path):
    run()
    after = "internals.make_again(workflow, 'b.txt')"
    run("--forcerun", "b", after_jobs=after)
    assert run("-n")[0] == 0
    assert run()[1][2] == "before_jobs [] ['b.txt']"
    force = "internals.force(workflow, internals.outputs_of_rules(workflow, ['a.txt', 'c.txt']))"
    assert run("--until", "a", before_graph=force)[1][2] == "before_jobs ['a.py'] ['a.txt']"


def test_the_graph_of_the_rules_is_read(run):
    graph = "said(internals.rule_graph(workflow, rules.all.rule, {'dataset': 'x'})['edges'])"
    assert run("-n", before_graph=graph)[1][-1] == str([["a", "all"], ["a", "b"], ["b", "all"]])


def test_it_is_told_how_each_job_has_ended(run, tmp_path):
    watch = (
        "from ml_baseline.jobs.progress import Progress; internals.watch_jobs(workflow, "
        "Progress([], lambda words: said(words, len(internals.jobs_to_run(workflow)))))"
    )
    assert run(before_graph=watch)[1][3:6] == ["[1/0] a 3", "[2/0] b 2", "[3/0] all 1"]


@pytest.mark.parametrize("backend", ["file", pytest.param("db", marks=pytest.mark.proof)])
def test_locks_that_are_left_are_seen_and_taken_away(run, backend):
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    code, _, _ = run("--persistence-backend", backend, after_jobs=kill)
    assert code < 0
    code, said, _ = run("--persistence-backend", backend, "--forceall")
    assert said[1] == "before_graph True True"
    assert code == 1  # locked
    take = "internals.take_away_locks(workflow)"
    assert run("--persistence-backend", backend, "--forceall", before_graph=take)[0] == 0


def test_pandas_is_not_imported_to_compare_params(run, tmp_path):
    run()
    command = [sys.executable, "-X", "importtime", "-m", "snakemake", "--cores", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    imported = set(re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE))
    assert "snakemake.persistence" in imported
    assert "pandas" not in imported


def test_only_broken_records_are_forgotten(tmp_path):
    records = {"good": '{"rule": "clean"}', "empty": "", "half": '{"rule": "cl', "zeros": "\0\0"}
    for name, content in records.items():
        path = tmp_path / "metadata" / "deep" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    broken = {path.name for path in forget_broken_records(tmp_path)}
    assert broken == {"empty", "half", "zeros"}
    assert {path.name for path in (tmp_path / "metadata").rglob("*") if path.is_file()} == {"good"}
    assert {path.name for path in (tmp_path / "incomplete/deep").iterdir()} == broken
