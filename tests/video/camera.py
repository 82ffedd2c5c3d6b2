"""Virtual people, seen by a pinhole camera beside their path; the truth is that of the walker."""

import numpy as np

from solekit import layouts
from solekit.video.landmarks import BLAZEPOSE, Landmarks
from solekit_hil import walker
from solekit_hil.walker.body import INDEX

FROM = {"foot_index": "big_toe"}  # BlazePose's name: the walker's
RATE_HZ = 30.0
SIZE_PX = (1920, 1080)


def walk(motion="walk", *, seed=1, seconds=4.0, start_s=2.0, rate_hz=RATE_HZ):
    """Return times (n,), key points (n, 21, 3) with x from -x0 to x0, and the joints' angles."""
    pair = {side: layouts.named("cells-16", side) for side in layouts.SIDES}
    person = walker.build(motion, seed=seed, layouts=pair)
    t_s = np.arange(0.0, seconds, 1.0 / rate_hz)
    body = person.body(start_s + t_s)
    points_m = body.keypoints_m.copy()
    x_m = points_m[:, INDEX["pelvis"], 0]
    points_m[..., 0] -= (x_m[0] + x_m[-1]) / 2
    return t_s, points_m, body.joint_deg


def film(
    t_s,
    points_m,
    *,
    lens_deg=77.0,
    distance_m=2.0,
    height_m=1.3,
    to_the_right=True,
    turned_deg=0.0,
    noise_px=0.0,
    size_px=SIZE_PX,
    seed=1,
):
    """Return what a level camera ``distance_m`` beside the path sees, as BlazePose's 33 points.

    People go to the right of the picture (their right side is near) or to the left.
    """
    width, height = size_px
    focal_px = width / 2 / np.tan(np.radians(lens_deg) / 2)
    turn = np.radians(turned_deg)
    across = points_m[..., 0] * np.cos(turn) - points_m[..., 1] * np.sin(turn)
    aside = points_m[..., 0] * np.sin(turn) + points_m[..., 1] * np.cos(turn)
    sign = 1.0 if to_the_right else -1.0
    depth_m = distance_m + sign * aside  # y is to the left of the walker
    x_px = width / 2 + focal_px * sign * across / depth_m
    y_px = height / 2 + focal_px * (height_m - points_m[..., 2]) / depth_m
    seen = np.stack([x_px, y_px], axis=-1)
    xy_px = np.full((len(t_s), len(BLAZEPOSE), 2), np.nan)
    for i, name in enumerate(BLAZEPOSE):
        side, _, part = name.partition("_")
        theirs = f"{side}_{FROM.get(part, part)}" if part else ("head" if name == "nose" else name)
        if theirs in INDEX:
            xy_px[:, i] = seen[:, INDEX[theirs]]
    xy_px += np.random.default_rng(seed).normal(0.0, noise_px, xy_px.shape)
    score = np.where(np.isfinite(xy_px).all(axis=2), 1.0, 0.0)
    return Landmarks(t_s, xy_px, score, BLAZEPOSE, width, height, "a virtual camera")


def true_angle(points_m, a, b, c):
    """Return the angle at ``b`` in space (n,), degrees."""
    first, second = (points_m[:, INDEX[name]] - points_m[:, INDEX[b]] for name in (a, c))
    cosine = (
        (first * second).sum(1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
    )
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
