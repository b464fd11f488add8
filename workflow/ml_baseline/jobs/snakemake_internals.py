"""Every use of what Snakemake does not promise to keep. Each has a test in test_snakemake_internals.py.

Read from Snakemake 9.27; pyproject.toml bounds the version. The one use that stands elsewhere is in
rules/library.smk, which makes this file importable in the first place.
"""

import json
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path, PurePath
from types import FunctionType
from typing import Any

from ml_baseline.files import open_new
from ml_baseline.jobs.progress import Progress, WatchedJob

FOLDER = Path(".snakemake")  # where Snakemake keeps its records
# Tells jobs how often one that fails is run again.
RETRIES_VARIABLE = "ML_BASELINE_RETRIES"


def conduct(workflow: Any, run: Any) -> None:
    """Have a run conducted, wherever the rules are used: by `run.Run`, or what has its methods.

    `before_graph(executes)` is called when the rules are known, but not the jobs; `before_jobs()`
    before the first job, if there is any, in a folder that is locked; `after_jobs(ended_well)` after
    the last. Where that returns False, the run ends with exit code 1.

    Not by `onstart` and `onsuccess`: these are ignored where the workflow is a module, and with
    `--no-hooks`.
    """
    from snakemake.scheduling.job_scheduler import JobScheduler

    prepare, schedule = workflow._prepare_dag, JobScheduler.schedule

    def executes() -> bool:
        return is_of_jobs(workflow) and not workflow.dryrun

    def conducted_prepare(*arguments: Any, **named: Any) -> None:
        prepare(*arguments, **named)
        run.before_graph(executes())

    def conducted_schedule(scheduler: Any) -> bool:
        if scheduler.workflow is not workflow or not executes():
            return schedule(scheduler)
        run.before_jobs()
        try:
            ended_well = schedule(scheduler)
        except BaseException:
            run.after_jobs(False)
            raise
        return run.after_jobs(ended_well)

    workflow._prepare_dag = conducted_prepare
    JobScheduler.schedule = conducted_schedule


def is_main_process(workflow: Any) -> bool:
    """Return whether this is the run itself, and not a job on a cluster that reads the rules too."""
    return workflow.is_main_process


def is_of_jobs(workflow: Any) -> bool:
    """Return whether jobs are run, or shown as in a dry run: not so for `--unlock` or `--summary`.

    This is known from `before_graph` on.
    """
    return workflow.executor_plugin is not None and not workflow.touch


def is_remote(workflow: Any) -> bool:
    """Return whether jobs are run elsewhere, as by a cluster: told by the run and by each such job.

    The run itself knows that from `before_graph` on.
    """
    return workflow.remote_exec or not workflow.local_exec


def tell_jobs(workflow: Any, variables: Iterable[str]) -> None:
    """Tell the jobs of this run how often one that fails is run again (see `retries_left`).

    And what these variables hold, where they are set: a cluster may start jobs with nothing of this
    process's environment.
    """
    os.environ[RETRIES_VARIABLE] = str(workflow.execution_settings.retries)
    known = (name for name in (RETRIES_VARIABLE, *variables) if name in os.environ)
    workflow.envvars.update(known)


def retries_left(attempt: int) -> int:
    """Return how often a job is run again if its attempt of this number, from 1, fails."""
    return max(0, int(os.environ.get(RETRIES_VARIABLE, 0)) + 1 - attempt)


def group_jobs(workflow: Any, group_of: Callable[[str, Any], str | None]) -> None:
    """Give the rules that have none a group; to be called before the jobs are known.

    Not by `group:`, because a run on one machine would speak of groups without having any. `group_of`
    returns the group of a job, given the name of its script and its wildcards.
    """
    for rule in workflow.rules:
        if rule.group is None and rule.script and not workflow.is_local(rule):
            rule.group = partial(group_of, PurePath(str(rule.script)).stem)


def jobs_to_run(workflow: Any) -> list[WatchedJob]:
    """Return the jobs of this run, as many as Snakemake says: with the one that only gathers the others."""
    return [_watched(job) for job in workflow.dag.needrun_jobs()]


