"""``solekit infer``: files and tables, through a network whose answer is known."""

import json

import numpy as np
import pandas as pd
import pytest

from solekit import layouts
from solekit.inference import windows
from solekit.inference.decode import KEYPOINTS
from tests.inference.fakes import fake

SIM = "sim:walk?layout=cells-16"


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Ten seconds of walking on 16 cells."""
    import asyncio

    import solekit

    path = tmp_path_factory.mktemp("infer") / "walk.mcap"

    async def record():
        async with solekit.connect_pair(SIM) as pair:
            pair.record_to(path)
            await pair.start()
            await pair.clock.sleep(8.0)
            await pair.stop()

    asyncio.run(record())
    return path


@pytest.fixture
def opened(monkeypatch):
    """The fake in place of the zoo; returns what was asked of it."""
    from solekit.inference import zoo

    asked = []
    network = fake("cells-16", 16)

    def open_model(name, mode=None, *, threads=1, backend=None):
        asked.append((name, mode))
        return network.card, network.model

    monkeypatch.setattr(zoo, "open_zoo_model", open_model)
    return asked


def test_poses_become_a_table_a_motion_and_a_picture(solekit, recording, opened, tmp_path):
    pytest.importorskip("matplotlib")
    code, out, _ = solekit(
        "infer", recording, "--out", tmp_path, "--stature-m", "1.8", "--mode", "int8"
    )
    assert code == 0
    assert opened == [("pose-cells-16", "int8")]
    table = next(tmp_path.glob("poses.[pc]*[tv]"))
    poses = pd.read_parquet(table) if table.suffix == ".parquet" else pd.read_csv(table)
    assert len(poses) > 60
    assert list(poses.columns[:2]) == ["t_s", "head_x_m"]
    assert poses.shape[1] == 2 + 3 * len(KEYPOINTS)
    np.testing.assert_allclose(np.diff(poses["t_s"]), 1 / 14)
    share = poses["head_x_m"] / 1.8 + 0.5
    assert np.ptp(share) > 0.9  # each foot in turn carries all
    assert (tmp_path / "poses.bvh").read_text().startswith("HIERARCHY")
    assert (tmp_path / "poses.png").read_bytes().startswith(b"\x89PNG")
    assert len(out.splitlines()) == 3


def test_existing_files_are_kept(solekit, recording, opened, tmp_path):
    (tmp_path / "poses.bvh").write_text("mine")
    code, out, err = solekit("infer", recording, "--out", tmp_path)
    assert (code, out) == (1, "")
    assert "poses.bvh exists" in err
    assert (tmp_path / "poses.bvh").read_text() == "mine"
    assert not opened


def test_actions_become_shares_of_time(solekit, recording, opened, tmp_path):
    code, out, err = solekit(
        "infer", recording, "--model", "action", "--out", tmp_path, "--rate-hz", "20", "--json"
    )
    assert code == 0
    rows = [json.loads(line) for line in out.splitlines()]
    shares = {row["action"]: row["share_pct"] for row in rows if "action" in row}
    assert set(shares) == {"left", "right"}
    assert sum(shares.values()) == pytest.approx(100)
    assert 30 < shares["left"] < 70
    assert rows[-1]["rows"] > 80
    assert [path.stem for path in tmp_path.iterdir()] == ["actions"]
    assert "stature" not in err


def test_without_pyarrow_tables_are_csv(solekit, recording, opened, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    code, _, err = solekit("infer", recording, "--model", "action", "--out", tmp_path)
    assert code == 0
    monkeypatch.undo()
    assert "solekit[parquet]" in err
    assert "share_left" in pd.read_csv(tmp_path / "actions.csv")


def test_a_folder_is_a_model_of_its_own(solekit, recording, opened, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    code, _, _ = solekit("infer", recording, "--model", own, "--out", tmp_path / "out")
    assert code == 0
    assert opened == [(own, None)]


def test_an_unknown_model_is_a_usage_error(solekit, recording):
    code, out, err = solekit("infer", recording, "--model", "nonsense")
    assert (code, out) == (2, "")
    assert "neither pose nor action nor a folder" in " ".join(err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [(("--rate-hz", "90"), "rate_hz is 90"), (("--stature-m", "175"), "stature_m is 175")],
)
def test_values_that_cannot_be_are_one_line(
    solekit, recording, opened, tmp_path, options, sentence
):
    code, out, err = solekit("infer", recording, "--out", tmp_path, *options)
    assert (code, out) == (1, "")
    assert sentence in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_a_recording_of_another_maker_is_read(solekit, opened, tmp_path):
    path = tmp_path / "walk.txt"
    path.write_text("not a recording")
    code, _, err = solekit("infer", path)
    assert code == 1
    assert "no known format" in err


def test_the_fake_stands_for_a_layout_that_exists():
    assert (
        windows.fitting_model({side: layouts.named("cells-16", side) for side in layouts.SIDES})
        == "pose-cells-16"
    )


@pytest.mark.data
def test_soles_of_another_maker_that_no_model_knows_are_refused_by_name(
    solekit, data_dir, tmp_path
):
    file = data_dir / "moticon_opengo" / "walk_data_with_events_text_export.txt"
    code, _, err = solekit("infer", file, "--out", tmp_path / "out")
    assert code == 1
    assert "no pose model fits layout 'moticon-16'" in err
    assert not (tmp_path / "out").exists()
