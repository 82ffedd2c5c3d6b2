"""What a network is shown of both feet, and what comes of it: one window at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from solekit import layouts
from solekit.errors import DataError
from solekit.inference import frames as seen
from solekit.inference.decode import keypoints
from solekit.inference.frames import N_FRAMES, RATE_HZ, Float32
from solekit.layouts import SIDES, BoolArray, FloatArray, Layout, Side

MAX_GAP_S = 0.25  # over a longer one nothing is interpolated
IMAGE_MODEL = "pose-grid-30x22"
SPARSE_MODELS = ("pose-cells-16", "pose-cells-4")
WINDOW_S = (N_FRAMES - 1) / RATE_HZ
_SAME_PLACE = 0.03  # of the sole: cells of the same layout in another size
_HALF_S = 0.5 / RATE_HZ  # the IMU is averaged over a frame of the window


@dataclass(frozen=True, eq=False)
class PoseNetwork:
    """A network that is open: its ``card`` of the zoo and the ``model`` that runs."""

    card: Any
    model: Any

    @property
    def is_image(self) -> bool:
        """Whether it looks at 30x22 images, else at cells."""
        return len(self.model.inputs["left"].shape) == 4

    @property
    def n_channels(self) -> int:
        """Cells and IMU channels of a foot; of no meaning for images."""
        return int(self.model.inputs["left"].shape[-1])

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of the actions that it knows."""
        return tuple(self.card.actions)

    def look(self, left: Float32, right: Float32) -> tuple[Float32, Float32]:
        """Return poses in statures (2, 19, 3) and shares of the window's actions (n_actions,).

        The first pose is that of the centre of the window, the second that of its latest frame.
        """
        out = self.model.run(left=left, right=right)
        logits = out["action"][0]
        weight = np.exp(logits - logits.max())
        return keypoints(out["pose"][0]), weight / weight.sum()


def open_network(
    model: Any = "auto",
    *,
    soles: Mapping[Side, Layout],
    mode: str | None = None,
    threads: int = 1,
) -> PoseNetwork:
    """Return the network for insoles of the layouts ``soles``.

    ``model`` is a name of the zoo, the folder of a laboratory's own model, ``auto`` for the one of
    the zoo that fits, or a ``PoseNetwork`` that is open already.
    """
    if isinstance(model, PoseNetwork):
        return model
    from solekit.inference import zoo

    name = fitting_model(soles) if model == "auto" else model
    card, opened = zoo.open_zoo_model(name, mode=mode, threads=threads)
    missing = {"pose", "action"} - set(opened.outputs)
    if missing or set(opened.inputs) != set(SIDES):
        raise DataError(
            f"model {str(name)!r} has the inputs {', '.join(opened.inputs)} and the outputs "
            f"{', '.join(opened.outputs)}; a pose needs left and right, pose and action"
        )
    return PoseNetwork(card, opened)


def fitting_model(soles: Mapping[Side, Layout]) -> str:
    """Return the model of the zoo for insoles of the layouts ``soles``; DataError if none fits."""
    for name in SPARSE_MODELS:
        if all(_is_layout(sole, name.removeprefix("pose-"), side) for side, sole in soles.items()):
            return name
    for sole in soles.values():
        try:
            seen.grid_matrix(sole)
        except DataError as error:
            known = ", ".join(name.removeprefix("pose-") for name in SPARSE_MODELS)
            raise DataError(
                f"no pose model fits layout {sole.name!r}: it is none of {known}, and {error}; "
                "name a model of your own"
            ) from error
    return IMAGE_MODEL


def _is_layout(sole: Layout, name: str, side: Side) -> bool:
    """Return whether ``sole`` is the layout ``name`` in any size; unknown ones go by name."""
    try:
        own = layouts.named(name, side)
    except DataError:
        return sole.name == name
    if own.n_cells != sole.n_cells:
        return False
    off_x = np.abs(sole.x_mm / sole.width_mm - own.x_mm / own.width_mm)
    off_y = np.abs(sole.y_mm / sole.length_mm - own.y_mm / own.length_mm)
    return bool(max(off_x.max(), off_y.max()) < _SAME_PLACE)


