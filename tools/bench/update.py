"""What an update costs: the signature's instructions and heap, the slot's flash, the way there.

Instructions are counted by QEMU on an emulated Cortex-M3; seconds are estimates, instructions
times the cycles per instruction that the row states. Flash is what LittleFS (4 kB blocks, in RAM)
takes for the application of a board. The way is a virtual insole's in virtual time, over a byte
stream and over the modelled radio: without the signature's seconds.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from solekit import connect
from solekit.errors import TransportError
from solekit.update import update
from solekit_hil.firmware import compiled_for, micropython
from tools import qemu
from tools.bench.mcu import BOARDS
from tools.bundle import build, make_key, packed
from tools.compile import BOARDS as BUILDS
from tools.compile import compile_to
from tools.runtime_build import RuntimeUnavailable

LINKS = ("air=stream", "air=ble", "air=ble&interval_ms=15", "air=ble&mtu=23")

VERIFY = """
import gc, json, machine
def now():
    return machine.mem32[0x40028018] & 0x3FFFFFFF
def count(start, end):
    return (end - start & 0x3FFFFFFF) * 10 // 16
gc.collect()
before = gc.mem_alloc()
from solefoot.app.ed25519 import verify
gc.collect()
code = gc.mem_alloc() - before
state = [0, 0]
def feed():
    t = now()
    state[1] = max(state[1], count(state[0], t))
    state[0] = t
def weigh():
    gc.collect()
    state[0] = max(state[0], gc.mem_alloc())
spec = json.load(open("/flash/spec"))
key, message, signature = [bytes(spec[k]) for k in ("key", "message", "signature")]
start = state[0] = now()
good = verify(key, message, signature, feed)
feed()
total = count(start, now())
longest = state[1]
state[0] = 0
gc.collect()
before = gc.mem_alloc()
verify(key, message, signature, weigh)
print(json.dumps([good, total, longest, code, state[0] - before]))
"""

FILL = """
import json, os, sys, vfs
class Ram:
    def __init__(self, n):
        self.data = bytearray(4096 * n)
        self.n = n
    def readblocks(self, block, buf, offset=0):
        at = 4096 * block + offset
        buf[:] = memoryview(self.data)[at : at + len(buf)]
    def writeblocks(self, block, buf, offset=0):
        at = 4096 * block + offset
        self.data[at : at + len(buf)] = buf
    def ioctl(self, op, arg):
        return {4: self.n, 5: 4096}.get(op, 0)
ram = Ram(400)
vfs.VfsLfs2.mkfs(ram)
vfs.mount(vfs.VfsLfs2(ram), "/ram")
def used():
    s = os.statvfs("/ram")
    return (s[2] - s[4]) * s[0]
def fill(sizes):
    before = used()
    made = set()
    for path, size in sizes.items():
        at = path.find("/")
        while at >= 0:
            if path[:at] not in made:
                os.mkdir("/ram/" + path[:at])
                made.add(path[:at])
            at = path.find("/", at + 1)
        with open("/ram/" + path, "wb") as file:
            file.write(bytes(size))
    return used() - before
print(json.dumps([fill(sizes) for sizes in json.load(sys.stdin)]))
"""


def measure() -> list[dict[str, Any]]:
    """Return rows of the signature, of estimates, and of flash per board."""
    good, total, longest, code, live = verification()
    rows: list[dict[str, Any]] = [
        {
            "what": "Ed25519 verification",
            "verified": good,
            "instructions": total,
            "longest_between_feeds": longest,
            "heap_code": code,
            "heap_live": live,
        }
    ]
    for name, (mhz, cpi) in BOARDS.items():
        rows.append(
            {
                "board": name,
                "cycles_per_instruction": cpi,
                "s [est]": round(total * cpi / mhz / 1e6, 2),
                "longest_between_feeds_s [est]": round(longest * cpi / mhz / 1e6, 2),
            }
        )
    rows += [flash(board) for board in BUILDS if board != "virtual"]
    return rows + [asyncio.run(way(link)) for link in LINKS]


def verification() -> list[Any]:
    """Return whether it verified, instructions, the most between feeds, bytes of code and data."""
    try:
        board = qemu.ensure(lambda text: print(text, file=sys.stderr))
    except RuntimeUnavailable as error:
        raise TransportError(f"no emulated microcontroller: {error}") from error
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    message = hashlib.sha256(b"a manifest").digest()
    spec = {
        "key": private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
        "message": message,
        "signature": private.sign(message),
    }
    folder = compiled_for(qemu.ARCHITECTURE)
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.mpy")}
    files |= {
        "main.py": VERIFY.encode(),
        "spec": json.dumps({key: list(value) for key, value in spec.items()}).encode(),
    }
    return json.loads(qemu.run(files, board, timeout_s=300).partition("\x04")[0])


def flash(board: str) -> dict[str, Any]:
    """Return the flash that one slot takes as the files that were compiled, and as a pack."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        names = compile_to(folder, board, BUILDS[board][1])
        files = {name: (folder / name).read_bytes() for name in names}
        script = folder / "fill.py"
        script.write_text(FILL, encoding="utf-8")
        pack = packed(files)
        sizes = [{"app.pack": len(pack)}, {name: len(data) for name, data in files.items()}]
        done = subprocess.run(
            [micropython(64), "-X", "heapsize=8m", script],
            input=json.dumps(sizes),
            capture_output=True,
            text=True,
            check=True,
        )
    as_pack, as_files = json.loads(done.stdout)
    return {
        "board": board,
        "files": len(files),
        "bytes": len(pack),
        "kB_as_pack": as_pack // 1024,
        "kB_as_files": as_files // 1024,
    }


async def way(link: str) -> dict[str, Any]:
    """Return how long a bundle of the whole application takes over ``link``."""
    with tempfile.TemporaryDirectory() as folder:
        private, _ = make_key(Path(folder))
        path = Path(folder, "x.zip")
        build(path, "virtual", private.read_bytes())
        uri = f"sim:walk?side=left&layout=cells-4&log=0&flash={folder}&{link}"
        async with connect(uri) as insole:
            start_s = insole.clock.now_s()
            n_bytes = await update(insole, path)
            length_s = insole.clock.now_s() - start_s
    return {"link": link, "bytes": n_bytes, "s [simulated]": round(length_s, 1)}
