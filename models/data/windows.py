"""Windows of takes as batches: gathered, scaled, spoiled as sensors spoil."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.data.splits import Piece
from models.data.takes import Take
from solekit.errors import DataError
from solekit.inference import frames
from solekit.inference.decode import KEYPOINTS
from solekit.inference.frames import CENTRE, LATEST, N_FRAMES, Float32
from solekit.layouts import SIDES, FloatArray, Layout, Side

MIRRORED = [
    KEYPOINTS.index(name.replace("left", "#").replace("right", "left").replace("#", "right"))
    for name in KEYPOINTS
]


@dataclass(frozen=True)
class Spoil:
    """How sensors are wrong in training.

    Spread of the gain of a cell and of a foot; the greatest load below which a cell says nothing
    (a share of the full relative load); how many cells a foot may lie elsewhere in the shoe.
    """

    cell: float = 0.15
    foot: float = 0.10
    dead: float = 0.0015
    shift_cells: int = 1

    def gains(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.floating]:
        """Return factors (n, n_cells, 1) of roots of loads: half the spread of the loads'."""
        each = 1 + self.cell / 2 * rng.standard_normal((*shape[:2], 1), np.float32)
        return each * (1 + self.foot / 2 * rng.standard_normal((shape[0], 1, 1), np.float32))

    def deaden(self, roots: Float32, rng: np.random.Generator) -> None:
        """Silence light loads of a batch, in place; every second batch stays as it is."""
        if rng.random() < 0.5:
            roots *= roots >= np.float32(np.sqrt(self.dead * rng.random()))

    def shifted(self, image: Float32, rng: np.random.Generator) -> Float32:
        """Return images (n, rows, cols, frames) moved by some cells, all of a batch alike."""
        shift = rng.integers(-self.shift_cells, self.shift_cells + 1, 2)
        if not shift.any():
            return image
        moved = np.zeros_like(image)
        to, of = [], []
        for n, by in zip(image.shape[1:3], shift, strict=True):
            to.append(slice(max(by, 0), n + min(by, 0)))
            of.append(slice(max(-by, 0), n - max(by, 0)))
        moved[:, to[0], to[1]] = image[:, of[0], of[1]]
        return moved


