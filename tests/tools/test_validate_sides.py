"""The report on sides counts what it says that it counts."""

from __future__ import annotations

import numpy as np
import pytest

from solekit import layouts
from solekit.layouts import SIDES
from solekit_hil import walker as walkers
from tools.validate import side_motion, sides

OTHER = {"left": "right", "right": "left"}


def test_virtual_soles_are_counted_as_they_are_and_mirrored(tmp_path):
    out = sides.validate(tmp_path, "", seeds=range(1, 2), duration_s=15.0)
    rows = {row["set"]: row for row in out["walks"]}
    assert set(rows) == {f"virtual {name}" for name in sides.SOLES}
    assert all(row["feet"] == 2 for row in rows.values())
    assert (rows["virtual grid-30x22"]["as_is_agrees"], out["n_recordings"]) == (2, 6)
    assert rows["virtual grid-30x22"]["mirrored_mirrored"] == 2
    assert rows["virtual cells-4"]["mirrored_unknown"] == 2
    assert (out["real_feet_judged"], out["motion_right"]) == (0, 0)
    assert all(out["targets"].values())


def write_walks(folder, *, exchanged=False):
    """Write two walks in the form of ``voisard_feet``, and one of both boards of ``leking45``."""
    soles = {side: layouts.named("cells-16", side) for side in SIDES}
    t_s = np.arange(0, 15, 0.01)
    for name in ("voisard_feet", "leking45"):
        (folder / name).mkdir(exist_ok=True)
    for seed in (1, 3):
        imu = walkers.build("fast", seed=seed, layouts=soles).imu(t_s)
        feet = {f"{OTHER[s] if exchanged else s}_foot": imu[s] for s in SIDES}
        np.savez(
            folder / f"voisard_feet/S0{seed}_t1.npz", subject=f"S0{seed}", rate_hz=100.0, **feet
        )
    for board, side in (("a", "right"), ("h", "left")):
        words = np.concatenate([imu[side], np.zeros((len(t_s), 3))], axis=1)
        np.savez(folder / f"leking45/d1_walk_{board}.npz", t_imu_s=t_s, imu=words)


@pytest.mark.parametrize("exchanged", [False, True])
def test_feet_are_counted_by_their_motion(tmp_path, exchanged):
    write_walks(tmp_path, exchanged=exchanged)
    out = side_motion.by_motion(tmp_path)
    (row,) = out["motion"]
    assert (row["set"], row["people"]) == ("voisard_feet, by motion", 2)
    assert (out["motion_right"], out["motion_wrong"]) == ((0, 4) if exchanged else (4, 0))
    assert out["leking_walks_of_two_boards"] == out["leking_walks_told_as_two_feet"] == 1
    assert out["leking_walks_told_as_one_foot"] == 0
