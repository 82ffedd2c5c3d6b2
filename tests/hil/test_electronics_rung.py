"""``sim:walk?electronics=1``: the real drivers over modelled parts, behind the ordinary SDK."""

import asyncio
from array import array

import numpy as np
import pytest

import solekit
from solecore.layouts import geometry
from solecore.wire import codes, names
from solefoot.app.profiles import profile
from solefoot.app.settings import Settings
from solekit import layouts, numpy_kernels, service
from solekit.errors import DeviceError, TransportSpecError
from solekit.recording import Recording
from solekit_hil import defects
from solekit_hil.electronics.faults import Faults
from solekit_hil.electronics.pressure import film_of
from solekit_hil.wired import calibrate, open_side

IDEAL = "sim:walk?seed=4&side=left&layout={}"
WIRED = IDEAL + "&electronics=1"


def recorded(uri, path, duration_s=12.0, form=None) -> Recording:
    async def run():
        async with solekit.connect_pair(uri) as pair:
            pair.record_to(path)
            await pair.start(form)
            await pair.clock.sleep(duration_s)
            await pair.stop()

    asyncio.run(run())
    return Recording(path)


def asked(uri, ask):
    async def run():
        async with solekit.connect(uri) as insole:
            return await ask(insole)

    return asyncio.run(run())


@pytest.fixture(scope="module", params=["grid-30x22", "cells-16"])
def both(request, tmp_path_factory):
    """The same walk on the ideal sensor and through the electronics."""
    folder = tmp_path_factory.mktemp("rung")
    return [
        recorded(uri.format(request.param), folder / f"{k}.mcap")
        for k, uri in enumerate((IDEAL, WIRED))
    ]


def test_nothing_is_lost_and_the_insole_says_what_it_is_made_of(both):
    foot = both[1].feet["left"]
    assert foot.loss["pressure"].missing == 0
    assert foot.loss["imu"].missing == 0
    words = dict(zip(names.READOUT_WORDS, foot.info.readout.tolist(), strict=True))
    assert names.BACK_ENDS[words["back_end"]] == "pin"
    assert words["scan_us"] > 30 * foot.info.n_cells * 0.5
    assert foot.info.is_calibrated
    assert foot.info.failed == ()


def test_events_are_those_of_the_ideal_sensor_to_25_ms(both):
    ideal, wired = (recording.events for recording in both)
    for kind in ("ic", "to"):
        a = ideal[ideal["kind"] == kind]["t_s"].to_numpy()
        b = wired[wired["kind"] == kind]["t_s"].to_numpy()
        a, b = (times[(times > a[0] + 1) & (times < a[0] + 10)] for times in (a, b))
        assert len(a) == len(b) >= 7
        # Light loads read high (see below): a toe off comes late by it.
        assert np.abs(a - b).max() < 0.025
        assert np.abs(np.median(a - b)) < 0.015


def test_force_is_that_of_the_ideal_sensor_as_far_as_the_film_lets_it(both):
    ideal, wired = (recording.feet["left"].force_n for recording in both)
    n = min(len(ideal), len(wired))
    ideal, wired = ideal[:n].sum(axis=1), wired[:n].sum(axis=1)
    loaded = ideal > 0.3 * ideal.max()
    # A straight line through a power law of 0.9 reads low pressures high, and creep adds.
    ratio = wired[loaded] / ideal[loaded]
    assert 0.9 < np.median(ratio) < 1.2
    assert ratio.min() > 0.8
    assert ratio.max() < 1.35


@pytest.mark.parametrize("layout", ["grid-30x22", "cells-16"])
def test_with_a_film_without_vices_the_newtons_are_right(layout):
    at = layouts.named(layout, "left")
    film = {"exponent": 1.0, "hysteresis": 0.0, "creep": 0.0, "noise": 0.0}
    options = {"peak_kpa": 600.0, "seed": 5}  # this film conducts more at the top
    s = Settings(geometry(layout, False), profile(layout), 0, "S", 1)
    s.calibration.force_lsb_un = round(300e3 * at.area_mm2.max() / 255)
    press = open_side(at, film=film_of(at, seed=5, **film), **options)
    calibrate(at, s, press, peak_kpa=300.0)
    side = open_side(at, film=film_of(at, seed=5, **film), **options)
    kpa = np.random.default_rng(1).uniform(0, 250, at.n_cells)
    force_n = kpa * at.area_mm2 * 1e-3
    side.load(force_n, 0.0)
    raw, cells = array("H", bytes(2 * at.n_cells)), bytearray(at.n_cells)
    side.scan_into(raw)
    numpy_kernels.calibrate(raw, s.calibration.table, cells, at.n_cells)
    found_n = np.frombuffer(cells, np.uint8) * (s.calibration.force_lsb_un * 1e-6)
    full_n = 300e-3 * at.area_mm2.max()
    # The row driver's 2.5 ohm carry the whole row: 10 mA under the press take 1.5 % of the drive.
    assert np.abs(found_n - force_n).max() < 0.03 * full_n
    assert abs(found_n.sum() / force_n.sum() - 1) < 0.02


