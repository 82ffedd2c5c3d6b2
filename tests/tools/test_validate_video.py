"""Videos of real people: targets met, and missed by what is broken."""

import json
from dataclasses import replace

import numpy as np
import pytest

from solekit.errors import DataError
from tools.validate import blazepose_irfan, openpose_sideview
from tools.validate.__main__ import run


def run_or_skip(name, data_dir):
    result = run(name, data_dir, "sim")
    if result is None:
        pytest.skip(f"no recordings of {name} in {data_dir}")
    return result


@pytest.fixture(autouse=True)
def _no_finder(monkeypatch):
    """Keep the tests quick: another finder is compared by the command alone."""
    monkeypatch.delenv("SOLEKIT_MEDIAPIPE", raising=False)
    monkeypatch.setattr(openpose_sideview, "N_LOSSES", 4)


@pytest.mark.data
@pytest.mark.parametrize("name", ["openpose_sideview", "blazepose_irfan"])
def test_real_recordings_meet_their_targets(name, data_dir):
    result = run_or_skip(name, data_dir)
    assert all(result["targets"].values()), json.dumps(result["targets"], indent=1)


@pytest.mark.data
def test_the_exchanged_legs_of_the_video_are_found(data_dir):
    result = run_or_skip("openpose_sideview", data_dir)
    assert result["n_frames_legs_exchanged"] == 9  # judged one by one
    assert result["same_lead_share"] == [0.0, 0.0, 0.0]


@pytest.mark.data
def test_variables_that_follow_lost_frames_miss_the_target(data_dir, monkeypatch):
    class Fragile(openpose_sideview.VideoVariables):
        """Adds to every value what was lost."""

        def measure(self, found, **options):
            super().measure(found, **options)
            self.variables_["value"] += 300.0 * (1.0 - len(found.t_s) / 401)
            return self

    monkeypatch.setattr(openpose_sideview, "VideoVariables", Fragile)
    result = run_or_skip("openpose_sideview", data_dir)
    assert [met for name, met in result["targets"].items() if "lost" in name] == [False, False]


@pytest.mark.data
def test_a_wrong_shape_of_the_picture_misses_the_targets(data_dir, monkeypatch):
    def pressed(path, **options):
        found = load(path, **options)
        return replace(found, xy_px=found.xy_px * np.array([0.6, 1.0]))

    load = openpose_sideview.load_openpose
    monkeypatch.setattr(openpose_sideview, "load_openpose", pressed)
    result = run_or_skip("openpose_sideview", data_dir)
    assert not next(met for name, met in result["targets"].items() if "statement" in name)
    monkeypatch.setattr(blazepose_irfan, "PRESSED", (0.6, 1.0))
    assert not all(run_or_skip("blazepose_irfan", data_dir)["targets"].values())


@pytest.mark.parametrize("kind", ["random", "bursts"])
def test_about_the_asked_share_of_frames_is_lost(kind):
    lost = openpose_sideview.lost(2000, kind, np.random.default_rng(1))
    assert lost.mean() == pytest.approx(0.3, abs=0.04)
    edges = np.flatnonzero(np.diff(lost.astype(int)))
    longest = np.diff(edges)[int(not lost[edges[0] + 1]) :: 2].max()
    assert (longest >= 7) == (kind == "bursts")


def test_another_file_is_no_walk(tmp_path):
    np.savez(tmp_path / "S01_v1.npz", wrong=np.zeros(3))
    with pytest.raises(DataError, match="no walk"):
        blazepose_irfan.load(tmp_path / "S01_v1.npz")
