"""Points of OpenPose beside a video of one walking child: knees, lost frames, another finder.

The camera follows the child there, through a turn, and back, so that no angle of view is known:
each pass is measured whole. The reference is weak: what the set says of its own knee angles. The
rest compares the way with itself: variables when frames are lost, and points of MediaPipe on the
same video where SOLEKIT_MEDIAPIPE names a Python that has it.

Frames are lost at random or in bursts of a quarter second, 30 % of them. A variable then has to
stay within twice the standard deviation of itself over windows of 1.2 s of the whole walk,
or be refused. Nothing here is a threshold for people.
"""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from solekit.formats.mediapipe_landmarks import load_mediapipe
from solekit.formats.openpose import load_openpose
from solekit.layouts import SIDES, BoolArray
from solekit.video import VideoVariables, finder
from solekit.video.angles import angle_curves
from solekit.video.landmarks import Landmarks
from solekit.video.legs import same_lead_share
from solekit.video.tracking import track
from solekit.video.view import passes

FOLDER = "openpose_sideview"
PATTERNS = ("keypoints.npz",)
RATE_HZ, SIZE_PX = 29.97, (320, 480)  # of the video
STATED_DEG = {"right": (1.0, 74.0), "left": (0.0, 76.0)}  # flexion, 1st and 99th percentile
STATED_WITHIN_DEG = 3.0
LOST_SHARE, BURST_S, N_LOSSES = 0.3, 0.25, 20
WINDOW_S = 1.2
TIMES_SD = 2.0
STABLE_SHARE = 0.95
SEED = 1


def validate(folder: Path, rung: str) -> dict[str, Any]:  # noqa: ARG001 - video only
    """Return knee angles beside the set's statement, what lost frames do, and another finder."""
    found = load_openpose(folder / "keypoints.npz", rate_hz=RATE_HZ, size_px=SIZE_PX)
    tracks = track(found)
    knees = {side: flexion_percentiles(tracks.landmarks, side) for side in SIDES}
    off = max(
        abs(value - stated)
        for side in SIDES
        for value, stated in zip(knees[side], STATED_DEG[side], strict=True)
    )
    walks = passes(tracks.landmarks)
    losses = {kind: lost_frames(found, kind) for kind in ("random", "bursts")}
    return {
        "n_recordings": 1,
        "n_people": 1,
        "reference": "the set's own percentiles of knee flexion; another finder of points",
        "detection_rate": round(found.detection_rate(), 4),
        "n_passes": len(walks),
        "n_frames_legs_exchanged": int(tracks.was_swapped.sum()),
        "same_lead_share": [
            round(same_lead_share(tracks.landmarks.rows(walk.rows)), 2) for walk in walks
        ],
        "knee_flexion_deg": {side: [round(v, 1) for v in knees[side]] for side in SIDES},
        "stated_deg": STATED_DEG,
        "lost_frames": losses,
        "other_finder": other_finder(folder, found),
        "targets": {
            f"knee flexion within {STATED_WITHIN_DEG:g} deg of the statement, both sides": off
            <= STATED_WITHIN_DEG,
            **{
                f"30 % of frames lost ({kind}): stable or refused": result["stable_or_refused"]
                >= STABLE_SHARE
                for kind, result in losses.items()
            },
        },
    }


def flexion_percentiles(found: Landmarks, side: str) -> tuple[float, float]:
    """Return the 1st and 99th percentile of knee flexion over all frames, degrees."""
    flexion = 180.0 - angle_curves(found, 1)[f"{side}_knee_angle"].to_numpy(dtype=float)
    low, high = np.nanpercentile(flexion, (1, 99))
    return float(low), float(high)


