"""Publishing a run: whole or not at all, under a name of its own, and only if something is new."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from ml_baseline.errors import InputError
from ml_baseline.files import current_umask, json_text, open_lock_file, sync_folder, write_text
from ml_baseline.registry.manifest import FORMAT, Manifest, read_json_as
from ml_baseline.registry.runs import (
    CARD,
    LATEST_FILE,
    MANIFEST,
    SEAL,
    changed_files,
    latest_run_id,
    opened,
    runs_of,
)
from ml_baseline.seal import seal_of

# What says where and when a run was made, not what it is: no reason to publish it again.
CIRCUMSTANCES = ("env/pip_freeze.txt",)
LOCK = ".lock"
UNFINISHED = ".publishing-"


def publish(
    runs: str | Path,
    files: Mapping[str, bytes],
    facts: dict,
    circumstances: dict,
    card: Callable[[dict], str],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> str:
    """Publish a run, unless the newest one has the same content; return its run id.

    The run's folder is filled under a temporary name and gets its own with one rename; then
    `latest.txt` is made to name it. What a killed process has left behind is swept by the next.

    Args:
        runs: the folder of the table's runs.
        files: the content of each file, by its path in the run.
        facts: what the manifest says of the run, see `contents.facts`.
        circumstances: what it says of where the run was made, which does not count as content, no
            more than the time, the card and the files of `CIRCUMSTANCES`.
        card: makes the text of the run's README from its manifest.
    """
    runs = Path(runs)
    runs.mkdir(parents=True, exist_ok=True)
    content = content_hash(files, facts)
    with alone(runs):
        run_id = _unchanged(runs, content)
        if run_id is None:
            known = facts | circumstances | {"content": content}
            run_id = _publish(runs, files, known, card, now())
        name_latest(runs, run_id)
    return run_id


def name_latest(runs: Path, run_id: str) -> None:
    """Make a run the latest of its table."""
    write_text(f"{run_id}\n", runs / LATEST_FILE)


def hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of each file, in hexadecimal."""
    return {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}


def content_hash(files: Mapping[str, bytes], facts: dict) -> str:
    """Return the hash of what a run is, whenever and wherever it was made."""
    own = {name: digest for name, digest in hashes(files).items() if name not in CIRCUMSTANCES}
    text = json.dumps({"files": own, "facts": facts}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def alone(runs: Path) -> Iterator[None]:
    """Let no other process publish into the folder, and sweep what a killed one has left."""
    with open_lock_file(runs / LOCK) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:  # a file system without locks: names still cannot collide
            yield
            return
        for path in runs.glob(f"{UNFINISHED}*"):
            shutil.rmtree(path, ignore_errors=True)
        yield


@contextlib.contextmanager
def unfinished(runs: Path) -> Iterator[Path]:
    """Yield a new folder for the files of a run, removed at the end unless it got another name."""
    made = tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=runs, ignore_cleanup_errors=True)
    with made as name:
        yield Path(name)


def _unchanged(runs: Path, content: str) -> str | None:
    """Return the run that has this content already: the latest, or a newer one, or None.

    A newer one is there if a process was killed before it could name it. Older ones do not count, so
    that the latest run is always what the results show, nor do those that cannot be used.
    """
    # An account that can keep no key takes the runs that are there for its own.
    trusted = seal_of(b"", make_key=True) is None
    found = list(opened(runs_of(runs), trusted))
    with contextlib.suppress(InputError):
        named = latest_run_id(runs)
        places = [place for place, run in enumerate(found) if run.run_id == named]
        found = found[places[0] :] if places else found
    for run in found:
        if run.meta["content"] == content:
            return None if changed_files(run) else run.run_id
    return None


def _publish(
    runs: Path, files: Mapping[str, bytes], facts: dict, card: Callable[[dict], str], time: datetime
) -> str:
    with unfinished(runs) as temporary:
        for name, data in files.items():
            _write(temporary / name, data)
        for number in range(1, 10_000):
            run_id = f"{time:%Y-%m-%dT%H-%M-%SZ}__classification__seed{facts['seed']}"
            run_id += f"-{number}" if number > 1 else ""
            if os.path.lexists(runs / run_id):
                continue
            published = time.isoformat(timespec="microseconds")
            meta = {"format": FORMAT, "run_id": run_id, "published": published} | facts
            text = card(meta).encode()
            meta["files"] = hashes(files) | hashes({CARD: text})
            manifest = json_text(meta).encode()
            # No run is published that could not be read again.
            read_json_as(Manifest, manifest, MANIFEST)
            _write(temporary / CARD, text)
            _write(temporary / MANIFEST, manifest)
            seal = seal_of(manifest, make_key=True)
            if seal is not None:
                _write(temporary / SEAL, f"{seal}\n".encode())
            try:
                give_name(temporary, runs / run_id)
            except OSError as error:
                if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                    continue
                raise
            return run_id
        raise InputError(f"{runs} is full of runs published at {time.isoformat()}")


def give_name(temporary: Path, folder: Path) -> None:
    """Give the folder of a whole run its name; OSError if it is taken by one with anything in it."""
    for part in [temporary, *(path for path in temporary.rglob("*") if path.is_dir())]:
        # `mkdtemp` gives fewer permissions than the user's new folders have.
        part.chmod(0o777 & ~current_umask())
        sync_folder(part)
    temporary.rename(folder)  # it never merges
    sync_folder(folder.parent)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
