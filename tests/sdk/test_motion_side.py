"""How a foot moves tells which one it is, whatever its insole says of itself."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from solekit import layouts, sides
from solekit.errors import DataError
from solekit.layouts import SIDES
from solekit.motion_side import MotionSide
from solekit_hil import walker as walkers
from tests.recorded import Recorder

OTHER = {"left": "right", "right": "left"}
T_S = np.arange(0, 15, 0.01)


@functools.cache
def walk(motion="fast", seed=1):
    soles = {side: layouts.named("cells-16", side) for side in SIDES}
    imu = walkers.build(motion, seed=seed, layouts=soles).imu(T_S)
    return {side: imu[side].astype(float) for side in SIDES}


def judged(imu, t_s=T_S, **params):
    return MotionSide(**params).judge(imu[:, :3], imu[:, 3:], t_s=t_s)


def mirrored(imu):
    """Return what the other foot feels: an acceleration is a vector, a turn is not."""
    return imu * np.array([1, -1, 1, -1, 1, -1])


@pytest.mark.parametrize("seed", [1, 3, 4, 5])
def test_both_feet_of_a_walk_are_told_apart(seed):
    for side, imu in walk(seed=seed).items():
        found = judged(imu)
        assert (found.side_, found.reason_) == (side, "")
        assert found.n_strides_ >= 8
        assert judged(mirrored(imu)).side_ == OTHER[side]


@pytest.mark.parametrize("seed", range(4))
def test_the_mounting_of_the_sensor_does_not_matter(seed):
    mount = Rotation.random(random_state=seed).as_matrix()
    for side, imu in walk().items():
        turned = np.concatenate([imu[:, :3] @ mount, imu[:, 3:] @ mount], axis=1)
        found = judged(turned)
        assert found.side_ == side
        assert found.push_m_s2_ == pytest.approx(judged(imu).push_m_s2_, rel=0.05)


@pytest.mark.parametrize(
    "motion",
    ["walk", "slow", "limp", "shuffle", "run", "backward", "sideways", "stairs-up", "stand"],
)
def test_no_way_of_moving_is_taken_for_the_other_foot(motion):
    for side, imu in walk(motion).items():
        found = judged(imu)
        assert found.side_ in (side, None)
        assert bool(found.reason_) == (found.side_ is None)


def test_a_push_near_zero_or_to_both_sides_is_undecided():
    imu = walk()["left"]
    straight = imu * np.array([1, 0, 1, 1, 1, 1])
    found = judged(straight)
    assert found.side_ is None
    assert "undecided" in found.reason_
    half = len(imu) // 2
    both = np.concatenate([imu[:half], mirrored(imu)[half:]])
    assert judged(both).side_ is None


def test_a_turn_that_points_to_the_other_foot_takes_the_answer_back():
    imu = walk()["left"].copy()
    imu[:, 5] -= 0.03 + 0.15 * np.maximum(imu[:, 4], 0)  # to the right as the heel rises
    found = judged(imu)
    assert found.side_ is None
    assert "point to different feet" in found.reason_
    assert judged(imu, min_turn_deg=90.0).side_ == "left"


def test_too_few_steps_a_slow_sensor_and_wrong_shapes_are_said():
    imu = walk()["left"]
    few = T_S < 5
    assert "fewer than 8" in judged(imu[few], T_S[few]).reason_
    assert "below 50 Hz" in judged(imu[::4], T_S[::4]).reason_
    with pytest.raises(DataError, match="angular rate"):
        MotionSide().judge(imu[:, :3], imu[:5, 3:], t_s=T_S)


class _Foot:
    """What ``sides.doubts`` asks of a foot with sixteen cells and a motion sensor."""

    def __init__(self, told, imu):
        self.side = told
        layout = layouts.named("cells-16", told)
        self.t_s, self.counts = T_S, np.zeros((len(T_S), 16))
        axes = [f"accel_{a}_m_s2" for a in "xyz"] + [f"gyro_{a}_rad_s" for a in "xyz"]
        self.imu = pd.DataFrame(imu, columns=axes).assign(t_s=T_S)
        fields = {"layout": layout, "serial": "S1", "is_calibrated": False, "imu_axes": 6}
        self.info = type("Info", (), fields)()


def test_a_pair_of_sixteen_cells_that_is_swapped_or_flashed_wrongly_is_seen_by_its_motion():
    imu = walk()
    assert sides.doubts([_Foot(side, imu[side]) for side in SIDES]) == []
    (sentence,) = sides.doubts([_Foot(OTHER[side], imu[side]) for side in SIDES])
    assert "seem to be swapped: both soles move" in sentence
    (sentence,) = sides.doubts([_Foot("left", imu["left"]), _Foot("right", imu["left"])])
    assert sentence.startswith("The right sole (S1) moves as the other foot")


def test_the_end_of_a_recording_holds_the_motion_that_tells(tmp_path):
    record = Recorder(tmp_path)
    foot = record("sim:fast?layout=cells-16&seed=3&side=left", 14.0).feet["left"]
    assert sides.doubts([foot.last_part(12.0)]) == []
    # As if it had been flashed as the other foot, side and geometry.
    info = foot.info
    geometry = info.geometry.copy()
    geometry[: info.n_cells] = info.hello["width"] - geometry[: info.n_cells]
    hello = {**info.hello, "side": 1}
    foot.info = dataclasses.replace(info, hello=hello, geometry=geometry)
    (sentence,) = sides.doubts([foot.last_part(12.0)])
    assert sentence.startswith("The right sole")
    assert "moves as the other foot" in sentence


@pytest.mark.data
def test_real_feet_are_told_apart_and_none_is_taken_for_the_other(data_dir):
    paths = sorted((data_dir / "voisard_feet").glob("S*_t1.npz"))
    assert paths
    seen = []
    for path in paths:
        with np.load(path) as file:
            for side in SIDES:
                imu = file[f"{side}_foot"].astype(float)
                t_s = np.arange(len(imu)) / float(file["rate_hz"])
                seen.append((side, judged(imu, t_s).side_))
    assert all(found in (side, None) for side, found in seen)
    assert sum(found == side for side, found in seen) >= 0.9 * len(seen)