class FootView:
    """How ``network`` sees a foot of the layout ``sole``; DataError if it cannot.

    ``n_axes`` is how many axes of the IMU it wants beside the cells: 0, 3 (specific force) or 6;
    ``area_mm2`` is that of what ``seen_load`` gives.
    """

    def __init__(self, network: PoseNetwork, sole: Layout, side: Side) -> None:
        self.side: Side = side
        self.is_image = network.is_image
        self.n_axes = 0
        self.area_mm2: FloatArray | float = 1.0
        self._matrix: Float32 | None = None
        if self.is_image:
            matrix = seen.grid_matrix(sole).astype(np.float32)
            is_same = matrix.shape[0] == matrix.shape[1] and bool(
                np.array_equal(matrix, np.eye(len(matrix), dtype=np.float32))
            )
            self._matrix = None if is_same else np.ascontiguousarray(matrix.T)
            return
        asked = str(network.card.layout)
        n_extra = network.n_channels - sole.n_cells
        if n_extra not in (0, 3, 6) or not _is_layout(sole, asked, side):
            raise DataError(
                f"model {network.card.name!r} is for layout {asked!r}, the {side} insole has "
                f"{sole.name!r} with {sole.n_cells} cells; choose a model of that layout"
            )
        self.n_axes = n_extra
        self.area_mm2 = sole.area_mm2

    def seen_load(self, load: Any) -> Float32:
        """Return loads (n, n_cells) as the network's cells, (n, 660) for an image."""
        load = np.asarray(load, dtype=np.float32)
        return load if self._matrix is None else load @ self._matrix

    def shaped(self, relative: Float32, imu: FloatArray | None) -> Float32:
        """Return a window (40, n) and its IMU (40, n_axes) as input of the network."""
        if self.is_image:
            return seen.image(relative, self.side)[None]
        if imu is None or not self.n_axes:
            return relative[None]
        channels = seen.imu_channels(imu[:, : self.n_axes], self.side)
        return np.concatenate((relative, channels), axis=1)[None]


def between(t_s: FloatArray, values: Float32, at_s: FloatArray) -> Float32:
    """Return ``values`` (n, k) at ``at_s`` (m,), linear between the samples, (m, k) float32."""
    last = len(t_s) - 2
    first = np.clip(np.searchsorted(t_s, at_s, side="right") - 1, 0, last)
    step = t_s[first + 1] - t_s[first]
    share = (np.clip((at_s - t_s[first]) / step, 0.0, 1.0)).astype(np.float32)[:, None]
    out = values[first]
    out += share * (values[first + 1] - out)
    return out


def averaged(t_s: FloatArray, values: FloatArray, at_s: FloatArray) -> FloatArray:
    """Return the means of ``values`` (n, k) over a frame about ``at_s`` (m,), (m, k).

    Where no sample falls into a frame, its neighbours are interpolated.
    """
    low = np.searchsorted(t_s, at_s - _HALF_S, side="left")
    high = np.searchsorted(t_s, at_s + _HALF_S, side="right")
    first, stop = int(low[0]), int(high[-1])
    sums = np.concatenate((np.zeros((1, values.shape[1])), np.cumsum(values[first:stop], axis=0)))
    n = (high - low)[:, None]
    out = (sums[high - first] - sums[low - first]) / np.maximum(n, 1)
    empty = n[:, 0] == 0
    if empty.any():
        out[empty] = np.stack([np.interp(at_s[empty], t_s, column) for column in values.T], axis=1)
    return out


def is_whole(
    t_s: FloatArray, start_s: FloatArray, end_s: FloatArray, *, slack_s: float = 0.0
) -> BoolArray:
    """Return whether samples at ``t_s`` (n,) cover each span (m,) without a long gap.

    ``slack_s`` is how much may be missing at either end of the span.
    """
    if len(t_s) < 2:
        return np.zeros(len(start_s), dtype=bool)
    gaps = np.flatnonzero(np.diff(t_s) > MAX_GAP_S)
    begun = np.searchsorted(t_s[gaps], end_s, side="left")
    over = np.searchsorted(t_s[gaps + 1], start_s, side="right")
    covered = (start_s >= t_s[0] - slack_s) & (end_s <= t_s[-1] + slack_s)
    return (begun <= over) & covered


def window(
    views: Mapping[Side, FootView],
    loads: Mapping[Side, tuple[FloatArray, Float32]],
    imus: Mapping[Side, tuple[FloatArray, FloatArray]],
    at_s: FloatArray,
) -> tuple[Float32, Float32]:
    """Return what the network sees of the left and the right foot at ``at_s`` (40,).

    ``loads`` are times (n,) and what ``seen_load`` gives (n, k); ``imus`` times and
    samples of the IMU (n, 3 or 6).
    """
    left: Any = between(*loads["left"], at_s)
    right: Any = between(*loads["right"], at_s)
    left, right = seen.relative_load(left, right, views["left"].area_mm2)
    inputs = []
    for side, relative in zip(SIDES, (left, right), strict=True):
        imu = averaged(*imus[side], at_s) if views[side].n_axes else None
        inputs.append(views[side].shaped(relative, imu))
    return inputs[0], inputs[1]
