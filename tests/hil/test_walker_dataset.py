import json
import os
import shutil
from collections import namedtuple
from fnmatch import fnmatch

import numpy as np
import pytest

from solekit import layouts
from solekit.errors import DataError
from solekit_hil import walker as walkers
from solekit_hil.walker import __main__ as command
from solekit_hil.walker import dataset
from solekit_hil.walker.body import KEYPOINTS
from tests.hil.test_walker_show import Swaying, sway

Usage = namedtuple("Usage", "total used free")


def plan(**change):
    values = {"people": 3, "seconds": 1.5, "motions": ("stand", "walk"), "layout": "cells-16"}
    return dataset.Plan(**{**values, "rate": 20.0, "imu_rate": 50.0, **change})


def sums(folder):
    return {item["name"]: item["sha256"] for item in dataset.read(folder).manifest["files"]}


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def ended(motion, *, seed, layouts, person=None):
    return Swaying(layouts, seed=seed, duration_s=1.0)


class Interrupted:
    """Builds some walkers, then fails as if the computer had been switched off."""

    def __init__(self, left):
        self.left = left
        self.built = []

    def __call__(self, motion, *, seed, layouts, person=None):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        self.built.append((seed, motion))
        return sway(motion, seed=seed, layouts=layouts)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "sway"
    dataset.write(folder, plan(), build=sway)
    return folder


@pytest.fixture
def copy(made, tmp_path):
    return shutil.copytree(made, tmp_path / "copy")


def test_arrays_hold_what_the_walker_did(made):
    arrays = dataset.read(made).arrays(2, "walk")
    soles = {side: layouts.named("cells-16", side) for side in layouts.SIDES}
    walker = sway(seed=1_000_002, layouts=soles)
    t_s = np.arange(30) / 20
    cells, _, truth = walker.sample(t_s)
    body = walker.body(t_s)
    np.testing.assert_array_equal(arrays["t_s"], t_s)
    for side, sole in soles.items():
        np.testing.assert_allclose(arrays[f"pressure_{side}"], cells[side], rtol=5e-4, atol=1e-6)
        np.testing.assert_allclose(arrays[f"force_n_{side}"], body.force_n[side], rtol=1e-6)
        np.testing.assert_allclose(arrays[f"cop_mm_{side}"], truth.cop_mm[side], rtol=1e-6)
        np.testing.assert_allclose(arrays[f"cells_{side}"][:, 1], sole.y_mm)
        assert arrays[f"pressure_{side}"].dtype == np.float16
        assert arrays[f"imu_{side}"].shape == (75, 6)
        np.testing.assert_allclose(arrays[f"imu_{side}"][:, 2], 9.80665, atol=0.4)
    assert arrays["imu_left_shank"].shape == (75, 6)
    assert abs(arrays["imu_rate_error_left"]) <= 0.02
    np.testing.assert_allclose(arrays["keypoints_m"], body.keypoints_m, rtol=1e-6)
    assert arrays["keypoints_m"].dtype == np.float32
    assert arrays["joint_name"].tolist() == ["left_knee", "right_knee"]
    np.testing.assert_allclose(arrays["joint_deg"][:, 0], body.joint_deg["left_knee"], rtol=1e-6)
    assert arrays["event_t_s"].tolist() == [0.0, 1.0]
    assert set(arrays["event_kind"]) == {"ic"}
    assert set(arrays["event_side"]) == {"left"}


def test_the_manifest_says_who_did_what_and_how_to_read_it(made):
    manifest = json.loads((made / "manifest.json").read_text())
    assert "simulated" in manifest["what"]
    assert manifest["keypoint_name"] == list(KEYPOINTS)
    assert manifest["arguments"]["motions"] == ["stand", "walk"]
    assert manifest["layouts"]["left"]["length_mm"] == 260
    assert [person["seed"] for person in manifest["people"]] == [1000000, 1000001, 1000002]
    someone = walkers.Person.from_seed(1000001)
    assert manifest["people"][1]["mass_kg"] == someone.mass_kg
    assert set(manifest["actions"]) == {"stand", "walk"}
    assert len(manifest["files"]) == 6
    assert not (made / dataset.JOURNAL).exists()


def test_every_array_has_its_unit_in_the_manifest(made):
    data = dataset.read(made)
    units = [name.strip() for names in data.manifest["units"] for name in names.split(",")]
    for name in data.arrays(0, "walk"):
        assert any(fnmatch(name, unit) for unit in (*units, "joint_name"))


def test_equal_arguments_give_equal_bytes_with_any_number_of_processes(made, tmp_path):
    dataset.write(tmp_path / "two", plan(), jobs=2, build=sway)
    assert content(tmp_path / "two") == content(made)


def test_another_seed_gives_other_people(made, tmp_path):
    other = dataset.write(tmp_path / "other", plan(seed=2), build=sway)
    seeds = {person["seed"] for person in other.manifest["people"]}
    assert not seeds & {person["seed"] for person in dataset.read(made).manifest["people"]}
    assert sums(tmp_path / "other") != sums(made)


