"""Bytes of any encoding as lines of UTF-8, block by block."""

import codecs
import itertools
from collections.abc import Iterator

from ml_baseline.data.western import WESTERN, Words, another_encoding
from ml_baseline.errors import InputError

SHOWN_WORDS = 3


class Decoder:
    """Makes lines of UTF-8 of a text's bytes.

    `encoding` is a codec's name. If None, it is UTF-16 or UTF-32 if its mark says so, else UTF-8, or
    Windows-1252 if the text is not UTF-8, holds no valid sequence of it at all (those of several
    bytes hardly ever occur in one-byte text), and reads like a Western language (`western`). It is
    known once all of the text has been read, as `reading`.
    """

    def __init__(self, name: str, encoding: str | None):
        self.name, self.encoding = name, encoding or "utf-8"
        self._detected = encoding is None
        self._line = 1  # that the next byte is in
        self._rest = b""  # of a character that goes on in the next block
        self._damage: InputError | None = None  # where this is not UTF-8, if that has been seen
        self._multibyte = False
        self._words = Words()

    @property
    def reading(self) -> dict[str, str]:
        """The `encoding`, and a few `doubtful_words` of a text taken for Windows-1252, if there are any."""
        words = ", ".join(self._words.doubtful()[:SHOWN_WORDS])
        return {"encoding": self.encoding} | ({"doubtful_words": words} if words else {})

    def lines(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the text in blocks of whole lines, each line ending in a newline.

        Raises InputError for bytes that are not in the encoding, zero bytes, an unknown encoding.
        """
        rest: list[bytes] = []
        for block in _newlines(self._as_utf8(blocks)):
            end = block.rfind(b"\n") + 1
            if end:
                yield b"".join([*rest, block[:end]])
                rest = []
            rest.append(block[end:])
        if any(rest):
            yield b"".join(rest)

    def _as_utf8(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        first = next(blocks, b"")
        while len(first) < 4 and (more := next(blocks, b"")):
            first += more
        if self._detected and first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            self.encoding = "utf-32" if first.startswith(codecs.BOM_UTF32_LE) else "utf-16"
            self._detected = False
        try:
            codec = codecs.getincrementaldecoder(self.encoding)()
            "".encode(self.encoding)  # raises for what encodes bytes, such as "hex"
        except LookupError as error:
            raise InputError(
                f"{self.name}: `encoding: {self.encoding}` is no text encoding that Python knows; "
                "utf-8, latin-1 and cp1252 are"
            ) from error
        is_first = True
        for block in itertools.chain([first], blocks, [None]):  # None is the end
            data, end = block or b"", block is None
            text = (
                self._utf8_or_western(data, end) if self._detected else self._by(codec, data, end)
            )
            self._line += text.count(b"\n")
            if b"\x00" in text:
                raise InputError(
                    f"{self.name}: the file holds zero bytes, so it is not plain text (a spreadsheet, "
                    "or UTF-16 without its mark?); export it as CSV in UTF-8, or name its `encoding` "
                    "in the config"
                )
            if is_first and text:
                text, is_first = text.removeprefix(codecs.BOM_UTF8), False
            if text:
                yield text

    def _by(self, codec: codecs.IncrementalDecoder, data: bytes, end: bool) -> bytes:
        try:
            return codec.decode(data, end).encode()
        except UnicodeError as error:
            raise self._not_text(error) from error

    def _utf8_or_western(self, data: bytes, end: bool) -> bytes:
        data, self._rest = self._rest + data, b""
        if data.isascii():
            return data
        valid, size = codecs.utf_8_decode(data, "ignore", end)
        data, self._rest = data[:size], data[size:]
        self._multibyte |= not valid.isascii()
        if self._damage is None:
            try:
                data.decode()
            except UnicodeDecodeError as error:
                self._damage = self._not_text(error)
        if self._damage is None:
            return data
        if self._multibyte:
            raise self._damage
        try:
            text = data.decode(WESTERN)
        except UnicodeDecodeError as error:
            raise self._not_western(data, f"the byte 0x{data[error.start]:02x}") from None
        self._words.add(text)
        if not self._words.are_western():
            raise self._not_western(
                data, ", ".join(map(repr, self._words.doubtful()[:SHOWN_WORDS]))
            )
        self.encoding = WESTERN
        return text.encode()

    def _not_western(self, data: bytes, found: str) -> InputError:
        hint = another_encoding(data)
        instead = (
            f"`encoding: {hint[0]}` would read {hint[1]!r}" if hint else "such as cp1251 or cp1250"
        )
        return InputError(
            f"{self.name}: the text is not UTF-8, and not Windows-1252 either (found {found}); save it as "
            "UTF-8, or name its encoding in the config (`ml-baseline inspect` takes --encoding): "
            + instead
        )

    def _not_text(self, error: UnicodeError) -> InputError:
        place, data = getattr(error, "start", 0), getattr(error, "object", b"") or b"\0"
        line = self._line + data.count(b"\n", 0, place)
        return InputError(
            f"{self.name}, line {line}: the byte 0x{data[place]:02x} is not valid {self.encoding} "
            "text; save the file as UTF-8, or set `encoding` in the config to the one it was written in"
        )


def _newlines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a text with lines that end in newlines."""
    held = b""
    for block in blocks:
        block, held = held + block, b""
        if b"\r" in block:
            if block.endswith(b"\r"):  # the newline may follow in the next block
                block, held = block[:-1], b"\r"
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield block
    if held:
        yield b"\n"
