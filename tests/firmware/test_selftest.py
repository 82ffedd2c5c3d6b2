"""The self-test over the wire, and what its watchers cost on the heap of a board."""

import struct
from array import array
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solecore.layouts import CELLS_4, CELLS_16, GRID_30X22, geometry
from solecore.wire import codes, names
from solecore.wire import messages as m
from solefoot.app import selftest
from solefoot.app.profiles import profile
from solefoot.app.service import boot_test
from solefoot.app.settings import Settings

STANCE, SWING = 2, 1


def ask(foot, mode) -> dict:
    for message in foot.ask(m.SELF_TEST.pack(5, mode)):
        if message[0] in (m.SELF_TEST_REPLY.msg_id, m.REFUSED.msg_id):
            return m.BY_ID[message[0]].unpack(message)
    raise AssertionError("no answer")


def faults_of(reply) -> list[tuple[int, ...]]:
    return list(struct.iter_unpack("<HHH", reply["faults"]))


class Board:
    """Cells as a test wants them, in scans that differ."""

    def __init__(self, *scans) -> None:
        self.scans = list(scans)

    def scan_into(self, raw) -> None:
        raw[:] = self.scans[0]
        self.scans.append(self.scans.pop(0))


def settings_of(layout=CELLS_16) -> Settings:
    return Settings(geometry(layout, False), profile(layout), 0, "S", 1)


def quiet(n) -> array:
    return array("H", [40] * n)


def test_a_sound_board_passes_at_rest():
    assert selftest.at_rest(Board(quiet(16)), settings_of()) == []


def test_saturated_and_noisy_cells_are_named_at_rest():
    one, other = quiet(16), quiet(16)
    one[3] = other[3] = 4095
    other[5] = 240
    found = selftest.at_rest(Board(one, other), settings_of())
    assert found == [(codes.SATURATED_CELL, 3, 0), (codes.NOISY_CELL, 5, 200)]
    assert selftest.failed(found) == codes.FAILED_CELLS


def test_a_foot_that_moves_is_no_noise():
    found = selftest.at_rest(Board(quiet(16), array("H", [900] * 16)), settings_of())
    assert found == []


def imu(kind=0, n_restarts=0, n_errors=0):
    return SimpleNamespace(check=lambda: kind, n_restarts=n_restarts, n_errors=n_errors)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (imu(), []),
        (imu(codes.IMU_ABSENT, n_errors=9), [(codes.IMU_ABSENT, 0, 0)]),
        (imu(codes.IMU_BROWN_OUT), [(codes.IMU_BROWN_OUT, 0, 0)]),
        (imu(codes.IMU_NO_DATA), [(codes.IMU_NO_DATA, 0, 0)]),
        (imu(0, n_restarts=2, n_errors=2), [(codes.IMU_BROWN_OUT, 2, 0)]),
        (imu(0, n_restarts=1, n_errors=4), [(codes.IMU_BROWN_OUT, 1, 0), (codes.I2C_NACK, 3, 0)]),
        (imu(codes.I2C_NACK, n_errors=70_000), [(codes.I2C_NACK, 65_535, 0)]),
    ],
)
def test_an_imu_is_named_with_what_it_lacks(part, expected):
    board = Board(quiet(16))
    board.imu = part
    found = selftest.at_rest(board, settings_of())
    assert found == expected
    assert selftest.failed(found) == (codes.FAILED_IMU if expected else 0)


def test_a_gauge_that_does_not_answer_is_named():
    def read():
        raise OSError("MAX17048: no answer")

    board = Board(quiet(16))
    board.gauge = SimpleNamespace(read=read)
    found = selftest.at_rest(board, settings_of())
    assert found == [(codes.BATTERY_ABSENT, 0, 0)]
    assert selftest.failed(found) == codes.FAILED_BATTERY


def test_the_start_puts_what_it_finds_into_hello(make_foot):
    s = settings_of()
    cells = quiet(16)
    cells[0] = 4095
    boot_test(Board(cells), s)
    assert s.failed == codes.FAILED_CELLS
    foot = make_foot(CELLS_16)
    foot.settings.failed = s.failed
    hello = m.HELLO_REPLY.unpack(foot.ask(m.HELLO.pack(m.PROTOCOL_VERSION, 2))[0])
    assert hello["self_test"] == codes.FAILED_CELLS
    assert hello["features"] & codes.FEATURE_SELF_TEST


