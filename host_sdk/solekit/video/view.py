"""What the picture shows of how it was taken: passes, side, obliqueness, scale, the protocol."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import ndimage

from solekit.evenly import runs
from solekit.layouts import SIDES, BoolArray, FloatArray, Side
from solekit.video.landmarks import Landmarks

# Shares of the stature (Drillis and Contini 1964): shoulder to hip, hip to ankle, biacromial.
TRUNK, LEG, SHOULDERS = 0.288, 0.491, 0.259
ASSUMED_STATURE_M = 1.65  # for where the middle of the view ends, never for a speed
MAX_OBLIQUE_DEG = 35.0
MIN_PASS_S = 1.0
_LASTS_S = 0.5  # what lasts less is neither a turn nor a new direction
_MOVES = 1.0  # trunk lengths that the hips must travel in the picture to walk through it
_CHECK_DEG = 25.0
PROTOCOL = {"width": 1080, "rate_hz": 30.0}  # the shorter side of a 1080p picture


@dataclass(frozen=True)
class Pass:
    """A walk one way: frames [start, stop); ``facing`` is 1 to the right of the picture, -1."""

    start: int
    stop: int
    facing: int

    @property
    def near(self) -> Side:
        """The side of the body that a camera beside the path sees first."""
        return "right" if self.facing > 0 else "left"

    @property
    def rows(self) -> slice:
        """The frames as an index."""
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class Scale:
    """Pixels per metre at the path, and where that comes from; an assumed one measures nothing."""

    px_per_m: float
    source: str
    is_assumed: bool


def facing(found: Landmarks) -> FloatArray:
    """Return which way the person faces in each frame (n,): 1 right, -1 left, 0 unknown.

    The toes tell, without feet the nose, without either the way the hips go: over half a second.
    """
    ahead = [
        found.point(f"{side}_foot_index")[:, 0] - found.point(f"{side}_{back}")[:, 0]
        for side in SIDES
        for back in ("heel", "ankle")
    ]
    if not np.isfinite(ahead).any():
        ahead = [found.point("nose")[:, 0] - found.middle("shoulder")[:, 0]]
    if not np.isfinite(ahead).any():
        ahead = [np.gradient(found.middle("hip")[:, 0], found.t_s)]
    votes = np.nan_to_num(np.sign(ahead)).sum(axis=0)
    width = max(1, round(_LASTS_S * found.rate_hz))
    return np.sign(ndimage.uniform_filter1d(votes.astype(float), width, mode="nearest").round(9))


def oblique_deg(found: Landmarks) -> FloatArray:
    """Return how far the view of the trunk is from the side (n,), 0 to 90 degrees.

    Seen from the side the shoulders lie over each other; from the front they are 0.259 / 0.288
    trunk lengths apart (Drillis and Contini 1964). Median over half a second, as single frames
    err; without shoulders NaN.
    """
    apart = np.abs(found.point("left_shoulder")[:, 0] - found.point("right_shoulder")[:, 0])
    share = apart / (found.trunk_px * SHOULDERS / TRUNK)
    known = np.isfinite(share)
    if not known.any():
        return share
    filled = np.interp(found.t_s, found.t_s[known], share[known])
    width = 2 * round(0.5 * _LASTS_S * found.rate_hz) + 1
    middle = ndimage.median_filter(filled, width, mode="nearest")
    return np.degrees(np.arcsin(np.clip(middle, 0.0, 1.0)))


def passes(found: Landmarks) -> list[Pass]:
    """Return the walks one way in time order: same direction, from the side, a second or more."""
    way = facing(found)
    oblique = oblique_deg(found)
    aside = np.isnan(oblique) | (oblique <= MAX_OBLIQUE_DEG)
    out = []
    for sign in (1, -1):
        for start, stop in zip(*runs((way == sign) & aside), strict=True):
            if found.t_s[stop - 1] - found.t_s[start] >= MIN_PASS_S:
                out.append(Pass(int(start), int(stop), sign))
    return sorted(out, key=lambda one: one.start)


def walks_through(found: Landmarks) -> bool:
    """Tell whether the person crosses the picture; a camera that follows keeps them in place."""
    x_px = found.middle("hip")[:, 0]
    x_px = x_px[np.isfinite(x_px)]
    if not x_px.size:
        return False
    trunk_px = [found.trunk_px, *(found.leg_px(side) * TRUNK / LEG for side in SIDES)]
    known_px = [px for px in trunk_px if math.isfinite(px)]
    far_px = float(np.ptp(np.percentile(x_px, (5, 95))))
    return bool(known_px) and far_px > _MOVES * known_px[0]


def scale_of(
    found: Landmarks,
    *,
    leg_length_m: float | None = None,
    path_px: tuple[float, float] | None = None,
    path_m: float | None = None,
) -> Scale:
    """Return the scale from a leg (hip to ankle), the marked ends of the path, or an assumption.

    ``path_px`` are the columns of the picture in which the path of ``path_m`` begins and ends.
    """
    if path_px is not None and path_m is not None:
        return Scale(abs(path_px[1] - path_px[0]) / path_m, "ends of the path", False)
    legs = [found.leg_px(side) for side in SIDES]
    legs = [leg for leg in legs if math.isfinite(leg)]
    leg_px = float(np.mean(legs)) if legs else math.nan
    if leg_length_m is not None:
        return Scale(leg_px / leg_length_m, "length of the leg", False)
    parts = [(leg_px, LEG), (found.trunk_px, TRUNK)]
    known = [(px, share) for px, share in parts if math.isfinite(px)]
    total_px, total = sum(px for px, _ in known), sum(share for _, share in known)
    px_per_m = total_px / (total * ASSUMED_STATURE_M) if known else math.nan
    return Scale(px_per_m, f"a stature of {ASSUMED_STATURE_M:g} m, assumed", True)


def view_deg(found: Landmarks, scale: Scale, *, camera_distance_m: float) -> FloatArray:
    """Return the angle between the line of sight to the hips and the middle of the view (n,).

    A pinhole in the middle of the picture, level and square to the path, at
    ``camera_distance_m``: the focal length in pixels is the scale by the distance. NaN where the
    size of the picture or the scale is unknown, or the camera follows the person.
    """
    x_px = found.middle("hip")[:, 0]
    if not found.width_px or not walks_through(found):
        return np.full(len(x_px), np.nan)
    away_m = (x_px - found.width_px / 2.0) / scale.px_per_m
    return np.degrees(np.arctan2(away_m, camera_distance_m))


def check_protocol(
    found: Landmarks,
    walk: Pass | None,
    scale: Scale,
    *,
    camera_distance_m: float = 2.0,
    camera_height_m: float = 1.3,
    path_m: float = 5.0,
) -> pd.DataFrame:
    """Compare the video with the study's protocol: 1080p, 30 fps, 5 m from 2 m beside, 1.3 m high.

    One row per item: ``item``, ``asked``, ``found``, ``ok`` (True, False, or None where the
    picture does not show it), ``note``.
    """
    rows: list[dict[str, object]] = []

    def say(item: str, asked: str, seen: str, ok: bool | None, note: str = "") -> None:
        rows.append({"item": item, "asked": asked, "found": seen, "ok": ok, "note": note})

    short = min(found.width_px, found.height_px)
    size = f"{found.width_px} x {found.height_px}" if short else "unknown"
    say("picture", "1080p", size, short >= PROTOCOL["width"] if short else None)
    rate = found.rate_hz
    say("frames per second", "30", f"{rate:.4g}", abs(rate - PROTOCOL["rate_hz"]) <= 1.0)
    say("duration", "one pass", f"{found.duration_s:.1f} s", None)
    count = len(passes(found))
    note = (
        "" if count == 1 else "the longest one is measured" if count else "no walk from the side"
    )
    say("passes", "1", str(count), count == 1, note)
    ways = {1: "to the right", -1: "to the left"}
    way = ways[walk.facing] if walk else "unknown"
    say("direction", "either", way, None, f"near side: {walk.near}" if walk else "")
    part = found.rows(walk.rows) if walk else found
    oblique = oblique_deg(part)
    if np.isfinite(oblique).any():
        middle = float(np.median(oblique))
        note = "from the width of the shoulders against the trunk"
        say("view", "from the side", f"{middle:.0f} deg off", middle <= _CHECK_DEG, note)
    else:
        say("view", "from the side", "unknown", None, "no shoulders were found")
    through = walks_through(part)
    note = "" if through else "the camera follows or the person stays: angles of view are unknown"
    say("camera", "stands still", "still" if through else "person keeps place", through, note)
    _check_geometry(say, part, scale, camera_distance_m, camera_height_m, path_m, through)
    return pd.DataFrame(rows)


def _check_geometry(
    say,
    found: Landmarks,
    scale: Scale,
    distance_m: float,
    height_m: float,
    path_m: float,
    through: bool,
) -> None:
    needed = math.degrees(2 * math.atan2(path_m / 2, distance_m))
    asked = f"{path_m:g} m at {distance_m:g} m"
    by = f"by {scale.source}"
    if not found.width_px or not math.isfinite(scale.px_per_m):
        say("visible path", asked, "unknown", None, f"{path_m:g} m need a {needed:.0f} deg lens")
        return
    visible_m = found.width_px / scale.px_per_m
    lens = math.degrees(2 * math.atan2(visible_m / 2, distance_m))
    note = f"{by}; {asked} need a lens of {needed:.0f} deg, this is {lens:.0f} deg"
    say("visible path", asked, f"{visible_m:.1f} m", visible_m >= path_m, note)
    x_px = found.middle("hip")[:, 0]
    walked_m = float(np.nanmax(x_px) - np.nanmin(x_px)) / scale.px_per_m
    seen = f"{walked_m:.1f} m" if through else "unknown"
    say("path", f"{path_m:g} m", seen, walked_m >= 0.9 * path_m if through else None, by)
    say("camera distance", f"{distance_m:g} m", "not in the picture", None, "taken as given")
    feet_px = np.concatenate([found.point(f"{side}_ankle")[:, 1] for side in SIDES])
    if np.isfinite(feet_px).any():
        floor_px = (
            float(np.nanpercentile(feet_px, 95)) + 0.039 * ASSUMED_STATURE_M * scale.px_per_m
        )
        centre_m = (floor_px - found.height_px / 2) / scale.px_per_m
        note = f"if the camera is level; {by}"
        close = abs(centre_m - height_m) <= 0.2
        say("camera height", f"{height_m:g} m", f"{centre_m:.2f} m", close, note)


def speed_px_s(found: Landmarks, rows: BoolArray) -> float:
    """Return how fast the hips move along the picture over ``rows`` (n,), NaN below half a second.

    The slope of a straight line through their places (least squares).
    """
    x_px = found.middle("hip")[:, 0]
    known = rows & np.isfinite(x_px)
    if known.sum() < 4 or np.ptp(found.t_s[known]) < _LASTS_S:
        return math.nan
    return float(np.polyfit(found.t_s[known] - found.t_s[known][0], x_px[known], 1)[0])
