"""Reading vendor text: bytes to lines, fields to numbers, and errors that name the line."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from solekit.errors import DataError

MAX_BYTES = 1 << 30  # unpacked
MAX_VALUE = 1e9  # no column of these formats reaches it; keeps sums and squares finite
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_NEWLINE = re.compile(r"\r\n|\n|\r")  # not str.splitlines: it also splits at \x0b, \x1c, \x85


@dataclass(frozen=True)
class TextFile:
    """Lines of one file; ``ends_whole`` is False if the last line lacks its newline."""

    path: Path
    lines: list[str]
    ends_whole: bool = True
    has_decimal_commas: list[int] = field(
        default_factory=list
    )  # lines (from 1) where one was read

    @property
    def name(self) -> str:
        """File name, for messages."""
        return self.path.name

    @property
    def stem(self) -> str:
        """File name without its endings (``walk.txt.gz`` is ``walk``)."""
        stem = self.path.name
        for suffix in (".gz", ".txt", ".asf", ".csv"):
            if stem.lower().endswith(suffix) and len(stem) > len(suffix):
                stem = stem[: -len(suffix)]
        return stem

    def error(self, line: int, what: str, remedy: str) -> DataError:
        """Return the error for ``line`` (counted from 1)."""
        return DataError(f"{self.name}, line {line}: {what}; {remedy}")

    def number(self, text: str, line: int, column: str) -> float:
        """Return ``text`` as a finite number; DataError with line and column otherwise."""
        token = text.strip()
        if _DECIMAL_COMMA.fullmatch(token):
            self.has_decimal_commas.append(line)
            token = token.replace(",", ".")
        value = math.nan
        if token.isascii() and "_" not in token:  # float() takes 1_0 and foreign digits
            try:
                value = float(token)
            except ValueError:
                value = math.nan
        if not abs(value) <= MAX_VALUE:
            shown = token if len(token) <= 20 else token[:20] + "..."
            raise self.error(
                line, f"{column} is {shown!r}", "a finite number is needed; repair or export again"
            )
        return value

    def numbers(self, fields: list[str], line: int, columns: list[str]) -> list[float]:
        """Return all ``fields`` of one line as numbers."""
        try:  # the common case, fast
            values = [float(text) for text in fields]
        except ValueError:
            values = [math.nan]
        whole = all(abs(value) <= MAX_VALUE for value in values)
        if whole and all(text.isascii() and "_" not in text for text in fields):
            return values
        return [self.number(t, line, c) for t, c in zip(fields, columns, strict=True)]

    def comma_notes(self) -> list[str]:
        """Return the note on decimal commas, if any were read."""
        if not self.has_decimal_commas:
            return []
        return [f"Decimal commas were read as points, first in line {self.has_decimal_commas[0]}."]


def read_text(path: Path) -> TextFile:
    """Read a text file, plain or gzip, in UTF-8, UTF-16 (with its mark) or Latin-1."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DataError(f"{path.name} cannot be read: {reason}; check path and rights") from error
    except ValueError as error:  # a NUL in the path
        raise DataError(f"{path.name!r} is no file name: {error}; check the path") from error
    if raw[:2] == b"\x1f\x8b":
        raw = _unzip(raw, path.name)
    if not raw.strip():
        raise DataError(f"{path.name} is empty; export the recording again")
    text = _decode(raw, path.name)
    lines = _NEWLINE.split(text)
    ends_whole = lines[-1] == ""
    while lines and not lines[-1].strip():
        lines.pop()
    return TextFile(path, lines, ends_whole)


def _unzip(raw: bytes, name: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=BytesIO(raw)) as stream:
            plain = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{name} is a damaged gzip file: {error}; copy or download it again"
        ) from error
    if len(plain) > MAX_BYTES:
        raise DataError(f"{name} unpacks to more than {MAX_BYTES} bytes; cut it into parts")
    return plain


def _decode(raw: bytes, name: str) -> str:
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if re.search(r"[\x00-\x08\x0e-\x1a]", text):
        raise DataError(f"{name} is not a text file; choose the text export of the recording")
    return text