class Windows:
    """All windows of some takes, each named by its take and the index of its first frame.

    ``layout`` are the cells of the takes' loads; a dense one becomes images, a sparse one rows of
    cells, with the IMU where takes have one. ``seen`` (660, 660) is what an image goes through
    first. ``stature_m`` of a take scales its poses: what a network learns are statures.
    """

    def __init__(
        self, takes: Sequence[Take], layout: Layout, *, seen: FloatArray | None = None
    ) -> None:
        if not takes:
            raise DataError("no takes; give at least one")
        self.takes = list(takes)
        self.is_image = layout.n_cells >= frames.MIN_CELLS
        matrix = frames.grid_matrix(layout) if self.is_image else np.eye(layout.n_cells)
        matrix = matrix if seen is None else seen @ matrix
        is_same = matrix.shape[0] == matrix.shape[1] and np.array_equal(
            matrix, np.eye(len(matrix))
        )
        area = np.ones(len(matrix)) if self.is_image else layout.area_mm2
        self.area = area.astype(np.float32)
        self.poses = [take.keypoints_m * np.float32(1 / take.stature_m) for take in self.takes]
        # Roots of load densities, cells first: a window is then a slice that needs no turning.
        self._roots: list[dict[Side, Float32]] = []
        self._sums: list[FloatArray] = []
        self._imu: list[dict[Side, Float32]] = []
        for take in self.takes:
            loads = [take.load[side] for side in SIDES]
            if not is_same:
                loads = [(load @ matrix.T.astype(np.float32)) for load in loads]
            loads = [np.maximum(load, 0.0) for load in loads]
            total = sum(load.sum(axis=1, dtype=float) for load in loads)
            self._sums.append(np.concatenate([[0.0], np.cumsum(total)]))
            roots = [
                np.ascontiguousarray(np.sqrt(load / self.area).T, np.float32) for load in loads
            ]
            if self.is_image:
                roots[1] = _flipped(roots[1])
            self._roots.append(dict(zip(SIDES, roots, strict=True)))
            if take.imu is not None and not self.is_image:
                both: dict[Side, Float32] = {
                    side: frames.imu_channels(take.imu[side], side) for side in SIDES
                }
                self._imu.append(both)

    def all(self, *, every: int = 1, where: Sequence[Piece] | None = None) -> NDArray[np.int64]:
        """Return windows (n, 2): take, first frame; those whose truth is valid throughout.

        ``where`` limits them to pieces of takes; a window lies wholly in its piece.
        """
        pieces = where or [Piece(i, 0, len(take.t_s)) for i, take in enumerate(self.takes)]
        found = [np.zeros((0, 2), np.int64)]
        for piece in pieces:
            firsts = np.arange(piece.start, piece.stop - N_FRAMES + 1, every)
            bad = np.concatenate([[0], np.cumsum(~self.takes[piece.take_index].is_valid)])
            firsts = firsts[bad[firsts + N_FRAMES] == bad[firsts]]
            found.append(np.column_stack([np.full(len(firsts), piece.take_index), firsts]))
        return np.concatenate(found)

    def inputs(
        self,
        windows: NDArray,
        *,
        mirrored: NDArray[np.bool_] | None = None,
        spoil: Spoil | None = None,
        rng: np.random.Generator | None = None,
    ) -> dict[Side, Float32]:
        """Return what the network sees of windows (n, 2), by side.

        ``mirrored`` (n,) swaps the feet of some: both look alike. ``spoil`` needs ``rng``.
        """
        mean = [(self._sums[i][f + N_FRAMES] - self._sums[i][f]) / N_FRAMES for i, f in windows]
        root = np.zeros((len(windows), 1, 1), np.float32)
        some = np.array(mean) > 0
        root[some, 0, 0] = np.sqrt(self.area.sum() / (np.array(mean)[some] * frames.FULL_LOAD))
        swap = np.zeros(len(windows), bool) if mirrored is None else mirrored
        out: dict[Side, Float32] = {}
        for k, side in enumerate(SIDES):
            sides = [SIDES[k ^ int(turned)] for turned in swap]
            x = np.stack(
                [
                    self._roots[i][of][:, f : f + N_FRAMES]
                    for (i, f), of in zip(windows, sides, strict=True)
                ]
            )
            gain = root if rng is None or spoil is None else root * spoil.gains(x.shape, rng)
            x *= gain
            if rng is not None and spoil is not None:
                spoil.deaden(x, rng)
            np.minimum(x, 1.0, out=x)
            if self.is_image:
                x = x.reshape(-1, *frames.GRID, N_FRAMES)
                out[side] = x if rng is None or spoil is None else spoil.shifted(x, rng)
                continue
            x = x.transpose(0, 2, 1)
            if self._imu:
                imu = [
                    self._imu[i][of][f : f + N_FRAMES]
                    for (i, f), of in zip(windows, sides, strict=True)
                ]
                x = np.concatenate([x, np.stack(imu)], axis=2)
            out[side] = np.ascontiguousarray(x)
        return out

    def raw(self, windows: NDArray, *, full_n: float) -> dict[Side, Float32]:
        """Return images of plain loads over ``full_n``, as the study's network sees them."""
        out: dict[Side, Float32] = {}
        for side in SIDES:
            roots = np.stack([self._roots[i][side][:, f : f + N_FRAMES] for i, f in windows])
            images = np.square(roots).reshape(-1, *frames.GRID, N_FRAMES)
            out[side] = (images / np.float32(full_n)).astype(np.float32)
        return out

    def truth(self, windows: NDArray) -> Float32:
        """Return the poses of centre and latest frame in statures, (n, 2, n_points, 3)."""
        return np.stack([self.poses[i][[first + CENTRE, first + LATEST]] for i, first in windows])

    def labels(self, windows: NDArray, actions: Sequence[str]) -> NDArray[np.int64]:
        """Return the index of the action of each window, (n,)."""
        index = {name: k for k, name in enumerate(actions)}
        return np.array([index[self.takes[i].action] for i in windows[:, 0]])


def batches(windows: NDArray, size: int, rng: np.random.Generator) -> Iterator[NDArray]:
    """Yield batches of windows for ever, each epoch in another order."""
    while True:
        order = rng.permutation(len(windows))
        for first in range(0, max(len(order) - size, 0) + 1, size):
            yield windows[order[first : first + size]]


def turned(pose: Float32, which: NDArray[np.bool_]) -> Float32:
    """Return poses (n, ..., 19, 3) of which some (n,) are mirrored: sides swapped, x turned."""
    other = pose[..., MIRRORED, :] * np.array([-1, 1, 1], np.float32)
    return np.where(which.reshape(-1, *[1] * (pose.ndim - 1)), other, pose)


def _flipped(roots: Float32) -> Float32:
    """Return rows of a grid's cells (660, n) with the columns of each row in reverse."""
    return np.ascontiguousarray(roots.reshape(*frames.GRID, -1)[:, ::-1].reshape(roots.shape))
