"""The steps of an update: signature and manifest, files, the end. Loaded when first asked for.

BEGIN (offset: bytes of signature and manifest; content: their SHA-256), CHUNKs of those, then for
each file of the manifest FILE (offset: its number) and CHUNKs, then END. What is there already is
told by the offset of the answer, so an update that was cut goes on where it stopped. What is
refused with NOT_YET may be asked for again from BEGIN on.
"""

import binascii
import hashlib
import os
import sys

from solecore.wire import codes
from solecore.wire import messages as m
from solefoot.app.commands import RefusedError
from solefoot.app.slots import files_of, hash_of, head_of

SIGNATURE: int = 64
_STAGE: str = "/update"  # folder for signature and manifest on their way
_BEGUN: str = ".begun"  # a file beside the head: what lies in the slot belongs to this bundle
SPARE: int = 8  # blocks of flash that stay free
_LONGEST: int = 40000  # of a manifest
_KIND: str = "1"  # of bundle


class Job:
    """The work of ``update.Update``, whose arguments these are."""

    def __init__(self, app, slots, slot: str, key: bytes, arch: str, board: str) -> None:
        self._app = app
        self._slots = slots
        self._slot = slot
        self._target = slots.other(slot)
        self._key = key
        self._arch = arch
        self._board = board
        self._root = slots.root
        self._stage = slots.root + _STAGE
        self._manifest = self._stage + "/manifest.txt"
        self._head = ""  # path of signature and manifest
        self._total = 0  # bytes of the head
        self._sha = ""
        self._is_verified = False
        self._path = ""  # of the file that takes chunks
        self._size = 0
        self.ended = -1  # ticks

    def answer(self, fields):
        """Return the answer to one request."""
        op = fields["op"]
        if self.ended >= 0 and op not in (codes.UPDATE_END, codes.UPDATE_STATUS):
            raise RefusedError(m.BAD_VALUE, "the update is complete; the insole restarts now")
        try:
            offset = self._do(op, fields["offset"], fields["content"])
        except OSError as error:
            raise RefusedError(m.BAD_VALUE, "the flash does not take it (%s)" % error)
        except ValueError as error:
            if isinstance(error, RefusedError):
                raise
            raise RefusedError(m.BAD_VALUE, "the manifest is broken: %s" % error)
        return m.UPDATE_REPLY.pack(fields["ref"], op, int(self._is_verified), offset)

    def _do(self, op, offset, content):
        if op == codes.UPDATE_BEGIN:
            return self._begin(offset, content)
        if op == codes.UPDATE_FILE:
            return self._file(offset)
        if op == codes.UPDATE_CHUNK:
            return self._chunk(offset, content)
        if op == codes.UPDATE_END:
            return self._end()
        if op == codes.UPDATE_ABORT:
            self._is_verified = False
            self._path = self._head = ""
            _clear(self._stage, ())
            return 0
        if op == codes.UPDATE_STATUS:
            return _size(self._path) if self._path else 0
        raise RefusedError(m.BAD_VALUE, "step %d of an update is unknown" % op)

    def _begin(self, total, sha):
        if not self._key:
            raise RefusedError(m.BAD_VALUE, "this insole has no key to check updates by")
        if not SIGNATURE < total <= _LONGEST or len(sha) != 32:
            raise RefusedError(m.BAD_VALUE, "no bundle begins with %d bytes" % total)
        if self._slots.trial == self._slot and self._slots.is_whole(self._target):
            # The other slot is what a trial falls back on.
            raise RefusedError(m.NOT_YET, "the application is new and must first run for a while")
        self._is_verified = False
        self._total = total
        self._sha = _hex(sha)
        self._head = self._path = "%s/%s.bin" % (self._stage, self._sha[:16])
        self._size = total
        _make(self._stage)
        _clear(self._stage, (self._head, self._head + _BEGUN))  # what is left of other bundles
        have = _size(self._head)
        if have > total or (have == total and hash_of(self._head) != self._sha):
            _remove(self._head)
        return _size(self._head)

    def _chunk(self, offset, content):
        path = self._path
        if not path:
            raise RefusedError(m.BAD_VALUE, "a chunk before its file")
        have = _size(path)
        if offset > have:
            return have  # one before it was lost: from here on, please
        content = content[have - offset :]  # what came twice is there already
        if have + len(content) > self._size:
            raise RefusedError(
                m.BAD_VALUE, "%d bytes of a file of %d" % (have + len(content), self._size)
            )
        if content:
            with open(path, "ab") as file:
                file.write(content)
        return have + len(content)

    def _file(self, index):
        if not self._is_verified:
            self._verify()
        folder = self._root + "/" + self._target
        for i, (size, sha, path) in enumerate(files_of(self._manifest)):
            if i == index:
                path = folder + "/" + path
                _make(path[: path.rfind("/")])
                have = _size(path)
                if have > size or (have and have == size and hash_of(path) != sha):
                    have = 0
                if not have:  # also an empty file is there once it was asked for
                    open(path, "wb").close()
                self._path = path
                self._size = size
                return _size(path)
        raise RefusedError(m.BAD_VALUE, "the manifest has no file %d" % index)

    def _verify(self):
        """Check signature, kind and room; clear the slot of everything else."""
        if not self._head or _size(self._head) != self._total:
            raise RefusedError(m.BAD_VALUE, "signature and manifest come first")
        if hash_of(self._head) != self._sha:
            _remove(self._head)
            raise RefusedError(m.NOT_YET, "the manifest arrived broken; begin again")
        with open(self._head, "rb") as head, open(self._manifest, "wb") as manifest:
            signature = head.read(SIGNATURE)
            sha = hashlib.sha256()
            while True:
                piece = head.read(512)
                if not piece:
                    break
                sha.update(piece)
                manifest.write(piece)
        if not self._is_signed(sha.digest(), signature):
            _remove(self._head)
            raise RefusedError(m.BAD_VALUE, "the signature is not by the key of this insole")
        self._check_kind(head_of(self._manifest))
        folder = self._root + "/" + self._target
        wanted = {folder + "/" + path: size for size, _, path in files_of(self._manifest)}
        self._check_room(folder, wanted)
        _remove(folder + "/manifest.txt")  # until the end there is nothing to run here
        if not _size(self._head + _BEGUN):
            for size, sha, path in files_of(self._manifest):
                path = folder + "/" + path
                if not _is(path, size, sha):
                    del wanted[path]
        _clear(folder, wanted)
        with open(self._head + _BEGUN, "w") as file:
            file.write("1")
        self._is_verified = True

    def _is_signed(self, digest, signature):
        """Return whether the manifest is by our key; what that takes leaves the heap again."""
        from solefoot.app import ed25519

        feed = getattr(self._app.board, "feed", None)
        is_signed = ed25519.verify(self._key, digest, signature, feed)
        package = sys.modules["solefoot.app"]
        for name in ("ed25519", "sha512"):
            sys.modules.pop("solefoot.app." + name, None)
            if hasattr(package, name):
                delattr(package, name)
        return is_signed

    def _check_kind(self, head):
        for name, mine in (
            ("solekit-bundle", _KIND),
            ("arch", self._arch),
            ("board", self._board),
        ):
            if head.get(name) != mine:
                raise RefusedError(
                    m.BAD_VALUE,
                    "the bundle is for %s %s, this is %s" % (name, head.get(name), mine),
                )
        if int(head.get("protocol", 0)) < m.PROTOCOL_VERSION:
            raise RefusedError(
                m.BAD_VALUE,
                "the bundle speaks protocol %s, older than %d: flash it by cable instead"
                % (head.get("protocol"), m.PROTOCOL_VERSION),
            )

    def _check_room(self, folder, wanted):
        fs = os.statvfs(self._root or "/")
        block = fs[0]
        folders = {path[: path.rfind("/")] for path in wanted}
        # A folder takes two blocks, a file whole ones: so LittleFS does it.
        needed = SPARE + 2 * len(folders) + 1
        for size in wanted.values():
            needed += (size + block - 1) // block
        free = fs[4] + _held(folder, block)
        if needed > free:
            raise RefusedError(
                m.BAD_VALUE, "%d bytes are free, %d are needed" % (free * block, needed * block)
            )

    def _end(self):
        if self.ended >= 0:
            return 0  # it is done; only the answer was lost
        if not self._is_verified:
            self._verify()
        folder = self._root + "/" + self._target
        n = 0
        for size, sha, path in files_of(self._manifest):
            path = folder + "/" + path
            if not _is(path, size, sha):
                _remove(path)
                raise RefusedError(m.NOT_YET, "file %d is not whole; send it again" % n)
            n += 1
        if self._slots.trial == self._target:
            self._slots.trial = ""
        os.rename(self._manifest, folder + "/manifest.txt")
        if not self._slots.is_whole(self._target) or not self._slots.propose(self._target):
            raise RefusedError(m.BAD_VALUE, "the flash does not hold what was written")
        self._is_verified = False
        self._path = ""
        _clear(self._stage, ())
        self.ended = self._app.clock.ticks_us()
        return n


