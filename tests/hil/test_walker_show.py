import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from solekit import layouts
from solekit.errors import DataError, MissingExtraError
from solekit_hil import walker as walkers
from solekit_hil.walker import __main__ as command
from solekit_hil.walker import show
from solekit_hil.walker.body import INDEX, KEYPOINTS, N_KEYPOINTS
from solekit_hil.walker.interface import Body, Event, Truth

GRAVITY_M_S2 = 9.80665
HEIGHTS_M = {
    "head": 1.65,
    "neck": 1.5,
    "shoulder": 1.42,
    "elbow": 1.1,
    "wrist": 0.85,
    "hip": 0.92,
    "pelvis": 0.92,
    "knee": 0.48,
    "ankle": 0.08,
    "heel": 0.0,
    "small_toe": 0.0,
    "big_toe": 0.0,
}
FORWARD_M = {"heel": -0.05, "small_toe": 0.15, "big_toe": 0.19}
OUTWARD_M = {"shoulder": 0.19, "elbow": 0.24, "wrist": 0.26, "small_toe": 0.16}


@dataclasses.dataclass
class Swaying:
    """Stands and shifts all the weight from the left foot to the right and back, once a second."""

    layouts: dict
    seed: int = 1
    body_weight_n: float = 700.0
    duration_s: float = np.inf
    speed_m_s: float = 0.0

    def share(self, side, t_s):
        left = np.clip(0.5 + 0.7 * np.sin(2 * np.pi * t_s + self.seed), 0, 1)
        return left if side == "left" else 1 - left

    def sample(self, t_s):
        t_s = np.asarray(t_s, float)
        cells, imu, force_n, cop_mm = {}, {}, {}, {}
        for side, layout in self.layouts.items():
            force_n[side] = self.body_weight_n * self.share(side, t_s)
            middle = np.exp(-(((layout.y_mm / layout.length_mm - 0.5) / 0.2) ** 2))
            weights = middle / middle.sum()
            cells[side] = (force_n[side][:, None] * weights).astype(np.float32)
            imu[side] = self.segment_imu("foot", t_s)
            cop = np.array([weights @ layout.x_mm, weights @ layout.y_mm])
            cop_mm[side] = np.where(force_n[side][:, None] > 0, cop, np.nan)
        return cells, imu, Truth(force_n, cop_mm, self)

    def body(self, t_s):
        points = np.zeros((len(t_s), N_KEYPOINTS, 3))
        force_n, cop_m = {}, {}
        for i, name in enumerate(KEYPOINTS):
            sign = {"left": 1, "right": -1}.get(name.split("_")[0], 0)
            part = name.split("_", 1)[1] if sign else name
            points[:, i, 0] = self.speed_m_s * t_s + FORWARD_M.get(part, 0.0)
            points[:, i, 1] = sign * OUTWARD_M.get(part, 0.1)
            points[:, i, 2] = HEIGHTS_M[part]
        for side, sign in (("left", 1), ("right", -1)):
            up = self.body_weight_n * self.share(side, t_s)
            force_n[side] = np.stack([0 * up, 0 * up, up], axis=-1)
            at = np.stack([self.speed_m_s * t_s + 0.05, 0 * up + sign * 0.1, 0 * up], axis=-1)
            cop_m[side] = np.where(up[:, None] > 0, at, np.nan)
        angles = {f"{side}_knee": 5 + np.sin(t_s) for side in layouts.SIDES}
        return Body(points, force_n, cop_m, angles)

    def events(self, t0_s, t1_s):
        times = np.arange(np.ceil(t0_s), t1_s)
        return [Event("left", "ic", float(t)) for t in times]

    def crossings(self, side, level_n, t0_s, t1_s):
        raise NotImplementedError

    def imu(self, t_s):
        return {side: self.segment_imu("foot", t_s) for side in self.layouts}

    def segment_imu(self, segment, t_s):
        still = np.zeros((len(t_s), 6), np.float32)
        still[:, 2] = GRAVITY_M_S2
        return still


def sway(motion="stand", *, seed=1, layouts, person=None):
    return Swaying(layouts, seed=seed)


def pair(name="grid-30x22"):
    return {side: layouts.named(name, side) for side in layouts.SIDES}


def scene(name="grid-30x22", seconds=1.0, rate_hz=5.0, **kwargs):
    walker = Swaying(pair(name), **kwargs)
    return show.scene(walker, seconds=seconds, rate_hz=rate_hz, title="sway, simulated")


def test_bones_join_all_key_points_into_one_body():
    pairs = [*show.SPINE, *show.BONES["left"], *show.BONES["right"]]
    joined = {"head"}
    for _ in KEYPOINTS:
        joined |= {name for bone in pairs if joined & set(bone) for name in bone}
    assert joined == set(KEYPOINTS)
    assert not [bone for bone in show.BONES["left"] if any("right" in name for name in bone)]


def test_the_camera_is_right_of_the_person_and_keeps_heights_and_directions_apart():
    origin, ahead, left, up = show.project(np.vstack([np.zeros(3), np.eye(3)]))
    np.testing.assert_allclose(origin, 0.0)
    assert ahead[0] > 0.8
    assert left[1] > 0  # what is further away is higher in the picture
    assert up[0] == 0
    assert up[1] > 0.9


