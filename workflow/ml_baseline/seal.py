"""Who wrote a file: a seal that only this account can make.

A model file can run code when it is loaded, so it matters where it comes from. Hashes beside a file
prove that it is whole, not who made it: whoever hands over a folder hands over its hashes too.
So what jobs write (`records`) and each published run get a seal, an HMAC under a secret key that is
kept in the account's own folder, away from all results. Without the key nobody can make one that fits.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path

# Names a key file elsewhere, for accounts and machines that are to trust each other's runs.
KEY_VARIABLE = "ML_BASELINE_KEY_FILE"
# Holds a key for one run, where the account can keep none.
RUN_KEY_VARIABLE = "ML_BASELINE_RUN_KEY"
KEY_BYTES = 32
# What a seal is for, so that one kind can't stand in for another.
PUBLISHED_RUN = b"ml-baseline published run\n"
WRITTEN_FILE = b"ml-baseline written file\n"


def key_path() -> Path:
    """Return where the key is kept, by the XDG rules for a program's state."""
    if named := os.environ.get(KEY_VARIABLE):
        return Path(named)
    state = os.environ.get("XDG_STATE_HOME")
    return Path(state or Path.home() / ".local" / "state") / "ml-baseline" / "registry.key"


def seal_of(content: bytes, make_key: bool = False, purpose: bytes = PUBLISHED_RUN) -> str | None:
    """Return the seal that belongs to some bytes, None if this account has no key.

    Args:
        content: what is sealed, such as the bytes of a run's `run_meta.json`.
        purpose: what the seal is for; it fits for nothing else.
        make_key: make a key if there is none yet.
    """
    key = _key(make_key)
    if key is None and purpose == WRITTEN_FILE:
        key = os.environ.get(RUN_KEY_VARIABLE, "").encode() or None
    if key is None:
        return None
    return hmac.new(key, purpose + content, hashlib.sha256).hexdigest()


def is_sealed(content: bytes, seal: str, purpose: bytes = PUBLISHED_RUN) -> bool:
    """Return whether a seal was made for these bytes with this account's key."""
    expected = seal_of(content, purpose=purpose)
    return expected is not None and hmac.compare_digest(expected.encode(), seal.strip().encode())


def key_is_kept() -> bool:
    """Make this account's key if there is none yet; return whether there is one to use.

    If not, this process and those that it starts get a key of their own, so that within a run its
    jobs still know each other's files.
    """
    kept = _key(make=True) is not None
    if not kept:
        os.environ.setdefault(RUN_KEY_VARIABLE, secrets.token_hex(KEY_BYTES))
    return kept


def _key(make: bool) -> bytes | None:
    try:
        path = key_path()
    except RuntimeError:  # an account without a home
        return None
    for attempt in range(2):
        try:
            key = bytes.fromhex(path.read_text(encoding="ascii").strip())
            return key if len(key) >= KEY_BYTES else None
        except FileNotFoundError:
            if attempt or not make:
                return None
            with contextlib.suppress(OSError):  # a home that cannot be written to
                _make_key(path)
        except (OSError, ValueError):  # not to be read, or no key
            return None
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