def _size(path):
    """Return the bytes of a file, 0 if there is none."""
    try:
        return os.stat(path)[6]
    except OSError:
        return 0


def _is(path, size, sha):
    try:
        return os.stat(path)[6] == size and hash_of(path) == sha
    except OSError:
        return False


def _hex(data):
    return binascii.hexlify(data).decode()


def _remove(path):
    try:
        os.remove(path)
    except OSError:
        pass


def _make(folder):
    """Make ``folder`` and those above it."""
    at = folder.find("/", 1)
    while True:
        part = folder if at < 0 else folder[:at]
        try:
            os.stat(part)
        except OSError:
            os.mkdir(part)
        if at < 0:
            return
        at = folder.find("/", at + 1)


def _clear(folder, wanted):
    """Remove all below ``folder`` that is not ``wanted``, and folders that become empty."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        path = folder + "/" + name
        if _is_folder(path):
            _clear(path, wanted)
            try:
                os.rmdir(path)
            except OSError:  # something in it is wanted
                pass
        elif path not in wanted:
            _remove(path)


def _held(folder, block):
    """Return the blocks of all files below ``folder``."""
    try:
        names = os.listdir(folder)
    except OSError:
        return 0
    n = 0
    for name in names:
        path = folder + "/" + name
        n += _held(path, block) if _is_folder(path) else (_size(path) + block - 1) // block
    return n


def _is_folder(path):
    return os.stat(path)[0] & 0x4000
