"""A whole timed up and go: recorded from virtual insoles, judged and analysed."""

from __future__ import annotations

import pytest

from solekit import layouts
from solekit.analysis import analyse
from solekit.verdict import USABLE, judge
from solekit_hil.tug import up_and_go
from tests.recorded import Recorder

SEED = 2
LAYOUT = "cells-16"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    record = Recorder(tmp_path_factory.mktemp("tug"))
    return record(f"sim:tug?layout={LAYOUT}&seed={SEED}", 26.0, "tug")


@pytest.fixture(scope="module")
def truth():
    soles = {side: layouts.named(LAYOUT, side) for side in layouts.SIDES}
    return up_and_go(seed=SEED, layouts=soles)


def test_the_recording_is_usable_and_its_time_is_that_of_the_body(recorded, truth):
    verdict = judge(recorded)
    assert verdict.reasons == []
    assert verdict.level == USABLE
    (fact,) = [fact for fact in verdict.facts if fact.name == "tug"]
    assert truth.total_s - 0.8 < fact.values["value"] < truth.total_s
    assert fact.values["n"] >= 10


def test_the_analysis_tells_the_phases(recorded, truth):
    tasks = analyse(recorded).task.set_index("name")
    assert (tasks["reason"] == "").all()
    assert truth.total_s - 0.8 < tasks.loc["up_and_go_time", "value"] < truth.total_s
    turn_s = truth.phases_s["turn"]
    assert tasks.loc["up_and_go_turn", "value"] == pytest.approx(turn_s[1] - turn_s[0], abs=1.2)
    names = [f"up_and_go_{name}" for name in ("rise", "walk_out", "turn", "walk_back", "sit")]
    assert tasks.loc[names, "value"].sum() == pytest.approx(tasks.loc["up_and_go_time", "value"])
