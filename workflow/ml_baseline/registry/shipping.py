"""A published run as one file for another machine, and back: nothing in it is used that does not fit.

An archive may come from anybody. Its manifest is judged first, by the seal, and says what else there has
to be. The files are unpacked aside, no more bytes than a file of this size can honestly hold, and are a run
only if they are all as it says.
"""

import shutil
import stat
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ml_baseline.data.source import absence
from ml_baseline.errors import InputError
from ml_baseline.files import own_folder, whole_file
from ml_baseline.registry.manifest import FILE, RUN_ID
from ml_baseline.registry.publish import alone, give_name, name_latest, unfinished
from ml_baseline.registry.runs import (
    LARGEST_TEXT,
    LATEST_FILE,
    MANIFEST,
    UNLISTED,
    Run,
    changed_files,
    open_run,
)
from ml_baseline.text import for_terminal

SUFFIX = ".zip"
# A run's files shrink to a tenth at best; what promises more is a bomb.
LARGEST_RATIO = 100
SMALL_BYTES = 1 << 20
MOST_FILES = 1000
# Every file in an archive is of this time, so that the same run gives the same bytes.
TIME = (1980, 1, 1, 0, 0, 0)
# An image of the service that holds a run. What it was built from was judged when it was written, and nobody can
# change the run who could not change the program too: so the service is told to trust it.
CONTAINERFILE = """\
ARG SERVICE=localhost/ml-baseline-service
FROM ${SERVICE}
USER 0:0
RUN --mount=type=bind,source=run.zip,target=/tmp/run.zip \\
    ["ml-baseline", "runs", "import", "/tmp/run.zip", "--results", "/results", "--trust"]
USER 65532:65532
CMD ["--trust"]
"""


