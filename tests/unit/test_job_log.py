"""All that a job says stands in its log, and its last line is the error, if there was one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml_baseline.jobs import job_log
from ml_baseline.jobs.job_log import last_error

SCRIPT = """
import os, subprocess, sys, warnings
from ml_baseline.errors import InputError
from types import SimpleNamespace
from ml_baseline.jobs.job_log import job_log

job = SimpleNamespace(
    log=[{path!r}], input={inputs!r}, output={outputs!r}, wildcards=SimpleNamespace(),
    resources=SimpleNamespace()
)
with job_log(job{more}):
    {body}
"""


@pytest.fixture
def job(tmp_path):
    """A function that runs a script around a block; returns the process and its log's text."""

    def run(body, more="", path="logs/deep/job.log", inputs=(), outputs=()):
        script = SCRIPT.format(path=path, more=more, body=body, inputs=inputs, outputs=outputs)
        environment = os.environ | {"PYTHONPATH": str(Path(job_log.__file__).parents[2])}
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        return done, (tmp_path / path).read_text(encoding="utf-8")

    return run


# Ways to say something; the log has all of them.
WORDS = {
    "print": "print('here I am')",
    "stderr": "print('here I am', file=sys.stderr)",
    "without an end of line": "sys.stdout.write('here I am')",
    "below Python": "os.write(1, b'here I am'); os.write(2, b'here I am')",
    "another process": "subprocess.run([sys.executable, '-c', 'print(\"here I am\")'], check=True)",
    "a warning": "warnings.warn('here I am')",
    "not ASCII": "print('here I am: größe \\u2264 5')",
}


@pytest.mark.parametrize("case", WORDS)
def test_everything_said_stands_in_the_log(job, case):
    done, log = job(WORDS[case])
    assert "here I am" in log
    assert done.returncode == 0
    assert done.stdout == done.stderr == ""


def test_a_block_that_ends_well_leaves_no_error(job, tmp_path):
    done, _ = job("pass")
    assert done.returncode == 0
    assert last_error(tmp_path / "logs/deep/job.log") is None


def test_bad_input_is_told_in_its_own_words(job, tmp_path):
    done, log = job("print('reading'); raise InputError('no column\\n  named x;\\tadd it')")
    assert done.returncode == 1
    assert log.splitlines()[0] == "reading"
    assert log.splitlines()[-1] == "error: no column named x; add it"
    assert "Traceback" not in log
    assert last_error(tmp_path / "logs/deep/job.log") == "no column named x; add it"


def test_a_fault_of_ours_is_told_with_its_traceback(job, tmp_path):
    done, log = job("{}['missing']")
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in log
    assert log.splitlines()[-1] == "error: KeyError: 'missing'"
    assert last_error(tmp_path / "logs/deep/job.log") == "KeyError: 'missing'"


@pytest.mark.parametrize("file", [", 'a.csv'", ""])
def test_what_the_system_refuses_is_one_sentence_if_it_is_about_a_file(job, file):
    _, log = job(f"raise PermissionError(1, 'Operation not permitted'{file})")
    assert ("Traceback" in log) == (not file)
    told = "Operation not permitted: 'a.csv'; give yourself the right to write there"
    assert (f"error: {told}" in log) == bool(file)


def test_the_table_is_named_before_the_message(job):
    _, log = job("raise InputError('no rows')", more=", about='churn'")
    assert log.splitlines()[-1] == "error: churn: no rows"


def test_a_log_begins_anew(job):
    job("raise InputError('the first time')")
    _, log = job("print('the second time')")
    assert "the first time" not in log
    assert "the second time" in log


def test_a_table_may_be_named_by_any_letters(job):
    _, log = job("raise InputError('größe ≤ 5')", more=", about='Köln'")
    assert log.splitlines()[-1] == "error: Köln: größe ≤ 5"


# Ends of logs, and the error they tell.
ENDS = {
    "": None,
    "\n\n": None,
    "all is well\n": None,
    "error: early\nand then it went on\n": None,
    "error: at the end": "at the end",
    "words\nerror: at the end\n\n": "at the end",
    "error: first\nerror: second\n": "second",
    "an error: in the middle of a line\n": None,
}


@pytest.mark.parametrize("text", ENDS)
def test_the_error_is_the_last_line(tmp_path, text):
    path = tmp_path / "job.log"
    path.write_text(text, encoding="utf-8")
    assert last_error(path) == ENDS[text]
    assert last_error(str(path)) == ENDS[text]


def test_a_log_that_is_no_text_can_be_read(tmp_path):
    path = tmp_path / "job.log"
    path.write_bytes(b"\xff\xfe\nerror: caf\xe9\n")
    assert last_error(path).startswith("caf")


@pytest.mark.parametrize("on_failure", ["", ", on_failure=lambda error: print('a failed model')"])
def test_a_job_does_not_start_on_an_input_that_was_changed(job, tmp_path, on_failure):
    (tmp_path / "train.csv").write_text("1")
    job("print('written')", outputs=["train.csv"])
    _, log = job("print('read')", inputs=["train.csv"])
    assert "read" in log
    (tmp_path / "train.csv").write_text("2")
    done, log = job("print('read')", inputs=["train.csv"], more=on_failure)
    assert done.returncode == 1
    assert log.strip().startswith("error: train.csv: this file is not what the workflow wrote")
    job("print('written')", outputs=["train.csv"])
    _, log = job("print('read')", inputs=["train.csv"])
    assert "read" in log


@pytest.mark.parametrize("body", ["pass", "raise InputError('no')", "os.kill(os.getpid(), 9)"])
def test_what_a_link_leads_to_is_left_alone(job, tmp_path, body):
    precious = tmp_path / "precious"
    precious.write_text("all my work")
    for place in ("results/logs/job.log", "results/benchmarks/job.json"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).symlink_to(precious)
    job(body, path="results/logs/job.log")
    assert precious.read_text() == "all my work"


def test_control_characters_are_made_visible_wherever_they_come_from(job, tmp_path):
    body = (
        r"os.write(1, b'\x1b[2J from below\r\n50 %\r100 %\n'); raise ValueError('\x1b]0;mine\x07')"
    )
    _, log = job(body)
    assert log.isascii() and not set(log) & {"\x1b", "\x07", "\r"}
    assert log.startswith("\\x1b[2J from below\n50 %\n100 %\n")
    assert last_error(tmp_path / "logs/deep/job.log") == r"ValueError: \x1b]0;mine\x07"


@pytest.mark.parametrize("folder", ["results", "part/results"])
def test_the_cost_stands_beside_the_logs(job, tmp_path, folder):
    job("pass", path=f"{folder}/logs/small/clean.log")
    assert "wall_seconds" in (tmp_path / folder / "benchmarks/small/clean.json").read_text()


@pytest.mark.parametrize("end", ["sys.exit(0)", "sys.exit('no')", "raise KeyboardInterrupt"])
def test_a_block_that_ends_python_has_failed(job, end):
    done, log = job(end)
    assert done.returncode == 1
    assert log.splitlines()[-1].startswith(("error: SystemExit: ", "error: KeyboardInterrupt"))
