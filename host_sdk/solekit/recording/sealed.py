"""A recording at rest behind a pass-phrase: written as it happens, any change to it is noticed.

The file, numbers little-endian:

====================  =====================================================================
8 bytes               ``SOLESEAL``
u8, u8, u8, u8        version 1; scrypt: log2 of the cost N, block size r, parallelism p
16 bytes              salt of scrypt
16 bytes              check: the tag of an empty text with index 2^64 - 1, by which a wrong
                      pass-phrase is told from damage
chunks, each          u32 length of what follows, its highest bit set in the last chunk;
                      encrypted text; 16 bytes tag
====================  =====================================================================

The text is the recording as it would lie open (MCAP), cut anywhere. The key of 256 bits is scrypt
(RFC 7914) of the pass-phrase in UTF-8 and the salt, so every file has a key of its own. A chunk is
AES-256-GCM with the nonce u64 index of the chunk, u32 1 in the last chunk and 0 in all others, and
with the first 28 bytes of the file as associated data: chunks that are changed, left out,
repeated or put elsewhere fail their tag, and a file without a last chunk has been cut off
(segments of an online encryption as in Hoang, Reyhanitabar, Rogaway and Vizar 2015, CRYPTO).
A file is sealed once, from its first chunk to its last; no nonce is used twice.

Not hidden: that this is a recording of Solekit, its length, how it grew, and the file's name.
"""

from __future__ import annotations

import functools
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from solekit.errors import DataError, MissingExtraError, SealedError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"SOLESEAL"
PASSPHRASE = "SOLEKIT_PASSPHRASE"  # environment variable
MIN_PASSPHRASE = 8  # letters; shorter ones are found by trying
CHUNK_BYTES = 1 << 16
# 128 MiB and about half a second for each guess; a small computer has that much too.
COST_LOG2, BLOCK_SIZE, PARALLELISM = 17, 8, 1
_MAX_COST_LOG2 = 20  # a file that asks for more than 1 GiB is not ours
_HEAD = struct.Struct("<8s4B16s")
_LENGTH = struct.Struct("<I")
_NONCE = struct.Struct("<QI")
_LAST = 1 << 31
_CHECK_INDEX = 2**64 - 1
_TAG = 16


def is_sealed(path: Path) -> bool:
    """Return whether ``path`` is a sealed recording, by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def given_passphrase() -> str | None:
    """Return the pass-phrase of the environment, None without one."""
    return os.environ.get(PASSPHRASE) or None


def checked_passphrase(text: str) -> str:
    """Return ``text`` if it will do to seal with; DataError says why not."""
    if len(text) < MIN_PASSPHRASE:
        raise DataError(
            f"a pass-phrase of {len(text)} letters is found by trying; "
            f"use at least {MIN_PASSPHRASE}, better several words"
        )
    return text


@functools.lru_cache(maxsize=16)  # half a second each; a command may open a file several times
def _cipher(passphrase: str, head: bytes) -> AESGCM:
    """Return the cipher of a file that begins with ``head``."""
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
    except ImportError as error:
        raise MissingExtraError("a sealed recording", "crypto") from error
    _, _, cost_log2, block_size, parallelism, salt = _HEAD.unpack(head)
    derive = Scrypt(salt=salt, length=32, n=1 << cost_log2, r=block_size, p=parallelism)
    return AESGCM(derive.derive(passphrase.encode()))


class SealingFile:
    """What is written is sealed into ``file`` whenever it is flushed, or 64 KiB have come.

    A kill loses what came since the last flush. ``close`` writes the last chunk.
    """

    def __init__(self, file: BinaryIO, passphrase: str, *, cost_log2: int = COST_LOG2) -> None:
        self._file = file
        self._is_open = True
        salt = os.urandom(16)
        self._head = _HEAD.pack(MAGIC, 1, cost_log2, BLOCK_SIZE, PARALLELISM, salt)
        self._cipher = _cipher(checked_passphrase(passphrase), self._head)
        check = self._cipher.encrypt(_NONCE.pack(_CHECK_INDEX, 0), b"", self._head)
        self._file.write(self._head + check)
        self._waiting = bytearray()
        self._index = 0
        self._n_written = 0

    def write(self, data: bytes) -> int:
        """Take ``data``; it is in the file after the next flush at the latest."""
        self._waiting += data
        self._n_written += len(data)
        while len(self._waiting) >= CHUNK_BYTES:
            self._put(bytes(self._waiting[:CHUNK_BYTES]))
            del self._waiting[:CHUNK_BYTES]
        return len(data)

    def tell(self) -> int:
        """Return how many bytes of text were written."""
        return self._n_written

    def flush(self) -> None:
        """Seal what waits, and hand it to the operating system."""
        if self._waiting:
            self._put(bytes(self._waiting))
            self._waiting.clear()
        self._file.flush()

    def close(self) -> None:
        """Write the last chunk and close the file; it is closed even where that fails."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            self._put(bytes(self._waiting), is_last=True)
        finally:
            self._file.close()

    def _put(self, text: bytes, *, is_last: bool = False) -> None:
        nonce = _NONCE.pack(self._index, is_last)
        sealed = self._cipher.encrypt(nonce, text, self._head)
        # The index moves on first: what failed half-way must not use its nonce again.
        self._index += 1
        self._file.write(_LENGTH.pack(len(sealed) | (_LAST if is_last else 0)) + sealed)


