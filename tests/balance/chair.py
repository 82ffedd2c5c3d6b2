"""The load under the feet of somebody who stands up and sits down, with known times."""

import numpy as np


def chair(
    n=5, *, rate_hz=50.0, weight=700.0, rise_s=1.0, hold_s=1.0, noise=0.0, seed=1, lead_s=2.0
):
    """Return times, load and the (onset, stand, lower, sit) of every stand."""
    cycle_s = 2 * (rise_s + hold_s)
    t_s = np.arange(round((2 * lead_s + n * cycle_s) * rate_hz)) / rate_hz
    share = np.full(len(t_s), 0.2)
    truth = []
    for i in range(n):
        begin = lead_s + i * cycle_s
        up, down = begin, begin + rise_s + hold_s
        truth.append((up, up + rise_s, down, down + rise_s))
        share = np.where((t_s >= up) & (t_s < down + rise_s), 1.0, share)
        rising = (t_s >= up) & (t_s < up + rise_s)
        share = np.where(rising, _rise((t_s - up) / rise_s), share)
        falling = (t_s >= down) & (t_s < down + rise_s)
        share = np.where(falling, _rise(1 - (t_s - down) / rise_s), share)
    load = weight * share + np.random.default_rng(seed).normal(0, noise * weight, len(t_s))
    return t_s, np.maximum(load, 0.0), np.array(truth)


def _rise(x):
    """From 0.2 to 1 with an overshoot to about 1.2 before the end."""
    x = np.clip(x, 0, 1)
    smooth = x**2 * (3 - 2 * x)
    return 0.2 + 0.8 * smooth + 0.6 * np.sin(np.pi * x) ** 2 * smooth
