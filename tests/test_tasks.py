"""Protocols without strides, from recordings of the virtual person."""

import asyncio

import numpy as np
import pytest

import solekit
from solekit.analysis import analyse
from tests.balance.chair import chair


async def _record(path, uri, duration_s, protocol):
    async with solekit.connect_pair(uri) as pair:
        pair.record_to(path, protocol=protocol)
        await pair.start()
        await pair.clock.sleep(duration_s)
        await pair.stop()


def record(folder, uri, duration_s, protocol):
    path = folder / f"{protocol}.mcap"
    asyncio.run(_record(path, uri, duration_s, protocol))
    return solekit.Recording(path)


def values(analysis):
    table = analysis.task
    return {(row.name, row.side): row for row in table.itertuples(index=False)}


def test_standing_still_is_measured(tmp_path):
    recording = record(tmp_path, "sim:stand?seed=1&layout=cells-16", 20.0, "stand-30s")
    found = values(analyse(recording))
    assert found["sway_area", ""].value > 0
    shares = [found["load_share", side].value for side in ("left", "right")]
    assert sum(shares) == pytest.approx(100.0)
    assert 30 < shares[0] < 70


def test_five_stands_from_a_chair_are_timed(tmp_path):
    recording = record(tmp_path, "sim:stand?seed=1&layout=cells-16", 24.0, "chair-5")
    t_s, load, truth = chair(weight=1.0)
    for foot in recording.feet.values():
        share = np.interp(foot.t_s - foot.t_s[0], t_s, load)
        foot.__dict__["force_n"] = foot.force_n * share[:, None]
    found = values(analyse(recording))["chair_stand_time", ""]
    assert found.reason == ""
    assert found.value == pytest.approx(truth[4, 1] - truth[0, 0], abs=0.5)


def test_who_stood_all_the_time_has_no_chair_stand_and_no_up_and_go(tmp_path):
    for protocol, name in (("chair-5", "chair_stand_time"), ("tug", "up_and_go_time")):
        recording = record(tmp_path, "sim:stand?seed=1&layout=cells-16", 12.0, protocol)
        row = values(analyse(recording))[name, ""]
        assert np.isnan(row.value)
        assert "nobody sits" in row.reason


def test_one_foot_cannot_time_a_chair_stand(tmp_path):
    uri = "sim:stand?seed=1&layout=cells-16&side=left"
    row = values(analyse(record(tmp_path, uri, 12.0, "chair-5")))["chair_stand_time", ""]
    assert "both feet" in row.reason


def test_a_walk_has_no_task(tmp_path):
    assert analyse(record(tmp_path, "sim:walk?layout=cells-4", 6.0, "walk-1min")).task.empty
