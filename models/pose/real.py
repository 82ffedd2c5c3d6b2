"""Pose from the pressure of real people: the set iscas33x15, tested on the end of each file.

The method is a Gaussian process on windows of pressure, pooled over the files of one kind
(standing, walking), with a part of the kernel that only frames of the same file share. Labels
have gross errors of depth, so the loss is Huber's on the distance of a point (Huber 1964), solved
by pseudo-values: one factorisation serves every iteration.

Settings were chosen by ``cross_validate``, which sees the first 70 % of each file only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, eigh

from models.data.iscas import IscasTake, load_iscas, mirrored
from solekit.errors import DataError
from solekit.formats.iscas import COLS, ROWS
from solekit.layouts import FloatArray

Mask = NDArray[np.bool_]
Features = Callable[[IscasTake], FloatArray]  # (n, k) per frame, any scale

TRAIN_SHARE = 0.7
GUARD_S = 2.0  # more than a window reaches, so no frame of the test is seen in training
TARGET_MM = {False: 40.0, True: 85.0}  # by is_walk
FLOOR_S = 0.3
_COUNTS = 1.7e5  # about the sum of a loaded foot


@dataclass(frozen=True)
class Settings:
    """What the process is made of; amplitudes are relative to the shared constant's."""

    n_components: int = 15
    offsets_s: tuple[float, ...] = (-0.5, -0.25, 0.0, 0.25, 0.5)
    length: float = 1.0
    own: float = 1.0  # of the kernel, the part that only one file's frames share
    noise: float = 2.0
    huber_m: float = 0.02
    n_iterations: int = 30
    is_mirrored: bool = False
    extra_weight: float = 1.0


STANDING = Settings()
WALKING = Settings(length=1.5, own=0.0, noise=0.5, is_mirrored=True)


@dataclass(frozen=True)
class Row:
    """One file: mean distance over 13 points (mm), about the hips, with a 95 % interval."""

    take: str
    is_walk: bool
    n_train: int
    n_test: int
    error_mm: float
    low_mm: float
    high_mm: float
    ridge_mm: float
    mean_pose_mm: float
    floor_mm: float
    target_mm: float

    @property
    def is_met(self) -> bool:
        """Whether the error is below the target."""
        return self.error_mm < self.target_mm


def split(take: IscasTake) -> tuple[Mask, Mask]:
    """Return which frames train and test: by time, ``GUARD_S`` apart, usable frames only."""
    cut_s = take.t_s[0] + TRAIN_SHARE * (take.t_s[-1] - take.t_s[0])
    return take.is_valid & (take.t_s < cut_s - GUARD_S), take.is_valid & (take.t_s >= cut_s)


def blocks(take: IscasTake, n_blocks: int) -> Iterator[tuple[Mask, Mask]]:
    """Yield train and check masks of ``n_blocks`` blocks of the first 70 %, guarded."""
    length_s = TRAIN_SHARE * (take.t_s[-1] - take.t_s[0])
    end_s = take.t_s[0] + length_s
    usable = take.is_valid & (take.t_s < end_s - GUARD_S)
    for k in range(n_blocks):
        low, high = take.t_s[0] + length_s * np.array([k, k + 1]) / n_blocks
        check = usable & (take.t_s >= low) & (take.t_s < high)
        yield usable & ((take.t_s < low - GUARD_S) | (take.t_s >= high + GUARD_S)), check


def geometric_median(points: FloatArray, n_iterations: int = 30) -> FloatArray:
    """Return per key point the place of least summed distance; ``points`` (n, k, 3).

    Weiszfeld's iteration, with a floor of 1 mm on distances.
    """
    centre = np.median(points, axis=0)
    for _ in range(n_iterations):
        weight = 1.0 / np.maximum(np.linalg.norm(points - centre, axis=-1, keepdims=True), 1e-3)
        centre = (weight * points).sum(axis=0) / weight.sum(axis=0)
    return centre


