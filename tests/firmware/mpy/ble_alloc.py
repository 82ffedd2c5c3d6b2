# ruff: noqa: T201, E402
# What the link over Bluetooth costs on the heap. argv: MTU.
# Prints for data messages larger than the grid's: messages, pieces, bytes of the heap; the same
# for answers, with garbage collected; then the bytes that the link itself keeps.
import gc
import sys

gc.threshold(1024)  # as a board's main does: what imports leave behind must not scatter the heap

from solecore.wire import messages as m

N_BYTES = 1000 if int(sys.argv[1]) >= 100 else 120  # narrow links carry events only


class Clock:
    """Time passes by itself, so that no dither holds anything back for long."""

    def __init__(self):
        self.ticks = 0

    def ticks_us(self):
        self.ticks = (self.ticks + 2500) & 0x3FFFFFFF
        return self.ticks


class Store:
    """Nothing outlives this script."""

    def get(self, name, default=None):
        return default

    def put(self, name, value):
        pass


class BLE:
    """A stack that takes everything, and allocates nothing."""

    def __init__(self):
        self.n_pieces = 0
        self.n_bytes = 0

    def active(self, on):
        pass

    def config(self, **values):
        pass

    def irq(self, handler):
        self.handler = handler

    def gatts_register_services(self, services):
        return ((1, 2, 3, 4), (5, 6, 7), (8,))

    def gatts_write(self, handle, data):
        pass

    def gatts_set_buffer(self, handle, n):
        pass

    def gap_advertise(self, interval_us, data, resp_data):
        pass

    def gatts_notify(self, conn, handle, piece):
        self.n_pieces += 1
        self.n_bytes += len(piece)

    gatts_indicate = gatts_notify


class Module:
    """In the place of ``bluetooth``."""

    @staticmethod
    def UUID(value):  # noqa: N802
        return value


def main():
    gc.collect()
    before = gc.mem_alloc()
    from solefoot.links.ble import BleLink

    stack = BLE()
    module = Module()
    module.BLE = lambda: stack
    clock = Clock()
    link = BleLink(module, clock, Store(), 2, 0, 0, "S\0L\0F\0K")
    gc.collect()
    kept = gc.mem_alloc() - before
    link.open_pairing(400000000)
    stack.handler(1, (1, 0, b"address"))
    stack.handler(21, (1, int(sys.argv[1])))
    stack.handler(28, (1, 1, 0, 1, 16))
    message = bytearray(N_BYTES + 4)
    done = (1, 2, 0)
    for kind in (m.FRAME_CODED8.msg_id, m.STATS_REPLY.msg_id):
        message[0] = kind
        stack.n_pieces = 0
        gc.collect()
        if kind == m.FRAME_CODED8.msg_id:
            gc.disable()
        n = 0
        a = gc.mem_alloc()
        while n < 40:
            link.poll()
            if link.send(message, N_BYTES):
                n += 1
                message[4] = n
            stack.handler(20, done)
        while stack.n_bytes - 2 * stack.n_pieces < n * N_BYTES:
            link.poll()
            stack.handler(20, done)
        used = gc.mem_alloc() - a
        gc.enable()
        stack.n_bytes = 0
        print(n, stack.n_pieces, used)
    print(kept)


main()
