"""The joint between two rigid clusters of markers."""

from __future__ import annotations

import numpy as np

from solekit.layouts import FloatArray

_PULL = 0.02  # towards the guess: a hinge says nothing about the place along its axis


def joint_between(upper: FloatArray, lower: FloatArray, guess: FloatArray) -> FloatArray:
    """Return the centre of the joint between two clusters (n, k, 3), (n, 3).

    The symmetrical centre of rotation of Ehrig et al. (2006, J. Biomech. 39): the point that is
    fixed in both clusters, by least squares over time, pulled a little towards ``guess`` (n, 3).
    Clusters of less than three markers leave the guess.
    """
    if upper.shape[1] < 3 or lower.shape[1] < 3:
        return guess
    whole = np.isfinite(upper).all(axis=(1, 2)) & np.isfinite(lower).all(axis=(1, 2))
    whole &= np.isfinite(guess).all(axis=1)
    if whole.sum() < 10:
        return guess
    turns, middles = zip(*(pose(cluster[whole]) for cluster in (upper, lower)), strict=True)
    local = [
        np.einsum("nji,nj->ni", turn, guess[whole] - middle).mean(axis=0)
        for turn, middle in zip(turns, middles, strict=True)
    ]
    # R1 c1 - R2 c2 = t2 - t1 for all frames, and c near its guess.
    n = int(whole.sum())
    rows = np.concatenate([turns[0], -turns[1]], axis=2).reshape(3 * n, 6)
    right = (middles[1] - middles[0]).reshape(3 * n)
    pull = _PULL * np.sqrt(n)
    rows = np.vstack([rows, pull * np.eye(6)])
    right = np.concatenate([right, pull * np.concatenate(local)])
    found = np.linalg.lstsq(rows, right, rcond=None)[0]
    ends = [
        middle + turn @ c
        for turn, middle, c in zip(turns, middles, (found[:3], found[3:]), strict=True)
    ]
    out = guess.copy()
    out[whole] = (ends[0] + ends[1]) / 2
    return out


def pose(cluster: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return rotation (n, 3, 3) and middle (n, 3) of a cluster (n, k, 3) against its first frame.

    By the singular values of the covariance (Kabsch 1976).
    """
    middle = cluster.mean(axis=1)
    first = cluster[0] - middle[0]
    covariance = np.einsum("nki,kj->nij", cluster - middle[:, None], first)
    left, _, right = np.linalg.svd(covariance)
    sign = np.ones((len(cluster), 3))
    sign[:, 2] = np.sign(np.linalg.det(left @ right))
    return (left * sign[:, None]) @ right, middle
