"""A sole on the film model, read by an ideal converter: counts as a calibration sees them."""

import numpy as np

from solekit import layouts
from solekit_hil import walker
from solekit_hil.electronics.pressure import film_of

RATE_HZ = 15.0
FULL = 4095
PEAK_KPA = 900.0
MASS_KG = 72.0
PRESS_KPA = (25.0, 50.0, 100.0, 200.0, 400.0, 600.0)
# All that the film model can do at once: creep of both kinds, loops, cells that differ in all.
HARD = {"log_creep": 0.03, "hysteresis": 0.08, "memory_spread": 0.1, "exponent_spread": 0.01}


class Sole:
    """``read(force_n (n, n_cells), t_s)`` presses the film and returns raw counts."""

    def __init__(self, side, seed, layout="cells-16", **film):
        self.layout = layouts.named(layout, side)
        self.rng = np.random.default_rng((seed, side == "right", 9))
        self.options = {"seed": 2 * seed + (side == "right"), **HARD, **film}
        self.film = film_of(self.layout, **self.options)
        typical = film_of(self.layout, spread=0.0, noise=0.0)
        peak_s = typical.conductance_s(np.full(self.layout.n_cells, PEAK_KPA), 0.0)
        self.counts_per_s = 0.9 * FULL / peak_s.max()

    def renew(self):
        """Rest for so long that nothing is left of what was."""
        self.film = film_of(self.layout, **self.options)

    def read(self, force_n, t_s):
        """Return raw counts, (n, n_cells), under ``force_n`` of that shape at ``t_s`` (n,)."""
        kpa = np.atleast_2d(force_n) * (1000 / self.layout.area_mm2)
        siemens = np.array([self.film.conductance_s(p, t) for p, t in zip(kpa, t_s, strict=True)])
        noise = self.rng.normal(0, 1.0, siemens.shape)
        return np.clip(np.rint(siemens * self.counts_per_s + noise), 0, FULL)

    def press(self, kpa):
        """Return counts, (n, n_cells), under one pressure after the other, (n,), 0.2 s each."""
        t_s = 0.2 * np.arange(len(kpa))
        even = np.asarray(kpa)[:, None] * self.layout.area_mm2 * 1e-3
        return self.read(even, t_s), t_s


def footprints(side, layout="cells-16"):
    """Return how cells share a load, (3, n_cells): flat, on the toes, on the heel."""
    at = layouts.named(layout, side)
    flat = np.exp(-(((at.x_mm / at.width_mm - 0.5) / 0.5) ** 2)) * at.area_mm2
    y = at.y_mm / at.length_mm
    shares = np.array([flat, flat * np.exp(2 * (y - 0.5)), flat * np.exp(-2 * (y - 0.5))])
    return shares / shares.sum(axis=1, keepdims=True)


def standing(seed, seconds, share_left=0.5, where=0, mass_kg=MASS_KG):
    """Return forces per side, (n, n_cells), of a person who sways, and the times."""
    rng = np.random.default_rng((seed, 5))
    t_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    phase = rng.uniform(0, 6.28, 2)
    share = share_left + 0.02 * np.sin(0.9 * t_s + phase[0])
    total = mass_kg * 9.80665 * (1 + 0.004 * np.sin(6.0 * t_s + phase[1]))
    shares = {"left": share * total, "right": (1 - share) * total}
    return {s: f[:, None] * footprints(s)[where] for s, f in shares.items()}, t_s


def walking(seed, seconds, layout="cells-16", person=None):
    """Return forces per side, (n, n_cells), initial contacts of the left foot, and the times."""
    pair: dict[layouts.Side, layouts.Layout] = {
        side: layouts.named(layout, side) for side in layouts.SIDES
    }
    person = person or walker.Person(mass_kg=MASS_KG)
    walk = walker.build("walk", seed=seed, layouts=pair, person=person)
    t_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    cells, _, truth = walk.sample(t_s)
    ic_s = [e.t_s for e in truth.events(0, seconds) if (e.side, e.kind) == ("left", "ic")]
    return {side: np.asarray(f, dtype=float) for side, f in cells.items()}, np.array(ic_s), t_s
