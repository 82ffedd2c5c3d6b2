"""How long every step takes: tables that last some two hours and then repeat without a seam.

Each row is a function of the seed and of its own index. A row is a transfer of the weight to the
next foot (double support) and the hold that follows (single support).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solekit.layouts import FloatArray
from solekit_hil.walker.person import Style

BoolArray = NDArray[np.bool_]

N_STEPS = 1 << 14
N_BOUTS = 1 << 9


class Steps(NamedTuple):
    """All (n_steps,). ``to_left`` is the left foot's share of the weight after the transfer.

    ``hump`` is the height of the force's peaks above body weight, in body weights.
    """

    period_s: float
    start_s: FloatArray
    transfer_s: FloatArray
    hold_s: FloatArray
    to_left: FloatArray
    hump: FloatArray
    stands: BoolArray


def endless(style: Style, rng: np.random.Generator) -> Steps:
    """Return steps without a pause; time 0 is within a single support."""
    on_left = np.arange(N_STEPS) % 2 == 0
    transfer, hold, hump = _steps(style, rng, on_left)
    start = np.cumsum(transfer + hold) - (transfer + hold) + hold[-1] / 2
    period = float((transfer + hold).sum())
    stands = np.zeros(N_STEPS, bool)
    return Steps(period, start, transfer, hold, on_left.astype(float), hump, stands)


def bouts(style: Style, rng: np.random.Generator) -> Steps:
    """Return bouts of ``bout_s`` with ``pause_s`` of standing before and after each."""
    walk_s, stand_s = style.motion.bout_s, style.motion.pause_s
    n = 2 * round(walk_s / style.step_s / 2)
    shape = (N_BOUTS, n + 1)  # the last row of a bout is the return to both feet
    on_left = (np.arange(n + 1) + rng.integers(2, size=(N_BOUTS, 1))) % 2 == 0
    columns = _steps(style, rng, on_left.ravel())
    transfer, hold, hump = (column.reshape(shape) for column in columns)
    stands = np.zeros(shape, bool)
    stands[:, -1] = True
    transfer[:, 0] *= 2.5  # the first step begins slowly
    transfer[:, -1] *= 1.5
    hold[:, -1] = 0
    hump[:, -1] = 0
    scale = walk_s / (transfer + hold).sum(axis=1, keepdims=True)
    transfer *= scale
    hold *= scale
    length = 2 * stand_s + walk_s
    start = np.cumsum(transfer + hold, axis=1) - (transfer + hold) + stand_s
    start += np.arange(N_BOUTS)[:, None] * length
    hold[:, -1] = 2 * stand_s
    to_left = np.where(stands, style.person.load_share_left, on_left)
    table = (array.ravel() for array in (start, transfer, hold, to_left, hump))
    return Steps(N_BOUTS * length, *table, stands=stands.ravel())


def wander(rng: np.random.Generator, n: int) -> FloatArray:
    """Return deviations per step, cyclic; two in a row add up to a standard deviation of 2.

    They persist over many steps, as in people: the power falls with the root of the frequency.
    """
    spectrum = rng.standard_normal(n // 2 + 1) + 1j * rng.standard_normal(n // 2 + 1)
    spectrum[0] = 0
    spectrum[1:] /= np.arange(1, n // 2 + 1) ** 0.25
    deviation = np.fft.irfft(spectrum, n)
    deviation *= 2 / (deviation + np.roll(deviation, -1)).std()
    return np.clip(deviation, -4, 4)


def bounded(rng: np.random.Generator, n: int) -> FloatArray:
    """Return independent deviations of standard deviation 1, none beyond 3."""
    return np.clip(rng.standard_normal(n), -3, 3)


def _steps(style: Style, rng: np.random.Generator, on_left: BoolArray) -> list[FloatArray]:
    """Return transfer, hold and hump of steps onto the given feet."""
    n = len(on_left)
    step = style.step_s * (1 + style.person.stride_cv * wander(rng, n))
    transfer = (2 * style.stance_share - 1) * step * (1 + 0.03 * bounded(rng, n))
    hold = (step - transfer) * np.where(on_left, style.hold["left"], style.hold["right"])
    effort = np.where(on_left, style.effort["left"], style.effort["right"])
    return [transfer, hold, style.hump * effort * (1 + 0.05 * bounded(rng, n))]
