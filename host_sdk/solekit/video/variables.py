"""The variables of a walk seen from the side, or one sentence why a video lacks them."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import pandas as pd

from solekit.algorithm import Algorithm
from solekit.biomarkers.dictionary import Variable, variables
from solekit.errors import DataError
from solekit.layouts import SIDES, BoolArray, FloatArray
from solekit.video.angles import JOINTS, angle_curves, differences_deg
from solekit.video.landmarks import MIN_SCORE, Landmarks
from solekit.video.legs import same_lead_share
from solekit.video.tracking import CUTOFF_HZ, MAX_GAP_S, Tracks, track
from solekit.video.view import (
    Pass,
    Scale,
    check_protocol,
    passes,
    scale_of,
    speed_px_s,
    view_deg,
    walks_through,
)

COLUMNS = ["name", "side", "value", "unit", "error", "sd", "n", "reason", "label"]
NEAR, FAR = "near side", "far side: hidden at times"
CAMERA_DISTANCE_M, CAMERA_HEIGHT_M, PATH_M = 2.0, 1.3, 5.0  # of Kim et al. 2023
CENTRAL_DEG = 25.0
MIXED_SHARE = 0.25  # of the steps: sound walks and the repaired ones are at 0
_STATISTICS = {"mean": np.mean, "max": np.max, "min": np.min, "range": np.ptp}


class VideoVariables(Algorithm):
    """The variables of ``solekit.biomarkers.variables('video')`` from points in the picture.

    Parameters
    ----------
    camera_distance_m, camera_height_m, path_m
        Where the camera stood, and how long the path is: the study's protocol by default.
    central_deg
        Frames in which the person is seen further from the middle of the view are not measured.
    min_score
        Points that their finder trusts less are missing.
    max_gap_s, cutoff_hz
        Gaps that are filled, and the low-pass filter (``solekit.video.tracking``).
    min_known_s, min_known_share
        A variable is refused with fewer known frames than this, in seconds and of those measured.

    Attributes
    ----------
    variables_
        One row per variable and side, always the same: ``name``, ``side`` ('left', 'right', ''
        where not per side), ``value`` (NaN if refused), ``unit``, ``error`` (1-sigma between two
        finders of points, see Notes), ``sd`` over the frames, ``n`` frames, ``reason``, ``label``.
    protocol_
        What differs from the study's protocol (``solekit.video.view.check_protocol``).
    curves_
        Angles over time of the measured pass, with ``view_deg`` and ``is_measured``.
    tracks_, pass_, scale_
        Repaired points; the pass, None without one; the scale.
    same_lead_share_
        Share of the steps of the pass that the same leg leads as the step before; NaN without.
    detection_rate_
        Share of frames x 13 points over ``min_score``; no accuracy.

    Notes
    -----
    Angles are those in the picture. Rotation out of the plane and the finder's idea of where a
    joint is are not corrected: against markers such angles are off by 4 to 8 degrees (Stenum et
    al. 2021, PLoS Comput Biol 17:e1008935). Longest pass, no value clipped or discarded.
    ``error`` is the difference of two finders on one video over sqrt(2), pooled over mean, max and
    min of an angle (a range has sqrt(2) of it), as measured by ``python -m tools.validate
    openpose_sideview``: one child, two passes of 6 s, near side. NaN where not measured.
    """

    variables_: pd.DataFrame
    protocol_: pd.DataFrame
    curves_: pd.DataFrame
    tracks_: Tracks
    pass_: Pass | None
    scale_: Scale
    same_lead_share_: float
    detection_rate_: float

    def __init__(
        self,
        *,
        camera_distance_m: float = CAMERA_DISTANCE_M,
        camera_height_m: float = CAMERA_HEIGHT_M,
        path_m: float = PATH_M,
        central_deg: float = CENTRAL_DEG,
        min_score: float = MIN_SCORE,
        max_gap_s: float = MAX_GAP_S,
        cutoff_hz: float = CUTOFF_HZ,
        min_known_s: float = 1.0,
        min_known_share: float = 0.7,
    ) -> None:
        self.camera_distance_m = camera_distance_m
        self.camera_height_m = camera_height_m
        self.path_m = path_m
        self.central_deg = central_deg
        self.min_score = min_score
        self.max_gap_s = max_gap_s
        self.cutoff_hz = cutoff_hz
        self.min_known_s = min_known_s
        self.min_known_share = min_known_share

    def measure(
        self,
        found: Landmarks,
        *,
        leg_length_m: float | None = None,
        path_px: tuple[float, float] | None = None,
    ) -> Self:
        """Measure the longest pass in ``found``.

        ``leg_length_m`` (hip to ankle) or ``path_px`` (the columns of the picture where the path
        begins and ends) give the scale that a speed needs. DataError on a parameter that no
        camera has.
        """
        self._check(leg_length_m, path_px)
        self.detection_rate_ = found.detection_rate(self.min_score)
        self.tracks_ = track(
            found, min_score=self.min_score, max_gap_s=self.max_gap_s, cutoff_hz=self.cutoff_hz
        )
        tracks = self.tracks_.landmarks
        self.pass_ = max(passes(tracks), key=lambda one: one.stop - one.start, default=None)
        part = tracks if self.pass_ is None else tracks.rows(self.pass_.rows)
        path_m = None if path_px is None else self.path_m
        self.scale_ = scale_of(part, leg_length_m=leg_length_m, path_px=path_px, path_m=path_m)
        self.protocol_ = check_protocol(
            tracks,
            self.pass_,
            self.scale_,
            camera_distance_m=self.camera_distance_m,
            camera_height_m=self.camera_height_m,
            path_m=self.path_m,
        )
        seen_deg = view_deg(part, self.scale_, camera_distance_m=self.camera_distance_m)
        central = np.ones(len(seen_deg), dtype=bool)
        if np.isfinite(seen_deg).any():
            central = np.abs(seen_deg) <= self.central_deg  # NaN, the hips unseen, is not central
        self.curves_ = angle_curves(part, self.pass_.facing if self.pass_ else 1)
        self.curves_["view_deg"] = seen_deg
        self.curves_["is_measured"] = central & (self.pass_ is not None)
        reason = "" if self.pass_ is not None else "no walk of a second or more from the side"
        self.same_lead_share_ = same_lead_share(part)
        rows = []
        for variable in variables("video"):
            for side in SIDES if variable.per_side else ("",):
                rows.append(self._row(variable, side, part, central, reason))
        self.variables_ = pd.DataFrame(rows, columns=COLUMNS)
        return self

    def _check(self, leg_length_m: float | None, path_px: tuple[float, float] | None) -> None:
        for name, value, low, high in (
            ("camera_distance_m", self.camera_distance_m, 0.3, 100.0),
            ("camera_height_m", self.camera_height_m, 0.0, 20.0),
            ("path_m", self.path_m, 0.1, 1000.0),
            ("central_deg", self.central_deg, 1.0, 90.0),
            ("leg_length_m", leg_length_m, 0.2, 1.5),
        ):
            if value is not None and not low <= value <= high:
                raise DataError(f"{name} is {value:g}; it must be between {low:g} and {high:g}")
        if path_px is not None and not abs(path_px[1] - path_px[0]) >= 1.0:
            raise DataError(f"path_px {path_px!r} has no length; give the columns of both ends")

    def _row(
        self, variable: Variable, side: str, part: Landmarks, central: BoolArray, reason: str
    ) -> dict[str, Any]:
        labels = []
        if side and self.pass_ is not None:
            labels.append(NEAR if side == self.pass_.near else FAR)
        value, sd, n = math.nan, math.nan, 0
        if not reason and variable.name == "pose_gait_speed":
            value, n, reason = self._speed(part, central)
            labels.append(f"scale: {self.scale_.source}")
        elif not reason:
            series = _series(variable.name, side, self.curves_)
            known = central & np.isfinite(series)
            n = int(known.sum())
            reason = self._refuse(n, int(central.sum()))
            if not reason:
                value = _value(variable.name, series[known])
                sd = float(np.std(series[known], ddof=1))
        if self.same_lead_share_ > MIXED_SHARE and (side or variable.needs.two_feet):
            labels.append(
                f"the same leg leads again in {100 * self.same_lead_share_:.0f} % of the steps: "
                "left and right may be mixed up"
            )
        if not reason and not np.isfinite(self.curves_["view_deg"]).any():
            labels.append("angle of view unknown: all frames of the pass")
        return {
            "name": variable.name,
            "side": side,
            "value": math.nan if reason else value,
            "unit": variable.unit,
            "error": variable.error_sigma or math.nan,
            "sd": sd,
            "n": n,
            "reason": reason,
            "label": "" if reason else "; ".join(labels),
        }

    def _refuse(self, n: int, n_central: int) -> str:
        rate_hz = self.tracks_.landmarks.rate_hz
        if n / rate_hz < self.min_known_s - 0.5 / rate_hz:
            return (
                f"its points are known for {n / rate_hz:.1f} s near the middle of the view; "
                f"{self.min_known_s:g} s are needed"
            )
        if n < self.min_known_share * n_central:
            return (
                f"its points are known in {100 * n / n_central:.0f} % of {n_central} frames; "
                f"{100 * self.min_known_share:.0f} % are needed"
            )
        return ""

    def _speed(self, part: Landmarks, central: BoolArray) -> tuple[float, int, str]:
        if self.scale_.is_assumed or not math.isfinite(self.scale_.px_per_m):
            return math.nan, 0, "no scale: give the length of the leg or the ends of the path"
        if not walks_through(part):
            return math.nan, 0, "the person keeps their place in the picture: the camera follows"
        n = int((central & np.isfinite(part.middle("hip")[:, 0])).sum())
        reason = self._refuse(n, int(central.sum()))
        return abs(speed_px_s(part, central)) / self.scale_.px_per_m, n, reason


def measure_walk(found: Landmarks) -> VideoVariables:
    """Measure ``found`` with camera, path and leg of its ``about``, else those of the study."""
    names = ("camera_distance_m", "camera_height_m", "path_m", "central_deg")
    known = {name: float(found.about[name]) for name in names if name in found.about}
    path_px = found.about.get("path_px")
    return VideoVariables(**known).measure(
        found,
        leg_length_m=found.about.get("leg_length_m"),
        path_px=None if path_px is None else (float(path_px[0]), float(path_px[1])),
    )


def pose_side(pose: pd.DataFrame, side: str) -> str:
    """Return 'left' or 'right' for ``side``, which may be 'near'; '' where nobody knows."""
    if side in SIDES:
        return side
    if side != "near":
        raise DataError(f"side {side!r} is not one of near, left, right")
    for row in pose.to_dict("records"):
        if NEAR in str(row["label"]):
            return str(row["side"])
        if FAR in str(row["label"]):
            return SIDES[1 - SIDES.index(row["side"])]
    return ""


def _series(name: str, side: str, curves: pd.DataFrame) -> FloatArray:
    """Return what the variable ``name`` is a statistic of, over time (n,)."""
    if name == "pose_max_step_separation":
        return curves["ankles_apart"].to_numpy(dtype=float)
    apart = differences_deg(curves)
    if name == "pose_max_joint_difference":
        every = np.stack([apart[joint] for joint in JOINTS])
        largest = np.where(np.isfinite(every), every, -1.0).max(axis=0)
        return np.where(np.isfinite(apart["knee"] + apart["ankle"]), largest, np.nan)
    if name.startswith("pose_max_inter_"):
        return apart[name.removeprefix("pose_max_inter_").removesuffix("_angle")]
    if name.endswith("_difference"):
        return apart[name.removeprefix("pose_").split("_")[0]]
    column = name.removeprefix("pose_").rpartition("_")[0]
    return curves[f"{side}_{column}" if side else column].to_numpy(dtype=float)


def _value(name: str, known: FloatArray) -> float:
    if name.startswith("pose_max_") or name.endswith("_max_difference"):
        return float(known.max())
    if name.endswith("_min_difference"):
        return float(known.min())
    return float(_STATISTICS[name.rpartition("_")[2]](known))
