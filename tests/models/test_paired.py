from dataclasses import replace

import numpy as np
import pytest

from models.data import paired, stomp
from models.data.keypoints import KeypointFile
from solekit import layouts
from solekit.errors import DataError
from solekit.inference.decode import KEYPOINTS
from solekit.inference.frames import RATE_HZ
from solekit_hil import walker
from solekit_hil.walker.body import INDEX

OURS = [INDEX[name] for name in KEYPOINTS]
SOLES = {side: layouts.named("cells-4", side) for side in layouts.SIDES}
TRUE_S = 7.123


def both(person, *, rate_hz=30.0, noise_m=0.004, clock=1.0, seconds=None):
    """Return key points on a clock of their own and the loads of the soles."""
    end = seconds or person.duration_s
    t_k, t_p = np.arange(0, end, 1 / rate_hz), np.arange(0, end, 0.01)
    noise = np.random.default_rng(1).normal(0, noise_m, (len(t_k), len(OURS), 3))
    points = KeypointFile(t_k * clock, person.body(t_k).keypoints_m[:, OURS] + noise)
    cells = person.sample(t_p)[0]
    loads = {side: cells[side].sum(axis=1) for side in SOLES}
    return points, dict.fromkeys(SOLES, t_p + TRUE_S), loads


@pytest.mark.parametrize("motion", ["squat", "in-place"])
def test_a_stomp_gives_the_offset_within_20_ms(motion):
    person = stomp.stomping(motion, seconds=4.0, seed=3, layouts=SOLES)
    for rate_hz in (25.0, 30.0, 100.0):
        clock = stomp.synchronised(*both(person, rate_hz=rate_hz))
        assert clock.offset_s == pytest.approx(TRUE_S, abs=0.020)
        assert abs(clock.offset_s - TRUE_S) < 2 * clock.uncertainty_s
        assert clock.rate == 1.0


def test_a_second_stomp_gives_the_rate():
    person = stomp.stomping("squat", seconds=1.0, seed=1, layouts=SOLES)
    points, t_s, loads = both(person, rate_hz=60.0)
    later_s = 30.0
    twice = KeypointFile(
        np.concatenate([points.t_s, points.t_s + later_s]) * 1.002,
        np.concatenate([points.points_m, points.points_m]),
    )
    t_s = {side: np.concatenate([t, t + later_s]) for side, t in t_s.items()}
    loads = {side: np.concatenate([load, load]) for side, load in loads.items()}
    clock = stomp.synchronised(twice, t_s, loads)
    assert clock.rate == pytest.approx(1 / 1.002, abs=4e-4)
    error = clock.to_recording_s(twice.t_s) - twice.t_s / 1.002 - TRUE_S
    assert abs(error).max() < 0.020


def test_walking_without_a_stomp_is_refused():
    person = walker.build("in-place", seed=1, layouts=SOLES)
    with pytest.raises(DataError, match="fit alike"):
        stomp.synchronised(*both(person, seconds=8.0))
    person = walker.build("walk-stop", seed=1, layouts=SOLES)
    with pytest.raises(DataError, match="steps land too softly"):
        stomp.synchronised(*both(person, seconds=8.0))


def test_who_never_lands_and_who_stomps_with_the_other_foot_is_refused():
    standing = walker.build("stand", seed=1, layouts=SOLES)
    with pytest.raises(DataError, match="key points show no foot that lands"):
        stomp.synchronised(*both(standing, seconds=8.0))
    person = stomp.stomping("squat", seconds=1.0, seed=1, layouts=SOLES)
    points, t_s, loads = both(person)
    with pytest.raises(DataError, match="left and right are not swapped"):
        stomp.synchronised(points, t_s, {"left": loads["right"], "right": loads["left"]})


