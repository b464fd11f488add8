"""The program `ml-baseline`: the workflow, its runs and their predictions from the command line.

Each command imports what it needs when it runs: `--help` answers at once.
"""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

from ml_baseline.errors import InputError
from ml_baseline.serve import ServeOptions

PROGRAM = "ml-baseline"
FEATURES = "data/processed/features.csv"
SAMPLES = ("customers", "users", "breast_cancer")
# As in the config's schema; a test holds them in step.
SAMPLE_ROWS, FEWEST_SAMPLE_ROWS, SAMPLE_SEED = 1000, 50, 7
FAILED, USAGE, INTERRUPTED = 1, 2, 130

EXAMPLE = f"""\
three commands from nothing to predictions:
  {PROGRAM} make-sample-data
  {PROGRAM} train --target is_high_value
  {PROGRAM} predict --run latest --input {FEATURES} --output outputs/preds.csv
"""

RUN_HELP = "a run id, `latest` (the run last published or trained), or the path of a run's folder"
TRUST_HELP = (
    "load the model even if the run was not published from this account; a model can run code when "
    "it is loaded, so only where you know where the run comes from"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code: 0 done, 1 refused or failed, 2 wrong usage."""
    options = parser().parse_args(arguments)
    try:
        code = options.run_command(options)
        sys.stdout.flush()
        return code
    except InputError as error:
        say(f"error: {' '.join(str(error).split())}")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has read enough. Python would complain when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:  # a full disk, a folder that may not be read
        say(f"error: {error}")
        return FAILED


def say(message: str) -> None:
    """Tell the user something beside the output."""
    with contextlib.suppress(BrokenPipeError):
        print(f"{PROGRAM}: {message}", file=sys.stderr, flush=True)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the program's arguments."""
    top = argparse.ArgumentParser(
        prog=PROGRAM,
        description="An honest baseline for any table with a yes/no column.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True, title="commands")
    _add_make_sample_data(commands)
    _add_train(commands)
    _add_predict(commands)
    _add_runs(commands)
    _add_serve(commands)
    return top


def _command(
    commands, name: str, run: Callable[[argparse.Namespace], int], summary: str, more: str = ""
) -> argparse.ArgumentParser:
    text = f"{summary[0].upper()}{summary[1:]}.{' ' if more else ''}{more}"
    command = commands.add_parser(name, help=summary, description=text)
    command.set_defaults(run_command=run)
    return command


def _add_results(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--results",
        metavar="FOLDER",
        type=Path,
        default=Path("results"),
        help="where the results are (default: results)",
    )


def _add_run(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--run", metavar="RUN", default="latest", help=f"{RUN_HELP} (default: latest)"
    )
    _add_place(command)
    command.add_argument("--trust", action="store_true", help=TRUST_HELP)


def _add_place(command: argparse.ArgumentParser) -> None:
    command.add_argument("--dataset", metavar="NAME", help="look among the runs of this table only")
    _add_results(command)


def _whole_number(least: int) -> Callable[[str], int]:
    def whole_number(text: str) -> int:
        value = int(text) if text.isascii() and text.isdigit() else least - 1
        if value < least:
            raise argparse.ArgumentTypeError(
                f"found {text!r}, expected a whole number from {least}"
            )
        return value

    return whole_number


def _cores(text: str) -> str:
    if text != "all":
        _whole_number(1)(text)
    return text


# --- make-sample-data ----------------------------------------------------------------------------


def _add_make_sample_data(commands) -> None:
    command = _command(
        commands,
        "make-sample-data",
        _make_sample_data,
        "write a sample table to try things out",
        "What the samples are, and which answers are known about them, is in docs/sample_data.md.",
    )
    command.add_argument(
        "--sample",
        choices=SAMPLES,
        default="users",
        help="users (target is_high_value, which is computed from other columns: a leak on "
        "purpose), customers (target purchased, the best possible score is known) or "
        "breast_cancer (target diagnosis, real) (default: users)",
    )
    command.add_argument(
        "--rows",
        type=_whole_number(FEWEST_SAMPLE_ROWS),
        help=f"the number of rows, at least {FEWEST_SAMPLE_ROWS} (default: {SAMPLE_ROWS}; breast_cancer has 569)",
    )
    command.add_argument(
        "--seed",
        type=_whole_number(0),
        help=f"the seed the table is drawn with (default: {SAMPLE_SEED}; breast_cancer has none)",
    )
    command.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        default=Path(FEATURES),
        help=f"a .csv or .parquet file (default: {FEATURES})",
    )


def _make_sample_data(options: argparse.Namespace) -> int:
    if options.output.suffix not in (".csv", ".parquet"):
        raise InputError(
            f"--output {options.output}: expected a name that ends in .csv or .parquet"
        )
    if options.sample == "breast_cancer" and (options.rows, options.seed) != (None, None):
        raise InputError(
            "--sample breast_cancer is a real table: it takes neither --rows nor --seed"
        )
    from ml_baseline.data.sample_note import is_sample, note_path

    if os.path.lexists(options.output) and not is_sample(options.output):
        raise InputError(
            f"{options.output} exists and is not a sample table as this command wrote it, so it is "
            "kept; name another --output"
        )
    from ml_baseline.data import sample_data

    rows = SAMPLE_ROWS if options.rows is None else options.rows
    seed = SAMPLE_SEED if options.seed is None else options.seed
    try:
        table = sample_data.write(options.sample, options.output, rows, seed)
    except OSError as error:
        raise InputError(f"{options.output} cannot be written: {error}") from error
    say(f"wrote {options.output} ({len(table):,} rows; what it is: {note_path(options.output)})")
    return 0


# --- train ---------------------------------------------------------------------------------------


def _add_train(commands) -> None:
    command = _command(
        commands,
        "train",
        _train,
        "clean, split, train, score and publish one table",
        "This runs the Snakemake workflow for the table: what is up to date is not made again. "
        "Settings come from config/config.yaml in this folder, if it is there, and from --config. "
        "If they have the table already, its settings there hold.",
    )
    command.add_argument("--target", required=True, help="the yes/no column to predict")
    command.add_argument(
        "--input",
        metavar="FILE",
        default=FEATURES,
        help=f"the table, .csv, .tsv, .txt or .parquet (default: {FEATURES})",
    )
    command.add_argument(
        "--id",
        action="append",
        metavar="COLUMN",
        help="a column that names the rows, carried along to the predictions; may be repeated",
    )
    command.add_argument(
        "--positive",
        action="append",
        metavar="LABEL",
        help="the label of the target that means yes; may be repeated",
    )
    command.add_argument(
        "--name",
        help="the table's name, under which its results stand (default: the name it has in the "
        "config, or the file's)",
    )
    command.add_argument("--config", metavar="FILE", type=Path, help="a config file to use as well")
    command.add_argument(
        "--cores", type=_cores, default="all", help="the processor cores to use (default: all)"
    )
    command.add_argument(
        "--unlock",
        action="store_true",
        help="first take away the lock that a run which was killed has left in this folder",
    )


def _train(options: argparse.Namespace) -> int:
    from ml_baseline.cli.train import train_table

    return train_table(
        options.input,
        options.target,
        name=options.name,
        ids=options.id,
        positive=options.positive,
        config_file=options.config,
        cores=options.cores,
        unlock=options.unlock,
        say=say,
    )


# --- runs ----------------------------------------------------------------------------------------


def _add_runs(commands) -> None:
    command = commands.add_parser(
        "runs",
        help="list, show, compare and verify published runs",
        description="Published runs: models that are kept, with all that is to be known about them.",
    )
    actions = command.add_subparsers(metavar="ACTION", required=True, title="actions")
    listing = _command(actions, "list", _list_runs, "list the published runs, the newest first")
    show = _command(actions, "show", _show_run, "show a run's model card")
    compare = _command(actions, "compare", _compare_runs, "show what differs between two runs")
    verify = _command(
        actions,
        "verify",
        _verify_run,
        "check a run's files and predictions",
        "Every file is compared with its hash, and the golden rows are predicted again. The exit "
        "code is 1 if anything is not as it was published.",
    )
    for action in (show, verify):
        action.add_argument("run", metavar="RUN", help=RUN_HELP)
    compare.add_argument("first", metavar="RUN", help=RUN_HELP)
    compare.add_argument("second", metavar="RUN", help="another one")
    verify.add_argument("--trust", action="store_true", help=TRUST_HELP)
    for action in (listing, show, compare, verify):
        _add_place(action)
        action.add_argument("--json", action="store_true", help="answer in JSON")


def _list_runs(options: argparse.Namespace) -> int:
    from ml_baseline.cli.display import print_list
    from ml_baseline.registry.overview import overview

    found = overview(options.results, options.dataset)
    return _answer(options, found, lambda: print_list(found, options.results))


def _show_run(options: argparse.Namespace) -> int:
    from ml_baseline.cli.display import print_card
    from ml_baseline.registry.overview import described

    run = _find(options, options.run)
    found = described(run)
    return _answer(options, found, lambda: print_card(found))


def _compare_runs(options: argparse.Namespace) -> int:
    from ml_baseline.cli.display import print_comparison
    from ml_baseline.registry.differences import compare_runs

    runs = [_find(options, name) for name in (options.first, options.second)]
    found = compare_runs(*runs)
    return _answer(options, found, lambda: print_comparison(found))


def _verify_run(options: argparse.Namespace) -> int:
    from ml_baseline.cli.display import print_verification
    from ml_baseline.registry.runs import open_run, run_folder
    from ml_baseline.registry.verify import verify_run

    # Not through `find_run`, which refuses a run whose schema has changed.
    run = open_run(run_folder(options.run, options.results, options.dataset), options.trust)
    found = verify_run(run)
    _answer(options, found, lambda: print_verification(found))
    return 0 if found["ok"] else FAILED


def _answer(options: argparse.Namespace, found: object, print_it: Callable[[], None]) -> int:
    if options.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        print_it()
    return 0


def _find(options: argparse.Namespace, name: str):
    from ml_baseline.registry import find_run

    run = find_run(name, options.results, options.dataset, getattr(options, "trust", False))
    if name == "latest":
        say(f"the latest run is {run.run_id} of the table {run.dataset}")
    return run


# --- predict and serve ---------------------------------------------------------------------------


def _add_predict(commands) -> None:
    command = _command(
        commands,
        "predict",
        _predict,
        "predict the rows of a file with a published run",
        "The rows are cleaned as the training rows were. Nothing is written unless all of it is.",
    )
    _add_run(command)
    command.add_argument(
        "--input",
        metavar="FILE",
        required=True,
        help="the rows: a .csv, .tsv, .txt (compressed too) or .parquet file, or - for standard "
        "input",
    )
    command.add_argument(
        "--output",
        metavar="FILE",
        required=True,
        help="where to write ids, probability and prediction: a file of these kinds, or - for CSV to "
        "standard output",
    )
    command.add_argument(
        "--on-bad-rows",
        choices=("fail", "null"),
        default="fail",
        help="what to do with rows that cannot be read: fail, or leave their prediction empty and "
        "say why in a column `reason` (default: fail)",
    )


def _predict(options: argparse.Namespace) -> int:
    run = _find(options, options.run)
    from ml_baseline.registry.predict_file import predict_file

    summary = predict_file(run, options.input, options.output, on_bad_rows=options.on_bad_rows)
    bad = f", {summary['bad_rows']:,} of them without a prediction" if summary["bad_rows"] else ""
    where = "" if options.output == "-" else f" into {options.output}"
    say(f"predicted {summary['rows']:,} rows{bad}{where} in {summary['seconds']:.1f} s")
    return 0


def _add_serve(commands) -> None:
    command = _command(
        commands,
        "serve",
        _serve,
        "answer predictions over HTTP with a published run",
        "The service listens on this machine only, unless --host says otherwise. If the environment "
        "has ML_BASELINE_API_KEY, requests must carry it in the header X-API-Key.",
    )
    _add_run(command)
    default = ServeOptions()
    command.add_argument("--host", default=default.host, help=f"(default: {default.host})")
    command.add_argument(
        "--port",
        type=_whole_number(0),
        default=default.port,
        help=f"0 for any free one (default: {default.port})",
    )
    for name, what in (
        ("max_rows", "rows of a request at most"),
        ("max_bytes", "bytes of a request's body at most"),
        ("max_connections", "connections open at the same time, of all clients"),
        ("request_seconds", "seconds a client may take to send a request"),
    ):
        number = getattr(default, name)
        command.add_argument(
            f"--{name.replace('_', '-')}",
            metavar="N",
            type=_whole_number(1),
            default=number,
            help=f"{what} (default: {number})",
        )
    command.add_argument(
        "--root-path",
        metavar="PATH",
        default=default.root_path,
        help="what a proxy puts before the addresses, such as /churn",
    )
    command.add_argument(
        "--follow",
        action="store_true",
        help="change to a newly published latest run of the same table without a restart",
    )


def _serve(options: argparse.Namespace) -> int:
    if options.follow and options.run != "latest":
        raise InputError("--follow changes to the latest run, so it does not go with --run")
    if options.follow and options.trust:
        raise InputError(
            "--follow with --trust would load models that nobody has looked at; leave one of them out"
        )
    run = _find(options, options.run)
    from ml_baseline.serve import serve

    chosen = {field.name: getattr(options, field.name) for field in fields(ServeOptions)}
    chosen["follow"] = options.results if options.follow else None
    serve(run, ServeOptions(**chosen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
