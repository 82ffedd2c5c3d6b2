"""A sole whose picture is the wrong way round is recognised from walking, and no sound one is."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from solekit import layouts, sides
from solekit.errors import DataError
from solekit.formats import load_source
from solekit.layouts import SIDES
from solekit.sides import SideCheck
from solekit_hil import walker as walkers
from solekit_hil.walker import interface

OTHER = {"left": "right", "right": "left"}
RATE_HZ = 50.0


@functools.cache
def walk(motion="walk", seed=1, name="grid-30x22", *, soles_exchanged=False):
    """Return times and, by foot, its load and the sole that it stands on."""
    soles = {s: layouts.named(name, OTHER[s] if soles_exchanged else s) for s in SIDES}
    person: interface.Walker = walkers.build(motion, seed=seed, layouts=soles)
    t_s = np.arange(0, 15, 1 / RATE_HZ)
    words = person.sample(t_s)[0]
    return t_s, {s: (np.maximum(words[s].astype(float), 0.0), soles[s]) for s in SIDES}


def verdicts(t_s, feet, tell=lambda side: side):
    return [
        SideCheck().judge(load, t_s=t_s, layout=layout, side=tell(side)).verdict_
        for side, (load, layout) in feet.items()
    ]


@pytest.mark.parametrize("seed", range(1, 9))
def test_everyone_on_a_grid_agrees_and_is_recognised_when_mirrored(seed):
    t_s, feet = walk(seed=seed)
    assert verdicts(t_s, feet) == ["agrees", "agrees"]
    assert verdicts(t_s, feet, OTHER.get) == ["mirrored", "mirrored"]


@pytest.mark.parametrize("seed", range(1, 9))
def test_sixteen_cells_never_raise_a_false_alarm(seed):
    t_s, feet = walk(seed=seed, name="cells-16")
    assert "mirrored" not in verdicts(t_s, feet)
    assert "agrees" not in verdicts(t_s, feet, OTHER.get)


@pytest.mark.parametrize(
    "motion", ["slow", "fast", "limp", "shuffle", "run", "backward", "sideways", "stairs-up"]
)
def test_no_way_of_walking_is_taken_for_the_other_foot(motion):
    t_s, feet = walk(motion)
    assert "mirrored" not in verdicts(t_s, feet)


def test_soles_in_the_wrong_shoes_are_recognised_on_a_grid_and_never_praised_on_16_cells():
    t_s, feet = walk(soles_exchanged=True)
    assert verdicts(t_s, feet, OTHER.get) == ["mirrored", "mirrored"]
    t_s, feet = walk(name="cells-16", soles_exchanged=True)
    assert verdicts(t_s, feet, OTHER.get) == ["unknown", "unknown"]


def test_four_cells_cannot_tell_and_say_so():
    t_s, feet = walk(name="cells-4")
    load, layout = feet["left"]
    check = SideCheck().judge(load, t_s=t_s, layout=layout, side="left")
    assert (check.verdict_, check.reason_) == (
        "unknown",
        "the midfoot has too few cells across to tell left from right",
    )


@pytest.mark.parametrize("motion", ["stand"])
def test_standing_tells_nothing(motion):
    t_s, feet = walk(motion)
    load, layout = feet["right"]
    check = SideCheck().judge(load, t_s=t_s, layout=layout, side="right")
    assert check.verdict_ == "unknown"
    assert check.reason_


def test_too_few_steps_tell_nothing():
    t_s, feet = walk()
    load, layout = feet["left"]
    few = t_s < 4.0
    check = SideCheck().judge(load[few], t_s=t_s[few], layout=layout, side="left")
    assert check.verdict_ == "unknown"
    assert "fewer than 8" in check.reason_


def test_a_load_without_any_side_is_undecided():
    t_s, feet = walk()
    load, layout = feet["left"]
    across = load.reshape(len(t_s), layout.rows, layout.cols)
    even = ((across + across[:, :, ::-1]) / 2).reshape(load.shape)
    check = SideCheck().judge(even, t_s=t_s, layout=layout, side="left")
    assert check.verdict_ == "unknown"
    assert abs(check.shift_) < 1e-9
    assert "undecided" in check.reason_


@pytest.mark.parametrize("seed", range(5))
def test_stuck_and_dead_cells_and_a_zero_that_is_off_change_nothing(seed):
    random = np.random.default_rng(seed)
    t_s, feet = walk()
    for side, (load, layout) in feet.items():
        damaged = load.copy()
        cells = random.permutation(layout.n_cells)
        damaged[:, cells[:40]] = 0.0
        damaged[:, cells[40:60]] = load.max()
        damaged += random.uniform(0.0, 0.05 * load.max(), layout.n_cells)
        check = SideCheck().judge(damaged, t_s=t_s, layout=layout, side=side)
        assert check.verdict_ == "agrees"


def test_the_unit_and_the_place_across_do_not_matter():
    t_s, feet = walk()
    load, layout = feet["left"]
    check = SideCheck().judge(load, t_s=t_s, layout=layout, side="left")
    aside = layouts.cells(
        "aside",
        layout.x_mm + 9.0,
        layout.y_mm,
        layout.area_mm2,
        length_mm=layout.length_mm,
        width_mm=layout.width_mm,
    )
    again = SideCheck().judge(0.01 * load, t_s=t_s, layout=aside, side="left")
    np.testing.assert_allclose(again.shifts_, check.shifts_, atol=1e-9)


def test_a_long_recording_is_judged_by_some_of_its_stances():
    t_s, feet = walk()
    load, layout = feet["left"]
    check = SideCheck(max_stances=9).judge(load, t_s=t_s, layout=layout, side="left")
    assert len(check.shifts_) == 9
    assert check.verdict_ == "agrees"


def test_what_does_not_fit_is_refused():
    layout = layouts.named("cells-16", "left")
    with pytest.raises(DataError, match=r"16 cells.*\(5, 16\)"):
        SideCheck().judge(np.zeros((5, 4)), t_s=np.arange(5.0), layout=layout, side="left")
    with pytest.raises(DataError, match="middle"):
        SideCheck().judge(np.zeros((5, 16)), t_s=np.arange(5.0), layout=layout, side="middle")
    nothing = SideCheck().judge(np.zeros((0, 16)), t_s=np.zeros(0), layout=layout, side="left")
    assert nothing.verdict_ == "unknown"
    assert nothing.reason_


class _Foot:
    """What ``doubts`` asks of a recorded foot."""

    def __init__(self, side, t_s, load, layout):
        self.side, self.t_s, self.counts = side, t_s, load
        fields = {"layout": layout, "serial": "S1", "is_calibrated": False, "imu_axes": 0}
        self.info = type("Info", (), fields)()


def test_one_mirrored_sole_is_named_and_two_are_a_swapped_pair():
    t_s, feet = walk()
    sound = [_Foot(side, t_s, *feet[side]) for side in SIDES]
    swapped = [_Foot(OTHER[side], t_s, *feet[side]) for side in SIDES]
    assert sides.doubts(sound) == []
    (sentence,) = sides.doubts(swapped)
    assert "seem to be swapped" in sentence
    (sentence,) = sides.doubts([sound[0], swapped[0]])
    assert "right sole (S1)" in sentence
    assert sides.doubts([_Foot("left", np.zeros(0), np.zeros((0, 660)), feet["left"][1])]) == []


@pytest.mark.data
def test_real_people_agree_and_are_recognised_when_mirrored(data_dir):
    paths = sorted((data_dir / "gaitpdb8").glob("*.txt.gz"))
    assert paths
    for path in paths:
        for side, foot in load_source(path).feet.items():
            told = {"t_s": foot.t_s, "layout": foot.layout}
            assert SideCheck().judge(foot.force_n, **told, side=side).verdict_ == "agrees"
            other = SideCheck().judge(foot.force_n, **told, side=OTHER[side])
            assert other.verdict_ == "mirrored"