def test_key_points_of_few_frames_per_second_are_too_unsure():
    person = stomp.stomping("squat", seconds=1.0, seed=1, layouts=SOLES)
    with pytest.raises(DataError):
        stomp.synchronised(*both(person, rate_hz=8.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("laboratory")
    return paired.sample_folder(path, people=1, motions=("squat",), seconds=3.0)


def true_offset(folder):
    return float((folder / "truth.csv").read_text().splitlines()[1].split(",")[1])


def test_a_recorded_folder_becomes_takes_on_the_true_clock(folder):
    (entry,) = paired.read_list(folder)
    points = paired.read_keypoints(entry.keypoints)
    clock = paired.clock_of(paired.Recording(entry.recording), points)
    assert clock.offset_s == pytest.approx(true_offset(folder), abs=0.020)
    (take,) = paired.load_folder(folder)
    (known,) = [paired.load_take(replace(entry, offset_s=true_offset(folder)))]
    assert (take.person, take.action, take.is_simulated) == ("p01", "squat", True)
    np.testing.assert_allclose(np.diff(take.t_s), 1 / RATE_HZ)
    assert take.is_valid.all()
    n = len(take.t_s)
    assert take.keypoints_m.shape == (n, 19, 3)
    assert {side: load.shape for side, load in take.load.items()} == {
        "left": (n, 16),
        "right": (n, 16),
    }
    assert take.imu is not None
    assert take.imu["left"].shape == (n, 6)
    person = walker.Person.from_seed(1000)
    assert take.stature_m == pytest.approx(person.height_m, rel=0.05)
    # Both takes share most of their time, and 20 ms move nobody far.
    heads = [np.interp(take.t_s, t.t_s, t.keypoints_m[:, 0, 2]) for t in (take, known)]
    assert np.median(abs(heads[0] - heads[1])) < 0.01
    assert paired.layouts_of(folder)["left"].n_cells == 16


def test_poses_are_about_the_person_and_loads_are_the_weight(folder):
    (take,) = paired.load_folder(folder)
    hips = [KEYPOINTS.index(f"{side}_hip") for side in layouts.SIDES]
    shoulders = [KEYPOINTS.index(f"{side}_shoulder") for side in layouts.SIDES]
    np.testing.assert_allclose(take.keypoints_m[:, hips, :2].mean(axis=1), 0, atol=1e-4)
    left, right = (take.keypoints_m[:, k] for k in shoulders)
    assert (right[:, 0] > left[:, 0]).all()
    weight = walker.Person.from_seed(1000).mass_kg * 9.81
    total = sum(load.sum(axis=1) for load in take.load.values())
    assert np.median(total) == pytest.approx(weight, rel=0.1)


def test_frames_over_a_gap_of_either_source_are_not_valid(folder):
    (entry,) = paired.read_list(folder)
    entry = replace(entry, offset_s=true_offset(folder))
    points = paired.read_keypoints(entry.keypoints)
    recording = paired.Recording(entry.recording)
    middle = float(np.median(points.t_s))
    keep = abs(points.t_s - middle) > 0.2
    cut = replace(points, t_s=points.t_s[keep], points_m=points.points_m[keep])
    take = paired.take_of(recording, cut, entry)
    lost = take.t_s[~take.is_valid]
    assert 0.3 < np.ptp(lost) <= 0.45
    assert abs(lost - entry.offset_s - middle).max() < 0.25
    t_s = np.array([0.0, 0.1, 0.5, 0.6])
    asked = np.array([-0.1, 0.05, 0.3, 0.55, 0.7])
    assert paired.near(asked, t_s).tolist() == [False, True, False, True, False]


def test_lists_that_cannot_be_right_are_refused_in_a_sentence(folder, tmp_path):
    names = {"recording": "p01_squat.mcap", "keypoints": "p01_squat.npz"}
    for name in names.values():
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    lines = [*(f'{k} = "{v}"' for k, v in names.items()), 'person = "a"', 'action = "b"']

    def refused(text, match):
        (tmp_path / "people.toml").write_text(text)
        with pytest.raises(DataError, match=match):
            paired.read_list(tmp_path)

    whole = "\n".join(["[[take]]", *lines, ""])
    refused("", "lists no take")
    refused("[[take", "is damaged")
    refused("\n".join(["[[take]]", *lines[:3]]), "take 1 lacks 'action'")
    refused(whole + "colour = 1", "'colour', which is none of")
    refused(whole + 'stature_m = "tall"', "stature_m = 'tall', which is no float")
    refused(whole.replace("p01_squat.mcap", "x.mcap"), "names x.mcap, which is not there")
    refused(whole + whole, "takes 1 and 2 are both of p01_squat.mcap")
    (tmp_path / "people.toml").unlink()
    with pytest.raises(DataError, match=r"holds 0 of people\.toml"):
        paired.load_folder(tmp_path)


def test_a_csv_list_reads_as_the_toml_one(folder, tmp_path):
    (entry,) = paired.read_list(folder)
    columns = "recording,keypoints,person,action,stature_m,is_simulated\n"
    row = f"{entry.recording},{entry.keypoints},p01,squat,,true\n"
    (tmp_path / "people.csv").write_text(columns + row)
    assert paired.read_list(tmp_path) == [entry]
