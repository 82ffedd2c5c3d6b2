"""Protocols without strides, from recordings of the virtual person."""

import numpy as np
import pytest

from solekit.analysis import analyse
from tests.balance.chair import chair
from tests.recorded import Recorder


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    return Recorder(tmp_path_factory.mktemp("recordings"))


def values(analysis):
    table = analysis.task
    return {(row.name, row.side): row for row in table.itertuples(index=False)}


def test_standing_still_is_measured(record):
    recording = record("sim:stand?seed=1&layout=cells-16", 20.0, "stand-30s")
    found = values(analyse(recording))
    assert found["sway_area", ""].value > 0
    shares = [found["load_share", side].value for side in ("left", "right")]
    assert sum(shares) == pytest.approx(100.0)
    assert 30 < shares[0] < 70


def test_five_stands_from_a_chair_are_timed(record):
    recording = record("sim:stand?seed=1&layout=cells-16", 24.0, "chair-5")
    t_s, load, truth = chair(weight=1.0)
    for foot in recording.feet.values():
        share = np.interp(foot.t_s - foot.t_s[0], t_s, load)
        force_n = foot.__dict__["force_n"] = foot.force_n * share[:, None]
        foot.__dict__["load"] = force_n.sum(axis=1)
    found = values(analyse(recording))["chair_stand_time", ""]
    assert found.reason == ""
    assert found.value == pytest.approx(truth[4, 1] - truth[0, 0], abs=0.5)


def test_who_stood_all_the_time_has_no_chair_stand_and_no_up_and_go(record):
    for protocol, name in (("chair-5", "chair_stand_time"), ("tug", "up_and_go_time")):
        recording = record("sim:stand?seed=1&layout=cells-16", 12.0, protocol)
        row = values(analyse(recording))[name, ""]
        assert np.isnan(row.value)
        assert "nobody sits" in row.reason


def test_one_foot_cannot_time_a_chair_stand(record):
    uri = "sim:stand?seed=1&layout=cells-16&side=left"
    row = values(analyse(record(uri, 12.0, "chair-5")))["chair_stand_time", ""]
    assert "both feet" in row.reason


def test_a_walk_has_no_task(record):
    assert analyse(record("sim:walk?layout=cells-4", 6.0, "walk-1min")).task.empty
