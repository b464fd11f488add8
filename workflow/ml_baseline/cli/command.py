"""The program `ml-baseline`: the workflow, its runs and their predictions from the command line.

What each command is called, takes and does stands in one table, `COMMANDS`. Commands import what
they need when they run: `--help` answers at once.
"""

import argparse
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_baseline.cli import actions
from ml_baseline.cli.actions import FAILED, FEATURES, PROGRAM, say
from ml_baseline.errors import InputError
from ml_baseline.serve import ServeOptions

SAMPLES = ("customers", "users", "breast_cancer")
FEWEST_SAMPLE_ROWS = 50  # as in the config's schema; a test holds them in step
INTERRUPTED = 130

EXAMPLE = f"""\
three commands from nothing to predictions:
  {PROGRAM} make-sample-data
  {PROGRAM} train --target is_high_value
  {PROGRAM} predict --run latest --input {FEATURES} --output outputs/preds.csv
"""
RUN_HELP = "a run id, `latest` (the run last published or trained), or the path of a run's folder"
SERVED = ServeOptions()


# The names of an argument, and what argparse is to know of it.
Argument = tuple[tuple[str, ...], dict[str, Any]]


@dataclass(frozen=True)
class Command:
    """A command: what runs it, what it does in a line, its arguments, and more about it."""

    run: Callable[[argparse.Namespace], int]
    summary: str
    arguments: tuple[Argument, ...]
    more: str = ""


def argument(*names: str, **settings: Any) -> Argument:
    """Return an argument as argparse's `add_argument` takes it."""
    return names, settings


def whole_number(least: int) -> Callable[[str], int]:
    """Return the type of an argument that is a whole number, at least so large."""

    def read(text: str) -> int:
        value = int(text) if text.isascii() and text.isdigit() else least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least}, got {text!r}")
        return value

    return read


def number_of_cores(text: str) -> str:
    """Check the number of cores, which Snakemake takes as text."""
    return text if text == "all" else str(whole_number(1)(text))


def served(name: str, what: str) -> Argument:
    """Return an option of the service that is a whole number."""
    default = getattr(SERVED, name)
    text = f"{what} (default: {default})"
    kind = whole_number(0 if name == "port" else 1)
    return argument(
        f"--{name.replace('_', '-')}", metavar="N", type=kind, default=default, help=text
    )


PLACE = (
    argument("--dataset", metavar="NAME", help="look only among the runs of this table"),
    argument(
        "--results",
        metavar="FOLDER",
        type=Path,
        default=Path("results"),
        help="the folder with the results (default: results)",
    ),
    argument(
        "--trust",
        action="store_true",
        help="use a run that was not published from this account; loading a model can run code, so "
        "only do this if you know where it comes from",
    ),
)
RUN = argument("--run", metavar="RUN", default="latest", help=f"{RUN_HELP} (default: latest)")
A_RUN = argument("run", metavar="RUN", help=RUN_HELP)
ANOTHER_RUN = argument("second", metavar="RUN", help="the run to compare it with")
JSON = argument("--json", action="store_true", help="print JSON")

