"""A laboratory's own folder, by the commands that its people type: taught, exported, used."""

import json

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the extra 'train' is not installed")

from models.data import paired
from models.pose import train
from solekit.inference import zoo
from solekit.inference.pose import PoseEstimator
from solekit.recording import Recording

pytestmark = pytest.mark.timeout(300)
MOTIONS = ("squat", "in-place")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("laboratory")
    return paired.sample_folder(path, people=3, motions=MOTIONS, seconds=8.0, layout="cells-4")


@pytest.fixture(scope="module")
def run(folder, few_windows, tmp_path_factory):
    out = tmp_path_factory.mktemp("build")
    asked = ["--data", str(folder), "--name", "pose-ours", "--steps", "60", "--out", str(out)]
    assert train.main(asked) == 0
    return out / "runs" / "pose-ours"


def test_a_folder_of_own_people_becomes_a_network_that_is_used(run, folder, export_here, tmp_path):
    card = zoo.card(export_here(run, tmp_path))
    assert card.trained_on["licence_class"] == "own"
    assert card.trained_on["simulated"] is True
    assert (card.trained_on["people"], card.trained_on["tested_on_people"]) == (3, 1)
    assert set(card.actions) == set(MOTIONS)
    recording = Recording(folder / "p01_squat.mcap")
    found = PoseEstimator(model=tmp_path / "pose-ours", stature_m=1.7).estimate(recording)
    assert np.isfinite(found.keypoints_m_).all()
    assert found.model_.startswith("pose-ours")


def test_the_network_is_judged_on_people_whom_it_has_not_seen(run):
    about = json.loads((run / "run.json").read_text("utf-8"))
    assert about["trained_on"]["split"].startswith("by person")
    assert "error_cm" in about["evaluation"]
    assert "mean_pose_error_cm" in about["evaluation"]


def test_weights_of_own_people_do_not_ship(run, capsys, monkeypatch):
    from models import export

    monkeypatch.setattr("sys.argv", ["export", str(run)])
    assert export.main() == 1
    assert "licence class own" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--split", "frame"], "neighbouring frames"),
        (["--split", "half"], "use person or time"),
    ],
)
def test_a_split_that_proves_nothing_is_refused(folder, options, text, tmp_path, capsys):
    asked = ["--data", str(folder), "--out", str(tmp_path), *options]
    assert train.main(asked) == 1
    assert text in capsys.readouterr().err.lower()
