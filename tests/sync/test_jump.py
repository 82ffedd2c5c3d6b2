"""A jump tells whether the clocks of both feet are as good as they claim."""

import json

import numpy as np
import pytest

import solekit
from solekit import layouts
from solekit.cli import main
from solekit.sync.jump import check_jump, compare_landings
from solekit_hil import walker
from solekit_hil.walker.body import Motion

FLIGHTS_S = ((3.0, 3.35), (7.0, 7.4), (11.0, 11.3))
PERSON_S = 0.004  # by which the virtual jumper lands the right foot late


def jumps(*, rate_hz=100.0, clock_s=0.0, flights=FLIGHTS_S, seed=1):
    """Return loads of both feet; the right foot's clock is ahead by ``clock_s``."""
    rng = np.random.default_rng(seed)
    t = {side: rng.uniform(0, 1 / rate_hz) + np.arange(0, 15, 1 / rate_hz) for side in FEET}
    load = {}
    for side, late in (("left", 0.0), ("right", PERSON_S)):
        value = np.full(t[side].size, 350.0)
        for off, on in flights:
            value[(t[side] >= off) & (t[side] < on + late)] = 0.0
            since = t[side] - on - late
            landing = (since >= 0) & (since < 0.25)
            value[landing] = 1500 * np.sin(np.pi * np.minimum(since[landing] / 0.25, 1)) + 350 * (
                since[landing] / 0.25
            )
        load[side] = value + rng.uniform(0, 5, value.size)
    t["right"] = t["right"] + clock_s
    return t, load


FEET = ("left", "right")


@pytest.mark.parametrize("rate_hz", [30.0, 50.0, 100.0])
def test_clocks_that_agree_are_confirmed(rate_hz):
    found = compare_landings(*jumps(rate_hz=rate_hz), stated_s=0.003)
    assert found.verdict == "agree", found.reason
    assert found.n_landings == 3
    assert abs(found.difference_s) <= 2 * found.uncertainty_s


@pytest.mark.parametrize("clock_s", [-0.060, -0.030, 0.030, 0.060])
def test_an_injected_offset_is_found_and_measured(clock_s):
    found = compare_landings(*jumps(clock_s=clock_s), stated_s=0.003)
    assert found.verdict == "disagree", found.reason
    assert found.difference_s == pytest.approx(clock_s + PERSON_S, abs=2 * found.uncertainty_s)
    assert found.uncertainty_s < 0.010
    # A claim that allows for it is not contradicted.
    assert compare_landings(*jumps(clock_s=clock_s), stated_s=0.070).verdict == "agree"


@pytest.fixture(scope="module")
def jumper():
    """Return a virtual person who leaves the floor three times, 10 cm high."""
    soles = {side: layouts.named("cells-4", side) for side in FEET}
    person = walker.Person.from_seed(3)
    standing = walker.build("stand", seed=3, layouts=soles, person=person)
    rate_hz, height_m, g_m_s2 = 120.0, 0.10, 9.81
    in_air_s = 2 * np.sqrt(2 * height_m / g_m_s2)
    at_s = np.arange(round(in_air_s * rate_hz)) / rate_hz
    flight = g_m_s2 / 2 * at_s * (in_air_s - at_s)
    stand = np.zeros(round(2 * rate_hz))
    lifted = np.concatenate([stand, flight, stand, flight, stand, flight, stand])
    points = np.repeat(standing.body(np.zeros(1)).keypoints_m[0][None], lifted.size, axis=0)
    points[:, :, 2] += lifted[:, None]
    return walker.play(Motion(rate_hz, points, person.mass_kg), layouts=soles, person=person)


@pytest.mark.parametrize(("clock_s", "verdict"), [(0.0, "agree"), (0.040, "disagree")])
@pytest.mark.parametrize("rate_hz", [50.0, 100.0])
def test_a_virtual_person_who_jumps_tells_right_clocks_from_wrong(
    jumper, rate_hz, clock_s, verdict
):
    t, load, imu = {}, {}, {}
    for side, phase_s in (("left", 0.0), ("right", 0.0037)):
        sampled_s = np.arange(phase_s, jumper.duration_s - 0.1, 1 / rate_hz)
        cells, motion, _ = jumper.sample(sampled_s)
        t[side] = sampled_s + (clock_s if side == "right" else 0.0)
        load[side] = cells[side].sum(axis=1)
        imu[side] = t[side], motion[side][:, :3]
    for sensor in (None, imu):
        found = compare_landings(t, load, stated_s=0.003, imu=sensor)
        assert (found.verdict, found.n_landings) == (verdict, 3), found.reason
        assert abs(found.difference_s - clock_s) <= 2 * found.uncertainty_s


def test_impacts_of_the_motion_sensor_count_as_much_as_the_load():
    t, load = jumps(rate_hz=30.0, clock_s=0.040)
    rng = np.random.default_rng(2)
    imu = {}
    for side, late in (("left", 0.0), ("right", PERSON_S)):
        at = np.arange(0, 15, 1 / 200)
        accel = rng.normal(0, 0.2, (at.size, 3)) + np.array([0, 0, 9.81])
        for _, on in FLIGHTS_S:
            hit = (at >= on + late) & (at < on + late + 0.03)
            accel[hit, 2] += 80 * np.exp(-(at[hit] - on - late) / 0.01)
        imu[side] = at + (0.040 if side == "right" else 0.0), accel
    found = compare_landings(t, load, stated_s=0.003, imu=imu)
    assert found.verdict == "disagree"
    assert found.difference_s == pytest.approx(0.040 + PERSON_S, abs=0.008)


def test_who_does_not_jump_and_clocks_that_are_not_joined_cannot_be_told():
    t, load = jumps(flights=())
    found = compare_landings(t, load, stated_s=0.003)
    assert found.verdict == "cannot tell"
    assert "jump once" in found.reason
    found = compare_landings(*jumps(), stated_s=np.inf)
    assert found.verdict == "cannot tell"
    assert "not joined" in found.reason


def test_steps_are_no_jump(recorded):
    found = check_jump(recorded("sim:walk?seed=1&layout=cells-4", 12.0))
    assert found.verdict == "cannot tell"
    assert found.n_landings == 0
    assert found.stated_s < 0.02


@pytest.fixture(scope="module", params=["cells-16", "grid-30x22"])
def jumped(request, recorded):
    """Return a recording of virtual insoles, over the radio, whose clocks differ by 40 ppm."""
    uri = f"sim:jumps?layout={request.param}&seed=3&air=ble&interval_ms=30&ppm=20"
    return recorded(uri, 20.0)


def test_jumps_on_virtual_insoles_confirm_the_clocks_of_their_recording(jumped, capsys):
    with pytest.raises(SystemExit) as end:
        main(["tie", str(jumped.path), "--jump", "--json"])
    assert not end.value.code
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "agree", found["reason"]
    assert found["n_landings"] >= 4
    # This person lands on both feet at once, so what is left is the clocks' and the frames'.
    assert abs(found["difference_s"]) < found["stated_s"] + found["uncertainty_s"]
    assert found["stated_s"] < 0.010


@pytest.mark.parametrize("clock_s", [-0.040, 0.040])
def test_a_recording_whose_clock_is_wrong_is_caught_by_the_jumps_in_it(jumped, clock_s):
    recording = solekit.Recording(jumped.path)
    right = recording.feet["right"].timeline
    right.knot_offset_s_ = right.knot_offset_s_ + clock_s
    found = check_jump(recording)
    assert found.verdict == "disagree", found.reason
    assert found.difference_s == pytest.approx(clock_s, abs=2 * found.uncertainty_s + 0.002)
