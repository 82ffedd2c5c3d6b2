import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from solekit.trajectory import rotations as turn

SEEDS = st.integers(0, 2**32 - 1)


def some(n, seed):
    """Random rotations, as quaternions (w, x, y, z) and as scipy holds them."""
    truth = Rotation.from_quat(np.random.default_rng(seed).normal(size=(n, 4)))
    return np.roll(truth.as_quat(), 1, axis=-1), truth


def same_turn(q, truth):
    """Whether quaternions turn as ``truth`` does; q and -q are the same turn."""
    return np.allclose((Rotation.from_quat(np.roll(q, -1, axis=-1)) * truth.inv()).magnitude(), 0)


@given(SEEDS)
def test_a_product_turns_by_the_second_first(seed):
    (a, b), (one, other) = (q for q in some(2, seed)[0]), some(2, seed)[1]
    assert same_turn(turn.product(a, b), one * other)


@given(SEEDS)
def test_rotate_turns_vectors_as_the_matrix_does(seed):
    q, truth = some(5, seed)
    vectors = np.random.default_rng(seed).normal(size=(5, 3))
    np.testing.assert_allclose(turn.rotate(q, vectors), truth.apply(vectors), atol=1e-12)


def test_one_rotation_turns_many_vectors_and_many_rotations_one():
    q, truth = some(4, 1)
    vectors = np.random.default_rng(1).normal(size=(4, 3))
    np.testing.assert_allclose(turn.rotate(q[0], vectors), truth[0].apply(vectors), atol=1e-12)
    np.testing.assert_allclose(turn.rotate(q, turn.UP), truth.apply(turn.UP), atol=1e-12)


def test_arrays_of_any_shape_keep_it():
    q = some(6, 2)[0].reshape(2, 3, 4)
    assert turn.product(q, q).shape == (2, 3, 4)
    assert turn.vector_of(q).shape == turn.rotate(q, turn.UP).shape == (2, 3, 3)
    assert turn.heading_rad(q).shape == (2, 3)


@given(SEEDS, st.floats(0.0, 3.1))
def test_a_rotation_vector_comes_back(seed, angle_rad):
    axis = np.random.default_rng(seed).normal(size=3)
    vector = angle_rad * axis / np.linalg.norm(axis)
    assert same_turn(turn.of_vector(vector), Rotation.from_rotvec(vector))
    np.testing.assert_allclose(turn.vector_of(turn.of_vector(vector)), vector, atol=1e-9)


@pytest.mark.parametrize("angle_rad", [0.0, 1e-15, 1e-9])
def test_tiny_turns_are_no_division_by_zero(angle_rad):
    vector = np.array([angle_rad, 0.0, 0.0])
    q = turn.of_vector(vector)
    np.testing.assert_allclose(q, [1.0, angle_rad / 2, 0.0, 0.0], atol=1e-20)
    np.testing.assert_allclose(turn.vector_of(q), vector, atol=1e-20)


def test_the_vector_goes_the_shorter_way_round():
    vector = np.array([0.0, 0.0, 1.5 * np.pi])
    np.testing.assert_allclose(
        turn.vector_of(turn.of_vector(vector)), [0.0, 0.0, -0.5 * np.pi], atol=1e-12
    )


@given(SEEDS)
def test_between_takes_one_vector_to_the_other_by_the_shortest_turn(seed):
    u, v = np.random.default_rng(seed).normal(size=(2, 3))
    u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
    q = turn.between(u, v)
    np.testing.assert_allclose(turn.rotate(q, u), v, atol=1e-9)
    angle_rad = np.linalg.norm(turn.vector_of(q))
    assert angle_rad == pytest.approx(np.arccos(np.clip(u @ v, -1, 1)), abs=1e-6)


def test_between_equal_vectors_is_no_turn():
    np.testing.assert_allclose(turn.between(turn.UP, turn.UP), [1.0, 0.0, 0.0, 0.0])


def test_between_opposite_vertical_vectors_is_half_a_turn():
    q = turn.between(-turn.UP, turn.UP)
    np.testing.assert_allclose(turn.rotate(q, -turn.UP), turn.UP, atol=1e-12)


def test_many_vectors_go_to_one():
    u = np.random.default_rng(4).normal(size=(7, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    np.testing.assert_allclose(
        turn.rotate(turn.between(u, turn.UP), u), np.tile(turn.UP, (7, 1)), atol=1e-9
    )


@given(st.floats(-3.1, 3.1), st.floats(-1.5, 1.5))
def test_heading_is_where_the_x_axis_points_over_the_floor(yaw_rad, pitch_rad):
    truth = Rotation.from_euler("ZY", [yaw_rad, pitch_rad])
    q = np.roll(truth.as_quat(), 1)
    assert float(turn.heading_rad(q)) == pytest.approx(yaw_rad, abs=1e-6)


@given(SEEDS)
def test_a_matrix_and_its_quaternion_turn_alike(seed):
    _, truth = some(1, seed)
    assert same_turn(turn.of_matrix(truth[0].as_matrix()), truth[0])
