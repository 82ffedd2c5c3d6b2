"""Two folders with an application each, and which of them runs.

This file also lies at the root of the board as ``slots.py``, where boot.py uses it: that copy is
never replaced by an update, so it depends on nothing but the interpreter. Whatever is wrong with
what it reads, it must not fail.
"""

import binascii
import hashlib
import os

NAMES = ("a", "b")
TRIES: int = 3  # boots that a new application has to report itself healthy
EARLY: int = 5  # restarts in a row before the application has run for a while: safe mode
PACK: str = "app.pack"  # the file of a slot that holds the application, see firmware/pack.py
_STATE: str = "slots.txt"
_LONGEST_STATE: int = 80
_MANIFEST: str = "manifest.txt"
_HEAD: int = 5  # lines of a manifest before its files
_BUFFER: int = 1024


class Slots:
    """The slots below ``root`` (ends without a slash; empty for the root of the file system)."""

    def __init__(self, root: str = "") -> None:
        self.root = root
        self.good = ""  # proved itself
        self.trial = ""  # has yet to
        self.tries = 0  # boots that the trial still has
        self.early = 0  # restarts in a row that came early
        self.n_dogs = 0  # restarts by the watchdog, ever
        self.has_left = False  # the last run ended because it was to
        self._load()

    @property
    def is_safe(self) -> bool:
        """Whether only cable and update are to run: the application has restarted too often."""
        return self.early > EARLY

    def _load(self):
        try:
            with open(self.root + "/" + _STATE) as file:
                words = file.read(_LONGEST_STATE).split()
            good, trial, end = words[0], words[1], words[6]
            numbers = [int(word) for word in words[2:6]]
        except (OSError, ValueError, IndexError):
            return
        if end != "end" or min(numbers) < 0:
            return
        self.good = good if good in NAMES else ""
        self.trial = trial if trial in NAMES else ""
        self.tries, self.early, self.n_dogs = numbers[:3]
        self.has_left = numbers[3] == 1

    def save(self) -> bool:
        """Write the state; a cut leaves the old one or the new one. False: the flash refuses."""
        path = self.root + "/" + _STATE
        text = "%s %s %d %d %d %d end" % (
            self.good or "-",
            self.trial or "-",
            self.tries,
            self.early,
            self.n_dogs,
            self.has_left,
        )
        try:
            with open(path + ".new", "w") as file:
                file.write(text)
            # MicroPython's rename puts the new file in the place of the old one.
            getattr(os, "replace", os.rename)(path + ".new", path)
        except OSError:
            return False
        return True

    def boot(self, was_dog: bool = False) -> str:
        """Choose the slot to run and take note of this start; '' if none holds an application."""
        if not self.has_left:  # on some processors every restart looks like the watchdog's
            self.early += 1
            self.n_dogs += was_dog
        self.has_left = False
        slot = ""
        if self.trial and not self.is_safe:
            if self.tries > 0 and self.is_whole(self.trial):
                self.tries -= 1
                slot = self.trial
            else:  # it never said that it is well
                self.trial = ""
        slot = slot or self._first_whole()
        if not self.save() and slot == self.trial:
            self.trial = ""  # what cannot be counted is not tried
            slot = self._first_whole()
        return slot

    def _first_whole(self):
        for slot in (self.good, self.trial) + NAMES:
            if slot and self.is_whole(slot):
                return slot
        return ""

    def settle(self, slot: str) -> None:
        """Take note that the application in ``slot`` runs well: it is the one to fall back on."""
        if self.early or self.trial == slot or self.good != slot:
            self.early = 0
            if self.trial == slot:
                self.trial = ""
            self.good = slot
            self.save()

    def leave(self) -> None:
        """Take note that the end of this run is wanted; safe mode ends with it, for one try."""
        self.has_left = True
        self.early = min(self.early, EARLY)
        self.save()

    def propose(self, slot: str) -> bool:
        """Let ``slot`` be tried from the next start on; False: the flash refuses."""
        self.trial = slot
        self.tries = TRIES
        self.early = 0
        return self.save()

    def other(self, slot: str) -> str:
        """Return the slot that ``slot`` is not."""
        return NAMES[0] if slot == NAMES[1] else NAMES[1]

    def is_whole(self, slot: str) -> bool:
        """Return whether everything that the manifest of ``slot`` names is there, unchanged."""
        folder = self.root + "/" + slot
        n = 0
        try:
            for size, sha, path in files_of(folder + "/" + _MANIFEST):
                if os.stat(folder + "/" + path)[6] != size or hash_of(folder + "/" + path) != sha:
                    return False
                n += 1
        except Exception:  # also a manifest of nonsense, too long for the heap
            return False
        return n > 0


def files_of(manifest: str):
    """Yield ``(size, sha256, path)`` of every file that the manifest at this path names."""
    with open(manifest) as file:
        for i, line in enumerate(file):
            if i < _HEAD:
                continue
            sha, size, path = line.split()
            if path[0] == "/" or ".." in path.split("/"):
                raise ValueError("%s leads out of the slot" % path)
            yield int(size), sha, path


def head_of(manifest: str) -> dict:
    """Return what the first lines of the manifest say: bundle, version, protocol, arch, board."""
    out = {}
    with open(manifest) as file:
        for _ in range(_HEAD):
            key, value = file.readline().split()
            out[key] = value
    return out


def hash_of(path: str) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    sha = hashlib.sha256()
    buf = bytearray(_BUFFER)
    view = memoryview(buf)
    with open(path, "rb") as file:
        while True:
            n = file.readinto(buf)
            if not n:
                break
            sha.update(view[:n])
    return binascii.hexlify(sha.digest()).decode()
