# ruff: noqa: T201, PTH123, UP031
# Updates on a LittleFS in RAM whose power fails at the n-th block operation, again and again.
# argv: a folder with head-N.bin, files-N (JSON of hexadecimal contents) for bundles 1 and 2, and
# key.bin; the path of boot.py; how many operations lie between two cuts. The applications of the
# bundles are packs with a module ``which`` that says which of them it is.
# Prints: operations of a whole update, cuts tried, times the old and the new one were booted.
import errno
import hashlib
import json
import sys

import vfs

import pack
from solecore.wire import codes
from solecore.wire import messages as m
from solefoot.app import ed25519, updating
from solefoot.app import slots as slots_file
from solefoot.app import update as updates
from solefoot.app.slots import Slots

FLASH = ""  # the root, as on a board
N_BLOCKS = 64
LOADED = pack, updating  # while their files can be reached: the file system changes
_known = {}
running = []  # versions, as they were booted
_verify = ed25519.verify


def remembered(key, message, signature, feed):
    """Verify once: the same signature comes back after every cut."""
    at = (key, message, signature)
    if at not in _known:
        _known[at] = _verify(key, message, signature)
    return _known[at]


ed25519.verify = remembered


class Ram:
    """A flash of 4 kB blocks that loses its power after ``left`` writes and erasures."""

    def __init__(self, data=None):
        self.data = data or bytearray(b"\xff" * 4096 * N_BLOCKS)
        self.left = -1
        self.n = 0

    def spend(self, block, offset, view):
        self.n += 1
        if self.left == 0:
            # Cut in the middle: half of it is there.
            half = len(view) // 2
            at = 4096 * block + offset
            self.data[at : at + half] = view[:half]
            raise OSError(errno.EIO)
        if self.left > 0:
            self.left -= 1

    def readblocks(self, block, buf, offset=0):
        at = 4096 * block + offset
        buf[:] = memoryview(self.data)[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        self.spend(block, offset, memoryview(buf))
        at = 4096 * block + offset
        self.data[at : at + len(buf)] = buf

    def ioctl(self, op, arg):
        if op == 4:
            return N_BLOCKS
        if op == 5:
            return 4096
        if op == 6:  # erase: nothing to see until it is written
            self.spend(arg, 0, b"\xff" * 4096)
            at = 4096 * arg
            self.data[at : at + 4096] = b"\xff" * 4096
            return 0
        return None


class App:
    is_streaming = False
    board = None
    features = 0

    def __init__(self):
        self.wants_restart = False
        self.settings = self.clock = self
        self.us = 0

    def ticks_us(self):
        return self.us


def mount(ram):
    vfs.mount(vfs.VfsLfs2(ram), "/")


def unmount():
    vfs.umount("/")


def send(slot, head, files, key, order):
    """Update as a host does, from whatever is there; ``order`` changes how chunks come."""
    sys.modules["solefoot.app.ed25519"] = ed25519  # an update unloads it
    app = App()
    extra = updates.Update(Slots(FLASH), slot, key, "x64", "test")
    extra.attach(app)
    do = extra.handlers[m.UPDATE.msg_id]

    def ask(op, offset, content=b""):
        fields = {"ref": 1, "op": op, "offset": offset, "content": content}
        return m.UPDATE_REPLY.unpack(do(fields))["offset"]

    def chunks(content, at):
        while at < len(content):
            piece = content[at : at + 700]
            if order:  # one that is ahead of its turn, then the right one, then it again
                ask(codes.UPDATE_CHUNK, at + 700, content[at + 700 : at + 900])
            now = ask(codes.UPDATE_CHUNK, at, piece)
            if order:
                assert ask(codes.UPDATE_CHUNK, at, piece) == now
            at = now

    chunks(head, ask(codes.UPDATE_BEGIN, len(head), hashlib.sha256(head).digest()))
    for i, content in enumerate(files):
        chunks(content, ask(codes.UPDATE_FILE, i))
    ask(codes.UPDATE_END, 0)
    app.us = updates.LINGER_US + 1
    extra.turn(app)
    assert app.wants_restart


def boot(text):
    """Run boot.py as the board does; return the slot that it chose, whose application loads."""
    before = list(sys.path)
    sys.modules["machine"] = Machine
    sys.modules["slots"] = slots_file
    names = {"__name__": "__main__"}
    exec(text, names)
    slot = names["_slot"]
    if slot:
        assert sys.path[0] == "/%s/app" % slot
        import which

        assert which.__file__ == "/%s/app/which.py" % slot
        running.append(which.VERSION)
        del sys.modules["which"]
        vfs.umount(sys.path[0])
    sys.path[:] = before
    return slot


class Machine:
    WDT_RESET = 3

    @staticmethod
    def reset_cause():
        return 1


def load(folder, n):
    with open("%s/head-%d.bin" % (folder, n), "rb") as file:
        head = file.read()
    with open("%s/files-%d.json" % (folder, n)) as file:
        files = [
            bytes([int(t[i : i + 2], 16) for i in range(0, len(t), 2)]) for t in json.load(file)
        ]
    return head, files


def main():
    folder, step = sys.argv[1], int(sys.argv[3])
    with open(folder + "/key.bin", "rb") as file:
        key = file.read()
    with open(sys.argv[2]) as file:
        text = file.read()
    bundles = [load(folder, n) for n in (1, 2)]
    vfs.umount("/")
    ram = Ram()
    vfs.VfsLfs2.mkfs(ram)
    mount(ram)
    send("b", bundles[0][0], bundles[0][1], key, False)
    assert boot(text) == "a"
    slots = Slots(FLASH)
    slots.settle("a")
    assert (slots.good, slots.trial) == ("a", "")
    unmount()
    base = bytes(ram.data)
    whole = Ram(bytearray(base))
    mount(whole)
    send("a", bundles[1][0], bundles[1][1], key, True)
    assert boot(text) == "b"
    unmount()
    n_cuts = n_old = n_new = 0
    for cut in range(0, whole.n, step):
        ram = Ram(bytearray(base))
        mount(ram)
        ram.left = cut
        try:
            send("a", bundles[1][0], bundles[1][1], key, cut % 2 == 1)
            boot(text)
            whole_after_all = True
        except Exception:
            whole_after_all = False
        unmount()
        n_cuts += 1
        # The power is back.
        ram = Ram(ram.data)
        mount(ram)
        slot = boot(text)
        assert slot in ("a", "b"), "cut %d: nothing to boot" % cut
        slots = Slots(FLASH)
        assert slots.is_whole(slot)
        assert running[-1] == (1 if slot == "a" else 2)
        n_old += slot == "a"
        n_new += slot == "b"
        if slot == "a":  # and again, this time to the end
            send("a", bundles[1][0], bundles[1][1], key, False)
            assert boot(text) == "b"
        else:
            assert whole_after_all or slots.trial == "b" or slots.good == "b"
        Slots(FLASH).settle("b")
        assert boot(text) == "b"
        unmount()
    print(whole.n, n_cuts, n_old, n_new)


main()