def export_run(run: Run, path: str | Path) -> None:
    """Write a run into one file, whole or not at all.

    Raises InputError if the name is not one of a zip file or is taken, or the run is not as published.
    """
    path = Path(path)
    if path.suffix.lower() != SUFFIX:
        raise InputError(f"{path}: expected a name ending in {SUFFIX}")
    if path.exists() or path.is_symlink():
        raise InputError(f"{path} exists and is kept; choose another name")
    if wrong := changed_files(run):
        told = "; ".join(f"{name}: {what}" for name, what in wrong.items())
        raise InputError(f"{run.folder} is not as it was published, so it is not exported: {told}")
    names = [*run.meta["files"], *(name for name in UNLISTED if (run.folder / name).exists())]
    with (
        whole_file(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in sorted(names):
            entry = zipfile.ZipInfo(f"{run.run_id}/{name}", TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            with (
                (run.folder / name).open("rb") as file,
                archive.open(entry, "w", force_zip64=True) as to,
            ):
                shutil.copyfileobj(file, to)


def export_container(run: Run, folder: Path) -> None:
    """Write a run and how an image of the service with it is built into a new folder.

    Raises InputError if the name is taken, or the run is not as published.
    """
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        why = f"cannot be made: {error.strerror}; choose another name"
        raise InputError(f"{folder} {why}") from error
    try:
        export_run(run, folder / "run.zip")
        (folder / "Containerfile").write_text(CONTAINERFILE, encoding="utf-8")
    except BaseException:
        shutil.rmtree(folder)
        raise


def import_run(path: str | Path, results: Path, trusted: bool = False) -> Run:
    """Put the run in a file that `export_run` has made among the published runs; return it.

    It becomes the latest of its table where there is none yet. `trusted` is as for `runs.find_run`.
    Raises InputError if it is no such file or was not published with this account's key, if a file in it
    is not what the manifest says, or if another run of this name is there.
    """
    if not Path(path).exists():
        raise InputError(f"{path}: {absence(Path(path))}")
    try:
        if not zipfile.is_zipfile(path):
            raise InputError(f"{path} is not a zip file as `ml-baseline runs export` makes it")
        with zipfile.ZipFile(path) as archive:
            return _import(Path(path), archive, results, trusted)
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise InputError(f"{path} is damaged or no run: {for_terminal(str(error))}") from error


def _import(path: Path, archive: zipfile.ZipFile, results: Path, trusted: bool) -> Run:
    run_id, entries = _entries(path, archive)
    with own_folder() as folder:
        # The manifest and its seal alone: `open_run` judges them before anything else is read.
        head = folder / run_id
        head.mkdir()
        for listed in UNLISTED:
            if listed in entries:
                _extract(archive, entries[listed], head / listed, LARGEST_TEXT)
        try:
            run = open_run(head, trusted)
        except InputError as error:  # of a folder that nobody will find
            raise InputError(str(error).replace(str(head), str(path))) from error
        runs = results / run.dataset / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        with alone(runs):
            _place(path, archive, entries, run, runs)
            if not (runs / LATEST_FILE).exists():
                name_latest(runs, run_id)
    return open_run(runs / run_id, trusted)


def _entries(path: Path, archive: zipfile.ZipFile) -> tuple[str, dict[str, zipfile.ZipInfo]]:
    """Return an archive's run id and its files by their names in the run."""
    found: dict[str, zipfile.ZipInfo] = {}
    run_ids = set()
    for entry in archive.infolist()[: MOST_FILES + 1]:
        if entry.is_dir():
            continue
        run_id, _, name = entry.filename.partition("/")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        shown = for_terminal(repr(entry.filename[:200]))
        if not (RUN_ID.fullmatch(run_id) and FILE.fullmatch(name)):
            raise InputError(f"{path} holds {shown}, which is no file of a run")
        if kind not in (0, stat.S_IFREG) or entry.flag_bits & 1:
            raise InputError(f"{path} holds {shown}, which is a link or encrypted")
        if name.casefold() in {known.casefold() for known in found}:
            raise InputError(f"{path} holds {shown} twice")
        found[name] = entry
        run_ids.add(run_id)
    folders = {folder.as_posix() for name in found for folder in PurePosixPath(name).parents}
    if both := folders & {*found}:
        raise InputError(f"{path} holds {min(both)!r} as a file and as a folder")
    size, files = sum(entry.file_size for entry in found.values()), len(archive.infolist())
    if files > MOST_FILES or size > SMALL_BYTES + LARGEST_RATIO * path.stat().st_size:
        raise InputError(
            f"{path} would unpack to {size:,} bytes in {files:,} files, more than a run of its size can have"
        )
    if len(run_ids) != 1 or MANIFEST not in found:
        raise InputError(f"{path} does not hold one published run, with its {MANIFEST}")
    return run_ids.pop(), found


def _extract(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, to: Path, limit: int | None = None
) -> None:
    """Write a file of an archive, never more of it than it declares."""
    left = entry.file_size
    if limit is not None and left > limit:
        raise InputError(f"{for_terminal(entry.filename)} has {left:,} bytes, too many for it")
    to.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as file, to.open("xb") as target:
        while part := file.read(min(1 << 20, left + 1)):
            left -= len(part)
            if left < 0:
                raise zipfile.BadZipFile(f"{entry.filename} is longer than it declares")
            target.write(part)


def _place(path: Path, archive: zipfile.ZipFile, entries: dict, run: Run, runs: Path) -> None:
    """Unpack a judged run beside the others and give it its name, or find it there already."""
    target = runs / run.run_id
    manifest = (run.folder / MANIFEST).read_bytes()
    if target.exists() or target.is_symlink():
        same = target.is_dir() and (target / MANIFEST).is_file()
        if same and (target / MANIFEST).read_bytes() == manifest:
            return
        raise InputError(f"{target} is another run of the same name; it is kept")
    with unfinished(runs) as temporary:
        for name, entry in entries.items():
            _extract(archive, entry, temporary / name)
        if wrong := changed_files(replace(run, folder=temporary)):
            told = "; ".join(f"{name} is {what}" for name, what in wrong.items())
            raise InputError(f"{path}: the files are not those of the run: {told}")
        give_name(temporary, target)
