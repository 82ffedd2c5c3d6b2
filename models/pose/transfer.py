"""What the network taught on virtual people sees of a real take, for ``models.pose.real``.

The encoder stays frozen. Frames of the set come about 8 times a second; they are interpolated to
the windows the network knows, the ends held.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.data.iscas import IscasTake
from models.pose import runs
from solekit.inference import frames
from solekit.layouts import SIDES, FloatArray

N_FEATURES = 20  # principal directions over a take's own frames are kept by the caller
_BATCH = 128


class FrozenEncoder:
    """The hidden layer of a finished run as ``features(take)`` (n, k); remembers takes."""

    def __init__(self, run: Path, layer: str = "mix_norm") -> None:
        import keras

        model = runs.taught(run)
        self.model = keras.Model(model.inputs, model.get_layer(layer).output)
        self._known: dict[tuple[str, float], FloatArray] = {}

    def __call__(self, take: IscasTake) -> FloatArray:
        """Return what the layer puts out for the window around every frame of a take."""
        key = (take.name, float(take.images[:, 0].sum()))
        if key not in self._known:
            self._known[key] = self._features(take)
        return self._known[key]

    def _features(self, take: IscasTake) -> FloatArray:
        matrix = frames.grid_matrix(take.layout).T
        load = {side: take.counts[side] @ matrix for side in SIDES}
        offsets = (np.arange(frames.N_FRAMES) - frames.CENTRE) / frames.RATE_HZ
        at = take.t_s[:, None] + offsets
        i = np.clip(np.searchsorted(take.t_s, at) - 1, 0, take.t_s.size - 2)
        w = np.clip((at - take.t_s[i]) / (take.t_s[i + 1] - take.t_s[i]), 0.0, 1.0)[..., None]
        found = []
        for first in range(0, len(at), _BATCH):
            rows = slice(first, first + _BATCH)
            seen = [
                load[side][i[rows]] * (1 - w[rows]) + load[side][i[rows] + 1] * w[rows]
                for side in SIDES
            ]
            relative = frames.relative_load(*seen)
            images = [frames.image(x, side) for x, side in zip(relative, SIDES, strict=True)]
            found.append(np.asarray(self.model(images, training=False)))
        return np.concatenate(found).astype(float)
