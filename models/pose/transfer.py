"""What transfer from virtual people gains on real ones: ``python -m models.pose.transfer RUN``.

Errors of blocked validation inside the first 70 % of each file, without and with what the frozen
network sees as further features of ``models.pose.real``. Frames of the set come about 8 times a
second; they are interpolated to the windows the network knows, the ends held.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.data.iscas import IscasTake, load_iscas
from models.pose import real, runs
from solekit.errors import SolekitError
from solekit.inference import frames
from solekit.layouts import SIDES, FloatArray

_BATCH = 128
N_FEATURES, WEIGHT = 30, 0.6  # principal directions kept, and how much they count


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


def reduced(seen: FrozenEncoder, takes: list[IscasTake]) -> Callable[[IscasTake], FloatArray]:
    """Return features along the principal directions of the frames that may be learned from."""
    known = np.concatenate([seen(take)[real.split(take)[0]] for take in takes])
    mean = known.mean(axis=0)
    axes = np.linalg.svd(known - mean, full_matrices=False)[2][:N_FEATURES]
    return lambda take: (seen(take) - mean) @ axes.T


def main(argv: list[str] | None = None) -> int:
    """Print the errors of walking and of standing, without and with the frozen network."""
    parser = argparse.ArgumentParser(prog="python -m models.pose.transfer", description=__doc__)
    parser.add_argument("run", type=Path, help="finished run of a network for grids")
    default = Path(os.environ.get("SOLEKIT_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=default, help="folder of real recordings")
    asked = parser.parse_args(argv)
    try:
        seen = FrozenEncoder(asked.run)
        takes = load_iscas(asked.data / "iscas33x15")
        for is_walk, settings in ((True, real.WALKING), (False, real.STANDING)):
            of = [take for take in takes if take.is_walk == is_walk]
            with_it = replace(settings, extra_weight=WEIGHT)
            plain = real.cross_validate(of, settings)
            more = real.cross_validate(of, with_it, features=reduced(seen, of))
            for name in plain:
                print(f"{name}: {plain[name]:.1f} mm, with the network {more[name]:.1f} mm")
    except SolekitError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
