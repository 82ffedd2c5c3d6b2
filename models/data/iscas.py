"""The set iscas33x15: 33 x 15 counts per foot beside 13 key points of a depth camera.

Source: ISCAS 2025 Insole, University College London. Key points are in the camera's frame (x
right, y down, z depth); here they are about the middle of the hips, which is all that is
evaluated: the people face the camera throughout, so no turn of the body has to be guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from solekit.errors import DataError
from solekit.formats.iscas import COLS, ROWS, load_iscas_counts
from solekit.layouts import SIDES, FloatArray, Layout, Side

KEYPOINTS = (
    "head",
    *(
        f"{side}_{part}"
        for part in ("shoulder", "elbow", "hip", "knee", "heel", "foot_index")
        for side in ("left", "right")
    ),
)
_HIPS = [KEYPOINTS.index("left_hip"), KEYPOINTS.index("right_hip")]
_MIRRORED = [0, *(i + 1 if i % 2 else i - 1 for i in range(1, len(KEYPOINTS)))]


@dataclass(frozen=True, eq=False)
class IscasTake:
    """One file: counts by side (n, 495) heel row first, key points (n, 13, 3) in metres.

    Key points are about the middle of the hips; ``is_valid`` (n,) is the set's own mark.
    """

    name: str
    person: str
    is_walk: bool
    t_s: FloatArray
    counts: dict[Side, NDArray[np.float32]]
    keypoints_m: FloatArray
    is_valid: NDArray[np.bool_]
    layout: Layout

    @property
    def images(self) -> NDArray[np.float32]:
        """Counts of both feet as images (n, 2, 33, 15), heel row first."""
        return np.stack([self.counts[side] for side in SIDES], axis=1).reshape(-1, 2, ROWS, COLS)


def load_iscas_take(path: Path | str) -> IscasTake:
    """Read one npz file of the set; DataError if it is another file."""
    path = Path(path)
    t_s, counts, layout = load_iscas_counts(path)
    with np.load(path, allow_pickle=False) as source:
        missing = {"keypoints_m", "joint_names", "valid"} - set(source.files)
        if missing:
            raise DataError(f"{path.name}: {min(missing)} is missing; a paired take has it")
        points = np.asarray(source["keypoints_m"], dtype=np.float64)
        names = tuple(str(name) for name in source["joint_names"])
        is_valid = np.asarray(source["valid"], dtype=np.bool_)
    if names != KEYPOINTS or points.shape != (t_s.size, len(KEYPOINTS), 3):
        raise DataError(
            f"{path.name}: key points {points.shape} named {names[:2]}...; "
            f"({t_s.size}, {len(KEYPOINTS)}, 3) starting with {KEYPOINTS[:2]} are needed"
        )
    if is_valid.shape != t_s.shape:
        raise DataError(f"{path.name}: valid is {is_valid.shape}; {t_s.shape} is needed")
    return IscasTake(
        name=path.stem,
        person=path.stem.split("_")[0],
        is_walk="_walk" in path.stem,
        t_s=t_s,
        counts={side: cells.astype(np.float32) for side, cells in counts.items()},
        keypoints_m=points - points[:, _HIPS].mean(axis=1, keepdims=True),
        is_valid=is_valid,
        layout=layout,
    )


def load_iscas(folder: Path | str) -> list[IscasTake]:
    """Read all takes of a folder by name (``S*.npz``); DataError if there is none."""
    folder = Path(folder)
    paths = sorted(folder.glob("S*.npz"))
    if not paths:
        raise DataError(f"{folder} has no take S*.npz; give the folder of iscas33x15")
    return [load_iscas_take(path) for path in paths]


def mirrored(take: IscasTake) -> IscasTake:
    """Return the take as its mirror image shows it: feet, sides and x are swapped."""
    flipped = take.images[:, ::-1, :, ::-1].reshape(take.t_s.size, 2, -1)
    return IscasTake(
        name=f"{take.name} mirrored",
        person=take.person,
        is_walk=take.is_walk,
        t_s=take.t_s,
        counts={side: flipped[:, foot] for foot, side in enumerate(SIDES)},
        keypoints_m=take.keypoints_m[:, _MIRRORED] * np.array([-1.0, 1.0, 1.0]),
        is_valid=take.is_valid,
        layout=take.layout,
    )
