"""An insole's flash in a folder, and the update that a host sends to it."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from solecore.wire import codes
from solecore.wire import messages as m
from solefoot.app.slots import Slots
from solefoot.app.update import Update
from tools import bundle

PRIVATE = bytes(range(32))
KEY = (
    Ed25519PrivateKey.from_private_bytes(PRIVATE)
    .public_key()
    .public_bytes(Encoding.Raw, PublicFormat.Raw)
)


def make_bundle(files: dict[str, bytes], *, arch="x64", board="test", private=PRIVATE) -> bytes:
    """Return signature and manifest of ``files``."""
    text = bundle.manifest(files, board, arch, "9")
    return bundle.signature(text, private) + text


FILES = {
    "lib/deep/z.mpy": b"z",
    "app/one.mpy": b"1" * 3000,
    "two.mpy": bytes(range(256)) * 5,
    "empty.mpy": b"",
}
NEXT = {"app/one.mpy": b"2" * 2500, "two.mpy": bytes(range(256)) * 5, "app/deep/x.mpy": b"x" * 900}


class Board:
    """An insole's flash in a folder, and the update that a host sends."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.slots = Slots(str(root))
        self.us = 0
        self.app = SimpleNamespace(
            is_streaming=False,
            wants_restart=False,
            board=None,
            settings=SimpleNamespace(features=0),
            clock=SimpleNamespace(ticks_us=lambda: self.us),
        )

    def open(self, slot: str = "b", key: bytes = KEY) -> None:
        self.extra = Update(self.slots, slot, key, "x64", "test")
        self.extra.attach(self.app)

    def ask(self, op: int, offset: int, content: bytes = b"") -> int:
        reply = self.extra.handlers[m.UPDATE.msg_id](
            {"ref": 1, "op": op, "offset": offset, "content": content}
        )
        return m.UPDATE_REPLY.unpack(reply)["offset"]

    def begin(self, head: bytes) -> int:
        return self.ask(codes.UPDATE_BEGIN, len(head), hashlib.sha256(head).digest())

    def chunks(self, content: bytes, at: int) -> int:
        n = 0
        while at < len(content):
            at = self.ask(codes.UPDATE_CHUNK, at, content[at : at + 500])
            n += 1
        return n

    def send(self, files: dict[str, bytes], head: bytes | None = None) -> int:
        """Send all; return the chunks that were needed."""
        head = make_bundle(files) if head is None else head
        n = self.chunks(head, self.begin(head))
        for i, content in enumerate(files.values()):
            n += self.chunks(content, self.ask(codes.UPDATE_FILE, i))
        self.ask(codes.UPDATE_END, 0)
        return n


class GoneError(Exception):
    """The link, or the power, has failed."""


class Flaky(Board):
    """A board whose link fails after some messages: the request is lost, or its answer."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.left = -1
        self.loses_answer = False
        self.n = 0

    def ask(self, op, offset, content=b""):
        self.n += 1
        if self.left == 0 and not self.loses_answer:
            raise GoneError
        answer = super().ask(op, offset, content)
        if self.left == 0:
            raise GoneError
        self.left -= 1
        return answer


def install(root: Path, slot: str, files=FILES) -> None:
    """Put an application into a slot, as the flash tool does."""
    for name, data in {**files, "manifest.txt": make_bundle(files)[64:]}.items():
        path = root / slot / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