def watch_jobs(workflow: Any, progress: Progress) -> None:
    """Have `progress` told of each job that ends, with the executor's own words if it fails."""
    from snakemake_interface_executor_plugins.executors.base import AbstractExecutor

    succeed, fail = AbstractExecutor.report_job_success, AbstractExecutor.report_job_error

    def jobs_of(job: Any) -> list[WatchedJob]:
        together = job.jobs if job.is_group() else [job]
        return sorted(map(_watched, together), key=str)

    def report_success(executor: Any, info: Any) -> None:
        progress.finished(jobs_of(info.job))
        succeed(executor, info)

    def report_error(executor: Any, info: Any, msg: str | None = None, **more: Any) -> None:
        jobs = jobs_of(info.job)
        for log in (Path(job.log) for job in jobs if job.log):
            # The progress bars' logger reads them, and would fail for a job that never began.
            log.parent.mkdir(parents=True, exist_ok=True)
            log.touch()
        fail(executor, info, msg=msg, **more)
        if msg is None and is_remote(workflow) and not info.job.is_local:
            msg = f"The job {info.external_jobid or ''} failed, and its log does not say why."
        again = info.job.restart_times >= info.job.attempt
        of_executor = next(iter(more.get("aux_logs") or ()), "")
        progress.failed(jobs, msg, again, of_executor)

    AbstractExecutor.report_job_success = report_success
    AbstractExecutor.report_job_error = report_error


def tells_each_job(workflow: Any) -> bool:
    """Return whether Snakemake itself says of each job that it has ended, or is not to say it."""
    settings = workflow.output_settings
    return bool(settings.quiet or settings.verbose or "rich" not in settings.log_handler_settings)


def _watched(job: Any) -> WatchedJob:
    known = job.wildcards_dict
    about = [known[key] for key in ("dataset", "model") if key in known]
    about += [f"seed {known['seed']}"] if "seed" in known else []
    return WatchedJob(
        rule=job.rule.name,
        about=", ".join(about),
        log=str(job.log[0]) if job.log else None,
        script=Path(job.rule.script).name if job.rule.script else "",
        outputs=tuple(map(str, job.output)),
    )


def when_told_to_end(act: Callable[[], None]) -> None:
    """Have something done on SIGTERM, where Snakemake would wait for the jobs that are running."""
    from snakemake.scheduling.job_scheduler import JobScheduler

    schedule = JobScheduler.schedule

    def schedule_until_told(scheduler: Any) -> bool:
        signal.signal(signal.SIGTERM, lambda *_: act())
        return schedule(scheduler)

    JobScheduler.schedule = schedule_until_told


def reads_config(workflow: Any) -> bool:
    """Return whether the config comes from files that nobody has looked at yet.

    The jobs of a cluster read them again; a module is given its config by the workflow that uses it.
    """
    return is_main_process(workflow) and not workflow.modifier.skip_configfile


def without_pandas() -> None:
    """Keep Snakemake from importing pandas to see whether a param is a table: none of ours is.

    That would take a fifth of a call in which there is nothing to do.
    """
    from snakemake.persistence import PersistenceBase

    PersistenceBase._serialize_param = PersistenceBase._serialize_param_builtin


def look_once() -> None:
    """Keep Snakemake from looking anew, for each job, at what all jobs of a rule share.

    That is whether its script can be read, and what parameters its functions have: a fourth of a dry
    run of a hundred tables.
    """
    from snakemake import common, rules
    from snakemake.dag import ScriptProcessor

    process, look_at = ScriptProcessor.process_job, common.get_function_params
    seen: set[tuple[str, str]] = set()
    looked_at = cache(look_at)

    def process_once(processor: Any, job: Any) -> None:
        script = str(getattr(job.rule, processor.script_type))
        rule = (processor.script_type, job.rule.name)
        if rule not in seen or "{" in script:  # with wildcards, each job has a script of its own
            process(processor, job)
            seen.add(rule)

    def parameters(function: Any) -> Any:
        plain = getattr(function, "__func__", function)  # of a method
        return looked_at(plain) if isinstance(plain, FunctionType) else look_at(function)

    ScriptProcessor.process_job = process_once
    common.get_function_params = rules.get_function_params = parameters


