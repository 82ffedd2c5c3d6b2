"""The piezoresistive film between two lines: pressure to conductance, with its memory.

The form (power law, play, slow creep) is what such films are described by; the numbers are chosen,
not measured on a film of ours.
"""

from __future__ import annotations

import numpy as np

from solekit.errors import DataError
from solekit.layouts import FloatArray

CELL_MM2 = 32.0  # what the defaults are for: 8 x 4 mm
REST_S = 2e-6
GAIN_S = 1.9e-6


class Film:
    """``n_cells`` cells of one sheet.

    Parameters
    ----------
    rest_s
        Conductance of an unloaded cell, siemens, of all or of each.
    gain_s, exponent
        Siemens that 1 kPa adds, of all or of each, and the power of the pressure.
    spread
        SD of the gain between cells, as a share.
    hysteresis
        How much longer a cell feels the pressure on the way down, as a share of it.
    creep, creep_tau_s
        What a steady pressure adds in the long run, as a share, and how slowly.
    noise
        SD of the conductance from one sample to the next, as a share.
    """

    def __init__(
        self,
        n_cells: int,
        *,
        seed: int = 0,
        rest_s: float | FloatArray = REST_S,
        gain_s: float | FloatArray = GAIN_S,
        exponent: float = 0.9,
        spread: float = 0.1,
        hysteresis: float = 0.06,
        creep: float = 0.08,
        creep_tau_s: float = 20.0,
        noise: float = 0.002,
    ) -> None:
        self._noise_rng = np.random.default_rng((seed, 1))
        cells = np.random.default_rng((seed, 0)).standard_normal(n_cells)
        self.gain_s = gain_s * np.exp(spread * cells)
        self.rest_s = rest_s
        self.exponent = exponent
        self.hysteresis = hysteresis
        self.creep = creep
        self.creep_tau_s = creep_tau_s
        self.noise = noise
        self._felt_kpa = np.zeros(n_cells)
        self._crept_kpa = np.zeros(n_cells)
        self._t_s: float | None = None

    def conductance_s(self, pressure_kpa: FloatArray, t_s: float) -> FloatArray:
        """Return siemens, (n_cells,), under ``pressure_kpa`` (n_cells,) since the last ``t_s``."""
        since_s = 0.0 if self._t_s is None else t_s - self._t_s
        if since_s < 0:
            raise DataError(f"a film has a memory: {t_s} s comes after {self._t_s} s")
        self._t_s = t_s
        p = np.maximum(np.asarray(pressure_kpa, dtype=float), 0)
        self._felt_kpa = np.clip(self._felt_kpa, p, p * (1 + self.hysteresis))
        share = -np.expm1(-since_s / self.creep_tau_s)
        self._crept_kpa += (self._felt_kpa - self._crept_kpa) * share
        effective_kpa = self._felt_kpa + self.creep * self._crept_kpa
        g = self.rest_s + self.gain_s * effective_kpa**self.exponent
        if self.noise:
            g = g * (1 + self.noise * self._noise_rng.standard_normal(g.shape))
        return np.maximum(g, 0)