def test_the_imu_has_its_own_rate_and_feels_gravity(both):
    foot = both[1].feet["left"]
    assert foot.info.imu_rate_hz == pytest.approx(104, rel=0.001)  # nominal
    n_samples = foot.loss["imu"].received
    assert n_samples / 12.0 == pytest.approx(104, rel=0.03)  # the chip's own clock


def test_a_person_stands_on_modelled_film_and_the_zero_is_refused():
    async def ask(insole):
        with pytest.raises(DeviceError, match="take the load off"):
            await service.calibrate(insole, "zero")
        return await service.calibrate(insole, "state")

    state = asked("sim:stand?seed=4&side=left&electronics=1", ask)
    assert state.calibration_id != 0  # as before


def test_a_walk_equalises_and_the_host_reads_the_new_table():
    async def ask(insole):
        before = insole.known.gain.copy(), insole.known.hello["calibration"]
        state = await service.calibrate(insole, "equalise", 100)
        return before, state, insole.known

    (gain, old_id), state, info = asked(WIRED.format("grid-30x22"), ask)
    assert state.is_done
    assert state.calibration_id == info.hello["calibration"] != old_id
    assert (info.gain != gain).any()
    assert state.has_zero
    assert state.has_gain


def test_an_insole_at_rest_passes_and_names_what_its_parts_lack():
    uri = "sim:stand?seed=4&side=left&layout=cells-16"
    found = asked(f"{uri}&electronics=1", service.self_test)
    assert (found.failed, found.faults) == ((), ())

    async def later(insole):
        await insole.clock.sleep(4.0)
        return await service.self_test(insole)

    for fault, kind, bit in (
        ("imu_brown_out:1", "imu_brown_out", "imu"),
        ("nack", "i2c_nack", "imu"),
        ("saturated_cell:3", "saturated_cell", "cells"),
    ):
        found = asked(f"{uri}&fault={fault}", later)
        assert [one.kind for one in found.faults] == [kind]
        assert found.failed == (bit,)
        assert str(found.faults[0])


def test_a_walk_with_two_faults_names_both_with_their_numbers():
    uri = "sim:walk?seed=4&side=right&fault=broken_row:6&fault=saturated_cell:500"
    found = asked(uri, lambda insole: service.self_test(insole, walk=True))
    assert [(one.kind, one.first) for one in found.faults] == [
        ("saturated_cell", 500),
        ("broken_row", 6),
    ]
    assert found.failed == ("cells",)
    assert found.n_frames >= 200
    assert 200 < found.n_unjudged < 300


def test_without_steps_the_walking_test_comes_to_no_verdict():
    with pytest.raises(solekit.errors.RequestTimeoutError, match="report of a walk"):
        asked(
            "sim:stand?seed=1&side=left&layout=cells-4",
            lambda insole: service.self_test(insole, walk=True, timeout_s=3),
        )


def test_a_running_insole_goes_on_streaming_after_its_tests():
    async def ask(insole):
        await insole.start()
        await service.self_test(insole)
        await service.calibrate(insole, "state")
        assert insole.is_streaming
        return await insole.stop()

    losses = asked(WIRED.format("cells-16"), ask)
    assert losses["pressure"].missing == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dead_cell:7", Faults(dead_cells=(7,))),
        ("broken_row:4", Faults(broken_rows=((4, 0),))),
        ("broken_column:4-9", Faults(broken_cols=((4, 9),))),
        ("swapped_rows:3-4", Faults(swapped_rows=((3, 4),))),
        ("stuck_mux:1-2", Faults(stuck_col_bit=(2, 0))),
    ],
)
def test_faults_are_read_from_the_uri(text, expected):
    assert defects.parse([text]).faults == expected


def test_faults_add_up():
    found = defects.parse(["dead_cell:7", "dead_cell:8", "imu_brown_out:5", "nack"])
    assert found.faults == Faults(dead_cells=(7, 8))
    assert (found.brown_out_s, found.has_nack) == (5.0, True)
    assert defects.parse([]) == defects.Defects()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("fault=dead", "dead_cell"),
        ("fault=dead_cell:x", "dead_cell:CELL"),
        ("fault=stuck_mux:2-1", "1-BIT"),
        ("fault=nack:3", "nack"),
        ("fault=swapped_rows:3", "ROW-ROW"),
        ("electronics=2", "0 or 1"),
    ],
)
def test_a_fault_that_nobody_knows_is_refused_with_what_there_is(query, words):
    with pytest.raises(TransportSpecError, match=words):
        solekit.connect_pair(f"sim:walk?{query}")


def test_the_electronics_are_of_sim_only():
    with pytest.raises(TransportSpecError, match="for sim: only"):
        solekit.connect_pair("mpy:walk?electronics=1")


def test_every_kind_of_fault_has_words():
    kinds = [code for code in range(1, len(names.FAULTS)) if code != codes.NOT_JUDGED]
    texts = {str(service.Fault(names.FAULTS[kind], 0, 1)) for kind in kinds}
    assert len(texts) == len(kinds)
    assert not any("(" in text for text in texts)
