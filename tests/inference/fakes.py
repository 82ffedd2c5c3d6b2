"""A network whose answer is known: it tells what it sees instead of a pose."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from solekit.inference.decode import KEYPOINTS, N_BINS, bin_centres
from solekit.inference.frames import CENTRE, LATEST
from solekit.inference.windows import PoseNetwork

ACTIONS = ("left", "right")
SHARE, COLUMN = KEYPOINTS.index("head"), KEYPOINTS.index("left_hip")


def logits_of(value: float, axis: int) -> np.ndarray:
    """Logits of one axis whose expectation is ``value`` in statures."""
    centres = bin_centres()[axis].astype(float)
    first = int(np.clip(np.searchsorted(centres, value) - 1, 0, len(centres) - 2))
    share = (value - centres[first]) / (centres[first + 1] - centres[first])
    weight = np.full(len(centres), 1e-12)
    weight[first : first + 2] += max(1 - share, 0), max(share, 0)
    return np.log(weight)


class FakeModel:
    """Says: head x = the left foot's share of the load in a frame; left hip x, y = where the load
    of the left and the right foot lies across, both as if left, 0 to 0.5; or the IMU's channels.

    ``seen`` are the inputs of every run.
    """

    def __init__(self, n_channels: int = 0, n_cells: int = 0) -> None:
        shape = (1, 40, n_channels) if n_channels else (1, 30, 22, 40)
        self.n_cells = n_cells
        self.inputs = {side: SimpleNamespace(shape=shape) for side in ("left", "right")}
        self.outputs = {
            "pose": SimpleNamespace(shape=(1, 2, len(KEYPOINTS), sum(N_BINS))),
            "action": None,
        }
        self.seen: list[dict[str, np.ndarray]] = []

    def run(self, left: np.ndarray, right: np.ndarray) -> dict[str, np.ndarray]:
        assert left.shape == right.shape == self.inputs["left"].shape
        assert left.dtype == right.dtype == np.float32
        self.seen.append({"left": left, "right": right})
        pose = np.zeros((1, 2, len(KEYPOINTS), sum(N_BINS)), dtype=np.float32)
        action = np.zeros((1, 2), dtype=np.float32)
        for i, frame in enumerate((CENTRE, LATEST)):
            loads = [self.load(foot, frame) for foot in (left, right)]
            share = loads[0].sum() / max(loads[0].sum() + loads[1].sum(), 1e-9)
            across = [self.across(load) for load in loads]
            pose[0, i, SHARE, : N_BINS[0]] = logits_of(share - 0.5, 0)
            pose[0, i, COLUMN, : N_BINS[0]] = logits_of(across[0], 0)
            pose[0, i, COLUMN, N_BINS[0] : N_BINS[0] + N_BINS[1]] = logits_of(across[1], 1)
            if frame == CENTRE:
                action[0] = np.log([share + 1e-9, 1 - share + 1e-9])
        return {"pose": pose, "action": action}

    def load(self, foot: np.ndarray, frame: int) -> np.ndarray:
        cells = foot[0, frame, : self.n_cells] if foot.ndim == 3 else foot[0, :, :, frame]
        return cells.astype(float) ** 2

    def across(self, load: np.ndarray) -> float:
        if load.ndim == 1 or load.sum() == 0:
            return 0.0
        return float(load.sum(axis=0) @ np.arange(22) / load.sum() / 42)


def fake(layout: str = "grid-30x22", n_cells: int = 0, n_imu: int = 6) -> PoseNetwork:
    """A fake network for ``layout``, sparse if it has ``n_cells``."""
    model = FakeModel(n_cells + n_imu if n_cells else 0, n_cells)
    card = SimpleNamespace(name=f"pose-{layout}", version="0", layout=layout, actions=ACTIONS)
    return PoseNetwork(card, model)


def share_of(points_m: np.ndarray, stature_m: float = 1.0) -> np.ndarray:
    """Return the share of the left foot that the fake has put into poses (..., 19, 3)."""
    return points_m[..., SHARE, 0] / stature_m + 0.5
