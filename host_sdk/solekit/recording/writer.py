"""Write a recording as it happens; a kill loses at most a second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from mcap.writer import CompressionType, Writer

from solecore.version import __version__
from solekit.errors import DataError
from solekit.recording.schema import BATCH_TEXT, JSON_SCHEMA, PROFILE, WIRE_SCHEMA, pack_entry

BATCH_S = 0.25
FLUSH_S = 0.75  # and a message may have waited for one before it: together less than a second


class RecordingWriter:
    """One recording file being written; times are seconds of the transport's clock.

    With a ``passphrase`` it is sealed (see ``solekit.recording.sealed``). DataError if ``path``
    exists: a recording is never overwritten.
    """

    def __init__(self, path: Path, *, passphrase: str | None = None) -> None:
        self.path = path
        if path.exists():
            raise DataError(f"{path} exists; choose another name or delete it first")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = path.open("xb")
        except OSError as error:
            raise self._refusal(error) from error
        if passphrase is not None:
            self._file = self._sealed(passphrase)
        self._mcap = Writer(self._file, compression=CompressionType.ZSTD)
        self._mcap.start(PROFILE, f"solekit {__version__}")
        self._wire_schema = self._mcap.register_schema(WIRE_SCHEMA, "text", BATCH_TEXT)
        self._json_schema = self._mcap.register_schema(
            JSON_SCHEMA, "jsonschema", b'{"type": "object"}'
        )
        self._channels: dict[str, int] = {}
        self._batches: dict[str, tuple[float, list[bytes]]] = {}
        self._flushed_s = float("-inf")
        self._n = 0
        self._problem: DataError | None = None
        self.is_open = True

    def _sealed(self, passphrase: str) -> BinaryIO:
        from solekit.recording.sealed import SealingFile

        try:
            return cast("BinaryIO", SealingFile(self._file, passphrase))
        except BaseException:
            self._file.close()
            self.path.unlink()
            raise

    def _refusal(self, error: OSError) -> DataError:
        return DataError(f"{self.path} cannot be written: {error.strerror or error}")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn a full or vanished disk into DataError, now and ever after."""
        if self._problem is not None:
            raise self._problem
        try:
            yield
        except OSError as error:
            self._problem = self._refusal(error)
            self.is_open = False
            with suppress(OSError):
                self._file.close()
            raise self._problem from error

    def _channel(self, topic: str) -> int:
        if topic not in self._channels:
            is_wire = topic.endswith("/wire")
            self._channels[topic] = self._mcap.register_channel(
                topic,
                "solekit-wire" if is_wire else "json",
                self._wire_schema if is_wire else self._json_schema,
            )
        return self._channels[topic]

    def _add(self, topic: str, t_s: float, data: bytes) -> None:
        self.add_message(topic, max(0, round(t_s * 1e9)), data)

    def add_message(self, topic: str, at_ns: int, data: bytes) -> None:
        """Record a message as it lies in another recording."""
        with self._writing():
            self._mcap.add_message(self._channel(topic), at_ns, data, at_ns, self._n)
        self._n += 1

    def add_wire(self, side: str, t_s: float, message: bytes) -> None:
        """Record a wire message of ``side`` that arrived at ``t_s``."""
        batch = self._batches.get(side)
        if batch is not None and not 0 <= t_s - batch[0] < BATCH_S:
            self._put_batch(side)
            batch = None
        if batch is None:
            batch = self._batches[side] = (t_s, [])
        batch[1].append(pack_entry(round((t_s - batch[0]) * 1e6), message))
        self.tick(t_s)

    def add_ping(self, side: str, t_s: float, ping: dict[str, float]) -> None:
        """Record one clock exchange."""
        self._add(f"/{side}/pings", t_s, json.dumps(ping).encode())

    def add_session(self, t_s: float, kind: str, **values: Any) -> None:
        """Record an entry about the recording itself: an insole, a mark, the loss, a note."""
        self._add("/session", t_s, json.dumps({"kind": kind, "t_s": t_s, **values}).encode())

    def tick(self, t_s: float) -> None:
        """Say that time passes; everything older than a second is on disk afterwards."""
        if t_s - self._flushed_s >= FLUSH_S or t_s < self._flushed_s:
            self.flush()
            self._flushed_s = t_s

    def _put_batch(self, side: str) -> None:
        t_s, parts = self._batches.pop(side)
        self._add(f"/{side}/wire", t_s, b"".join(parts))

    def flush(self) -> None:
        """Hand everything to the operating system."""
        for side in list(self._batches):
            self._put_batch(side)
        with self._writing():
            self._mcap.flush()
            self._file.flush()

    def close(self) -> None:
        """Finish the file."""
        if self.is_open:
            self.flush()
            with self._writing():
                self._mcap.finish()
                self._file.close()
            self.is_open = False
