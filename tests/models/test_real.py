"""Pose from real pressure: the split keeps time apart, the process learns what is there."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.data.iscas import KEYPOINTS, IscasTake, load_iscas, load_iscas_take, mirrored
from models.pose import real
from solekit.errors import DataError

DATA = Path(os.environ.get("SOLEKIT_DATA", "../shared/data")) / "iscas33x15"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is absent; set SOLEKIT_DATA")


def write_take(folder: Path, name: str, *, seed: int, n: int = 160) -> Path:
    """A swaying person: the share of load on the left foot decides every key point."""
    rng = np.random.default_rng(seed)
    t_s = np.cumsum(rng.uniform(0.1, 0.15, n))
    share = 0.5 + 0.4 * np.sin(1.3 * t_s + seed)
    pressure = np.zeros((n, 2, 33, 15))
    pressure[:, 0, 3:30, 3:12] = 800 * share[:, None, None]
    pressure[:, 1, 3:30, 3:12] = 800 * (1 - share)[:, None, None]
    points = rng.normal(0, 0.3, (13, 3)) + np.zeros((n, 1, 1))
    points[..., 0] += 0.03 * (share - 0.5)[:, None] * np.arange(13)
    points += rng.normal(0, 0.003, points.shape)
    path = folder / f"{name}.npz"
    np.savez(
        path,
        t_s=t_s - t_s[0],
        pressure=pressure.astype(np.uint16),
        keypoints_m=points.astype(np.float32),
        joint_names=np.array(KEYPOINTS),
        valid=np.arange(n) % 11 != 5,
    )
    return path


@pytest.fixture
def take(tmp_path: Path) -> IscasTake:
    return load_iscas_take(write_take(tmp_path, "S01_stand_1", seed=1))


def test_key_points_are_about_the_middle_of_the_hips(take: IscasTake) -> None:
    hips = take.keypoints_m[:, [KEYPOINTS.index("left_hip"), KEYPOINTS.index("right_hip")]]
    assert np.abs(hips.mean(axis=1)).max() < 1e-6


def test_training_ends_a_guard_before_the_test_begins(take: IscasTake) -> None:
    train, test = real.split(take)
    assert take.t_s[test].min() - take.t_s[train].max() > real.GUARD_S
    assert take.t_s[test].min() >= 0.7 * take.t_s[-1]
    assert not (train | test)[~take.is_valid].any()
    for settings in (real.STANDING, real.WALKING):
        assert max(np.abs(settings.offsets_s)) < real.GUARD_S


def test_cross_validation_never_sees_a_frame_of_the_test(take: IscasTake) -> None:
    train, _ = real.split(take)
    seen = np.zeros_like(train)
    for fit, check in real.blocks(take, 4):
        gap = np.abs(take.t_s[fit][:, None] - take.t_s[check])
        assert gap.min() >= real.GUARD_S
        assert not (fit | check)[~train].any()
        seen |= check
    assert np.array_equal(seen, train)


def test_nothing_after_the_guard_changes_what_was_learnt(take: IscasTake) -> None:
    train, test = real.split(take)
    spoilt = take.keypoints_m.copy()
    spoilt[~train] = 9.0
    first_test = int(np.flatnonzero(test)[0])
    counts = {side: cells.copy() for side, cells in take.counts.items()}
    for cells in counts.values():
        cells[first_test:] = 1999.0
    changed = replace(take, keypoints_m=spoilt, counts=counts)
    expected = real.Process([take], [train], real.STANDING).predict(take, test)
    found = real.Process([changed], [train], real.STANDING).predict(take, test)
    np.testing.assert_array_equal(found, expected)


def test_a_sway_that_pressure_shows_is_found_and_beats_the_mean(tmp_path: Path) -> None:
    for seed, name in enumerate(("S01_stand_1", "S01_walk_1", "S02_walk_1")):
        write_take(tmp_path, name, seed=seed)
    rows = real.evaluate(tmp_path)
    assert [row.take for row in rows] == ["S01_stand_1", "S01_walk_1", "S02_walk_1"]
    for row in rows:
        assert row.low_mm <= row.error_mm <= row.high_mm
        assert row.error_mm < 0.5 * row.mean_pose_mm
        assert row.is_met
    assert real.evaluate(tmp_path) == rows


def test_continuations_are_tested_and_extra_features_are_used(tmp_path: Path) -> None:
    later = tmp_path / "later"
    later.mkdir()
    write_take(tmp_path, "S01_stand_1", seed=1)
    write_take(later, "S01_stand_1", seed=1)
    calls = []

    def features(take: IscasTake) -> np.ndarray:
        calls.append(take.name)
        return take.t_s[:, None]

    (row,) = real.evaluate(tmp_path, held_out=later, features=features)
    assert row.n_test == load_iscas(later)[0].is_valid.sum()
    assert calls


def test_gross_errors_of_depth_in_training_hardly_move_the_median() -> None:
    points = np.random.default_rng(0).normal(0, 0.01, (200, 1, 3))
    points[:30, :, 2] += 2.0
    assert np.linalg.norm(real.geometric_median(points)) < 0.01


def test_mirroring_twice_changes_nothing(take: IscasTake) -> None:
    twice = mirrored(mirrored(take))
    np.testing.assert_array_equal(twice.images, take.images)
    np.testing.assert_allclose(twice.keypoints_m, take.keypoints_m)
    assert mirrored(take).counts["left"].sum() == take.counts["right"].sum()


def test_another_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no take S\*\.npz"):
        load_iscas(tmp_path)
    np.savez(tmp_path / "S01_a.npz", t_s=np.arange(3.0), pressure=np.zeros((3, 2, 33, 15), "u2"))
    with pytest.raises(DataError, match="is missing"):
        load_iscas(tmp_path)


@needs_data
def test_every_shared_file_has_frames_on_both_sides_of_the_split() -> None:
    takes = load_iscas(DATA)
    assert len(takes) == 7
    for take in takes:
        train, test = real.split(take)
        assert train.sum() > 100
        assert test.sum() >= 10
