"""How much of one core live poses take, as a share: all of the work between frames and poses.

Frames of a virtual pair go into ``PoseStream`` one by one, at the rate of their profile; poses
come out at 30 a second, one thread. ``core_pct`` is processor time over the time that the frames
span, ``network_pct`` the part of it in the interpreter; the rest makes what the network sees.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from solefoot.app.profiles import profile
from solekit.inference import zoo
from solekit.inference.live import PoseStream
from solekit.inference.runtime import Model
from solekit.inference.windows import PoseNetwork
from solekit.layouts import SIDES, FloatArray, Layout, Side, named
from solekit_hil import walker

RATE_HZ = 30.0
SECONDS = 30.0
WARM_UP_S = 5.0


def measure() -> list[dict[str, Any]]:
    """Return one row per shipped model, in the mode that its card prefers."""
    return [_share(name) for name in zoo.names()]


def _share(name: str) -> dict[str, Any]:
    card, model = zoo.open_zoo_model(name)
    layout = card.layout
    soles: dict[Side, Layout] = {side: named(layout, side) for side in SIDES}
    known = profile(layout)
    t_s = np.arange(0.0, SECONDS, known.period_us * 1e-6)
    imu_s = np.arange(0.0, SECONDS, known.period_us * 1e-6 / known.imu_per_frame)
    person = walker.build("walk", seed=1, layouts=soles)
    cells = person.sample(t_s)[0]
    imu = person.sample(imu_s)[1]
    timed = _Timed(model)
    stream = PoseStream(soles, model=PoseNetwork(card, timed), rate_hz=RATE_HZ)
    n_poses, began_s = 0, 0.0
    for k in range(len(t_s)):
        if not began_s and t_s[k] >= WARM_UP_S:
            began_s, timed.spent_s, n_poses = time.process_time(), 0.0, 0
        rows = slice(k, k + 1)
        moved = slice(k * known.imu_per_frame, (k + 1) * known.imu_per_frame)
        for side in SIDES:
            sensed: FloatArray = imu[side][moved, : known.imu_axes].astype(float)
            stream.push(side, t_s[rows], cells[side][rows], (imu_s[moved], sensed))
        n_poses += sum(1 for _ in stream.pop())
    spent_s = time.process_time() - began_s
    lasted_s = SECONDS - WARM_UP_S
    return {
        "model": name,
        "mode": card.default,
        "poses_per_s": round(n_poses / lasted_s, 1),
        "core_pct": float(f"{100 * spent_s / lasted_s:.3g}"),
        "network_pct": float(f"{100 * timed.spent_s / lasted_s:.3g}"),
    }


class _Timed:
    """A model that adds up what its interpreter takes."""

    def __init__(self, model: Model) -> None:
        self.inputs, self.outputs = model.inputs, model.outputs
        self.spent_s = 0.0
        self._model = model

    def run(self, **window: Any) -> dict[str, Any]:
        began_s = time.process_time()
        found = self._model.run(**window)
        self.spent_s += time.process_time() - began_s
        return found