def test_an_interrupted_dataset_is_unfinished_and_goes_on_where_it_stopped(made, tmp_path):
    folder = tmp_path / "data"
    with pytest.raises(KeyboardInterrupt):
        dataset.write(folder, plan(), build=Interrupted(left=5))
    with pytest.raises(DataError, match="unfinished"):
        dataset.read(folder)
    with (folder / dataset.JOURNAL).open("a") as journal:
        journal.write('{"name": "person-0002_st')  # the line being written at that time
    rest = Interrupted(left=6)
    dataset.write(folder, plan(), build=rest)
    assert rest.built == [(1_000_002, "stand"), (1_000_002, "walk")]
    assert content(folder) == content(made)


def test_a_finished_dataset_is_left_as_it_is(copy):
    before = {path: path.stat().st_mtime_ns for path in copy.iterdir()}
    lines = []
    dataset.write(copy, plan(), build=Interrupted(left=0), say=lines.append)
    assert {path: path.stat().st_mtime_ns for path in copy.iterdir()} == before
    assert lines[0].startswith("0 files to write")


def damage_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (damage_byte, "is damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:-7]), r"has \d+ bytes instead of"),
        (lambda path: path.unlink(), "is missing"),
    ],
)
def test_a_damaged_file_is_named_and_the_command_repairs_only_it(made, copy, damage, says):
    damage(copy / "person-0001_walk.npz")
    with pytest.raises(DataError, match=rf"person-0001_walk\.npz {says}"):
        dataset.read(copy)
    again = Interrupted(left=1)
    dataset.write(copy, plan(), build=again)
    assert again.built == [(1_000_001, "walk")]
    assert content(copy) == content(made)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 3}', '{"files": [], "format": 1}'])
def test_a_damaged_manifest_is_one_sentence(copy, text):
    (copy / "manifest.json").write_text(text)
    with pytest.raises(DataError, match="damaged"):
        dataset.read(copy)


def test_a_dataset_of_another_version_is_refused(copy):
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(DataError, match="another version"):
        dataset.read(copy)


def test_other_arguments_do_not_mix_into_a_folder(copy, tmp_path):
    before = content(copy)
    with pytest.raises(DataError, match="other arguments"):
        dataset.write(copy, plan(seconds=2.0), build=sway)
    assert content(copy) == before
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(DataError, match="other files"):
        dataset.write(tmp_path, plan(), build=sway)
    with pytest.raises(DataError, match="is no dataset"):
        dataset.read(tmp_path / "letter.txt")


def test_a_split_never_shares_a_person_and_repeats(made):
    data = dataset.read(made)
    train, test = data.split_by_person(0.67, seed=5)
    assert len(train.people()) == 2
    assert sorted((*train.people(), *test.people())) == [0, 1, 2]
    assert data.split_by_person(0.67, seed=5)[0].people() == train.people()
    draws = {data.split_by_person(0.67, seed=seed)[1].people() for seed in range(20)}
    assert draws == {(0,), (1,), (2,)}
    with pytest.raises(DataError, match="not in this part"):
        train.arrays(test.people()[0], "walk")
    with pytest.raises(DataError, match="side empty"):
        data.split_by_person(0.05, seed=1)


def test_the_estimate_is_near_the_size(tmp_path):
    wanted = plan(people=1, seconds=30.0, motions=("walk",), layout="grid-30x22")
    data = dataset.write(tmp_path / "big", wanted, build=sway)
    assert wanted.bytes_per_file() == pytest.approx(data.manifest["files"][0]["size"], rel=0.05)


def test_a_dataset_that_does_not_fit_is_refused_before_it_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 0, 10**9))
    with pytest.raises(DataError, match=r"needs about \d+\.\d MB and .* has 1000.0 MB free"):
        dataset.write(tmp_path / "a" / "b", plan(people=10_000, seconds=600.0), build=sway)
    assert not list(tmp_path.iterdir())


def test_a_motion_that_ends_gives_shorter_arrays(tmp_path):
    data = dataset.write(tmp_path / "short", plan(people=1), build=ended)
    assert len(data.arrays(0, "walk")["t_s"]) == 20
    assert data.manifest["files"][0]["shapes"]["imu_left"] == [50, 6]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"motions": ("walk", "fly")}, "unknown motion 'fly'; use any of walk"),
        ({"motions": ("walk", "walk")}, "once"),
        ({"motions": ()}, "once"),
        ({"people": 0}, "0 people"),
        ({"seed": -1}, "seed -1"),
        ({"rate": 0.0}, "rate of 0 Hz"),
        ({"imu_rate": float("nan")}, "imu_rate of nan"),
        ({"seconds": 0.01}, "0.01 s"),
        ({"layout": "round"}, "round"),
    ],
)
def test_impossible_plans_are_one_sentence(change, says):
    with pytest.raises(DataError, match=says):
        plan(**change)


def test_the_command_writes_a_dataset_and_says_how_big_it_gets(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(walkers, "build", sway)
    folder = tmp_path / "data"
    arguments = ["--dataset", str(folder), "--people", "2", "--seconds", "1", "--rate", "20"]
    arguments += ["--motions", "walk, stand", "--layout", "cells-4", "--seed", "7"]
    assert command.main(arguments) == 0
    assert "4 files to write: about" in capsys.readouterr().out
    data = dataset.read(os.fspath(folder))
    assert data.people() == (0, 1)
    assert data.motions() == ("walk", "stand")
    assert command.main([*arguments[:-1], "8"]) == 1
    assert "other arguments" in capsys.readouterr().err