def lost_frames(found: Landmarks, kind: str) -> dict[str, Any]:
    """Return what losing 30 % of the frames does to the variables, over N_LOSSES draws."""
    whole = VideoVariables().measure(found)
    spread = window_sd(whole)
    reference = whole.variables_.loc[whole.variables_["reason"] == ""].set_index(["name", "side"])
    rng = np.random.default_rng(SEED)
    changes, refused, names = [], 0, []
    for _ in range(N_LOSSES):
        kept = np.flatnonzero(~lost(len(found.t_s), kind, rng))
        part = VideoVariables().measure(found.rows(kept)).variables_.set_index(["name", "side"])
        for key, row in reference.iterrows():
            value = float(part.loc[key, "value"])
            if math.isnan(value):
                refused += 1
            elif spread.get(key, 0.0) > 0.0:
                changes.append(abs(value - float(row["value"])) / spread[key])
                names.append(key)
    change = np.array(changes)
    n = len(change) + refused
    worst = [names[i] for i in np.argsort(change)[-3:]]
    return {
        "n": n,
        "refused_share": round(refused / n, 3),
        "stable_or_refused": round((refused + int((change <= TIMES_SD).sum())) / n, 4),
        "median_change_sd": round(float(np.median(change)), 3) if len(change) else None,
        "worst_change_sd": round(float(change.max()), 2) if len(change) else None,
        "worst": [" ".join(key).strip() for key in worst],
    }


def lost(n: int, kind: str, rng: np.random.Generator) -> BoolArray:
    """Return which of ``n`` frames are lost: single ones, or bursts until the share is reached."""
    if kind == "random":
        return rng.random(n) < LOST_SHARE
    gone = np.zeros(n, dtype=bool)
    width = round(BURST_S * RATE_HZ)
    while gone.mean() < LOST_SHARE:
        start = int(rng.integers(0, n - width))
        gone[start : start + width] = True
    return gone


def window_sd(whole: VideoVariables) -> dict[tuple[str, str], float]:
    """Return how much every variable differs between windows of 1.2 s of the walk."""
    assert whole.pass_ is not None
    part = whole.tracks_.landmarks.rows(whole.pass_.rows)
    width = round(WINDOW_S * part.rate_hz)
    tables = []
    for start in range(0, len(part.t_s) - width + 1, width):
        window = VideoVariables(min_known_s=0.5, cutoff_hz=0.0).measure(
            part.rows(slice(start, start + width))
        )
        tables.append(window.variables_.set_index(["name", "side"])["value"])
    values = pd.concat(tables, axis=1).std(axis=1, ddof=1)
    return {(str(name), str(side)): float(sd) for (name, side), sd in values.items()}  # type: ignore[misc]


def other_finder(folder: Path, found: Landmarks) -> dict[str, Any] | str:
    """Return how far the variables from MediaPipe's points are from these, near side, by pass."""
    if not os.environ.get(finder.ENVIRONMENT):
        return f"not measured: {finder.ENVIRONMENT} names no Python with mediapipe"
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "landmarks.jsonl"
        finder.find_landmarks(folder / "input.mp4", path, python=finder.find_python())
        other = load_mediapipe(path)
    # The points were found in 401 frames, of which the video has the first 344.
    both = [found.rows(slice(0, len(other.t_s))), other]
    middle = len(other.t_s) // 2
    rows, mixed, legs_px = [], [], []
    for half in (slice(0, middle), slice(middle, None)):
        pair = [VideoVariables().measure(one.rows(half)) for one in both]
        mixed.append([round(same_lead_share(one.tracks_.landmarks), 2) for one in pair])
        rows.append(near_side(pair[0]) - near_side(pair[1]))
        legs_px.append(knee_distance(*(one.tracks_.landmarks for one in pair)))
    difference = pd.concat(rows, axis=1, keys=["there", "back"])
    return {
        "source": other.source,
        "detection_rate": round(other.detection_rate(), 4),
        "same_lead_share_there_and_back": mixed,
        "near_knee_apart_of_leg": [round(value, 3) for value in legs_px],
        "difference": {
            str(name): [None if math.isnan(v) else float(f"{v:.3g}") for v in row]
            for name, row in zip(difference.index, difference.to_numpy(float), strict=True)
        },
    }


def near_side(measured: VideoVariables) -> pd.Series:
    """Return the values of the near side and of both together, by name."""
    near = measured.pass_.near if measured.pass_ else ""
    table = measured.variables_
    return table.loc[table["side"].isin(["", near])].set_index("name")["value"]


def knee_distance(one: Landmarks, other: Landmarks) -> float:
    """Return the median distance of the near knees of two finders, in leg lengths."""
    near = max(passes(one), key=lambda walk: walk.stop - walk.start).near
    n = min(len(one.t_s), len(other.t_s))
    apart = np.hypot(*(one.point(f"{near}_knee")[:n] - other.point(f"{near}_knee")[:n]).T)
    return float(np.nanmedian(apart)) / one.leg_px(near)