def batch_by_table(
    workflow: Any, tables: Sequence[str], files_of: Callable[[str], list[str]]
) -> None:
    """Have `--batch all=1/3` take a third of the tables, and what is made of all in the last part.

    Snakemake would divide the files in alphabetical order: then the first part has to make nearly all.
    So it does where there are fewer tables than parts. `files_of` gives the files of a table.
    """
    batch = workflow.dag_settings.batch
    if batch is None or batch.rulename != "all" or len(tables) < batch.batches:
        return
    part_of = {
        file: number * batch.batches // len(tables)
        for number, table in enumerate(tables)
        for file in files_of(table)
    }
    last = batch.batches - 1
    batch.get_batch = lambda items: [
        item for item in sorted(items) if part_of.get(str(item), last) == batch.idx - 1
    ]


def import_first_from(folder: Path) -> None:
    """Have the scripts of jobs look into `folder` first when they import.

    Snakemake puts it last. Then a version of the library that is installed would be imported, and
    not the one whose code the workflow has looked at.
    """
    from snakemake.script import PythonScript

    preamble = PythonScript.get_preamble
    line = f"import sys; sys.path.insert(0, {str(folder)!r})\n"
    PythonScript.get_preamble = lambda script: preamble(script) + line


def prefixing(workflow: Any) -> Callable[[str], str]:
    """Return the function from a path in a rule to where it leads: a module may have a `prefix:`.

    To be called while the rules are read, as only then it is known whose these are.
    """
    modifier = workflow.modifier.path_modifier
    return lambda path: str(modifier.replace_prefix(path))


def outputs_of_rules(workflow: Any, paths: Iterable[str]) -> list[str]:
    """Return those of `paths` that a rule makes."""
    outputs = [output for rule in workflow.rules for output in rule.output]
    return [path for path in paths if any(output.match(path) for output in outputs)]


def asked_for(workflow: Any) -> set[str]:
    """Return the files that this run is asked for by name."""
    return set(map(str, workflow.dag.targetfiles))


def force(workflow: Any, paths: Iterable[str]) -> None:
    """Have files made again, as `--forcerun` does; to be called before the jobs are known."""
    workflow.dag.forcefiles.update(paths)


def values_of(workflow: Any, wildcard: str) -> set[str]:
    """Return the values of a wildcard in the jobs of what was asked for, whether they had to run or not."""
    return {
        job.wildcards_dict[wildcard] for job in workflow.dag.jobs if wildcard in job.wildcards_dict
    }


def unfinished_outputs(workflow: Any) -> set[str]:
    """Return what should have been made in this run and was not, as its job failed or never began."""
    dag = workflow.dag
    return {str(path) for job in dag.needrun_jobs() if not dag.finished(job) for path in job.output}


def make_again(workflow: Any, path: str) -> None:
    """Have a file that was not written by its rule made again as soon as the rule can run.

    Snakemake forgets how it was made, and finds it older than what it is made from.
    """
    from snakemake.io import IOFile

    workflow.persistence.cleanup_metadata(IOFile(path))
    os.utime(path, (1, 1))


def keep_old_versions(is_old: Callable[[Path], bool]) -> None:
    """Have a file that a failed job's `update(...)` puts back be as if that job had never begun.

    Snakemake would note that the failed job has made it. Then the same mistake would go unseen in the
    next run, and what it would have spoiled would be made again once it is undone. And it would remove
    what a cluster's job has put back itself: `is_old` tells whether a file is as it was.
    """
    from snakemake.io import is_flagged
    from snakemake.jobs import Job
    from snakemake.persistence import PersistenceBase

    postprocess, restore = Job.postprocess, PersistenceBase.restore_output

    def restored(persistence: Any, path: Path) -> bool:
        return restore(persistence, path) or (path.exists() and is_old(path))

    async def put_back(job: Any, *arguments: Any, error: bool = False, **named: Any) -> None:
        persistence = job.dag.workflow.persistence
        files = [file for file in job.output if error and is_flagged(file, "update")]
        records = [persistence.metadata(file) for file in files]
        await postprocess(job, *arguments, error=error, **named)
        for file, record in zip(files, records, strict=True):
            if record and Path(file).exists():
                persistence._write_record(persistence._get_key(file), record)
                os.utime(file, (record.endtime, record.endtime))
            else:
                persistence.cleanup_metadata(file)

    Job.postprocess, PersistenceBase.restore_output = put_back, restored


