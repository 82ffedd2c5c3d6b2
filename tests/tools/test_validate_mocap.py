import json
from typing import NamedTuple

import numpy as np
import pytest

from solekit.layouts import SIDES
from solekit_hil.walker.ground import ground_under
from solekit_hil.walker.person import GRAVITY_M_S2
from solekit_hil.walker.touch import sole_of
from tests.hil.test_markers import FEET, marked, seen
from tests.hil.test_walker_dynamics import MASS_KG, RATE_HZ, walking
from tools.validate import mocap_forceplate as gate
from tools.validate.__main__ import run, show

FORCE_HZ = 1000.0
START_S = 12.3  # clocks of recordings do not begin at 0
FOOT, TOTAL, PEAK, CONTACT, COP = (
    "walking: vertical force per foot within 0.10 body weights RMSE",
    "walking: total vertical force within 0.06 body weights RMSE",
    "walking: peaks within 8 %",
    "walking: contact times within 25 ms",
    "walking: CoP along the foot within 2.5 cm RMSE",
)
RUN = "running: total vertical force within 0.25 body weights RMSE"


class Plates(NamedTuple):
    """What plates would have seen of a person, (k,), (k, 2, 3) and (k, 2, 3)."""

    t_s: np.ndarray
    force_n: np.ndarray
    cop_m: np.ndarray


@pytest.fixture(scope="module")
def person():
    """Return the markers of a walk and the plates that agree with the model in all."""
    markers = marked(walking(5.5)[0].points_m)
    motion = seen(markers)
    ground = ground_under(motion, cutoff_hz=gate.CUTOFF_HZ)
    t_s = np.arange(0, motion.t_s[-1], 1 / FORCE_HZ)

    def on_clock(values):
        return np.stack([np.interp(t_s, motion.t_s, column) for column in values.T], axis=1)

    force = np.stack([on_clock(ground.force_n[side]) for side in SIDES], axis=1)
    cop = np.stack([on_clock(ground.cop_m[side]) for side in SIDES], axis=1)
    cop[force[:, :, 2] < gate.LOADED_N] = np.nan
    return markers, Plates(t_s, force, cop)


def save(path, markers, plates, **changed):
    """Write a recording in the format of the set."""
    n = len(next(iter(markers.values())))
    arrays = {
        "markers_m": np.stack(list(markers.values()), axis=1).astype(np.float32),
        "marker_names": np.array(list(markers)),
        "time_s": START_S + np.arange(n) / RATE_HZ,
        "marker_fps": RATE_HZ,
        "force_time_s": START_S + plates.t_s,
        "force_fps": FORCE_HZ,
        "grf_n": plates.force_n,
        "cop_m": plates.cop_m,
        "plate_valid": np.ones((len(plates.t_s), 2), bool),
        "foot_markers": np.array([[FEET[s].heel, FEET[s].toe, "", ""] for s in SIDES]),
        "foot_marker_roles": np.array(["heel", "toe", "forefoot", "ankle"]),
        "feet": np.array(SIDES),
        "mass_kg": MASS_KG,
        "person": "a",
        "action": "walk",
    }
    np.savez(path, **(arrays | changed))


@pytest.fixture
def result_of(person, tmp_path):
    """Return ``result_of(change, **arrays)``: the gate's result for changed plates."""

    def result(change=lambda plates: plates, **changed):
        markers, plates = person
        save(tmp_path / "one.npz", markers, change(plates), **changed)
        return gate.validate(tmp_path, "sim")

    return result


def missed(result):
    return {name for name, met in result["targets"].items() if not met} - {RUN}


def value(result, key):
    return result[f"walking_{key}"]["value"]


def test_plates_that_agree_with_the_model_leave_no_error(result_of):
    result = result_of()
    assert result["refused"] == []
    assert (result["n_recordings"], result["n_people"]) == (1, 1)
    assert missed(result) == set()
    assert value(result, "foot_rmse_bw") < 0.01
    assert value(result, "total_rmse_bw") < 0.01
    assert value(result, "peak_error_pct") < 1
    assert value(result, "contact_error_ms") < 12  # the plates count from 20 N on
    assert value(result, "cop_rmse_cm") < 0.3
    walk = result["walks"][0]
    assert walk["n_contact_times"] >= 14
    assert walk["n_peaks"] >= 7


def test_forces_that_are_ten_percent_higher_show_in_the_forces_alone(result_of):
    result = result_of(lambda p: p._replace(force_n=1.1 * p.force_n))
    assert missed(result) == {TOTAL, PEAK}
    walk = result["walks"][0]
    assert walk["peak_error_pct"] == pytest.approx(100 * (1 - 1 / 1.1), abs=0.5)
    assert walk["total_bias_bw"] == pytest.approx(-0.1, abs=0.01)
    assert value(result, "total_rmse_bw") == pytest.approx(0.1, abs=0.02)
    assert value(result, "contact_error_ms") < 12
    assert value(result, "cop_rmse_cm") < 0.3


