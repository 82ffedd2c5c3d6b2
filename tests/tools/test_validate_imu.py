import functools
import json

import numpy as np
import pandas as pd
import pytest

from solekit.contacts.inertial import InertialContacts
from solekit.trajectory import FootPath, FootRest
from tests.trajectory.walking import walk
from tools.validate import gaitmap_example, pyshoe, voisard_feet, xio_gait
from tools.validate.__main__ import STRETCH, run
from tools.validate.intervals import joined_mean, joined_median, over_people

NAMES = ("voisard_feet", "pyshoe", "gaitmap_example", "xio_gait")


def missed(result):
    """Return the targets that are missed, without those that are only wished for."""
    return [k for k, met in result["targets"].items() if not met and not k.startswith(STRETCH)]


def run_or_skip(name, data_dir):
    result = run(name, data_dir, "sim")
    if result is None:
        pytest.skip(f"no recordings of {name} in {data_dir}")
    return result


@pytest.mark.data
@pytest.mark.parametrize("name", NAMES)
def test_real_recordings_meet_their_targets(name, data_dir):
    result = run_or_skip(name, data_dir)
    assert result["n_recordings"] >= 1
    assert result["targets"]
    assert not missed(result), json.dumps(result, indent=1)


BROKEN = {
    "only fast swings": (voisard_feet, InertialContacts, {"min_swing_rad_s": 8.0}, "f1"),
    "toe off far too late": (voisard_feet, InertialContacts, {"push_share": 0.1}, "error"),
    "moving feet at rest": (pyshoe, FootPath, {"rest": FootRest(still=1000.0)}, "stride length"),
    "moving feet at rest, path": (pyshoe, FootPath, {"rest": FootRest(still=1000.0)}, "path"),
    "blows like all else": (gaitmap_example, FootPath, {"blow_m_s2": 1e6}, "stride length"),
}


@pytest.mark.data
@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_algorithm_misses_the_targets(what, data_dir, monkeypatch):
    module, algorithm, parameters, target = BROKEN[what]
    monkeypatch.setattr(module, algorithm.__name__, functools.partial(algorithm, **parameters))
    result = run_or_skip(module.FOLDER, data_dir)
    assert any(target in name for name in missed(result)), json.dumps(result["targets"])


class TurnsTooFar(FootPath):
    def integrate(self, accel_m_s2, gyro_rad_s, **options):
        return super().integrate(accel_m_s2, 1.05 * gyro_rad_s, **options)


@pytest.mark.data
def test_a_gyroscope_that_reads_too_much_does_not_close_the_loop(data_dir, monkeypatch):
    monkeypatch.setattr(xio_gait, "FootPath", TurnsTooFar)
    assert missed(run_or_skip("xio_gait", data_dir))


def test_the_interval_is_over_people_and_always_the_same():
    values = {str(i): np.full(100, float(i)) for i in range(20)}
    found = over_people(values, joined_mean)
    low, high = found["interval"]
    assert found["value"] == 9.5
    # The mean of 20 people has a standard error of 5.77 / sqrt(20) = 1.29, not of 2000 values.
    assert low == pytest.approx(9.5 - 1.96 * 1.29, abs=0.3)
    assert high == pytest.approx(9.5 + 1.96 * 1.29, abs=0.3)
    assert over_people(values, joined_mean) == found


def test_one_person_has_no_interval():
    assert over_people({"a": np.arange(3.0)}, joined_median) == {"value": 1.0, "interval": None}


def test_no_values_have_no_mean_and_no_median():
    assert np.isnan(joined_mean([np.zeros(0)]))
    assert np.isnan(joined_median([np.zeros(0), np.zeros((0, 2))]))


