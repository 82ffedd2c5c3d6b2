"""One virtual insole, stepped from outside: the real App on a board whose cells are handed in."""

from array import array

from solecore.layouts import NAMES, Geometry
from solecore.layouts import geometry as own_geometry
from solefoot.app.app import App
from solefoot.app.profiles import Profile
from solefoot.app.service import Service
from solefoot.app.settings import Calibration, Settings
from solefoot.links.stream import StreamLink

FRAME: int = 1  # payload: u16 counts of every cell, then i16 words of the IMU
DOWNLINK: int = 2  # payload: bytes from the host
SERVE: int = 3  # nothing new; give the link a turn


class StepClock:
    """Ticks that are whatever the last step said."""

    def __init__(self, ticks: int) -> None:
        self.ticks = ticks

    def ticks_us(self) -> int:
        """Return microseconds modulo 2**30."""
        return self.ticks


class HandedBoard:
    """Cells and IMU words of the step in progress, in buffers that last: the heap is small."""

    imu_age_us = 0
    imu_period_us = 0

    def __init__(self, n_cells: int, imu_axes: int, imu_per_frame: int) -> None:
        self.cells = array("H", bytes(2 * n_cells))
        self.words = array("h", bytes(2 * imu_axes * imu_per_frame))
        self._n_words = len(self.words)
        self._n_samples = imu_per_frame

    def scan_into(self, raw) -> None:
        """Copy the counts of this frame."""
        memoryview(raw)[:] = self.cells

    def read_imu_into(self, words) -> int:
        """Copy the IMU words of this frame; return the number of samples."""
        i = 0
        while i < self._n_words:  # the caller has room for more
            words[i] = self.words[i]
            i += 1
        return self._n_samples

    def battery(self):
        """Return millivolts and percent: a virtual battery is always full."""
        return 4100, 95


class MemoryPort:
    """A byte stream whose far end is the caller of ``VirtualFoot.step``."""

    def __init__(self) -> None:
        self.incoming = b""
        self.outgoing = bytearray()

    def write(self, view) -> int:
        """Take bytes from the link."""
        self.outgoing.extend(view)
        return len(view)

    def read(self, n: int):
        """Give at most ``n`` bytes to the link."""
        data = self.incoming[:n]
        self.incoming = self.incoming[n:]
        return data


def settings_from(spec: dict, geometry_table, calibration_table) -> Settings:
    """Build the settings of a virtual insole from ``spec`` and its two tables (u16 arrays)."""
    geometry = None
    if spec["layout"] in NAMES:
        geometry = own_geometry(spec["layout"], spec["side"] == 1)
        for i in range(len(geometry_table)):
            if (
                len(geometry_table) != 3 * geometry.n_cells
                or geometry.word(i) != geometry_table[i]
            ):
                geometry = None  # it only bears the name
                break
    if geometry is None:
        geometry = Geometry(
            *(spec["layout"], spec["rows"], spec["cols"], spec["length"], spec["width"]),
            geometry_table,
        )
    profile = Profile(
        spec["layout"], spec["period_us"], spec["form"], spec["imu_axes"], spec["imu_per_frame"]
    )
    return Settings(
        geometry,
        profile,
        side=spec["side"],
        serial=spec["serial"],
        boot=spec["boot"],
        calibration=Calibration(calibration_table, spec["calibration_id"], spec["force_lsb_un"]),
        firmware=spec["firmware"],
        body_weight=spec["body_weight"],
        noise=spec["noise"],
        outbox_bytes=spec["outbox_bytes"],
    )


class VirtualFoot:
    """The App, stepped: every step has a kind, the foot's ticks and a payload.

    ``board`` holds the frame that a FRAME step takes; ``port`` takes what the foot sends, unless
    ``make_link(clock)`` returns a link of its own.
    """

    def __init__(
        self,
        settings: Settings,
        ticks: int,
        kernels: tuple,
        port=None,
        board=None,
        log=None,
        extras=(),
        make_link=None,
    ) -> None:
        self._clock = StepClock(ticks)
        self.board = board or HandedBoard(
            settings.geometry.n_cells, settings.imu_axes, settings.imu_per_frame
        )
        self.port = MemoryPort() if port is None else port
        self.app = App(
            self.board,
            make_link(self._clock) if make_link else StreamLink(self.port, kernels[0]),
            self._clock,
            settings,
            kernels,
            (Service(),) + tuple(extras),
            log,
        )

    def turn(self, kind: int, ticks: int, data: bytes = b"") -> None:
        """Let one thing happen at ``ticks``; the frame is on the board already."""
        self._clock.ticks = ticks
        port = self.port
        if kind == FRAME:
            self.app.sample()
        elif kind == DOWNLINK:
            port.incoming = port.incoming + data
        self.app.serve()
        while port.incoming:
            self.app.serve()

    def step(self, kind: int, ticks: int, payload: bytes) -> bytes:
        """Hand in a frame or bytes, let it happen, return the bytes that the foot sent."""
        if kind == FRAME:
            n = 2 * len(self.board.cells)
            memoryview(self.board.cells)[:] = array("H", payload[:n])
            memoryview(self.board.words)[:] = array("h", payload[n:])
            payload = b""
        self.turn(kind, ticks, payload)
        return self.sent()

    def sent(self) -> bytes:
        """Return the bytes that the foot has sent since the last time."""
        sent = bytes(self.port.outgoing)
        self.port.outgoing = bytearray()
        return sent