def test_without_a_mass_the_scale_of_the_forces_is_found(result_of):
    result = result_of(lambda p: p._replace(force_n=1.1 * p.force_n), mass_kg=np.nan)
    assert missed(result) == set()
    assert value(result, "total_rmse_bw") < 0.01
    assert value(result, "peak_error_pct") < 1


def test_plates_that_are_late_show_in_the_contact_times(result_of):
    late = round(0.04 * FORCE_HZ)

    def change(plates):
        return Plates(plates.t_s, *(np.roll(of, late, axis=0) for of in plates[1:]))

    result = result_of(change)
    good = value(result_of(), "contact_error_ms")
    assert CONTACT in missed(result)
    assert value(result, "contact_error_ms") == pytest.approx(40, abs=good + 2)
    assert value(result, "peak_error_pct") < 1  # as high as before


def test_a_centre_of_pressure_that_is_ahead_shows_in_it_alone(result_of):
    result = result_of(lambda p: p._replace(cop_m=p.cop_m + np.array([0.03, 0, 0])))
    assert missed(result) == {COP}
    walk = result["walks"][0]
    assert walk["cop_rmse_cm"] == pytest.approx(3, abs=0.1)
    assert walk["cop_bias_cm"] == pytest.approx(-3, abs=0.1)
    assert value(result, "foot_rmse_bw") < 0.01


def test_a_centre_of_pressure_beside_the_foot_is_not_asked_about(result_of):
    assert missed(result_of(lambda p: p._replace(cop_m=p.cop_m + np.array([0, 0.05, 0])))) == set()


def test_load_on_the_wrong_foot_shows_per_foot_and_not_in_the_sum(result_of):
    def change(plates):
        return plates._replace(force_n=plates.force_n[:, ::-1])

    result = result_of(change)
    assert FOOT in missed(result)
    assert TOTAL not in missed(result)
    assert value(result, "total_rmse_bw") < 0.01


def test_what_the_plates_did_not_see_whole_does_not_count(person, result_of):
    plates = person[1]
    wrong = plates.force_n.copy()
    beside = (plates.t_s > 2.0) & (plates.t_s < 3.0)
    wrong[beside] *= 0.3
    valid = np.ones((len(plates.t_s), 2), bool)
    valid[beside] = False
    assert missed(result_of(lambda p: p._replace(force_n=wrong), plate_valid=valid)) == set()
    assert missed(result_of(lambda p: p._replace(force_n=wrong))) != set()


def test_a_foot_that_may_already_stand_beside_a_plate_does_not_count(person, result_of):
    plates = person[1]
    loaded = plates.force_n[:, 0, 2] > gate.LOADED_N
    lands = 1 + np.flatnonzero(loaded[1:] & ~loaded[:-1])[1]
    leaves = lands + np.flatnonzero(~loaded[lands:])[0]
    # It stands beside for 0.1 s before the plates know that they do not see it.
    force, valid = plates.force_n.copy(), np.ones((*loaded.shape, 2), bool)
    force[lands:leaves, 0] = 0
    valid[lands + 100 : leaves, 0] = False
    result = result_of(lambda p: p._replace(force_n=force), plate_valid=valid)
    assert missed(result) == set()
    assert value(result, "foot_rmse_bw") < 0.01


def test_a_walk_counts_for_walking_a_run_for_running_and_others_for_themselves(result_of):
    as_walk = result_of(action=np.array("walk_toe_in"))
    assert missed(as_walk) == set()
    as_run = result_of(action=np.array("run_treadmill"))
    assert as_run["targets"][RUN]
    assert not as_run["targets"][TOTAL]  # no walk, nothing met
    other = result_of(action=np.array("squat"))
    assert other["squat"]["total_rmse_bw"]["value"] < 0.01
    assert not any(other["targets"].values())


def test_figures_are_means_over_people_of_the_means_of_their_recordings():
    walks = [
        {"person": person, "action": "walk"} | dict.fromkeys(KEYS, error)
        for person, error in (("a", 1.0), ("a", 2.0), ("b", 4.5), ("c", None))
    ]
    found = gate.figures(walks, gate.WALKING)
    assert found["n_people"] == 3
    assert found["total_rmse_bw"]["value"] == pytest.approx((1.5 + 4.5) / 2)
    assert "total_rmse_bw" not in gate.figures(walks, gate.RUNNING)


KEYS = ("foot_rmse_bw", "total_rmse_bw", "peak_error_pct", "contact_error_ms", "cop_rmse_cm")