def say_instead(words: Mapping[str, str]) -> None:
    """Have Snakemake say something else, or nothing, where what it would say has one of these patterns."""
    from snakemake.logging import logger

    def changed(record: Any) -> bool:
        told = record.getMessage()
        found = next(filter(None, (re.search(pattern, told) for pattern in words)), None)
        if found is None:
            return True
        record.msg, record.args = found.expand(words[found.re.pattern]), ()
        return bool(record.msg)

    logger.addFilter(changed)


def left_locks(workflow: Any) -> bool:
    """Return whether Snakemake's records say that a run is at work in this folder."""
    return any(workflow.persistence._read_locks())


def take_away_locks(workflow: Any) -> None:
    """Do what `snakemake --unlock` does, in a run that goes on."""
    workflow.persistence.cleanup_locks()
    if folder := getattr(workflow.persistence, "_lockdir", None):
        Path(folder).mkdir(exist_ok=True)


def forget_broken_records(folder: Path = FOLDER) -> list[Path]:
    """Have the files made again whose record is broken, as it may be after a power cut.

    Snakemake would take such a file for up to date, whatever changes in the config later. The
    records in a database (`--persistence-backend db`) are never broken. Returns the broken ones.
    """
    broken = []
    for record in (folder / "metadata").rglob("*"):
        if record.is_file():
            try:
                json.loads(record.read_bytes())
            except ValueError:
                broken.append(record)
                # The sign of a job that did not end: `rerun-incomplete` runs it again.
                mark = folder / "incomplete" / record.relative_to(folder / "metadata")
                mark.parent.mkdir(parents=True, exist_ok=True)
                with open_new(mark) as file:
                    file.write("{}")
                record.unlink()
    return broken


def cancel_timers() -> None:
    """End the timers that only wake a scheduler that has ended; Python would wait a second for them."""
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()


def rule_graph(workflow: Any, start: Any, wildcards: dict[str, Any]) -> dict[str, Any]:
    """Return, as `report.graph.RuleGraph`, all rules that a job of the rule `start` waits for.

    Snakemake draws such graphs for all jobs of a run; this is that of one table whatever is run.
    Jobs of other tables are left out: what waits for them waits for what they need of this one.
    """
    # Where two rules make a file, Snakemake takes the one that is written for this file alone.
    producers = sorted(
        (r for r in workflow.rules if r.products()), key=lambda rule: rule.has_wildcards()
    )
    node_of = {rule.name: PurePath(str(rule.script or rule.name)).stem for rule in producers}
    edges: set[tuple[str, str]] = set()
    learns: set[str] = set()
    sees: set[str] = set()
    jobs: Counter[str] = Counter()

    @cache
    def maker_of(file: str) -> Any:
        return next((one for one in producers if one.is_producer(file)), None)

    @cache
    def needs(rule: Any, of: tuple) -> set[str]:
        """Return the nodes of this table that a job needs, having noted theirs."""
        node, found = node_of[rule.name], set()
        for file in rule.expand_input(dict(of))[0]:
            maker = maker_of(str(file))
            if maker is None:
                continue
            made_by, its, path = node_of[maker.name], maker.get_wildcards(file), PurePath(file)
            if path.stem in ("train", "augmented_data") or path.parent.name == "oof":
                learns.add(node)
            deeper = needs(maker, tuple(sorted(its.items())))
            if its.get("dataset", wildcards["dataset"]) == wildcards["dataset"]:
                # A search for parameters waits for jobs of its own rule too.
                edges.update((need, made_by) for need in deeper - {made_by})
                found.add(made_by)
            else:
                found |= deeper
            if path.stem == "holdout" or made_by in sees:
                sees.add(node)
        if dict(of).get("dataset", wildcards["dataset"]) == wildcards["dataset"]:
            jobs[node] += 1
        return found

    end = node_of[start.name]
    edges.update((need, end) for need in needs(start, tuple(wildcards.items())))
    sees.discard(end)
    del jobs[end]
    return {
        "edges": sorted(map(list, edges)),
        "jobs": dict(sorted(jobs.items())),
        "learns": sorted(learns - sees),
        "sees": sorted(sees),
    }
