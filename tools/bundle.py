"""Application bundles: ``python -m tools.bundle key|build|sign|show|verify``.

A bundle is a zip of stored files: ``manifest.txt`` (kind, version, processor, board, then SHA-256,
size and path of every file), ``signature.bin`` (Ed25519 over the SHA-256 of the manifest) and
``app.pack``, which holds the .mpy files (firmware/pack.py). The private key stays with who
publishes; insoles carry the public one.
"""

from __future__ import annotations

import argparse
import binascii
import hashlib
import struct
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from solecore.version import __version__
from solecore.wire.messages import PROTOCOL_VERSION
from solefoot.app.slots import PACK
from tools.compile import BOARDS, compile_to
from tools.environment import Unavailable

KIND = "solekit-bundle 1"
PRIVATE, PUBLIC = "bundle.key", "bundle.pub"
_FOLDER = 0xFFFFFFFF  # size of a folder in a pack, see firmware/pack.py


def make_key(folder: Path) -> tuple[Path, Path]:
    """Make a key pair in ``folder``; FileExistsError if one is there."""
    private = Ed25519PrivateKey.generate()
    paths = folder / PRIVATE, folder / PUBLIC
    raw = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    folder.mkdir(parents=True, exist_ok=True)
    with paths[0].open("xb") as file:
        paths[0].chmod(0o600)
        file.write(raw)
    paths[1].write_bytes(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    return paths


def packed(files: dict[str, bytes]) -> bytes:
    """Return the pack of ``files``; ValueError if two paths cannot be told apart in it."""
    folders = {str(parent) for name in files for parent in PurePosixPath(name).parents} - {"."}
    entries = [(name, 0, _FOLDER) for name in sorted(folders)]
    at = 8 + 12 * (len(folders) + len(files))
    for name, data in files.items():
        entries.append((name, at, len(data)))
        at += len(data)
    table = {binascii.crc32(name.encode()): (start, size) for name, start, size in entries}
    if len(table) != len(entries):
        raise ValueError("two paths have the same CRC-32: rename one")
    words = [word for crc, entry in table.items() for word in (crc, *entry)]
    head = struct.pack(f"<4sI{len(words)}I", b"SOLE", len(entries), *words)
    return head + b"".join(files.values())


def application(board: str, arch: str) -> bytes:
    """Return the pack of the application for ``board``, compiled for ``arch``."""
    with tempfile.TemporaryDirectory(prefix="solekit-pack-") as work:
        folder = Path(work)
        return packed(
            {name: (folder / name).read_bytes() for name in compile_to(folder, board, arch)}
        )


def manifest(files: dict[str, bytes], board: str, arch: str, version: str = __version__) -> bytes:
    """Return the manifest of ``files``."""
    lines = [KIND, f"version {version}", f"protocol {PROTOCOL_VERSION}"]
    lines += [f"arch {arch}", f"board {board}"]
    for name, data in files.items():
        lines.append(f"{hashlib.sha256(data).hexdigest()} {len(data)} {name}")
    return "\n".join(lines).encode() + b"\n"


def signature(text: bytes, private: bytes) -> bytes:
    """Return the signature of a manifest."""
    return Ed25519PrivateKey.from_private_bytes(private).sign(hashlib.sha256(text).digest())


def build(path: Path, board: str, private: bytes) -> None:
    """Write the bundle of ``board``."""
    arch = BOARDS[board][1]
    files = {PACK: application(board, arch)}
    text = manifest(files, board, arch)
    write(path, text, signature(text, private), files)


def write(path: Path, text: bytes, signed: bytes, files: dict[str, bytes]) -> None:
    """Write a bundle from its parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as bundle:
        for name, data in {"manifest.txt": text, "signature.bin": signed, **files}.items():
            info = zipfile.ZipInfo(name)  # of no time: the same content is the same bundle
            bundle.writestr(info, data)


def sign(path: Path, private: bytes) -> None:
    """Sign the bundle anew, with another key; its content stays."""
    with zipfile.ZipFile(path) as bundle:
        files = {name: bundle.read(name) for name in bundle.namelist()}
    text = files.pop("manifest.txt")
    del files["signature.bin"]
    write(path, text, signature(text, private), files)


def verify(path: Path, public: bytes) -> str:
    """Return '' if the bundle is whole and signed by the key of ``public``, else why not."""
    with zipfile.ZipFile(path) as bundle:
        text = bundle.read("manifest.txt")
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(
                bundle.read("signature.bin"), hashlib.sha256(text).digest()
            )
        except InvalidSignature:
            return "the signature is not by that key"
        for line in text.decode().splitlines()[5:]:
            sha, _, name = line.split()
            if hashlib.sha256(bundle.read(name)).hexdigest() != sha:
                return f"{name} is not what the manifest says"
    return ""


def _run(options: argparse.Namespace) -> str:
    if options.what == "key":
        private, public = make_key(options.folder)
        return f"{private} signs; keep it to yourself. {public} goes onto insoles (tools.flash)"
    if options.what == "build":
        out = options.out or Path(f"solekit-{__version__}-{options.board}.zip")
        build(out, options.board, options.key.read_bytes())
        return f"{out}: {out.stat().st_size} bytes"
    if options.what == "sign":
        sign(options.bundle, options.key.read_bytes())
        return f"{options.bundle}: signed by {options.key}"
    if options.what == "show":
        with zipfile.ZipFile(options.bundle) as bundle:
            return bundle.read("manifest.txt").decode().rstrip()
    problem = verify(options.bundle, options.key.read_bytes())
    if problem:
        raise ValueError(f"{options.bundle}: {problem}")
    return f"{options.bundle}: whole and signed"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.bundle", description=__doc__)
    parts = parser.add_subparsers(dest="what", required=True)
    one = parts.add_parser("key", help="make a key pair")
    one.add_argument("--folder", type=Path, default=Path("keys"))
    one = parts.add_parser("build", help="compile, hash and sign")
    one.add_argument("board", choices=sorted(BOARDS))
    one.add_argument("--key", type=Path, default=Path("keys") / PRIVATE)
    one.add_argument("--out", type=Path)
    for name, key in (("sign", PRIVATE), ("show", PUBLIC), ("verify", PUBLIC)):
        one = parts.add_parser(name)
        one.add_argument("bundle", type=Path)
        one.add_argument("--key", type=Path, default=Path("keys") / key)
    try:
        print(_run(parser.parse_args(arguments)))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, Unavailable) as error:
        print(f"bundle: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
