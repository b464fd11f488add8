"""Who wrote a file: a seal that only this account can make.

A model file can run code when it is loaded, so it matters where it comes from. Hashes beside a file
prove that it is whole, not who made it: whoever hands over a folder hands over its hashes too.
So what jobs write (`records`) and each published run get a seal, an HMAC under a secret key that is
kept in the account's own folder, away from all results.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
import tempfile
from pathlib import Path

from ml_baseline.errors import InputError

# Names a key file elsewhere, for accounts and machines that are to trust each other's runs.
KEY_VARIABLE = "ML_BASELINE_KEY_FILE"
# Holds a key for one run, where the account can keep none.
RUN_KEY_VARIABLE = "ML_BASELINE_RUN_KEY"
KEY_BYTES = 32
LONGEST_KEY = 4096
# What a seal is for, so that one kind can't stand in for another.
PUBLISHED_RUN = b"ml-baseline published run\n"
WRITTEN_FILE = b"ml-baseline written file\n"


def key_path() -> Path:
    """Return where the key is kept, by the XDG rules for a program's state.

    Raises InputError if the variable names a relative path, which would depend on the current folder.
    """
    if named := os.environ.get(KEY_VARIABLE):
        path = Path(named).expanduser()
        if not path.is_absolute():
            raise InputError(f"{KEY_VARIABLE} is {named!r}; expected the full path of a file")
        return path
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():  # the rules say to ignore these
        state = Path.home() / ".local" / "state"
    return state / "ml-baseline" / "registry.key"


def seal_of(content: bytes, make_key: bool = False, purpose: bytes = PUBLISHED_RUN) -> str | None:
    """Return the seal of some bytes for a purpose, None if this account has no key."""
    key = _key(make_key)
    if key is None and purpose == WRITTEN_FILE:
        key = os.environ.get(RUN_KEY_VARIABLE, "").encode()
    return hmac.new(key, purpose + content, hashlib.sha256).hexdigest() if key else None


def is_sealed(content: bytes, seal: str, purpose: bytes = PUBLISHED_RUN) -> bool:
    """Return whether a seal was made for these bytes with this account's key."""
    expected = seal_of(content, purpose=purpose)
    return expected is not None and hmac.compare_digest(expected.encode(), seal.strip().encode())


def key_is_kept() -> bool:
    """Make this account's key if there is none yet; return whether there is one to use.

    If not, this process and those that it starts get a key of their own, for this run.
    """
    kept = _key(make=True) is not None
    if not kept:
        os.environ.setdefault(RUN_KEY_VARIABLE, secrets.token_hex(KEY_BYTES))
    return kept


def _key(make: bool) -> bytes | None:
    """Return the account's key; None if it has none and none is to be made, or can be.

    Raises InputError if its file cannot be read, holds no key, or others may know or replace it.
    """
    try:
        path = key_path()
    except RuntimeError:  # an account without a home
        return None
    if make and not os.path.lexists(path):
        with contextlib.suppress(OSError):  # a home that cannot be written to
            _make_key(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            problem = _problem_of(path, os.fstat(descriptor))
            content = b"" if problem else os.read(descriptor, LONGEST_KEY)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        if not path.is_symlink():
            return None
        problem = "is a link to a file that is not there; remove it"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    if problem is None:
        with contextlib.suppress(ValueError):
            key = bytes.fromhex(content.decode("ascii").strip())
            if len(key) >= KEY_BYTES:
                return key
        problem = (
            f"is not valid (expected at least {2 * KEY_BYTES} hexadecimal digits); restore it, or delete "
            "it to get a new one (older runs will then need --trust)"
        )
    raise InputError(f"{path}: the key that seals published runs {problem}")


def _problem_of(path: Path, state: os.stat_result) -> str | None:
    """Return why a key file cannot be relied on, None if it can.

    One that is named by the variable may be shared, so its group may read it, whoever owns it.
    """
    named = bool(os.environ.get(KEY_VARIABLE))
    mode = stat.S_IMODE(state.st_mode)
    if not stat.S_ISREG(state.st_mode):
        return "is not a plain file; remove it"
    if not named and state.st_uid != os.geteuid():
        return f"belongs to another account; remove it, or name your own with {KEY_VARIABLE}"
    if mode & (0o027 if named else 0o077):
        return (
            f"can be read or changed by others (mode {mode:03o}), who could seal runs in your name; "
            f"run `chmod 600 {path}`. If others may have read it, delete it instead"
        )
    return None


def _make_key(path: Path) -> None:
    """Write a new key, unless another process has just done so: whole, and for the owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=".key-", dir=path.parent)  # made with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)  # unlike a rename, never over a key that is there
    finally:
        Path(name).unlink()
