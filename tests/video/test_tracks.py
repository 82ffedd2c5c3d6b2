"""Repair of tracks: legs that carry each other's labels, gaps, noise."""

from dataclasses import replace

import numpy as np
import pytest

from solekit.video.landmarks import Landmarks
from solekit.video.legs import exchange, swapped_legs
from solekit.video.tracking import MAX_GAP_S, track
from tests.video.camera import RATE_HZ, film, walk


@pytest.fixture(scope="module")
def seen():
    t_s, points_m, _ = walk(seconds=4.0)
    return film(t_s, points_m, noise_px=2.0)


def rows(n, *spans):
    out = np.zeros(n, dtype=bool)
    for start, stop in spans:
        out[start:stop] = True
    return out


def test_a_sound_walk_is_left_as_it_is(seen):
    assert not swapped_legs(seen).any()


@pytest.mark.parametrize("motion", ["slow", "fast", "shuffle", "limp"])
def test_sound_walks_of_other_kinds_are_left_as_they_are(motion):
    t_s, points_m, _ = walk(motion, seconds=5.0)
    assert not swapped_legs(film(t_s, points_m, noise_px=2.0)).any()


@pytest.mark.parametrize("seed", range(4))
def test_short_swaps_are_found_to_the_frame_and_undone(seen, seed):
    rng = np.random.default_rng(seed)
    starts = 10 + 20 * np.arange(5) + rng.integers(0, 8, 5)
    swapped = rows(len(seen.t_s), *((s, s + rng.integers(1, 5)) for s in starts))
    broken = exchange(seen, swapped)
    # Where the legs lie over each other a label has no meaning: count only what can be seen.
    apart = np.abs(seen.point("left_knee") - seen.point("right_knee")).sum(axis=1)
    apart += np.abs(seen.point("left_ankle") - seen.point("right_ankle")).sum(axis=1)
    visible = apart > 60.0
    assert (swapped & visible).sum() >= 5
    np.testing.assert_array_equal(swapped_legs(broken)[visible], swapped[visible])


def test_a_swap_of_a_whole_step_is_undone_by_who_leads(seen):
    apart = (seen.point("left_ankle") - seen.point("right_ankle"))[:, 0]
    passing = np.flatnonzero(np.diff(np.sign(apart)))
    swapped = rows(len(apart), (passing[2] + 1, passing[3] + 1))
    repaired = track(exchange(seen, swapped), cutoff_hz=0.0).landmarks
    off = np.abs(repaired.point("left_ankle") - seen.point("left_ankle")).max(axis=1)
    assert (off > 40.0).sum() <= 4  # at the crossings themselves, where the ankles are close
    assert (
        np.abs(exchange(seen, swapped).point("left_ankle")[:, 0] - seen.point("left_ankle")[:, 0])
        > 40
    ).sum() > 10


def test_people_who_set_one_foot_beside_the_other_are_not_relabelled():
    t_s = np.arange(0, 6, 1 / RATE_HZ)
    lead = np.sin(np.pi * t_s / 1.2) ** 2  # the left foot leads in every step
    names = tuple(f"{s}_{p}" for s in ("left", "right") for p in ("hip", "knee", "ankle"))
    xy_px = np.zeros((len(t_s), 6, 2))
    xy_px[:, :, 0] = 50.0 * t_s[:, None]
    xy_px[:, :, 1] = np.tile([0.0, 200.0, 400.0], 2)
    xy_px[:, 1, 0] += 100.0 * lead
    xy_px[:, 2, 0] += 200.0 * lead
    xy_px += np.random.default_rng(1).normal(0, 1, xy_px.shape)
    found = Landmarks(t_s, xy_px, np.ones((len(t_s), 6)), names, 0, 0, "step to")
    assert not swapped_legs(found).any()


def test_most_frames_decide_which_labelling_is_right(seen):
    swapped = np.ones(len(seen.t_s), dtype=bool)
    swapped[40:43] = False
    assert swapped_legs(exchange(seen, swapped)).sum() <= 6


def test_short_gaps_are_filled_and_long_ones_stay_empty(seen):
    clean = track(seen, cutoff_hz=0.0).landmarks
    short, long = 5, 9  # frames: 0.2 s from the frame before to the frame after, and 0.33 s
    xy_px = seen.xy_px.copy()
    ankle = seen.names.index("left_ankle")
    xy_px[20 : 20 + short, ankle] = np.nan
    xy_px[60 : 60 + long, ankle] = np.nan
    found = track(replace(seen, xy_px=xy_px), cutoff_hz=0.0)
    here = found.landmarks.point("left_ankle")
    assert found.n_filled == short
    assert np.isnan(here[60 : 60 + long]).all()
    assert np.abs(here[20 : 20 + short] - clean.point("left_ankle")[20 : 20 + short]).max() < 15.0
    assert (short + 1) / RATE_HZ <= MAX_GAP_S + 1e-9 < (short + 2) / RATE_HZ


def test_frames_that_the_source_left_out_become_empty_frames(seen):
    kept = np.setdiff1d(np.arange(len(seen.t_s)), np.arange(30, 42))
    found = track(seen.rows(kept)).landmarks
    np.testing.assert_allclose(found.t_s, seen.t_s, atol=1e-9)
    assert np.isnan(found.point("left_knee")[30:42]).all()


def test_the_filter_takes_noise_away_and_leaves_the_motion():
    # White noise up to 15 Hz keeps sqrt(6 / 15) = 0.63 of itself below 6 Hz.
    t_s, points_m, _ = walk(seconds=4.0)
    truth = film(t_s, points_m)
    found = track(film(t_s, points_m, noise_px=6.0))
    for name, share in (("right_hip", 0.7), ("right_knee", 0.8)):  # the knee moves quicker
        error = (found.landmarks.point(name) - truth.point(name))[6:-6]
        assert np.sqrt(np.mean(error**2)) < share * 6.0
        assert np.abs(error.mean(axis=0)).max() < 1.5
    assert found.filter_hz == 6.0


def test_a_slow_video_is_not_filtered(seen):
    assert track(seen.rows(slice(0, None, 3))).filter_hz == 0.0


def test_points_below_the_threshold_are_missing(seen):
    score = seen.score.copy()
    score[:, seen.names.index("left_wrist")] = 0.29
    found = track(replace(seen, score=score)).landmarks
    assert np.isnan(found.point("left_wrist")).all()
    assert np.isfinite(found.point("right_wrist")).all()