@pytest.mark.parametrize("name", ["grid-30x22", "cells-16"])
def test_a_picture_shows_a_file_that_moves_and_is_small(tmp_path, name):
    from PIL import Image

    path = show.save(scene(name), tmp_path / "sway.gif", rate_hz=5.0)
    with Image.open(path) as image:
        assert image.size == (900, 450)
        assert getattr(image, "n_frames", 1) == 5
        assert image.info["duration"] == 200
        assert image.info["loop"] == 0
    assert path.stat().st_size < 150_000


def test_the_pressure_of_a_cell_is_force_by_area():
    at = scene()
    kpa, layout = at.kpa["left"], at.layouts["left"]
    force_n = (kpa * layout.area_mm2).sum(axis=1) / 1000
    np.testing.assert_allclose(force_n, 700 * Swaying({}).share("left", at.t_s), rtol=1e-5)
    assert at.top_kpa % 50 == 0
    assert at.top_kpa >= 0.9 * max(kpa.max() for kpa in at.kpa.values())


def test_a_cell_under_the_big_toe_is_drawn_on_the_inner_side_of_both_feet():
    for side, layout in pair().items():
        inner = layout.x_mm > 44 if side == "left" else layout.x_mm < 44
        hallux = (inner & (layout.y_mm > 200)).astype(float)
        image = show._arranged(layout, hallux)
        assert image[:20].sum() == 0
        half = image[:, 11:] if side == "left" else image[:, :11]
        assert half.sum() == hallux.sum() > 0


def test_arrows_stand_on_the_centre_of_pressure_with_the_length_of_the_force():
    at = scene(rate_hz=20.0)
    picture = show.Picture(at)
    bearing = int(np.argmax(at.body.force_n["left"][:, 2]))
    assert at.body.force_n["left"][bearing, 2] == 700
    picture.draw(bearing)
    arrows = picture._person._arrows
    foot, tip = np.array(arrows["left"].get_position()), np.array(arrows["left"].xy)
    np.testing.assert_allclose(foot, show.project([0.05, 0.1, 0.0]))
    np.testing.assert_allclose(tip - foot, show.project([0, 0, show._M_PER_BODY_WEIGHT]))
    assert not arrows["right"].get_visible()


def test_the_camera_follows_who_walks_and_the_floor_stays():
    at = scene(seconds=2.0, speed_m_s=1.25)
    picture = show.Picture(at)
    heads, floors = [], []
    for i in (0, 1, 2):
        picture.draw(i)
        heads.append(picture._person._head.get_xydata()[0])
        floors.append(picture._person._floor.get_xydata())
    np.testing.assert_allclose(heads[1:], heads[:1] * 2)
    assert not np.allclose(floors[0], floors[1], equal_nan=True)  # 0.25 m: half a tile
    np.testing.assert_allclose(floors[0], floors[2])


def test_the_cursor_moves_and_the_window_keeps_two_seconds():
    at = scene(seconds=4.0)
    picture = show.Picture(at)
    for i, window in ((5, (0, 2)), (15, (1, 3))):
        picture.draw(i)
        forces = picture._forces
        assert forces._axes.get_xlim() == pytest.approx(window)
        assert forces._cursor.get_xdata()[0] == at.t_s[i]
        assert forces._lines["left"].get_xdata()[0] >= window[0]


def test_a_motion_that_ends_is_drawn_to_its_end():
    assert len(scene(seconds=60.0, duration_s=2.0).t_s) == 10


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seconds": 0.0}, "more than 0 s"),
        ({"rate_hz": 100.0}, "at most 50"),
        ({"seconds": 1e4}, "50000 pictures"),
        ({"seconds": float("nan")}, "more than 0 s"),
    ],
)
def test_impossible_lengths_and_rates_are_refused(change, says):
    with pytest.raises(DataError, match=says):
        scene(**change)


def test_the_command_draws_names_and_says_where(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(walkers, "build", sway)
    monkeypatch.chdir(tmp_path)
    titles = []
    monkeypatch.setattr(show, "save", lambda scene, path, rate_hz: titles.append(scene.title))
    assert command.main(["--show", "--motion", "stand", "--seed", "3", "--seconds", "1"]) == 0
    assert "stand-seed3.gif" in capsys.readouterr().out
    assert "stand" in titles[0]
    assert "seed 3" in titles[0]
    assert "simulated" in titles[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--show", "--motion", "fly"], "walk, slow"),
        (["--show", "--layout", "grid-9x9"], "grid-30x22"),
        (["--show", "--out", "picture.png"], "end in .gif"),
        (["--show", "--out", "absent/picture.gif"], "no folder absent"),
        (["--show", "--seed", "-1"], "seed"),
    ],
)
def test_wrong_arguments_end_with_one_sentence(tmp_path, monkeypatch, capsys, arguments, says):
    monkeypatch.setattr(walkers, "build", sway)
    monkeypatch.chdir(tmp_path)
    assert command.main(arguments) == 1
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not list(Path.cwd().iterdir())


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    with pytest.raises(MissingExtraError, match=r"solekit\[report\]"):
        show.Picture(scene())


def test_without_a_task_the_help_is_printed(capsys):
    assert command.main([]) == 0
    assert "--show" in capsys.readouterr().out


def test_the_pelvis_is_where_the_camera_looks():
    at = scene()
    assert at.body.keypoints_m[0, INDEX["pelvis"], 2] == HEIGHTS_M["pelvis"]
