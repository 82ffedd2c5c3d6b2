# A raw REPL on stdin and stdout, as boards have it and the unix port has not, with a LittleFS in
# RAM at /flash: what mpremote talks to in test_flash.py.
import io
import os
import sys

import micropython
import vfs


class Ram:
    """A flash in memory."""

    def __init__(self, n_blocks):
        self.data = bytearray(4096 * n_blocks)
        self.n = n_blocks

    def readblocks(self, block, buf, offset=0):
        at = 4096 * block + offset
        buf[:] = memoryview(self.data)[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        at = 4096 * block + offset
        self.data[at : at + len(buf)] = buf

    def ioctl(self, op, arg):
        return {4: self.n, 5: 4096}.get(op, 0)


def answer(code, names):
    """Run one piece of code as the raw REPL does."""
    out.write(b"OK")
    error = b""
    try:
        exec(code, names)
    except Exception as problem:
        text = io.StringIO()
        sys.print_exception(problem, text)
        error = text.getvalue().encode()
    out.write(b"\x04" + error + b"\x04>")


def serve(names):
    """Be a REPL of which only the raw mode works; ends with stdin."""
    code = b""
    is_raw = False
    while True:
        c = inp.read(1)
        if not c:
            return
        if c == b"\x01":
            out.write(b"raw REPL; CTRL-B to exit\r\n>")
            is_raw, code = True, b""
        elif not is_raw:
            pass
        elif c == b"\x02":
            out.write(b"\r\n>>> ")
            is_raw = False
        elif c == b"\x03":
            code = b""
        elif c == b"\x05":  # raw paste: not here
            inp.read(2)
            out.write(b"R\x00")
        elif c == b"\x04":
            answer(code, names)
            code = b""
        else:
            code += c


micropython.kbd_intr(-1)
ram = Ram(512)
vfs.VfsLfs2.mkfs(ram)
vfs.mount(vfs.VfsLfs2(ram), "/flash")
os.chdir("/flash")
inp = sys.stdin.buffer
out = sys.stdout.buffer
serve({"__name__": "__main__"})