def test_over_the_wire_rest_answers_at_once(make_foot):
    reply = ask(make_foot(CELLS_16), codes.TEST_REST)
    assert (reply["mode"], reply["failed"], faults_of(reply)) == (codes.TEST_REST, 0, [])


def test_a_walk_is_begun_while_streaming_reported_when_full_and_only_once(make_foot):
    foot = make_foot(CELLS_4)
    assert "start streaming" in ask(foot, codes.TEST_WALK)["text"].decode()
    foot.ask(m.START.pack(1, 0, 0))
    assert "begin one while walking" in ask(foot, codes.TEST_REPORT)["text"].decode()
    ask(foot, codes.TEST_WALK)
    step = [0] * 12 + [
        300,
        900,
        1500,
        2000,
        2200,
        2300,
        2200,
        2000,
        1800,
        1500,
        1200,
        900,
        500,
        100,
    ]
    told = []
    while foot.us < 60_000_000:
        for level in step:
            foot.frame(array("H", [level, level * 3 // 4, level // 2, level * 5 // 8]))
        reply = ask(foot, codes.TEST_REPORT)
        if "faults" in reply:
            break
        assert reply["code"] == m.NOT_YET
        told.append(reply["text"].decode())
    assert told[0].endswith("of 200 frames with load: walk on")
    assert reply["n_frames"] >= 200
    assert faults_of(reply) == [(codes.NOT_JUDGED, 0, 4)]
    assert "begin one" in ask(foot, codes.TEST_REPORT)["text"].decode()
    assert foot.app.sampler.watchers == ()


def test_an_unknown_test_is_refused(make_foot):
    assert "test 9 is unknown" in ask(make_foot(CELLS_4), 9)["text"].decode()


def test_every_kind_of_fault_has_its_word():
    kinds = {
        name.lower(): value
        for name, value in vars(codes).items()
        if name.lower() in names.FAULTS and isinstance(value, int)
    }
    assert {name: names.FAULTS.index(name) for name in kinds} == kinds
    assert len(kinds) == len(names.FAULTS) - 1


def test_more_faults_than_a_message_holds_are_cut():
    faults = [(codes.SATURATED_CELL, i, 0) for i in range(660)]
    packed = selftest.packed(faults)
    assert len(packed) == 6 * selftest.MAX_FAULTS
    assert m.SELF_TEST_REPLY.size + len(packed) <= m.MAX_MESSAGE


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["noise", "flat", "full", "empty"]))
def test_any_image_is_judged_without_an_error(seed, kind):
    rng = np.random.default_rng(seed)
    job = selftest.Walk(settings_of(GRID_30X22))
    detector = SimpleNamespace(state=STANCE, n_state=0)
    top = {"noise": 4096, "flat": 1, "full": 1, "empty": 1}[kind]
    offset = {"noise": 0, "flat": 700, "full": 4095, "empty": 0}[kind]
    for k in range(6):
        detector.n_state = 4 * k
        raw = offset + rng.integers(0, top, 660) * rng.integers(0, 2, 660)
        job.frame(array("H", np.minimum(raw, 4095).astype("<u2").tobytes()), None, detector)
    for fault in job.faults():
        assert all(0 <= word < 1 << 16 for word in fault)


SCRIPT = """
import gc
import sys
from array import array
gc.threshold(1024)
from solecore.layouts import geometry
from solefoot.app import calibration, rezero, selftest
from solefoot.app.profiles import profile
from solefoot.app.settings import Settings

class Detector:
    def __init__(self):
        self.state = 2
        self.n_state = 0

s = Settings(geometry(sys.argv[1], False), profile(sys.argv[1]), 0, "S", 1)
n = s.geometry.n_cells
raw = array("H", [(i * 331) % 3000 + 40 for i in range(n)])
cells = bytearray(n)
jobs = {
    "zero": lambda: calibration.Zero(s),
    "gain": lambda: calibration.Gain(s, calibration.Levels(s), 1000, 0),
    "equalise": lambda: calibration.Equalise(s, 0),
    "rezero": lambda: rezero.Rezero(s),
    "walk": lambda: selftest.Walk(s),
}
detector = Detector()

def cost(job):
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    i = 0
    while i < 40:
        detector.n_state = i
        raw[0] = 100 + i
        raw[1] = 4095
        job.frame(raw, cells, detector)
        i += 1
    return gc.mem_alloc() - before

for name in sorted(jobs):
    if name == "equalise" and not s.geometry.cols:
        continue
    job = jobs[name]()
    if name == "rezero":
        detector.state = 1
    print(name, cost(job))
    gc.enable()
    detector.state = 2
    job = None
"""


@pytest.mark.mpy
@pytest.mark.mpy32
@pytest.mark.parametrize("layout", [GRID_30X22, CELLS_16])
def test_no_watcher_allocates_per_frame(run_board, layout):
    lines = run_board(SCRIPT, args=[layout]).split("\n")
    found = dict(line.split() for line in lines if line)
    assert len(found) == (5 if layout == GRID_30X22 else 4)
    assert set(found.values()) == {"0"}


WHOLE = """
import gc
import sys
from array import array
gc.threshold(1024)
from solecore import kernels
from solecore.layouts import geometry
from solecore.wire import codes, messages as m
from solefoot.app.app import App
from solefoot.app.profiles import profile
from solefoot.app.service import Service
from solefoot.app.settings import Settings
from solefoot.links.stream import StreamLink

class Clock:
    ticks = 0
    def ticks_us(self):
        return self.ticks

class Port:
    def write(self, view):
        return len(view)
    def read(self, n):
        return None

class Board:
    imu_age_us = imu_period_us = 0
    k = 0
    is_walking = False
    def scan_into(self, raw):
        Board.k += 1
        t = Board.k % 36
        for i in range(660):
            y, x = i // 22, i % 22
            if not self.is_walking:
                raw[i] = 40 + (i + Board.k) % 3
            elif t < 22:
                a = 21 - t if y < 15 else t
                wide = max(0, 100 - (x - 11) ** 2)
                raw[i] = 40 + wide * max(0, 60 - (y % 15 - 7) ** 2) * a // 60
            else:
                raw[i] = 40
    def read_imu_into(self, words):
        return 0
    def battery(self):
        return 4000, 90

service = Service()
s = Settings(geometry("grid-30x22", True), profile("grid-30x22"), 1, "B", 9)
clock = Clock()
best = kernels.best()
board = Board()
app = App(board, StreamLink(Port(), best[0]), clock, s, best, (service,))
app.start(s.form, 0)
gc.collect()
gc.threshold(-1)
free = gc.mem_free()
least = free

def frames(n):
    global least
    for _ in range(n):
        clock.ticks = (clock.ticks + s.period_us) & m.TICKS_MASK
        app.sample()
        app.serve()
    gc.collect()
    least = min(least, gc.mem_free())

calibrate = service.handlers[m.CALIBRATE.msg_id]
calibrate({"ref": 1, "op": codes.CALIBRATE_ZERO, "value": 0})
frames(95)
board.is_walking = True
calibrate({"ref": 1, "op": codes.CALIBRATE_EQUALISE, "value": 60})
frames(200)
test = service.handlers[m.SELF_TEST.msg_id]
test({"ref": 1, "mode": codes.TEST_WALK})
frames(400)
reply = test({"ref": 1, "mode": codes.TEST_REPORT})
frames(1)
print(len(reply), s.calibration.steps, free, least, gc.mem_free())
"""


@pytest.mark.mpy
@pytest.mark.mpy32
def test_calibration_and_self_test_give_back_the_heap_that_they_took(run_board):
    n_reply, steps, free, least, after = map(int, run_board(WHOLE, heap="160k").split())
    assert n_reply >= m.SELF_TEST_REPLY.size
    assert steps == 5  # zeroed and equalised
    assert free - least < 20_000  # modules and sums while they are in use
    assert free - after < 2_500  # neither stays
