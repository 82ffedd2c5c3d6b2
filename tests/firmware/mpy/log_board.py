# ruff: noqa: T201, E402, PTH, RUF005, C419, B905
# What the flash log costs on the heap of a board, on files of the system: a block device written
# in Python would count its own calls. argv: the layout, a folder.
# Prints: bytes of App.sample over all frames, frames; bytes of App.serve while nobody listens,
# messages logged; bytes of App.serve while a host fetches them, messages fetched; log blocks.
import gc
import sys

gc.threshold(1024)

from solecore import kernels
from solecore.layouts import geometry
from solecore.wire import messages as m
from solefoot.app.app import App
from solefoot.app.log import FlashLog
from solefoot.app.logstore import FileStore
from solefoot.app.profiles import profile
from solefoot.app.settings import Settings


class Clock:
    ticks = 1000000

    def ticks_us(self):
        return self.ticks


class Link:
    """Hand over whole messages; count those from the log."""

    is_up = True
    mtu = 0
    n_bad_frames = 0

    def __init__(self):
        self.incoming = []
        self.replies = []
        self.n_logged = 0

    def send(self, buf, n):
        if buf[0] == m.LOG_DATA.msg_id:
            self.n_logged += 1
        else:
            self.replies.append(bytes(buf[:n]))
        return True

    def poll(self):
        if not self.incoming:
            return ()
        got = self.incoming
        self.incoming = []
        return got


class Board:
    imu_age_us = 0
    imu_period_us = 0

    def __init__(self, s):
        self.s = s
        self.i = 0

    def scan_into(self, raw):
        n = self.s.geometry.n_cells
        cycle = 1100000 // self.s.period_us
        t = self.i % cycle * 40 // cycle
        self.i += 1
        i = 0
        while i < n:
            near = 8 - abs(i * 24 // n - t)
            raw[i] = near * 480 + (i * 37) % 200 if t < 24 and near > 0 else (i + t) & 3
            i += 1

    def read_imu_into(self, words):
        return self.s.imu_per_frame

    def battery(self):
        return 3900, 60


def main():
    name = sys.argv[1]
    s = Settings(geometry(name, True), profile(name), 1, "BOARD", 3)
    best = kernels.best()
    log = FlashLog(FileStore(sys.argv[2], 256 * 1024), 3, best[0])
    clock = Clock()
    link = Link()
    app = App(Board(s), link, clock, s, best, (), log)
    gc.collect()
    gc.threshold(-1)
    gc.disable()
    n_frames = 300 if s.geometry.n_cells > 16 else 1500
    sampled = logged = 0
    for _ in range(n_frames):
        clock.ticks += s.period_us
        if gc.mem_free() < 20000:
            gc.collect()
        a = gc.mem_alloc()
        app.sample()
        b = gc.mem_alloc()
        app.serve()
        c = gc.mem_alloc()
        sampled += b - a
        logged += c - b
    app.keeper.settle()
    wanted = []
    for span in log.ranges():
        wanted.append(span)
    n_blocks = log.frames.last_block
    gc.collect()
    fetched = n_messages = 0
    for boot, stream, start, stop in wanted:
        while start < stop:
            link.incoming = [m.LOG_RANGE.pack(1, boot, stream, start, stop, 100)]
            link.replies = []
            a = gc.mem_alloc()
            app.serve()  # the request: control path
            while not link.replies or link.replies[-1][0] != m.LOG_RANGE_REPLY.msg_id:
                if gc.mem_free() < 20000:
                    fetched += gc.mem_alloc() - a
                    gc.collect()
                    a = gc.mem_alloc()
                app.serve()
            fetched += gc.mem_alloc() - a
            fields = m.LOG_RANGE_REPLY.unpack(link.replies[-1])
            n_messages += fields["n_messages"]
            start = fields["next"]
            gc.collect()
    print(sampled, n_frames, logged, n_messages, fetched, link.n_logged, n_blocks)


main()
