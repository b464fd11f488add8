"""What stands in a model's place when training it has failed: the reason, in words."""

from pathlib import Path

from ml_baseline.files import whole_file

MARK = "failed: "
FITTED, FAILED = "fitted", "failed"
OOF_HEADER = "row_id,fold,target,probability\n"


def write_failure(reason: str, path: str | Path, oof: str | Path | None = None) -> None:
    """Write why there is no model to `path`, and out-of-fold predictions of no rows to `oof`."""
    texts = {path: f"{MARK}{reason}\n"} | ({oof: OOF_HEADER} if oof else {})
    for file, text in texts.items():
        with whole_file(file) as temporary:
            temporary.write_text(text, encoding="utf-8")


def failure(path: str | Path) -> str | None:
    """Return why a model failed, None if the file holds what it should or is not there."""
    try:
        with Path(path).open("rb") as file:
            if file.read(len(MARK)) != MARK.encode():
                return None
            return file.read().decode(errors="replace").strip()
    except FileNotFoundError:
        return None