COMMANDS: dict[str, Command | tuple[str, dict[str, Command]]] = {
    "make-sample-data": Command(
        actions.make_sample_data,
        "write a sample table to try things out",
        (
            argument(
                "--sample",
                choices=SAMPLES,
                default="users",
                help="users (target: is_high_value, which is computed from other columns, so it "
                "leaks on purpose), customers (target: purchased, with a known best score) or "
                "breast_cancer (target: diagnosis, real data) (default: users)",
            ),
            argument(
                "--rows",
                metavar="N",
                type=whole_number(FEWEST_SAMPLE_ROWS),
                help=f"number of rows, at least {FEWEST_SAMPLE_ROWS} (default: "
                f"{actions.SAMPLE_ROWS}; breast_cancer always has 569)",
            ),
            argument(
                "--seed",
                metavar="N",
                type=whole_number(0),
                help=f"random seed (default: {actions.SAMPLE_SEED}; breast_cancer is not random)",
            ),
            argument(
                "--output",
                metavar="FILE",
                type=Path,
                default=Path(FEATURES),
                help=f"the .csv or .parquet file to write (default: {FEATURES})",
            ),
        ),
        "docs/sample_data.md describes the samples and what is known about them.",
    ),
    "train": Command(
        actions.train,
        "train, evaluate and publish the models of one table",
        (
            argument(
                "--target", metavar="COLUMN", required=True, help="the yes/no column to predict"
            ),
            argument(
                "--input", metavar="FILE", default=FEATURES, help=f"the table (default: {FEATURES})"
            ),
            argument(
                "--id",
                action="append",
                metavar="COLUMN",
                help="a column that identifies the rows; it is copied to the predictions. Can be "
                "given more than once",
            ),
            argument(
                "--positive",
                action="append",
                metavar="LABEL",
                help="a value of the target that means yes. Can be given more than once",
            ),
            argument(
                "--name",
                help="name of the table, used for its results (default: its name in the config, or "
                "that of the file)",
            ),
            argument("--config", metavar="FILE", type=Path, help="an additional config file"),
            argument(
                "--cores",
                metavar="N",
                type=number_of_cores,
                default="all",
                help="number of processor cores to use (default: all)",
            ),
            argument(
                "--unlock",
                action="store_true",
                help="first remove the lock that a killed run left in this folder",
            ),
        ),
        "Runs the Snakemake workflow for this table; what is up to date is not rebuilt. Settings come "
        "from config/config.yaml in the current folder, if there is one, and from --config. If they "
        "already describe the table, those settings apply.",
    ),
    "predict": Command(
        actions.predict,
        "predict the rows of a file with a published run",
        (
            RUN,
            argument(
                "--input",
                metavar="FILE",
                required=True,
                help="the rows to predict, in any format that can be trained on, or - for standard "
                "input",
            ),
            argument(
                "--output",
                metavar="FILE",
                required=True,
                help="where to write ids, probabilities and predictions: a .csv, .tsv, .txt (also "
                "with .gz, .bz2 or .xz) or .parquet file, or - for CSV on standard output",
            ),
            argument(
                "--on-bad-rows",
                choices=("fail", "null"),
                default="fail",
                help="what to do with rows that cannot be read: fail, or leave their predictions "
                "empty and give the reason in the column `reason` (default: fail)",
            ),
            argument(
                "--overwrite",
                action="store_true",
                help="replace the output even if it is not an earlier prediction",
            ),
            *PLACE,
        ),
        "The rows are cleaned as in training. The output is written whole or not at all.",
    ),
    "runs": (
        "list, show, compare and verify published runs",
        {
            "list": Command(
                actions.list_runs, "list the published runs, newest first", (JSON, *PLACE)
            ),
            "show": Command(
                actions.show_run, "show the model card of a run", (A_RUN, JSON, *PLACE)
            ),
            "compare": Command(
                actions.compare_runs,
                "show what differs between two runs",
                (argument("first", metavar="RUN", help=RUN_HELP), ANOTHER_RUN, JSON, *PLACE),
            ),
            "verify": Command(
                actions.verify_run,
                "check the files and predictions of a run",
                (A_RUN, JSON, *PLACE),
                "Compares every file with its hash and predicts the golden rows again. Exits with 1 if "
                "anything differs from what was published.",
            ),
        },
    ),
    "serve": Command(
        actions.serve,
        "serve predictions of a published run over HTTP",
        (
            RUN,
            argument(
                "--host",
                default=SERVED.host,
                help=f"address to listen on (default: {SERVED.host})",
            ),
            served("port", "port to listen on, 0 for any free one"),
            served("max_rows", "most rows in a request"),
            served("max_bytes", "most bytes in the body of a request"),
            served("max_connections", "most connections at a time, from all clients"),
            served("request_seconds", "most seconds a client may take to send a request"),
            argument(
                "--root-path",
                metavar="PATH",
                default=SERVED.root_path,
                help="the path under which a proxy offers the service, such as /churn",
            ),
            argument(
                "--follow",
                action="store_true",
                help="switch to newly published runs of the same table without a restart",
            ),
            *PLACE,
        ),
        "Listens on this machine only, unless --host says otherwise. If ML_BASELINE_API_KEY is set in "
        "the environment, requests need it in the header X-API-Key.",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code: 0 done, 1 refused or failed, 2 wrong usage."""
    for stream in (sys.stdout, sys.stderr):  # a terminal may lack letters that a table has
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
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


def parser() -> argparse.ArgumentParser:
    """Return the parser of the program's arguments."""
    top = argparse.ArgumentParser(
        prog=PROGRAM,
        description="An honest baseline for any table with a yes/no column.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_commands(top.add_subparsers(metavar="COMMAND", required=True, title="commands"), COMMANDS)
    return top


def _add_commands(
    parsers: Any, commands: Mapping[str, Command | tuple[str, dict[str, Command]]]
) -> None:
    for name, command in commands.items():
        summary = command.summary if isinstance(command, Command) else command[0]
        text = f"{summary[0].upper()}{summary[1:]}."
        if isinstance(command, Command):
            one = parsers.add_parser(name, help=summary, description=f"{text} {command.more}")
            one.set_defaults(run_command=command.run)
            for names, settings in command.arguments:
                one.add_argument(*names, **settings)
        else:
            group = parsers.add_parser(name, help=summary, description=text)
            _add_commands(
                group.add_subparsers(metavar="ACTION", required=True, title="actions"), command[1]
            )


if __name__ == "__main__":
    sys.exit(main())
