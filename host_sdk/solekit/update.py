"""Send an application bundle to an insole: over a cable and over the radio alike."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

from solecore.wire import codes
from solecore.wire import messages as m
from solekit.errors import DataError, DeviceError
from solekit.insole import Insole

CHUNK = 1024
CHECK_S = 30.0  # a board checks a signature, or the hash of every file, in some seconds
_TRIES = 3


def read_bundle(path: Path) -> tuple[bytes, list[bytes]]:
    """Return signature and manifest as one, and the files in the manifest's order."""
    try:
        with zipfile.ZipFile(path) as bundle:
            manifest = bundle.read("manifest.txt")
            names = [line.split()[2] for line in manifest.decode().splitlines()[5:]]
            return bundle.read("signature.bin") + manifest, [bundle.read(name) for name in names]
    except (OSError, KeyError, IndexError, ValueError, zipfile.BadZipFile) as error:
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
    done = sent = 0
    total = len(head) + sum(map(len, files))

    async def send(content: bytes, at: int) -> None:
        nonlocal done, sent
        while at < len(content):
            piece = content[at : at + CHUNK]
            reply = await insole.request(m.UPDATE, codes.UPDATE_CHUNK, at, rest=piece)
            sent += max(0, reply.fields["offset"] - at)
            at = reply.fields["offset"]
            if on_progress is not None:
                on_progress(done + at, total)
        done += len(content)

    sha = hashlib.sha256(head).digest()
    reply = await insole.request(m.UPDATE, codes.UPDATE_BEGIN, len(head), rest=sha)
    await send(head, reply.fields["offset"])
    for attempt in range(_TRIES):
        done = len(head)
        for i, content in enumerate(files):
            reply = await insole.request(m.UPDATE, codes.UPDATE_FILE, i, timeout_s=CHECK_S)
            await send(content, reply.fields["offset"])
        try:
            await insole.request(m.UPDATE, codes.UPDATE_END, 0, timeout_s=CHECK_S)
            return sent
        except DeviceError as error:
            if "send it again" not in str(error) or attempt == _TRIES - 1:
                raise
    return sent
