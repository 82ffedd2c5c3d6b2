"""Foot IMUs of the real recordings, each with the foot that it was on, for ``sides``.

Where the people are known they are named. ``leking45`` calls every foot a left one, after the one
drawing of its sole; two boards of one walk were on two feet, so there the pairs count.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from solekit.errors import DataError
from solekit.formats import load_source
from solekit.layouts import SIDES, FloatArray, Side
from solekit.motion_side import MotionSide
from tools.validate.stride_times import rising

Imu = tuple[
    str, str, Side, FloatArray, FloatArray, FloatArray
]  # set, person, side, t, accel, gyro

GAITMAP_HZ = {
    **dict.fromkeys(("sample", "sample_healthy_stair_down", "sample_healthy_stair_up"), 204.8),
    "sample_ic_stride": 102.4,
}
MARPINO_AT: dict[Side, int] = {"right": 2, "left": 5}  # of the six sensors


def by_motion(data: Path) -> dict[str, Any]:
    """Return how many feet of each set are told by their motion alone, rightly and wrongly."""
    rows: dict[str, dict[str, Any]] = {}
    for name, person, side, t_s, accel, gyro in (
        *_voisard(data / "voisard_feet"),
        *_gaitmap(data / "gaitmap_example"),
        *_pyshoe(data / "pyshoe"),
        *_marpino(data / "marpino"),
        *_miyuzn(data / "miyuzn35"),
        *_moticon(data / "moticon_opengo"),
    ):
        found = MotionSide().judge(accel, gyro, t_s=t_s)
        row = rows.setdefault(name, {"people": set(), "right": 0, "wrong": 0, "unknown": 0})
        row["people"] |= {person} - {""}
        row["unknown" if found.side_ is None else "right" if found.side_ == side else "wrong"] += 1
    pairs = _boards(data / "leking45")
    return {
        "motion": [
            {"set": f"{name}, by motion", **row, "people": len(row["people"]) or None}
            for name, row in rows.items()
        ],
        "motion_wrong": sum(row["wrong"] for row in rows.values()),
        "motion_right": sum(row["right"] for row in rows.values()),
        "motion_unknown": sum(row["unknown"] for row in rows.values()),
        "leking_walks_of_two_boards": len(pairs),
        "leking_walks_told_as_two_feet": sum({*pair} == {*SIDES} for pair in pairs),
        "leking_walks_told_as_one_foot": sum(
            len({*pair}) == 1 and pair[0] is not None for pair in pairs
        ),
    }


def _voisard(folder: Path) -> Iterator[Imu]:
    for path in sorted(folder.glob("S*_t*.npz")):
        with np.load(path) as file:
            for side in SIDES:
                imu = file[f"{side}_foot"].astype(float)
                t_s = np.arange(len(imu)) / float(file["rate_hz"])
                yield "voisard_feet", str(file["subject"]), side, t_s, imu[:, :3], imu[:, 3:]


def _gaitmap(folder: Path) -> Iterator[Imu]:
    for name, rate_hz in GAITMAP_HZ.items():
        path = folder / f"imu_{name}.npz"
        if path.is_file():
            with np.load(path) as file:
                for side in SIDES:
                    imu = file[f"{side}_sensor"].astype(float)
                    t_s = np.arange(len(imu)) / rate_hz
                    accel, gyro = imu[:, :3], np.radians(imu[:, 3:])
                    yield "gaitmap_example", "", side, t_s, accel, gyro


def _pyshoe(folder: Path) -> Iterator[Imu]:
    for path in sorted(folder.glob("d*_*.npz")):
        with np.load(path) as file:
            t_s, accel, gyro = (file[key].astype(float) for key in ("t_s", "acc", "gyro"))
            yield "pyshoe", "", "right", t_s, accel, gyro


def _marpino(folder: Path) -> Iterator[Imu]:
    for path in sorted(folder.glob("S*.npz")):
        with np.load(path) as file:
            for side, i in MARPINO_AT.items():
                good = file["valid"][:, i]
                accel, gyro = (file[key][good, i].astype(float) for key in ("acc", "gyro"))
                yield "marpino", path.stem[:3], side, file["t_s"][good].astype(float), accel, gyro


def _miyuzn(folder: Path) -> Iterator[Imu]:
    for path in sorted(folder.glob("d*_*.npz")):
        with np.load(path) as file:
            for side in SIDES:
                t_s, imu = file[f"t_{side}_s"].astype(float), file[f"imu_{side}"].astype(float)
                good = rising(t_s, np.ones(len(t_s), dtype=bool))
                yield "miyuzn35", "", side, t_s[good], imu[good, :3], imu[good, 3:6]


def _moticon(folder: Path) -> Iterator[Imu]:
    for path in sorted(folder.glob("*.txt")):
        try:
            source = load_source(path)
        except DataError:
            continue
        for side, foot in source.feet.items():
            if foot.accel_m_s2 is not None and foot.gyro_rad_s is not None:
                yield "moticon_opengo", "", side, foot.t_s, foot.accel_m_s2, foot.gyro_rad_s


def _boards(folder: Path) -> list[tuple[Side | None, Side | None]]:
    """Return what both boards of each walk are told to be, board a first."""
    out = []
    for path in sorted(folder.glob("d*_a.npz")):
        other = path.with_name(path.name.replace("_a.npz", "_h.npz"))
        if other.is_file():
            out.append((_board(path), _board(other)))
    return out


def _board(path: Path) -> Side | None:
    with np.load(path) as file:
        t_s, imu = file["t_imu_s"].astype(float), file["imu"].astype(float)
    good = rising(t_s, np.ones(len(t_s), dtype=bool))
    return MotionSide().judge(imu[good, :3], imu[good, 3:6], t_s=t_s[good]).side_
