"""The program `ml-baseline`: the workflow, its runs and their predictions from the command line.

The table `COMMANDS` says what each command is called and takes; what it does, for `--help` too, says the
docstring of its function. Commands import what they need when they run: `--help` answers at once.
"""

import argparse
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from ml_baseline.cli import FAILED, FEATURES, INTERRUPTED, PROGRAM, actions, say
from ml_baseline.errors import InputError, did_you_mean, similar

SAMPLES = ("customers", "users", "breast_cancer")
FEWEST_SAMPLE_ROWS = 50  # as in the config's schema; a test holds them in step

EXAMPLE = f"""\
three commands from nothing to predictions:
  {PROGRAM} make-sample-data
  {PROGRAM} train --target is_high_value
  {PROGRAM} predict --run latest --input {FEATURES} --output outputs/preds.csv
"""
RUN_HELP = "a run id, `latest` (the run last published or trained), or the path of a run's folder"


# The name of an argument, and what argparse is to know of it.
Argument = tuple[str, dict]
Action = Callable[[argparse.Namespace], int]


def argument(usage: str, text: str, **settings) -> Argument:
    """Return an argument for argparse, given how it is used ("--run RUN") and its help.

    The help tells a default it has.
    """
    name, _, metavar = usage.partition(" ")
    settings |= {"metavar": metavar} if metavar else {}
    told = " (default: %(default)s)" if settings.get("default") else ""
    return name, settings | {"help": text + told}


def flag(name: str, text: str) -> Argument:
    """Return an argument that is there or not."""
    return argument(name, text, action="store_true")


def whole_number(least: int) -> Callable[[str], int]:
    """Return the type of an argument that is a whole number, at least so large."""

    def read(text: str) -> int:
        value = int(text) if text.isascii() and text.isdigit() else least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least}, got {text!r}")
        return value

    return read


COUNT = whole_number(1)


def separator(text: str) -> str:
    """Check what stands between cells, by the rule of the config; a tab may be written as there."""
    text = "\t" if text == r"\t" else text
    if not re.fullmatch(r'[^\x00-\x08\x0a-\x1f\x7f"]', text):
        raise argparse.ArgumentTypeError(
            f"expected one character, no line break or quotation mark, got {text!r}"
        )
    return text


def number_of_cores(text: str) -> str:
    """Check the number of cores, which Snakemake takes as text."""
    return text if text == "all" else str(COUNT(text))


def served(usage: str, text: str, type: Callable[[str], object] = COUNT) -> Argument:
    """Return an option of the service, with the default that it has there."""
    from ml_baseline.serve import ServeOptions

    name = usage.split()[0].strip("-").replace("-", "_")
    return argument(usage, text, type=type, default=ServeOptions._field_defaults[name])


PLACE = (
    argument("--dataset NAME", "look only among the runs of this table"),
    argument("--results FOLDER", "the folder with the results", type=Path, default=Path("results")),
    flag(
        "--trust",
        "use a run that was not published from this account; loading a model can run code, so only "
        "do this if you know where it comes from",
    ),
)
RUN = argument("--run RUN", RUN_HELP, default="latest")
A_RUN = argument("run RUN", RUN_HELP)
JSON = flag("--json", "print JSON")
POSITIVE = argument(
    "--positive LABEL",
    "a value of the target that means yes. Can be given more than once",
    action="append",
)
NEGATIVE = argument(
    "--negative LABEL",
    "a value of the target that means no. Can be given more than once",
    action="append",
)

