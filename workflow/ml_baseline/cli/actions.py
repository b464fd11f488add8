"""What each command of `ml-baseline` does; `command` says what they are called and take.

Each takes the parsed arguments and returns the exit code; its docstring is what `--help` says. What
takes long to import is imported by the command that needs it.
"""

import os
from argparse import Namespace
from collections.abc import Callable
from functools import partial

from ml_baseline.cli import FAILED, say
from ml_baseline.errors import InputError
from ml_baseline.text import plural

# As in the config's schema; a test holds them in step.
SAMPLE_ROWS, SAMPLE_SEED = 1000, 7


def make_sample_data(options: Namespace) -> int:
    """Write a sample table to try things out.

    docs/sample_data.md describes the samples and what is known about them.
    """
    if options.output.suffix not in (".csv", ".parquet"):
        raise InputError(f"--output {options.output}: expected a name ending in .csv or .parquet")
    if options.sample == "breast_cancer" and (options.rows, options.seed) != (None, None):
        raise InputError("--sample breast_cancer is real data: it takes neither --rows nor --seed")
    from ml_baseline.data.sample_note import is_sample, note_path

    if os.path.lexists(options.output) and not is_sample(options.output):
        raise InputError(
            f"{options.output} exists and is not a sample table as this command wrote it, so it is "
            "kept; choose another --output"
        )
    from ml_baseline.data import sample_data

    rows = SAMPLE_ROWS if options.rows is None else options.rows
    seed = SAMPLE_SEED if options.seed is None else options.seed
    try:
        table = sample_data.write(options.sample, options.output, rows, seed)
    except OSError as error:
        raise InputError(f"{options.output} cannot be written: {error}") from error
    about = note_path(options.output)
    say(f"wrote {options.output} ({len(table):,} rows; described in {about})")
    return 0


def inspect(options: Namespace) -> int:
    """Show how a table would be read, and its entry for the config.

    For each column: how it is read, some cells before and after, what is missing; then what is not
    certain, and what settles it. Nothing is run or written, unless --write adds the entry to the
    config. Settings of the table that the config has already are used.
    """
    from ml_baseline.cli.inspect import inspect_file

    # What it prints comes before it writes.
    return _answer(options, inspect_file(options), lambda found: None)


def train(options: Namespace) -> int:
    """Train, evaluate and publish the models of one table.

    Says first how the table is read (`inspect` says more), then runs the Snakemake workflow for it;
    what is up to date is not rebuilt. Settings come
    from config/config.yaml in the current folder, if there is one, and from --config. If they
    already describe the table, those settings apply.
    """
    from ml_baseline.cli.train import train_table

    return train_table(options)


def predict(options: Namespace) -> int:
    """Predict the rows of a file with a published run.

    The rows are cleaned as in training, and what is unlike training in them is told. The output is
    written whole or not at all.
    """
    run = _find(options, options.run)
    from ml_baseline.registry.predict_file import predict_file

    tables = {}
    if options.overwrite:
        from ml_baseline.cli.train import known_tables

        tables = {str(t.get("table")): f"the table of {name}" for name, t in known_tables().items()}
    summary = predict_file(
        run,
        options.input,
        options.output,
        on_bad_rows=options.on_bad_rows,
        overwrite=options.overwrite,
        tables=tables,
        sheet=options.sheet,
        check=options.check,
    )
    bad = f"; {plural(n, 'row')} without a prediction" if (n := summary["bad_rows"]) else ""
    where = "" if options.output == "-" else f" into {options.output}"
    say(f"predicted {plural(summary['rows'], 'row')}{where} in {summary['seconds']:.1f} s{bad}")
    return 0


def list_runs(options: Namespace) -> int:
    """List the published runs, newest first."""
    from ml_baseline.cli.display import print_list
    from ml_baseline.registry.overview import overview

    found = overview(options.results, options.dataset, options.trust)
    return _answer(options, found, partial(print_list, results=options.results))


def show_run(options: Namespace) -> int:
    """Show the model card of a run."""
    from ml_baseline.cli.display import print_card
    from ml_baseline.registry.overview import described

    return _answer(options, described(_find(options, options.run)), print_card)


def compare_runs(options: Namespace) -> int:
    """Show what differs between two runs."""
    from ml_baseline.cli.display import print_differences
    from ml_baseline.registry.overview import run_differences

    found = run_differences(_find(options, options.first), _find(options, options.second))
    return _answer(options, found, print_differences)


def verify_run(options: Namespace) -> int:
    """Check the files and predictions of a run.

    Compares every file with its hash and predicts the golden rows again. Exits with 1 if anything
    differs from what was published.
    """
    from ml_baseline.cli.display import print_verification
    from ml_baseline.registry import golden
    from ml_baseline.registry.runs import open_run, run_folder

    # Not by `find_run`, which refuses a run whose schema has changed.
    run = open_run(run_folder(options.run, options.results, options.dataset), options.trust)
    found = golden.verify_run(run)
    _answer(options, found, print_verification)
    return 0 if found["ok"] else FAILED


def export_run(options: Namespace) -> int:
    """Write a run into one file, to be imported on another machine.

    With --container, it is written into a folder to build an image of the service from.
    """
    from ml_baseline.registry import shipping

    run = _find(options, options.run)
    if options.container:
        shipping.export_container(run, options.file)
    else:
        shipping.export_run(run, options.file)
    say(f"wrote run {run.run_id} of the table {run.dataset} into {options.file}")
    return 0


def import_run(options: Namespace) -> int:
    """Put a run from a file among the published ones.

    The run's seal and the hash of each file are checked first. It is refused if it was not published
    with this account's key (ML_BASELINE_KEY_FILE), unless --trust says that you know where it comes
    from.
    """
    from ml_baseline.registry.shipping import import_run

    before = {(path.parts[-3], path.name) for path in options.results.glob("*/runs/*")}
    run = import_run(options.file, options.results, options.trust)
    what = "is there already" if (run.dataset, run.run_id) in before else "was imported"
    say(f"run {run.run_id} of the table {run.dataset} {what}: {run.folder}")
    return 0


def serve(options: Namespace) -> int:
    """Serve predictions of a published run over HTTP.

    Listens on this machine only, unless --host says otherwise. If ML_BASELINE_API_KEY is set in
    the environment, requests need it in the header X-API-Key.
    """
    if options.follow and options.run != "latest":
        raise InputError("--follow switches to the latest run, so it does not go with --run")
    if options.follow and options.trust:
        raise InputError("--follow with --trust would load models that nobody has checked; use one")
    run = _find(options, options.run)
    from ml_baseline import serve

    chosen = {name: getattr(options, name) for name in serve.ServeOptions._fields}
    chosen["follow"] = options.results if options.follow else None
    serve.serve(run, serve.ServeOptions(**chosen))
    return 0


def _find(options: Namespace, name: str):
    """Return the published run with this name."""
    from ml_baseline.data.schema import listed
    from ml_baseline.registry import find_run
    from ml_baseline.registry.runs import LATEST_FILE, tables

    run = find_run(name, options.results, options.dataset, options.trust)
    if name == "latest":
        others = [t for t in tables(options.results, options.dataset) if t != run.dataset]
        others = [t for t in others if (options.results / t / "runs" / LATEST_FILE).is_file()]
        more = f"; --dataset takes that of another: {listed(others)}" if others else ""
        say(f"the latest run is {run.run_id} of the table {run.dataset}{more}")
    return run


def _answer(options: Namespace, found: object, print_it: Callable[..., None]) -> int:
    if options.json:
        import json

        print(json.dumps(found, indent=1))
    else:
        print_it(found)
    return 0
