"""Send an application bundle to an insole: over a cable and over the radio alike."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

from solecore.wire import codes
from solecore.wire import messages as m
from solekit.errors import DataError, DeviceError
from solekit.insole import REQUEST_TIMEOUT_S, Insole

CHUNK = 1024
RADIO_S = 10.0  # a chunk in the smallest fragments, each of them acknowledged, takes seconds
CHECK_S = 30.0  # a board checks a signature, or the hash of every file, in some seconds
_TRIES = 3  # where the insole says that it may be asked again
_WAIT_S = 12.0  # a new application proves itself in ten
_HEAD_LINES = 5


def read_bundle(path: Path) -> tuple[bytes, list[bytes]]:
    """Return signature and manifest as one, and the files in the manifest's order."""
    try:
        with zipfile.ZipFile(path) as bundle:
            manifest = bundle.read("manifest.txt")
            files = []
            for line in manifest.decode().splitlines()[_HEAD_LINES:]:
                sha, _, name = line.split()
                files.append(bundle.read(name))
                if hashlib.sha256(files[-1]).hexdigest() != sha:
                    raise ValueError(f"{name} is not what the manifest says")
            return bundle.read("signature.bin") + manifest, files
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is no application bundle ({error})") from None


async def update(
    insole: Insole, path: Path, on_progress: Callable[[int, int], None] | None = None
) -> int:
    """Send the bundle at ``path``; return the bytes that had to be sent.

    ``on_progress(bytes there, bytes in all)``. The insole checks signature, kind and room, tries
    the new application at its next start and falls back by itself. What was sent before an
    interruption need not be sent again. DeviceError with its reason where the insole refuses.
    """
    head, files = read_bundle(path)
    if "update" not in insole.known.features:
        raise DataError(f"insole {insole.known.serial} cannot be updated over the wire")
    sending = _Sending(insole, head, files, on_progress)
    for _ in range(_TRIES - 1):
        try:
            return await sending.send()
        except DeviceError as error:
            if error.code != m.NOT_YET:
                raise
            await insole.clock.sleep(_WAIT_S)
    return await sending.send()


class _Sending:
    """One bundle on its way to one insole."""

    def __init__(
        self,
        insole: Insole,
        head: bytes,
        files: list[bytes],
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        self._insole = insole
        self._head = head
        self._files = files
        self._on_progress = on_progress
        self._n_sent = 0
        self._n_done = 0

    async def send(self) -> int:
        """Send what the insole does not have yet; return the bytes sent so far."""
        self._n_done = 0
        sha = hashlib.sha256(self._head).digest()
        begin = await self._ask(codes.UPDATE_BEGIN, len(self._head), sha, CHECK_S)
        await self._chunks(self._head, begin)
        for i, content in enumerate(self._files):
            await self._chunks(content, await self._ask(codes.UPDATE_FILE, i, b"", CHECK_S))
        await self._ask(codes.UPDATE_END, 0, b"", CHECK_S)
        return self._n_sent

    async def _ask(self, op: int, offset: int, content: bytes, timeout_s: float) -> int:
        reply = await self._insole.request(m.UPDATE, op, offset, rest=content, timeout_s=timeout_s)
        return reply.fields["offset"]

    async def _chunks(self, content: bytes, at: int) -> None:
        is_radio = self._insole.transport.is_message_based
        timeout_s = RADIO_S if is_radio else REQUEST_TIMEOUT_S
        while at < len(content):
            piece = content[at : at + CHUNK]
            there = await self._ask(codes.UPDATE_CHUNK, at, piece, timeout_s)
            self._n_sent += max(0, there - at)
            at = there
            if self._on_progress is not None:
                total = len(self._head) + sum(map(len, self._files))
                self._on_progress(self._n_done + at, total)
        self._n_done += len(content)