def made_up_trial(*, shift_s=0.0, without=()):
    """Return a trial as ``voisard_feet`` holds it: its events are those found, shifted."""
    walked = walk(rate_hz=100.0)
    swings = InertialContacts().detect(*walked.signals, t_s=walked.t_s).swings_
    events = 100.0 * (swings[["to_s", "ic_s"]].to_numpy() + shift_s)
    foot, n = np.concatenate(walked.signals, axis=1), len(walked.t_s)
    trial = {
        "rate_hz": 100.0,
        "trial_bounds": np.array([0, n]),
        "uturn_bounds": np.array([500, 700]),
    }
    for side in ("left", "right"):
        trial |= {f"{side}_foot": foot, f"{side}_events": np.delete(events, without, axis=0)}
    return trial


def test_events_are_hit_missed_and_invented_apart_for_walk_and_turn():
    for kind in voisard_feet.compare(made_up_trial()):
        assert kind["walk"][0] + kind["turn"][0] == kind["n"] == 8
        assert not kind["walk"][1:].any()
        assert not kind["turn"][1:].any()
        assert kind["turn"][0] > 0
    for kind in voisard_feet.compare(made_up_trial(without=[0])):
        assert kind["walk"][1:].tolist() == [0, 1]
    for kind in voisard_feet.compare(made_up_trial(shift_s=0.02)):
        np.testing.assert_allclose(kind["error_s"], -0.02, atol=1e-9)
    for kind in voisard_feet.compare(made_up_trial(shift_s=0.2)):
        assert kind["walk"][0] + kind["turn"][0] == 0
        assert kind["walk"][1:].sum() + kind["turn"][1:].sum() == 16


def test_strides_are_compared_in_the_plane_from_rest_to_rest_of_the_truth():
    t_s = np.arange(0, 4, 0.01)
    place = np.zeros((400, 3))
    is_rest = np.zeros(400, dtype=bool)
    for begin, x in ((0, 0.0), (100, 1.0), (200, 1.2), (300, 2.7)):
        place[begin:, 0] = x
        is_rest[begin : begin + 50] = True
    place[:, 2] = np.arange(400)  # height does not count
    error = pyshoe.stride_errors(t_s, 1.02 * place, place, is_rest)
    np.testing.assert_allclose(error, [0.02, 0.02])  # the one of 0.2 m is no stride


def test_a_path_is_compared_after_the_best_turn_and_shift():
    random = np.random.default_rng(2)
    truth = np.cumsum(random.normal(size=(200, 3)), axis=0)
    c, s = np.cos(2.0), np.sin(2.0)
    turned = truth @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + [4.0, -3.0, 1.0]
    turned[:10] = np.nan
    assert pyshoe.path_error(turned, truth)[0] == pytest.approx(0.0, abs=1e-9)
    assert pyshoe.path_error(1.1 * turned, truth)[0] > 0.1
    assert pyshoe.path_error(np.full((200, 3), np.nan), truth).size == 0


def save_walk(folder, name, walked):
    np.savez(folder / f"{name}.npz", t_s=walked.t_s, acc=walked.accel_m_s2, gyro=walked.gyro_rad_s)


def test_a_loop_closes_and_a_line_does_not(tmp_path):
    save_walk(tmp_path, "loop_walk", walk(8, turn_deg=45.0, rate_hz=400.0))
    loop = xio_gait.validate(tmp_path, "sim")
    assert not missed(loop), loop
    assert loop["walks"][0]["way_m"] == pytest.approx(8 * 1.3, rel=0.02)
    save_walk(tmp_path, "straight_walk", walk(8, rate_hz=400.0))
    straight = xio_gait.validate(tmp_path, "sim")
    assert straight["n_recordings"] == 2
    assert missed(straight)


def test_stride_lengths_are_compared_with_the_way_of_the_marker():
    t_s = np.arange(0, 10, 1 / gaitmap_example.OPTICS_HZ)
    marker_m = np.stack([1.3 * t_s, np.full(len(t_s), 0.05), 0.0 * t_s], axis=1)
    strides = pd.DataFrame({"rest_s": [1.0], "next_rest_s": [2.0], "stride_length_m": [1.32]})
    found = gaitmap_example.with_truth(strides, marker_m)
    assert found["truth_m"].item() == pytest.approx(1.3)
    assert found["error_m"].item() == pytest.approx(0.02)
