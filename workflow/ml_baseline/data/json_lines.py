"""JSON lines as a table: an object a line, nested ones as columns with dots (`user.age`)."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ml_baseline.data.decoding import Decoder
from ml_baseline.data.header_names import column_names
from ml_baseline.data.source import SourceFile
from ml_baseline.data.typed import TypedRows, kind_of
from ml_baseline.errors import InputError


class JsonRows(TypedRows):
    """The rows of such a file, see `tables.Rows`: gone through once for its columns, then for rows."""

    def __init__(self, source: SourceFile, settings: Mapping[str, Any], columns: Iterable[str]):
        super().__init__(source, {"format": "json_lines"})
        self._encoding = settings.get("encoding")
        kinds: dict[str, set] = {}
        for record in self._records():
            for key, value in record.items():
                kinds.setdefault(key, set()).update([] if value is None else [kind_of(value)])
        if not kinds:
            raise InputError(
                f"{self.name}: the file is empty; expected lines with an object each: export it again"
            )
        self._keys = list(kinds)
        self._declare(column_names(self.name, self._keys), list(kinds.values()))

    def _cells(self) -> Iterator[list]:
        for record in self._records():
            yield [record.get(key) for key in self._keys]

    def _records(self) -> Iterator[dict[str, Any]]:
        """Yield the cells of each line by their keys; null is None, a list the text it is written as."""
        decoder, number = Decoder(self.name, self._encoding), 0
        for block in decoder.lines(self.source.blocks()):
            for line in block.splitlines():
                number += 1
                if line.strip():
                    yield self._record(line, number)
        self.reading |= decoder.reading

    def _record(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            # NaN and Infinity, which are no JSON and which Python writes, are missing.
            record = json.loads(line, object_pairs_hook=_object, parse_constant=lambda _: None)
            if isinstance(record, dict):
                return dict(_flat(record))
            problem = f"found {line[:40].decode(errors='replace')!r}"
        except RecursionError:
            problem = "it is nested too deeply"
        except ValueError as error:
            problem = f"not valid JSON ({error})"
        raise InputError(
            f"{self.name}, line {number}: {problem}; expected an object on each line, such as "
            '{"age": 31, "answer": "yes"}. Of an array in one piece, `jq -c \'.[]\' FILE` makes that'
        )


def _object(pairs: list[tuple[str, Any]]) -> dict:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return record


def _flat(record: dict, inside: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{inside}{key}.")
        else:
            yield f"{inside}{key}", json.dumps(value) if isinstance(value, list) else value