def test_unloaded_samples_near_the_ends_of_what_is_valid_do_not_count():
    t_s = np.arange(1000) / 1000
    valid = np.zeros((1000, 1), bool)
    valid[200:800] = True
    force = np.where((t_s > 0.4) & (t_s < 0.7), 700.0, 0.0)[:, None]
    kept = gate.without_edges(valid, force, t_s)[:, 0]
    beside = round(1000 * gate.BESIDE_S)
    assert np.flatnonzero(kept)[0] == 200 + beside
    # Loaded to 0.7 s, so all of that counts, the unloaded rest up to 0.8 s does not.
    assert 698 <= np.flatnonzero(kept)[-1] <= 700


def test_a_recording_without_a_person_is_refused_by_name_and_the_others_count(person, tmp_path):
    markers, plates = person
    save(tmp_path / "good.npz", markers, plates)
    nameless = {
        f"M{i}" if n[1:] in ("ASI", "PSI") else n: at for i, (n, at) in enumerate(markers.items())
    }
    save(tmp_path / "nobody.npz", nameless, plates)
    footless = {name: at for name, at in markers.items() if name != "LHEE"}
    save(tmp_path / "footless.npz", footless, plates)
    hidden = {name: at.copy() for name, at in markers.items()}
    for i, name in enumerate(("LASI", "RASI", "LHEE", "RHEE")):
        hidden[name][np.arange(len(hidden[name])) % 400 // 100 != i] = np.nan
    save(tmp_path / "hidden.npz", hidden, plates)
    result = gate.validate(tmp_path, "sim")
    assert result["n_recordings"] == 1
    by_name = dict(line.split(": ", 1) for line in result["refused"])
    assert set(by_name) == {"nobody", "footless", "hidden"}
    assert "no pelvis" in by_name["nobody"]
    assert "'LHEE'" in by_name["footless"]
    json.dumps(result, allow_nan=False)


def test_a_recording_without_mass_and_without_both_feet_on_plates_is_refused(person, tmp_path):
    markers, plates = person
    valid = np.zeros((len(plates.t_s), 2), bool)
    valid[:, 0] = True
    save(tmp_path / "one.npz", markers, plates, mass_kg=np.nan, plate_valid=valid)
    result = gate.validate(tmp_path, "sim")
    assert result["n_recordings"] == 0
    assert "no mass" in result["refused"][0]
    assert not any(result["targets"].values())


def test_a_recording_is_cut_to_where_the_whole_body_is_seen(person, tmp_path):
    markers, plates = person
    cut = {name: at.copy() for name, at in markers.items()}
    cut["LASI"][:200] = np.nan
    save(tmp_path / "cut.npz", cut, plates)
    trial = gate.load(tmp_path / "cut.npz")
    assert len(trial.motion.points_m) == len(cut["LASI"]) - 200
    assert trial.t_s[0] == pytest.approx(gate.EDGE_S, abs=2 / FORCE_HZ)
    ground = ground_under(trial.motion, cutoff_hz=gate.CUTOFF_HZ)
    assert gate.errors(trial, ground)["total_rmse_bw"] < 0.02  # the clocks still agree
    assert sole_of(trial.motion, "left").length_m == pytest.approx(0.26, abs=0.03)
    assert trial.force_n.sum(axis=1).mean() == pytest.approx(MASS_KG * GRAVITY_M_S2, rel=0.03)


def _no_archive(path):
    path.write_bytes(b"this is no archive")


def _empty(path):
    path.write_bytes(b"")


def _cut_short(path):
    path.write_bytes(path.read_bytes()[:2000])


def _without_its_forces(path):
    np.savez(path, markers_m=np.zeros((9, 1, 3)))


@pytest.mark.parametrize("breaks", [_no_archive, _empty, _cut_short, _without_its_forces])
def test_an_unreadable_recording_is_refused_and_the_others_count(person, tmp_path, breaks):
    markers, plates = person
    for name in ("broken", "good"):
        save(tmp_path / f"{name}.npz", markers, plates)
    breaks(tmp_path / "broken.npz")
    result = gate.validate(tmp_path, "sim")
    assert result["n_recordings"] == 1
    assert [line.split(":")[0] for line in result["refused"]] == ["broken"]
    assert "cannot be read as a recording" in result["refused"][0]


@pytest.mark.data
def test_real_recordings_meet_all_targets_and_the_result_can_be_shown(data_dir, capsys):
    result = run(gate.FOLDER, data_dir, "sim")
    if result is None:
        pytest.skip(f"no recordings of {gate.FOLDER} in {data_dir}")
    assert result["n_recordings"] >= 20
    assert len(result["targets"]) == 6
    assert all(result["targets"].values()), json.dumps(result, indent=1)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    show(result)
    out = capsys.readouterr().out
    assert "MISSED" not in out
    for target in result["targets"]:
        assert f"met    {target}" in out
