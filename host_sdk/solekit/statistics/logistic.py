"""Logistic regression with an L2 penalty, many fits at once: as cross-validation needs it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from solekit.layouts import FloatArray

_MAX_STEPS = 50
_SMALL_STEP = 1e-6
_LONGEST_STEP = 5.0  # of a weight; Newton's first steps overshoot where groups are far apart


def ridge_logistic(
    x: FloatArray, is_case: ArrayLike, learns: FloatArray, *, penalty: ArrayLike
) -> FloatArray:
    """Return the weights (b, p + 1) of ``b`` regressions of ``x`` (b, n, p), intercepts last.

    Newton steps to the minimum of sum(learns * log loss) + penalty / 2 * sum(weights^2).
    ``learns`` (b, n) weighs the rows, 0 for who is left out; ``penalty`` is a number or (b,). The
    intercept is not penalised.
    """
    b, n, p = x.shape
    design = np.concatenate([x, np.ones((b, n, 1))], axis=2)
    ridge = (
        np.broadcast_to(np.asarray(penalty, dtype=float), (b,))[:, None] * np.r_[[1.0] * p, 0.0]
    )
    truth = np.asarray(is_case, dtype=float)
    weights = np.zeros((b, p + 1))
    for _ in range(_MAX_STEPS):
        chance = chances(design, weights)
        miss = learns * (truth - chance)
        slope = (miss[:, None, :] @ design)[:, 0] - weights * ridge
        bend = learns * chance * (1.0 - chance)
        curve = np.swapaxes(design, 1, 2) @ (design * bend[:, :, None])
        curve[:, range(p + 1), range(p + 1)] += ridge + 1e-12
        step = np.linalg.solve(curve, slope[:, :, None])[:, :, 0]
        longest = np.abs(step).max(axis=1, keepdims=True)
        weights += step * np.minimum(1.0, _LONGEST_STEP / np.maximum(longest, 1e-12))
        if longest.max() < _SMALL_STEP:
            break
    return weights


def chances(x: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the chance (b, n) of a case for ``x`` (b, n, p + 1 or p) and ``weights`` (b, p + 1).

    Without a last column of ones the intercept is added.
    """
    score = (x @ weights[:, : x.shape[2], None])[:, :, 0]
    if x.shape[2] < weights.shape[1]:
        score = score + weights[:, -1:]
    return 1.0 / (1.0 + np.exp(-np.clip(score, -30, 30)))
