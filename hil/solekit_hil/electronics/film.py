"""The piezoresistive film between two lines: pressure to conductance, with its memory.

The form (power law, play, slow creep) is what such films are described by; the numbers are chosen,
not measured on a film of ours. For a film near the data sheet of a force-sensing resistor
(Interlink FSR 400 series): ``hysteresis`` 0.1, ``log_creep`` up to 0.05 a decade, ``spread`` 0.06,
``per_k`` 0.0025 (a resistance 15 % lower at 85 degrees Celsius than at room temperature).
"""

from __future__ import annotations

import numpy as np

from solekit.errors import DataError
from solekit.layouts import FloatArray

CELL_MM2 = 32.0  # what the defaults are for: 8 x 4 mm
REST_S = 2e-6
GAIN_S = 1.9e-6
REFERENCE_C = 25.0
# Slow elements an octave or so apart add up to a creep that is straight in the logarithm of time.
LOG_TAUS_S = 10.0 ** np.arange(0.0, 5.25, 0.5)
OPTIONS = ("hysteresis", "creep", "creep_tau_s", "log_creep", "exponent", "spread")
OPTIONS += ("exponent_spread", "memory_spread", "noise", "per_k", "temperature_c")


class Film:
    """``n_cells`` cells of one sheet.

    Parameters
    ----------
    rest_s
        Conductance of an unloaded cell, siemens, of all or of each.
    gain_s, exponent
        Siemens that 1 kPa adds, of all or of each, and the power of the pressure.
    spread, exponent_spread, memory_spread
        SD between cells, as a share, of the gain, of the exponent, and of hysteresis and creep.
    hysteresis
        How much longer a cell feels the pressure on the way down, as a share of it.
    creep, creep_tau_s
        What a steady pressure adds in the long run, as a share, and how slowly.
    log_creep
        What a steady pressure adds, as a share, in each decade of time from a second to a day:
        relaxing elements whose times are evenly spaced on a logarithmic scale.
    noise
        SD of the conductance from one sample to the next, as a share.
    per_k, temperature_c
        How the conductance grows with temperature, as a share of it per kelvin above 25 degrees
        Celsius, and the temperature, which may be set at any time.
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
        exponent_spread: float = 0.0,
        memory_spread: float = 0.0,
        hysteresis: float = 0.06,
        creep: float = 0.08,
        creep_tau_s: float = 20.0,
        log_creep: float = 0.0,
        noise: float = 0.002,
        per_k: float = 0.0,
        temperature_c: float = REFERENCE_C,
    ) -> None:
        self._noise_rng = np.random.default_rng((seed, 1))
        cells = np.random.default_rng((seed, 0)).standard_normal(n_cells)
        others = np.random.default_rng((seed, 2)).standard_normal((3, n_cells))
        memory = np.exp(memory_spread * others[1:])
        self.gain_s = gain_s * np.exp(spread * cells)
        self.rest_s = rest_s
        self.exponent = exponent * np.exp(exponent_spread * others[0])
        self.hysteresis = hysteresis * memory[0]
        self.creep = creep
        self.creep_tau_s = creep_tau_s
        self.log_creep = log_creep
        self.noise = noise
        self.per_k = per_k
        self.temperature_c = temperature_c
        # Each element follows the felt pressure with its time and adds its share of it.
        taus_s, shares = [creep_tau_s], [creep]
        if log_creep:
            taus_s += LOG_TAUS_S.tolist()
            shares += [log_creep * np.log10(LOG_TAUS_S[1] / LOG_TAUS_S[0])] * len(LOG_TAUS_S)
        self._taus_s = np.array(taus_s)[:, None]
        self._shares = np.array(shares)[:, None] * memory[1]
        self._felt_kpa = np.zeros(n_cells)
        self._crept_kpa = np.zeros((len(taus_s), n_cells))
        self._t_s: float | None = None

    def conductance_s(self, pressure_kpa: FloatArray, t_s: float) -> FloatArray:
        """Return siemens, (n_cells,), under ``pressure_kpa`` (n_cells,) since the last ``t_s``."""
        since_s = 0.0 if self._t_s is None else t_s - self._t_s
        if since_s < 0:
            raise DataError(f"a film has a memory: {t_s} s comes after {self._t_s} s")
        self._t_s = t_s
        p = np.maximum(np.asarray(pressure_kpa, dtype=float), 0)
        self._felt_kpa = np.clip(self._felt_kpa, p, p * (1 + self.hysteresis))
        share = -np.expm1(-since_s / self._taus_s)
        self._crept_kpa += (self._felt_kpa - self._crept_kpa) * share
        effective_kpa = self._felt_kpa + (self._shares * self._crept_kpa).sum(axis=0)
        g = self.rest_s + self.gain_s * effective_kpa**self.exponent
        g = g * (1 + self.per_k * (self.temperature_c - REFERENCE_C))
        if self.noise:
            g = g * (1 + self.noise * self._noise_rng.standard_normal(g.shape))
        return np.maximum(g, 0)
