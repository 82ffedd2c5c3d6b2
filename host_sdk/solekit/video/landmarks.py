"""Points of a body in the frames of a video, whoever found them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solekit.errors import DataError
from solekit.layouts import SIDES, BoolArray, FloatArray, Side

# The order of BlazePose (Bazarevsky et al. 2020, arXiv 2006.10204).
BLAZEPOSE = (
    "nose",
    *(f"{side}_{part}" for side in SIDES for part in ("eye_inner", "eye", "eye_outer")),
    *(f"{side}_ear" for side in SIDES),
    *(f"mouth_{side}" for side in SIDES),
    *(
        f"{side}_{part}"
        for part in (
            *("shoulder", "elbow", "wrist", "pinky", "index", "thumb"),
            *("hip", "knee", "ankle", "heel", "foot_index"),
        )
        for side in SIDES
    ),
)
# The study counts 15 points and lists 13: head and six pairs.
COUNTED = (
    "nose",
    *(
        f"{side}_{part}"
        for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        for side in SIDES
    ),
)
MIN_SCORE = 0.3  # a point that its finder trusts less is missing
MIN_FRAMES = 8
MAX_PX = 1e5
RATES_HZ = (1.0, 2000.0)


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Points over time, in pixels: x to the right, y down, the first pixel is 0, 0.

    ``t_s`` (n,) increasing; ``xy_px`` (n, k, 2), NaN where a point was not found; ``score``
    (n, k) from 0 to 1, what the finder says of itself; ``names`` (k,); the size of the picture in
    pixels, 0 if nobody knows; ``source`` says who found the points; ``notes`` are sentences;
    ``about`` is what was said when they were made: ``person`` (a code), camera, leg length.
    """

    t_s: FloatArray
    xy_px: FloatArray
    score: FloatArray
    names: tuple[str, ...]
    width_px: int
    height_px: int
    source: str
    notes: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, k = len(self.t_s), len(self.names)
        if self.t_s.shape != (n,) or n < MIN_FRAMES:
            raise DataError(
                f"{self.source}: {n} frames hold no walk; at least {MIN_FRAMES} are needed"
            )
        if self.xy_px.shape != (n, k, 2) or self.score.shape != (n, k):
            raise DataError(
                f"{self.source}: points {self.xy_px.shape} with scores {self.score.shape}; "
                f"{n} times and {k} names ask for {(n, k, 2)} and {(n, k)}"
            )
        if not np.isfinite(self.t_s).all() or (np.diff(self.t_s) <= 0).any():
            raise DataError(f"{self.source}: times must increase from frame to frame; sort them")
        if not RATES_HZ[0] <= self.rate_hz <= RATES_HZ[1]:
            raise DataError(
                f"{self.source}: {self.rate_hz:g} frames per second are no video; give seconds"
            )
        if len(set(self.names)) != k:
            raise DataError(f"{self.source}: a point's name occurs twice; name each once")
        if not np.isfinite(self.xy_px).any():
            raise DataError(f"{self.source}: nobody was found in any frame; is a person in view?")
        if np.nanmax(np.abs(self.xy_px)) > MAX_PX:
            raise DataError(
                f"{self.source}: a point lies {MAX_PX:g} pixels or more off; see units"
            )
        if self.width_px < 0 or self.height_px < 0:
            raise DataError(
                f"{self.source}: a picture cannot be smaller than nothing; give pixels"
            )

    @property
    def rate_hz(self) -> float:
        """Frames per second, without gaps."""
        return float(1.0 / np.median(np.diff(self.t_s)))

    @property
    def duration_s(self) -> float:
        """Time from the first to the last frame."""
        return float(self.t_s[-1] - self.t_s[0])

    def has(self, *names: str) -> bool:
        """Tell whether all ``names`` are among the points."""
        return set(names) <= set(self.names)

    def point(self, name: str) -> FloatArray:
        """Return the point ``name`` (n, 2); NaN throughout where the source does not know it."""
        if name not in self.names:
            return np.full((len(self.t_s), 2), np.nan)
        return self.xy_px[:, self.names.index(name)]

    def middle(self, part: str) -> FloatArray:
        """Return the middle of both sides of ``part`` (n, 2); one side where the other is lost."""
        both = np.stack([self.point(f"{side}_{part}") for side in SIDES])
        known = np.isfinite(both)
        total = np.where(known, both, 0.0).sum(axis=0)
        count = known.sum(axis=0)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def leg_px(self, side: Side) -> float:
        """Return the median length of thigh and shank together in pixels; NaN if never seen."""
        hip, knee, ankle = (self.point(f"{side}_{part}") for part in ("hip", "knee", "ankle"))
        return _median(length(hip - knee) + length(knee - ankle))

    @property
    def trunk_px(self) -> float:
        """Median length from the middle of the hips to that of the shoulders; NaN if not seen."""
        return _median(length(self.middle("shoulder") - self.middle("hip")))

    def detection_rate(self, min_score: float = MIN_SCORE) -> float:
        """Return the share of frames x the counted points with a score over ``min_score``.

        It tells how often the finder trusted itself. It is no accuracy: the 89.23 % of Kim et al.
        2023 are a judgement of 100 pictures by eye.
        """
        counted = [self.names.index(name) for name in COUNTED if name in self.names]
        if not counted:
            return float("nan")
        seen = np.isfinite(self.xy_px[:, counted]).all(axis=2)
        return float((seen & (self.score[:, counted] >= min_score)).mean())

    def trusted(self, min_score: float = MIN_SCORE) -> Landmarks:
        """Return the same with NaN for every point whose score is below ``min_score``."""
        keep = self.score >= min_score
        return replace(self, xy_px=np.where(keep[..., None], self.xy_px, np.nan))

    def rows(self, wanted: slice | NDArray[np.int64] | BoolArray) -> Landmarks:
        """Return the frames ``wanted``, an index of numpy."""
        return replace(
            self, t_s=self.t_s[wanted], xy_px=self.xy_px[wanted], score=self.score[wanted]
        )


def length(vector: FloatArray) -> FloatArray:
    """Return the length of vectors (..., 2)."""
    return np.hypot(vector[..., 0], vector[..., 1])


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")
