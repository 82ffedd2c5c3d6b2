"""Unit quaternions (w, x, y, z) in arrays of any shape (..., 4); ``rotate`` turns vectors."""

from __future__ import annotations

import numpy as np

from solekit.layouts import FloatArray

UP = np.array([0.0, 0.0, 1.0])


def product(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return a * b: first b, then a."""
    out = np.empty(np.broadcast_shapes(a.shape, b.shape))
    parts = product_parts(*np.moveaxis(a, -1, 0), *np.moveaxis(b, -1, 0))
    for i, part in enumerate(parts):
        out[..., i] = part
    return out


def product_parts(
    aw: FloatArray,
    ax: FloatArray,
    ay: FloatArray,
    az: FloatArray,
    bw: FloatArray,
    bx: FloatArray,
    by: FloatArray,
    bz: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return w, x, y, z of a * b from theirs."""
    return (
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


def conjugate(q: FloatArray) -> FloatArray:
    """Return the rotation back."""
    return q * np.array([1.0, -1.0, -1.0, -1.0])


def rotate(q: FloatArray, v: FloatArray) -> FloatArray:
    """Return vectors ``v`` (..., 3) turned by ``q``."""
    axis = q[..., 1:]
    t = 2.0 * _cross(axis, v)
    return v + q[..., :1] * t + _cross(axis, t)


def of_vector(vector_rad: FloatArray) -> FloatArray:
    """Return the rotation about ``vector_rad`` (..., 3) by its length."""
    half = np.linalg.norm(vector_rad, axis=-1, keepdims=True) / 2.0
    return np.concatenate([np.cos(half), np.sinc(half / np.pi) / 2.0 * vector_rad], axis=-1)


def vector_of(q: FloatArray) -> FloatArray:
    """Return axis times angle in rad, the shorter way round, shape (..., 3)."""
    q = np.where(q[..., :1] < 0, -q, q)
    length = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(length, q[..., :1])
    return q[..., 1:] * np.where(length > 1e-12, angle / np.maximum(length, 1e-12), 2.0)


def between(u: FloatArray, v: FloatArray) -> FloatArray:
    """Return the shortest rotation that takes unit vectors ``u`` to ``v``."""
    w = 1.0 + np.sum(u * v, axis=-1, keepdims=True)
    q = np.concatenate([w, _cross(u, np.broadcast_to(v, u.shape))], axis=-1)
    length = np.linalg.norm(q, axis=-1, keepdims=True)
    turned = np.broadcast_to([0.0, 1.0, 0.0, 0.0], q.shape)  # opposite: half a turn about x
    return np.where(length > 1e-9, q / np.maximum(length, 1e-9), turned)


def heading_rad(q: FloatArray) -> FloatArray:
    """Return the angle of the turned x axis in the horizontal plane, shape (...,)."""
    w, x, y, z = np.moveaxis(q, -1, 0)
    return np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def of_matrix(matrix: FloatArray) -> FloatArray:
    """Return the quaternion of one rotation matrix (3, 3)."""
    from scipy.spatial.transform import Rotation

    return np.roll(Rotation.from_matrix(matrix).as_quat(), 1)


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    # np.cross is several times slower on small vectors.
    ax, ay, az = np.moveaxis(a, -1, 0)
    bx, by, bz = np.moveaxis(b, -1, 0)
    out = np.empty(np.broadcast_shapes(a.shape, b.shape))
    out[..., 0] = ay * bz - az * by
    out[..., 1] = az * bx - ax * bz
    out[..., 2] = ax * by - ay * bx
    return out
