"""Zero, gain, equalise on the foot: right under the right load, else refused with a reason."""

from array import array

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solecore.layouts import CELLS_4, CELLS_16, GRID_30X22, geometry
from solecore.wire import codes
from solecore.wire import messages as m
from solefoot.app import calibration as jobs
from solefoot.app.calibration import isqrt
from solefoot.app.profiles import profile
from solefoot.app.rezero import Rezero
from solefoot.app.settings import Settings
from solefoot.app.store import Store

ZERO, GAIN, EQUALISE = codes.CALIBRATE_ZERO, codes.CALIBRATE_GAIN, codes.CALIBRATE_EQUALISE
STATE = codes.CALIBRATE_STATE


class Bench:
    """A streaming foot, what it is told, and what its cells read."""

    def __init__(self, make_foot, layout=GRID_30X22, seed=1, **options) -> None:
        self.foot = make_foot(layout, **options)
        self.rng = np.random.default_rng(seed)
        self.n = self.foot.settings.geometry.n_cells
        self.base = self.rng.integers(20, 60, self.n)
        self.sensitivity = np.exp(0.15 * self.rng.standard_normal(self.n))  # counts per unit load
        self.noise = 3.0
        self.foot.ask(m.START.pack(1, 0, 0))

    @property
    def calibration(self):
        return self.foot.settings.calibration

    @property
    def gain(self) -> np.ndarray:
        return np.array(self.calibration.table[self.n : 2 * self.n])

    def ask(self, op, value=0) -> dict:
        for message in self.foot.ask(m.CALIBRATE.pack(9, op, value)):
            if message[0] in (m.CALIBRATE_REPLY.msg_id, m.REFUSED.msg_id):
                return m.BY_ID[message[0]].unpack(message)
        raise AssertionError("no answer")

    def refusal(self, op, value=0) -> str:
        return self.ask(op, value)["text"].decode()

    def frames(self, load, n_frames, noise=None) -> None:
        """Let frames pass; ``load`` is one number, one per cell, or rows of frames."""
        load = np.broadcast_to(load, (n_frames, self.n))
        noise = self.noise if noise is None else noise
        for row in load:
            raw = self.base + row * self.sensitivity + noise * self.rng.standard_normal(self.n)
            self.foot.frame(array("H", np.clip(np.rint(raw), 0, 4095).astype("<u2").tobytes()))

    def do(self, op, value=0, load=0.0, n_frames=95) -> dict:
        """Begin a step, let it have its frames, return its state."""
        assert self.ask(op, value)["is_done"] == 0
        self.frames(load, n_frames)
        return self.ask(STATE)


@pytest.fixture
def bench(make_foot) -> Bench:
    return Bench(make_foot)


def test_zero_finds_base_noise_and_dead_band(bench):
    state = bench.do(ZERO)
    table = np.array(bench.calibration.table)
    assert state["is_done"] == 1
    assert state["n_frames"] == 90  # 3 s at 30 Hz
    assert np.abs(table[: bench.n] - bench.base).max() <= 2  # SD 3 over 90 frames
    assert state["noise"] / 16 == pytest.approx(bench.noise, rel=0.05)
    assert state["dead_band"] == table[-1] == 2  # 3 x 3 raw counts are less than the least


def test_the_dead_band_grows_with_the_noise(bench):
    bench.noise = 18.0
    state = bench.do(ZERO)
    assert state["dead_band"] == 4  # 54 raw counts are 3.4 calibrated ones


def test_zero_leaves_an_insole_without_gain_uncalibrated(bench):
    assert bench.do(ZERO)["calibration"] == 0
    hello = m.HELLO_REPLY.unpack(bench.foot.ask(m.HELLO.pack(m.PROTOCOL_VERSION, 2))[0])
    assert (hello["calibration"], hello["force_lsb"]) == (0, 0)
    assert hello["features"] & codes.FEATURE_CALIBRATE


def test_zero_is_refused_while_somebody_stands_on_it_and_the_table_stays(bench):
    bench.do(ZERO)
    before = bytes(bench.calibration.table)
    load = np.where(np.arange(bench.n) % 30 < 15, 300.0, 0.0)
    bench.ask(ZERO)
    bench.frames(load, 95)
    assert "take the load off" in bench.refusal(STATE)
    assert bytes(bench.calibration.table) == before
    assert bench.ask(STATE)["is_done"] == 1  # told once


def test_a_new_insole_is_not_zeroed_under_load_either(bench):
    bench.ask(ZERO)
    bench.frames(np.where(np.arange(bench.n) % 30 < 15, 900.0, 0.0), 95)
    assert "take the load off" in bench.refusal(STATE)


def test_zero_is_refused_while_the_load_moves(bench):
    bench.ask(ZERO)
    bench.frames(np.linspace(0, 400, 95)[:, None], 95)
    assert "moved by more than 100" in bench.refusal(STATE)


def test_a_single_wild_cell_does_not_stop_the_zero(bench):
    bench.ask(ZERO)
    load = np.zeros((95, bench.n))
    load[::2, 5] = 2000
    bench.frames(load, 95)
    assert bench.ask(STATE)["is_done"] == 1


