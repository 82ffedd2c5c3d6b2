"""From optical markers to the key points of the body: any laboratory's set with pelvis and feet.

What a set lacks is put in by proportion (arms, head) or found from rigid clusters (knees without
a marker): good enough for masses in motion, not for joint angles.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from solekit.errors import DataError
from solekit.evenly import low_pass, runs
from solekit.layouts import SIDES, FloatArray, Side
from solekit_hil.walker.body import INDEX, N_KEYPOINTS, Motion
from solekit_hil.walker.capture import feet
from solekit_hil.walker.capture.clusters import joint_between
from solekit_hil.walker.capture.labels import place_of

CUTOFF_HZ = 10.0  # of the markers; people walk and run below it
MAX_GAP_S = 0.25  # longer gaps of a marker stay gaps
_LEAST_SEEN = 0.3  # of the frames
_UP = np.array([0.0, 0.0, 1.0])
_HALF_KNEE_M = 0.05
_HALF_ANKLE_M = 0.035
# Shares of the stature (Drillis and Contini 1964): trunk, half shoulder width, upper arm, forearm.
_TRUNK, _SHOULDER, _UPPER_ARM, _FOREARM, _THIGH, _SHANK = 0.288, 0.129, 0.186, 0.146, 0.245, 0.246
_HEAD = 0.11  # from C7 to the middle of the head

Places = dict[tuple[str, str], FloatArray]


@dataclass(frozen=True, eq=False)
class FootMarkers:
    """Labels of the markers of one foot; ``ankle`` may be empty."""

    heel: str
    toe: str
    ankle: str = ""


def motion_of(
    markers_m: FloatArray,
    names: list[str],
    rate_hz: float,
    *,
    foot_markers: dict[Side, FootMarkers],
    mass_kg: float,
) -> Motion:
    """Return the motion of a body with ``markers_m`` (n, n_markers, 3), NaN where missing.

    Axes: z up, the floor at z = 0. Frames in which pelvis or feet cannot be seen are NaN as a
    whole. DataError names what is missing if a set has no pelvis or no feet.
    """
    # A marker that is hardly seen would leave holes in whatever rests on it.
    often = np.isfinite(markers_m[:, :, 0]).mean(axis=0) > _LEAST_SEEN
    smooth = {
        name: _smooth(markers_m[:, i].astype(float), rate_hz)
        for i, name in enumerate(names)
        if often[i]
    }
    for side in SIDES:
        for label in (foot_markers[side].heel, foot_markers[side].toe):
            if label not in smooth:
                raise DataError(f"no marker {label!r} for the {side} foot; name its markers")
    places = _places(smooth)
    points = np.full((len(markers_m), N_KEYPOINTS, 3), np.nan)

    def put(name: str, at: FloatArray) -> None:
        points[:, INDEX[name]] = at

    pelvis = _Pelvis(places)
    for side in SIDES:
        put(f"{side}_hip", pelvis.hip(side))
    put("pelvis", (points[:, INDEX["left_hip"]] + points[:, INDEX["right_hip"]]) / 2)
    for side in SIDES:
        marked = foot_markers[side]
        heel, toe = smooth[marked.heel], smooth[marked.toe]
        length_m = feet.foot_length_m(pelvis.hip(side), heel)
        foot = feet.sole_points(heel, toe, length_m, rate_hz)
        ankle = _ankle(places, side, foot, pelvis, smooth.get(marked.ankle))
        knee = _knee(places, smooth, side, pelvis, ankle)
        for name, at in foot.points(side).items():
            put(name, at)
        put(f"{side}_ankle", ankle)
        put(f"{side}_knee", knee)
    _upper_body(places, points, pelvis)
    points[~np.isfinite(points).all(axis=(1, 2))] = np.nan
    return Motion(rate_hz, points, mass_kg)


class _Pelvis:
    """Axes of the pelvis and the centres of the hips, from the spines or from given centres."""

    def __init__(self, places: Places) -> None:
        front = [places.get((side, "asis")) for side in SIDES]
        back = [places[key] for key in places if key[1] in ("psis", "sacrum")]
        if any(at is None for at in front) or not back:
            raise DataError(
                "no pelvis: markers of both front spines (as LASI, R.ASIS) and one behind (as "
                "LPSI, SACR) are needed; name them so"
            )
        left, right = (at for at in front if at is not None)
        self.front = (left + right) / 2
        self.width_m = float(np.nanmedian(np.linalg.norm(left - right, axis=1)))
        self.leftward = _unit(left - right)
        ahead = self.front - np.mean(np.stack(back), axis=0)
        self.up = _unit(np.asarray(np.cross(ahead, self.leftward), float))
        self.ahead = np.cross(self.leftward, self.up)
        self._given = {side: places.get((side, "hip")) for side in SIDES}

    def hip(self, side: Side) -> FloatArray:
        """Return the centre of a hip: as given, else by Bell et al. 1990 from the width."""
        given = self._given[side]
        if given is not None:
            return given
        sign = 1 if side == "left" else -1
        local = 0.36 * sign * self.leftward - 0.22 * self.ahead - 0.30 * self.up
        return self.front + self.width_m * local


def _ankle(
    places: Places, side: Side, foot: feet.Foot, pelvis: _Pelvis, marked: FloatArray | None
) -> FloatArray:
    outward = pelvis.leftward * (1 if side == "left" else -1)
    for place, inward_m in (("ankle", 0.0), ("ankle_lateral", _HALF_ANKLE_M)):
        if (side, place) in places:
            return places[side, place] - inward_m * outward
    return marked - _HALF_ANKLE_M * outward if marked is not None else foot.ankle()


def _knee(
    places: Places,
    smooth: dict[str, FloatArray],
    side: Side,
    pelvis: _Pelvis,
    ankle: FloatArray,
) -> FloatArray:
    outward = pelvis.leftward * (1 if side == "left" else -1)
    if (side, "knee") in places:
        return places[side, "knee"]
    if (side, "knee_lateral") in places:
        if (side, "knee_medial") in places:
            return (places[side, "knee_lateral"] + places[side, "knee_medial"]) / 2
        return places[side, "knee_lateral"] - _HALF_KNEE_M * outward
    hip = pelvis.hip(side)
    clusters = [
        np.stack([at for name, at in smooth.items() if place_of(name) == (side, part)], axis=1)
        if (side, part) in places
        else None
        for part in ("thigh", "shank")
    ]
    share = _THIGH / (_THIGH + _SHANK)
    between = hip + share * (ankle - hip)
    if clusters[0] is None or clusters[1] is None:
        return between + 0.02 * pelvis.ahead
    return joint_between(clusters[0], clusters[1], between)


def _upper_body(places: Places, points: FloatArray, pelvis: _Pelvis) -> None:
    hips = points[:, INDEX["pelvis"]]
    knees = [points[:, INDEX[f"{side}_knee"]] for side in SIDES]
    thigh = np.nanmean(
        [
            np.linalg.norm(points[:, INDEX[f"{side}_hip"]] - knee, axis=1)
            for side, knee in zip(SIDES, knees, strict=True)
        ]
    )
    stature_m = float(thigh) / _THIGH
    trunk = [places[key] for key in (("left", "shoulder"), ("right", "shoulder")) if key in places]
    middle = [places[key] for key in (("", "c7"), ("", "sternum")) if key in places]
    if len(trunk) == 2:
        top = (trunk[0] + trunk[1]) / 2
    elif middle:
        top = np.mean(middle, axis=0)
    else:
        # Nobody marked the trunk: it stays upright over the hips.
        top = hips + _TRUNK * stature_m * _UP
    along = _unit(top - hips)
    leftward = _unit(pelvis.leftward - _dot(pelvis.leftward, along) * along)
    ahead = np.cross(leftward, along)
    neck = places.get(("", "c7"), top + 0.02 * stature_m * along)
    points[:, INDEX["neck"]] = neck
    head = places.get(("", "head"))
    base = neck + 0.02 * stature_m * ahead
    points[:, INDEX["head"]] = base + _HEAD * stature_m * along if head is None else head
    for side in SIDES:
        sign = 1 if side == "left" else -1
        shoulder = places.get((side, "shoulder"))
        if shoulder is None:
            shoulder = top + sign * _SHOULDER * stature_m * leftward
        elbow = _middle(places, side, "elbow_lateral", "elbow_medial")
        if elbow is None:
            elbow = shoulder - _UPPER_ARM * stature_m * along
        wrist = places.get((side, "wrist"))
        if wrist is None:
            wrist = elbow - _FOREARM * stature_m * _unit(along - 0.3 * ahead)
        for name, at in (("shoulder", shoulder), ("elbow", elbow), ("wrist", wrist)):
            points[:, INDEX[f"{side}_{name}"]] = at


def _places(smooth: dict[str, FloatArray]) -> Places:
    """Return the mean of the markers of every place; labels that mean nothing are left out."""
    found: dict[tuple[str, str], list[FloatArray]] = defaultdict(list)
    for name, at in smooth.items():
        place = place_of(name)
        if place:
            found[place].append(at)
    return {place: np.mean(all_, axis=0) for place, all_ in found.items()}


def _middle(places: Places, side: Side, *names: str) -> FloatArray | None:
    found = [places[side, name] for name in names if (side, name) in places]
    return np.mean(found, axis=0) if found else None


def _smooth(at_m: FloatArray, rate_hz: float) -> FloatArray:
    """Return a marker's path without noise; short gaps are bridged, long ones stay."""
    seen = np.isfinite(at_m[:, 0])
    out = np.full_like(at_m, np.nan)
    if seen.sum() < 2:
        return out
    index = np.arange(len(at_m))
    whole = np.column_stack([np.interp(index, index[seen], at_m[seen, k]) for k in range(3)])
    before = np.maximum.accumulate(np.where(seen, index, -len(index)))
    after = np.minimum.accumulate(np.where(seen, index, 2 * len(index))[::-1])[::-1]
    known = (after - before) <= MAX_GAP_S * rate_hz
    for start, end in zip(*runs(known), strict=True):
        piece = whole[start:end]
        if end - start > 0.1 * rate_hz:
            out[start:end] = low_pass(piece, CUTOFF_HZ, rate_hz)
    return out


def _unit(vector: FloatArray) -> FloatArray:
    return vector / np.linalg.norm(vector, axis=1, keepdims=True)


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    return (a * b).sum(axis=1, keepdims=True)