class SealedReader:
    """The text of a sealed ``file``, chunk by chunk; only ``seek(0)`` goes back.

    The text ends before the first chunk that is damaged, and ``problem`` says so. SealedError
    for a wrong pass-phrase, or without one.
    """

    def __init__(self, path: Path, passphrase: str | None = None) -> None:
        self._path = path
        passphrase = passphrase or given_passphrase()
        if passphrase is None:
            raise SealedError(path, f"is sealed; give its pass-phrase in {PASSPHRASE}")
        self._file = path.open("rb")
        try:
            self._head = self._checked_head()
            self._cipher = _cipher(passphrase, self._head)
            self._check()
        except BaseException:
            self._file.close()
            raise
        self._begin()

    def _checked_head(self) -> bytes:
        head = self._file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise DataError(f"{self._path} ends within the head of its seal: nothing is left")
        _, version, cost_log2, block_size, parallelism, _ = _HEAD.unpack(head)
        if version != 1:
            raise DataError(f"{self._path} is sealed in version {version}; update Solekit")
        if not 1 <= cost_log2 <= _MAX_COST_LOG2 or (block_size, parallelism) != (8, 1):
            raise DataError(f"{self._path} has a damaged seal: scrypt was never set like that")
        return head

    def _check(self) -> None:
        from cryptography.exceptions import InvalidTag

        try:
            nonce = _NONCE.pack(_CHECK_INDEX, 0)
            self._cipher.decrypt(nonce, self._file.read(_TAG), self._head)
        except InvalidTag:
            raise SealedError(
                self._path, "does not open with this pass-phrase (or its first bytes are damaged)"
            ) from None

    def _begin(self) -> None:
        self._file.seek(_HEAD.size + _TAG)
        self._index = 0
        self._is_over = False
        self._text = memoryview(b"")
        self.problem = ""

    def seek(self, offset: int) -> None:
        """Begin anew; ValueError for another ``offset`` than 0."""
        if offset:
            raise ValueError(f"offset {offset}: a sealed file is read from its beginning")
        self._begin()

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` bytes of text, fewer at its end."""
        out = bytearray()
        while (size < 0 or len(out) < size) and (len(self._text) or self._next()):
            n = len(self._text) if size < 0 else min(size - len(out), len(self._text))
            out += self._text[:n]
            self._text = self._text[n:]
        return bytes(out)

    def drain(self) -> None:
        """Check the tags of all that has not been read."""
        while self._next():
            pass
        self._text = memoryview(b"")

    def _next(self) -> bool:
        """Open the next chunk; False at the end, or before a chunk that does not open."""
        from cryptography.exceptions import InvalidTag

        if self._is_over:
            return False
        self._is_over = True
        at = self._file.tell()
        word = self._file.read(_LENGTH.size)
        length = _LENGTH.unpack(word)[0] if len(word) == _LENGTH.size else 0
        is_last = bool(length & _LAST)
        length &= _LAST - 1
        left = os.fstat(self._file.fileno()).st_size - self._file.tell()
        if length < _TAG or length > left:
            self.problem = f"the sealed file ends without its last chunk, at byte {at}"
            return False
        try:
            nonce = _NONCE.pack(self._index, is_last)
            text = self._cipher.decrypt(nonce, self._file.read(length), self._head)
        except InvalidTag:
            self.problem = (
                f"the sealed file was changed or damaged in chunk {self._index}, at byte {at}; "
                "nothing behind it can be trusted"
            )
            return False
        if is_last and left > length:
            self.problem = f"{left - length} bytes lie behind the end of the sealed file"
        self._text = memoryview(text)
        self._index += 1
        self._is_over = is_last
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def seal(source: Path, target: Path, passphrase: str, *, cost_log2: int = COST_LOG2) -> None:
    """Write the open file ``source`` sealed to ``target``, which must not exist."""
    if is_sealed(source):
        raise DataError(f"{source} is sealed already")
    with _opened(source) as file, _created(target) as raw:
        try:
            sealing = SealingFile(raw, passphrase, cost_log2=cost_log2)
            while block := file.read(CHUNK_BYTES):
                sealing.write(block)
            sealing.close()
        except BaseException:  # half a copy must not look like a whole one
            target.unlink()
            raise


def unseal(source: Path, target: Path, passphrase: str | None = None) -> str:
    """Write the sealed ``source`` openly to ``target``, which must not exist.

    What cannot be trusted is left out; return the problem, '' if there was none.
    """
    if not is_sealed(source):
        raise DataError(f"{source} is not sealed")
    with SealedReader(source, passphrase) as reader, _created(target) as out:
        while block := reader.read(CHUNK_BYTES):
            out.write(block)
        return reader.problem


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _created(path: Path) -> BinaryIO:
    try:
        return path.open("xb")
    except FileExistsError:
        raise DataError(f"{path} exists; choose another name or delete it first") from None
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error