def test_without_frames_nothing_is_begun(make_foot):
    bench = Bench(make_foot)
    bench.foot.ask(m.STOP.pack(3))
    for op in (ZERO, GAIN, EQUALISE):
        assert "start streaming" in bench.refusal(op, 1000)


def test_gain_needs_a_zero_and_a_force(bench):
    assert "zero first" in bench.refusal(GAIN, 640_000)
    bench.do(ZERO)
    assert "not 0" in bench.refusal(GAIN, 0)


@pytest.mark.parametrize("levels", [(400,), (100, 200, 400, 800)])
def test_gain_makes_the_cells_alike_and_newtons_possible(bench, levels):
    bench.do(ZERO)
    un_per_load = 2000
    seen = set()
    for level in levels:
        state = bench.do(GAIN, level * un_per_load, load=level, n_frames=32)
        assert state["n_doubtful"] == 0
        seen.add(state["calibration"])
    assert 0 not in seen
    assert len(seen) == len(levels)  # each level changes the table, and the id with it
    counts = 500 * bench.sensitivity * bench.gain / 65536
    assert counts.std() / counts.mean() < 0.01
    force_un = counts * bench.calibration.force_lsb_un
    assert force_un.mean() == pytest.approx(500 * un_per_load, rel=0.01)


def test_a_force_that_was_asked_for_is_kept_by_the_gain(bench):
    bench.do(ZERO)
    assert bench.ask(codes.CALIBRATE_FORCE, 20_000)["calibration"] == 0  # there is no gain yet
    bench.do(GAIN, 800_000, load=400, n_frames=32)
    assert bench.calibration.force_lsb_un == 20_000
    counts = 400 * bench.sensitivity * bench.gain / 65536
    assert counts.mean() == pytest.approx(40, rel=0.01)


def test_cells_of_other_sizes_bear_other_forces_under_one_pressure(make_foot):
    bench = Bench(make_foot, CELLS_16)
    area = np.array(bench.foot.settings.geometry.table[2 * bench.n :], float)
    bench.do(ZERO, n_frames=305)
    bench.do(GAIN, 1_000_000, load=800 * area / area.mean(), n_frames=105)
    counts = 800 * bench.sensitivity * bench.gain / 65536
    assert counts.std() / counts.mean() < 0.01


def test_a_dead_cell_gets_the_gain_of_the_others_and_is_counted(bench):
    bench.sensitivity[[3, 200]] = 0.0, 30.0
    bench.do(ZERO)
    state = bench.do(GAIN, 100_000, load=100, n_frames=32)
    assert state["n_doubtful"] == 2
    assert bench.gain[3] == bench.gain[200] == pytest.approx(np.median(bench.gain), rel=0.05)


def test_a_level_without_load_or_out_of_proportion_is_refused(bench):
    bench.do(ZERO)
    bench.ask(GAIN, 100_000)
    bench.frames(0.0, 32)
    assert "too little for a level" in bench.refusal(STATE)
    bench.do(GAIN, 100_000, load=100, n_frames=32)
    assert "16 times the first" in bench.refusal(GAIN, 1_600_000)


def footprint(rows=30, cols=22) -> np.ndarray:
    """Return a smooth load of a walk's mean."""
    y, x = np.mgrid[0:rows, 0:cols]
    heel = np.exp(-(((x - 10) / 5) ** 2) - ((y - 5) / 4) ** 2)
    ball = np.exp(-(((x - 11) / 7) ** 2) - ((y - 21) / 4) ** 2)
    return 900 * (heel + ball).ravel()


def walk(bench, n_strides=25):
    load = np.concatenate((np.zeros(14), np.hanning(22)))[:, None] * footprint()
    for _ in range(n_strides):
        bench.frames(load, len(load))


def test_equalise_evens_out_what_neighbours_do_not_share(bench):
    bench.do(ZERO)
    before = (bench.sensitivity * bench.gain)[footprint() > 300]
    assert bench.ask(EQUALISE, 300)["is_done"] == 0
    walk(bench)
    state = bench.ask(STATE)
    after = (bench.sensitivity * bench.gain)[footprint() > 300]
    assert state["is_done"] == 1
    assert state["calibration"] == 0  # alike, but of no known force
    assert before.std() / before.mean() > 0.12
    # The median of nine spreads by 0.4 of what one does; the bend of the image adds to it.
    assert after.std() / after.mean() < 0.7 * before.std() / before.mean()
    assert bench.ask(codes.CALIBRATE_FORCE, 30_000)["calibration"] != 0


def test_equalise_counts_frames_with_load_only(bench):
    bench.do(ZERO)
    bench.ask(EQUALISE, 300)
    bench.frames(0.0, 310)
    state = bench.ask(STATE)
    assert (state["is_done"], state["n_frames"]) == (0, 0)


def test_cells_without_neighbours_cannot_be_equalised(make_foot):
    bench = Bench(make_foot, CELLS_4)
    bench.do(ZERO)
    assert "no neighbours" in bench.refusal(EQUALISE)