def summary_features(take: IscasTake) -> FloatArray:
    """Return sums (n, 13): load, moments and thirds of each foot, and the left foot's share."""
    image = take.images.astype(np.float64)
    total = image.sum(axis=(2, 3))
    y = image.sum(axis=3) @ np.linspace(-1, 1, ROWS)
    x = image.sum(axis=2) @ np.linspace(-2, 2, COLS)
    thirds = image.reshape(-1, 2, 3, ROWS // 3 * COLS).sum(axis=3).reshape(-1, 6)
    share = 2 * total[:, :1] / np.maximum(total.sum(axis=1, keepdims=True), 1e3)
    return np.concatenate([total / _COUNTS, y / _COUNTS, x / _COUNTS, thirds / _COUNTS, share], 1)


def windows(t_s: FloatArray, values: FloatArray, offsets_s: Sequence[float]) -> FloatArray:
    """Return ``values`` (n, k) at fixed times about each frame, (n, n_offsets * k).

    Frames come about 8 times a second, irregularly: they are interpolated; ends are held.
    """
    columns = []
    for offset in offsets_s:
        at = t_s + offset
        i = np.clip(np.searchsorted(t_s, at) - 1, 0, t_s.size - 2)
        w = np.clip((at - t_s[i]) / (t_s[i + 1] - t_s[i]), 0.0, 1.0)[:, None]
        columns.append(values[i] * (1 - w) + values[i + 1] * w)
    return np.concatenate(columns, axis=1) / np.sqrt(len(offsets_s))


class Process:
    """The pooled robust Gaussian process; fitted on masked frames, asked for any take."""

    def __init__(
        self,
        takes: Sequence[IscasTake],
        masks: Sequence[Mask],
        settings: Settings,
        features: Features | None = None,
    ) -> None:
        self.settings, self.features = settings, features
        pairs = [(take, mask) for take, mask in zip(takes, masks, strict=True) if mask.any()]
        if not pairs:
            raise DataError("no usable frame to train on; give takes with valid key points")
        self._scale([take for take, _ in pairs], [mask for _, mask in pairs])
        if settings.is_mirrored:
            pairs += [(mirrored(take), mask) for take, mask in pairs]
        self._x = np.concatenate([self._seen(take)[mask] for take, mask in pairs])
        self._take = np.concatenate([np.full(mask.sum(), take.name) for take, mask in pairs])
        self._person = np.concatenate([np.full(mask.sum(), take.person) for take, mask in pairs])
        points = np.concatenate([take.keypoints_m[mask] for take, mask in pairs])
        self._centre = geometric_median(points)
        self._fit(points - self._centre)

    def _scale(self, takes: Sequence[IscasTake], masks: Sequence[Mask]) -> None:
        """Find means, scales and principal images, from training frames alone."""
        sums = np.concatenate([summary_features(t)[m] for t, m in zip(takes, masks, strict=True)])
        self._sums = sums.mean(axis=0), sums.std(axis=0) + 1e-9
        root = np.concatenate([_root(t)[m] for t, m in zip(takes, masks, strict=True)])
        self._root_mean = root.mean(axis=0)
        root = root - self._root_mean
        n, size = self.settings.n_components, root.shape[1]
        value, vector = eigh(root.T @ root / len(root), subset_by_index=[size - n, size - 1])
        self._images = vector / np.sqrt(max(value[-1], 1e-9))
        if self.features is not None:
            extra = [self.features(t)[m] for t, m in zip(takes, masks, strict=True)]
            stacked = np.concatenate(extra)
            self._extra = stacked.mean(axis=0), stacked.std(axis=0) + 1e-9

    def _seen(self, take: IscasTake) -> FloatArray:
        mean, std = self._sums
        sums = (summary_features(take) - mean) / std / np.sqrt(mean.size)
        parts = [sums, (_root(take) - self._root_mean) @ self._images]
        if self.features is not None:
            mean, std = self._extra
            scaled = (self.features(take) - mean) / std / np.sqrt(mean.size)
            parts.append(self.settings.extra_weight * scaled)
        return windows(take.t_s, np.concatenate(parts, axis=1), self.settings.offsets_s)

    def _kernel(self, x: FloatArray, take: NDArray[np.str_], person: NDArray[np.str_]):
        own = self.settings.own
        square = (x * x).sum(1)[:, None] + (self._x * self._x).sum(1) - 2 * x @ self._x.T
        near = np.exp(-np.maximum(square, 0.0) / (2 * self.settings.length**2))
        same_take = (take[:, None] == self._take).astype(float)
        same_person = (person[:, None] == self._person).astype(float)
        return near * (1 + own * same_take) / (1 + own) + same_take + same_person + 1.0

    def _fit(self, points: FloatArray) -> None:
        n = len(points)
        kernel = self._kernel(self._x, self._take, self._person)
        factor = cho_factor(kernel + self.settings.noise * np.eye(n))
        target = points
        for _ in range(self.settings.n_iterations):
            weights = cho_solve(factor, target.reshape(n, -1))
            fitted = (kernel @ weights).reshape(points.shape)
            left = points - fitted
            length = np.maximum(np.linalg.norm(left, axis=-1, keepdims=True), 1e-9)
            target = fitted + left * np.minimum(1.0, self.settings.huber_m / length)
        self._weights = cho_solve(factor, target.reshape(n, -1))

    def predict(self, take: IscasTake, mask: Mask) -> FloatArray:
        """Return key points (n, 13, 3) in metres about the hips at the frames of ``mask``."""
        x = self._seen(take)[mask]
        kernel = self._kernel(x, np.full(len(x), take.name), np.full(len(x), take.person))
        return (kernel @ self._weights).reshape(len(x), *self._centre.shape) + self._centre


def _root(take: IscasTake) -> FloatArray:
    """Square roots of counts, (n, 990): they damp what one cell can say."""
    return np.sqrt(take.images.reshape(take.t_s.size, -1).astype(np.float64))


def ridge_on_pca(
    train: tuple[IscasTake, Mask], test: tuple[IscasTake, Mask], n_components: int = 20
) -> FloatArray:
    """Return the poses of ridge regression on principal images of one file: what to beat."""
    counts = train[0].images[train[1]].reshape(train[1].sum(), -1).astype(np.float64)
    asked = test[0].images[test[1]].reshape(test[1].sum(), -1).astype(np.float64)
    points = train[0].keypoints_m[train[1]]
    mean, mean_pose = counts.mean(axis=0), points.mean(axis=0)
    _, value, vector = np.linalg.svd(counts - mean, full_matrices=False)
    scaled = vector[:n_components].T / (value[0] / np.sqrt(len(counts)))
    z = (counts - mean) @ scaled
    flat = (points - mean_pose).reshape(len(points), -1)
    weights = np.linalg.solve(z.T @ z + np.eye(z.shape[1]), z.T @ flat)
    return ((asked - mean) @ scaled @ weights).reshape(-1, *mean_pose.shape) + mean_pose


def label_floor(take: IscasTake, mask: Mask) -> FloatArray:
    """Return errors (n,) in metres of the labels' own neighbours within ``FLOOR_S``, itself out.

    An estimate of what no method can remove: jitter and gross errors of the labels.
    """
    errors = []
    for i in np.flatnonzero(mask):
        near = take.is_valid & (np.abs(take.t_s - take.t_s[i]) <= FLOOR_S)
        near[i] = False
        if near.any():
            middle = geometric_median(take.keypoints_m[near])
            errors.append(np.linalg.norm(take.keypoints_m[i] - middle, axis=-1).mean())
    return np.array(errors)


def interval(
    errors: FloatArray, rng: np.random.Generator, *, n_block: int = 16, n_draws: int = 2000
) -> tuple[float, float]:
    """Return the 95 % interval of the mean by drawing blocks of frames (Kuensch 1989)."""
    n = errors.size
    n_block = max(1, min(n_block, n // 3))
    starts = rng.integers(0, n - n_block + 1, size=(n_draws, -(-n // n_block)))
    index = (starts[..., None] + np.arange(n_block)).reshape(n_draws, -1)[:, :n]
    low, high = np.percentile(errors[index].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def evaluate(
    folder: Path | str,
    *,
    held_out: Path | str | None = None,
    seed: int = 0,
    features: Features | None = None,
) -> list[Row]:
    """Train on the first 70 % of each file of ``folder`` and test on the last 30 %.

    With ``held_out``, a folder of continuations under the same names, all of ``folder`` but the
    last ``GUARD_S`` trains and the continuations test. ``features(take)`` -> (n, k) adds what
    another model sees of each frame, e.g. a frozen encoder.
    """
    takes = load_iscas(folder)
    if held_out is None:
        masks = [split(take) for take in takes]
        train, test = [m[0] for m in masks], [m[1] for m in masks]
        tests = takes
    else:
        by_name = {take.name: take for take in load_iscas(held_out)}
        takes = [take for take in takes if take.name in by_name]
        tests = [by_name[take.name] for take in takes]
        train = [take.is_valid & (take.t_s < take.t_s[-1] - GUARD_S) for take in takes]
        test = [take.is_valid for take in tests]
    rng = np.random.default_rng(seed)
    rows = []
    for is_walk, settings in ((False, STANDING), (True, WALKING)):
        of = [i for i, take in enumerate(takes) if take.is_walk == is_walk and test[i].any()]
        if not of:
            continue
        process = Process([takes[i] for i in of], [train[i] for i in of], settings, features)
        for i in of:
            rows.append(_row(process, (takes[i], train[i]), (tests[i], test[i]), rng))
    return rows


def _row(
    process: Process,
    train: tuple[IscasTake, Mask],
    test: tuple[IscasTake, Mask],
    rng: np.random.Generator,
) -> Row:
    truth = test[0].keypoints_m[test[1]]

    def errors(found: FloatArray) -> FloatArray:
        return 1000 * np.linalg.norm(found - truth, axis=-1).mean(axis=1)

    mine = errors(process.predict(*test))
    low, high = interval(mine, rng)
    return Row(
        take=test[0].name,
        is_walk=test[0].is_walk,
        n_train=int(train[1].sum()),
        n_test=int(test[1].sum()),
        error_mm=float(mine.mean()),
        low_mm=low,
        high_mm=high,
        ridge_mm=float(errors(ridge_on_pca(train, test)).mean()),
        mean_pose_mm=float(errors(train[0].keypoints_m[train[1]].mean(axis=0)).mean()),
        floor_mm=float(1000 * label_floor(*test).mean()),
        target_mm=TARGET_MM[test[0].is_walk],
    )


def cross_validate(
    takes: Sequence[IscasTake],
    settings: Settings,
    *,
    n_blocks: int = 5,
    features: Features | None = None,
) -> dict[str, float]:
    """Return the error in mm of each take over guarded blocks of its first 70 %."""
    errors: dict[str, list[FloatArray]] = {take.name: [] for take in takes}
    for masks in zip(*(blocks(take, n_blocks) for take in takes), strict=True):
        process = Process(takes, [train for train, _ in masks], settings, features)
        for take, (_, check) in zip(takes, masks, strict=True):
            left = process.predict(take, check) - take.keypoints_m[check]
            errors[take.name].append(1000 * np.linalg.norm(left, axis=-1).mean(axis=1))
    return {name: float(np.concatenate(parts).mean()) for name, parts in errors.items()}