GROUPS = {"runs": "list, show, compare, verify and ship published runs"}
# Arguments are made for the command that is called: `--help` would wait for all of them.
COMMANDS: dict[str, tuple[Action, Callable[[], tuple[Argument, ...]]]] = {
    "make-sample-data": (
        actions.make_sample_data,
        lambda: (
            argument(
                "--sample",
                "users (target: is_high_value, which is computed from other columns, so it leaks on "
                "purpose), customers (target: purchased, with a known best score) or breast_cancer "
                "(target: diagnosis, real data)",
                choices=SAMPLES,
                default="users",
            ),
            argument(
                "--rows N",
                f"number of rows, at least {FEWEST_SAMPLE_ROWS} (default: {actions.SAMPLE_ROWS}; "
                "breast_cancer always has 569)",
                type=whole_number(FEWEST_SAMPLE_ROWS),
            ),
            argument(
                "--seed N",
                f"random seed (default: {actions.SAMPLE_SEED}; breast_cancer is not random)",
                type=whole_number(0),
            ),
            argument(
                "--output FILE",
                "the .csv or .parquet file to write",
                type=Path,
                default=Path(FEATURES),
            ),
        ),
    ),
    "inspect": (
        actions.inspect,
        lambda: (
            argument("file FILE", "the table"),
            argument("--target COLUMN", "the yes/no column to predict"),
            POSITIVE,
            NEGATIVE,
            argument("--name", "name of the table in the config (default: that of the file)"),
            argument("--sheet NAME", "the sheet of a workbook"),
            argument(
                "--header-row N",
                "the row of the sheet that has the columns' names",
                type=COUNT,
            ),
            argument(
                "--separator CHARACTER",
                r"what stands between cells in a text; \t is a tab",
                type=separator,
            ),
            argument("--encoding NAME", "the encoding of a text"),
            argument(
                "--configfile FILE",
                "the config to look into and to write to (default: config/config.yaml)",
                type=Path,
            ),
            flag("--write", "add the table to the config; nothing else in the file is changed"),
            flag("--all", "show each column of a wide table"),
            JSON,
        ),
    ),
    "train": (
        actions.train,
        lambda: (
            argument("--target COLUMN", "the yes/no column to predict", required=True),
            argument("--input FILE", "the table", default=FEATURES),
            argument(
                "--id COLUMN",
                "a column that identifies the rows; it is copied to the predictions. Can be given "
                "more than once",
                action="append",
            ),
            POSITIVE,
            NEGATIVE,
            argument(
                "--name",
                "name of the table, used for its results (default: its name in the config, or that "
                "of the file)",
            ),
            argument("--config FILE", "an additional config file", type=Path),
            argument(
                "--cores N", "number of processor cores to use", type=number_of_cores, default="all"
            ),
            flag("--unlock", "first remove the lock that a killed run left in this folder"),
        ),
    ),
    "predict": (
        actions.predict,
        lambda: (
            RUN,
            argument(
                "--input FILE",
                "the rows to predict, in any format that can be trained on, or - for standard input",
                required=True,
            ),
            argument(
                "--output FILE",
                "where to write ids, probabilities and predictions: a .csv, .tsv, .txt (also with "
                ".gz, .bz2 or .xz) or .parquet file, or - for CSV on standard output",
                required=True,
            ),
            argument(
                "--sheet NAME",
                "the sheet of a workbook, where more than one has the run's columns",
            ),
            argument(
                "--on-bad-rows",
                "what to do with rows that cannot be read: fail, or leave their predictions empty "
                "and give the reason in the column `reason`",
                choices=("fail", "null"),
                default="fail",
            ),
            argument(
                "--check FILE",
                "where to write, as JSON, which cells are unlike training (default: the output with "
                ".check.json behind its name; nowhere for standard output)",
            ),
            flag("--overwrite", "replace the output even if it is not an earlier prediction"),
            *PLACE,
        ),
    ),
    "runs list": (actions.list_runs, lambda: (JSON, *PLACE)),
    "runs show": (actions.show_run, lambda: (A_RUN, JSON, *PLACE)),
    "runs compare": (
        actions.compare_runs,
        lambda: (
            argument("first RUN", RUN_HELP),
            argument("second RUN", "the run to compare it with"),
            JSON,
            *PLACE,
        ),
    ),
    "runs verify": (actions.verify_run, lambda: (A_RUN, JSON, *PLACE)),
    "runs export": (
        actions.export_run,
        lambda: (
            A_RUN,
            argument("file FILE", "the .zip file to write; the folder for --container", type=Path),
            flag("--container", "write what an image of the service with this run is built from"),
            *PLACE,
        ),
    ),
    "runs import": (
        actions.import_run,
        lambda: (argument("file FILE", "a file that `runs export` wrote"), *PLACE[1:]),
    ),
    "serve": (
        actions.serve,
        lambda: (
            RUN,
            served("--host HOST", "address to listen on", type=str),
            served("--port N", "port to listen on, 0 for any free one", type=whole_number(0)),
            served(
                "--root-path PATH", "where a proxy offers the service, such as /churn", type=str
            ),
            served("--max-rows N", "most rows in a request"),
            served("--max-bytes N", "most bytes in the body of a request"),
            served("--max-connections N", "most connections at a time, from all clients"),
            served("--request-seconds N", "most seconds a client may take to send a request"),
            flag("--follow", "switch to newly published runs of the same table without a restart"),
            *PLACE,
        ),
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code: 0 done, 1 refused or failed, 2 wrong usage."""
    for stream in (sys.stdout, sys.stderr):  # a terminal may lack letters that a table has
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if arguments is None else arguments
    options = parser(words).parse_args(words)
    try:
        code = options.run_command(options)
        sys.stdout.flush()
        return code
    except InputError as error:
        points = str(error).split("\n* ")  # each of several on a line of its own
        say("error: " + "\n* ".join(" ".join(point.split()) for point in points))
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


class Parser(argparse.ArgumentParser):
    """A parser that names the command, choice or option that was meant."""

    words: Sequence[str] = ()  # that the program is called with
    options: Sequence[str] = ()  # of the command that is called

    def error(self, message: str) -> NoReturn:
        """End the program with what is wrong, and what may have been meant."""
        found = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message)
        close = similar(found[1], re.findall(r"[\w-]+", found[2]), 1) if found else []
        for option in [word.partition("=")[0] for word in self.words if word.startswith("--")]:
            # A beginning is enough: --in for --input.
            if not any(known.startswith(option) for known in (*self.options, "--help")):
                near = did_you_mean(similar(option, self.options, 1), "see --help")
                message += f"; there is no option {option}: {near}"
        super().error(f"{message}; {did_you_mean(close)}" if close else message)


def parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of the program's arguments, which knows those of commands among `words`.

    And of a group's commands only where the group is among them: `--help` would wait for all.
    """
    top = Parser(
        prog=PROGRAM,
        description="An honest baseline for any table with a yes/no column.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True, title="commands")
    groups = {"": commands}
    for name, (action, arguments) in COMMANDS.items():
        group, _, name = name.rpartition(" ")
        if group not in groups:
            one = commands.add_parser(
                group, help=GROUPS[group], description=f"{GROUPS[group].capitalize()}."
            )
            groups[group] = one.add_subparsers(metavar="ACTION", required=True, title="actions")
        if group and group not in words:
            continue
        text = " ".join((action.__doc__ or "").split())
        summary = text.split(". ")[0].rstrip(".")
        one = groups[group].add_parser(
            name, help=f"{summary[0].lower()}{summary[1:]}", description=text
        )
        one.set_defaults(run_command=action)
        if name in words:
            for usage, settings in arguments():
                one.add_argument(usage, **settings)
            for used in (top, one):
                used.words, used.options = words, [*one._option_string_actions]
    return top


if __name__ == "__main__":
    sys.exit(main())