def test_keep_outlives_a_restart_and_reset_forgets(make_foot, tmp_path):
    store = Store(str(tmp_path))
    bench = Bench(make_foot)
    bench.foot.settings.store = store
    bench.do(ZERO)
    kept = bench.do(GAIN, 800_000, load=400, n_frames=32)["calibration"]
    bench.ask(codes.CALIBRATE_KEEP)
    again = Settings(geometry(GRID_30X22, False), profile(GRID_30X22), 0, "S", 8, store=store)
    again.recall()
    assert again.calibration.calibration_id == kept
    assert bench.ask(codes.CALIBRATE_RESET)["calibration"] == 0
    assert store.get("calibration") is None
    assert set(bench.gain) == {4096}
    assert not np.array(bench.calibration.table[: bench.n]).any()


def test_what_cannot_be_kept_or_is_unknown_is_refused(bench):
    assert "no flash" in bench.refusal(codes.CALIBRATE_KEEP)
    assert "99 is unknown" in bench.refusal(99)
    assert "uN of a count" in bench.refusal(codes.CALIBRATE_FORCE, 0)


def test_the_dead_band_of_a_user_changes_the_id(bench):
    bench.do(ZERO)
    before = bench.do(GAIN, 800_000, load=400, n_frames=32)["calibration"]
    bench.foot.ask(m.SETTINGS.pack(4, m.DEAD_BAND, 1, 7))
    assert bench.ask(STATE)["calibration"] not in (0, before)


# -- swing re-zero --


@pytest.fixture
def drifting(make_foot) -> Bench:
    bench = Bench(make_foot)
    bench.do(ZERO)
    bench.do(GAIN, 800_000, load=400, n_frames=32)
    return bench


def test_the_base_stays_unless_rezero_is_on(drifting):
    drifting.base += 10
    walk(drifting, 5)
    state = drifting.ask(STATE)
    assert (state["drift_mean"], state["drift_max"]) == (0, 0)


def test_the_base_follows_the_unloaded_cells_and_tells_how_far(drifting):
    kept = drifting.ask(STATE)["calibration"]
    drifting.foot.ask(m.SETTINGS.pack(4, m.REZERO, 1, 1))
    drifting.base += 5
    walk(drifting, 80)
    state = drifting.ask(STATE)
    assert 4 <= state["drift_mean"] <= 6
    assert 5 <= state["drift_max"] <= 8
    assert state["calibration"] not in (0, kept)  # the host must read the table again


def test_standing_is_never_taken_for_drift(drifting):
    drifting.foot.ask(m.SETTINGS.pack(4, m.REZERO, 1, 1))
    drifting.frames(0.3 * footprint(), 600)
    state = drifting.ask(STATE)
    assert (state["drift_mean"], state["drift_max"]) == (0, 0)


def test_a_walk_without_drift_moves_no_base_by_more_than_its_noise(drifting):
    drifting.foot.ask(m.SETTINGS.pack(4, m.REZERO, 1, 1))
    walk(drifting, 40)
    state = drifting.ask(STATE)
    assert abs(state["drift_mean"]) <= 1
    assert abs(state["drift_max"]) <= 4


class Swing:
    state = 1
    n_state = 1000


@given(start=st.integers(0, 4095), raw=st.integers(0, 4095), n_frames=st.integers(1, 400))
@settings(max_examples=40)
def test_a_base_never_leaves_its_range_nor_moves_by_more_than_a_sixteenth_a_visit(
    start, raw, n_frames
):
    s = Settings(geometry(CELLS_4, False), profile(CELLS_4), 0, "S", 1)
    for i in range(4):
        s.calibration.table[i] = start
    rezero = Rezero(s)
    cells = array("H", [raw] * 4)
    for _ in range(n_frames):
        rezero.frame(cells, None, Swing)
    for i in range(4):
        base = s.calibration.table[i]
        assert min(start, raw) <= base <= max(start, raw)
        assert abs(base - start) <= n_frames / 64 + 1


# -- integers --


@given(st.integers(0, (1 << 31) - 1))
def test_the_root_is_whole_and_right(value):
    root = isqrt(value)
    assert root * root <= value < (root + 1) ** 2


class Frame:
    """A watcher's view without a detector."""

    state = 2


def test_sums_stay_below_two_to_the_thirty_at_full_scale():
    s = Settings(geometry(CELLS_4, False), profile(CELLS_4), 0, "S", 1)
    s.calibration.table[:4] = array("H", [0] * 4)
    levels = jobs.Levels(s)
    for k in range(jobs.MAX_LEVELS):
        gain = jobs.Gain(s, levels, 1000 if not k else 15_999, 0)
        while not gain.is_full:
            gain.frame(array("H", [4095] * 4), None, Frame)
        levels.add(1000 if not k else 15_999, gain, s.calibration.table)
    assert max(levels._fx) < 1 << 30
    assert max(levels._xx) < 1 << 30
    with pytest.raises(jobs.NotDoneError, match="levels are enough"):
        jobs.Gain(s, levels, 1000, 0)
