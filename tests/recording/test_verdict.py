"""The verdict on recordings of the virtual person, whose truth is known."""

from __future__ import annotations

import asyncio
import random

import pytest

import solekit
from solekit.errors import DataError
from solekit.recording import Recording
from solekit.verdict import CARE, REPEAT, USABLE, judge
from tests.recorded import Recorder

WALK = "sim:walk?layout=cells-4"
STAND = "sim:stand?layout=cells-4"


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    return Recorder(tmp_path_factory.mktemp("verdicts"))


def facts(verdict):
    return {fact.name: fact for fact in verdict.facts}


def test_a_minute_of_walking_is_usable(record):
    verdict = judge(record(WALK, 61.0, "walk-1min"))
    assert verdict.level == USABLE
    assert verdict.reasons == []
    assert facts(verdict)["strides"].values["strides"] > 80
    assert facts(verdict)["samples"].values["missing"] < 0.001


def test_half_a_minute_is_usable_with_care_and_ten_seconds_are_not(record):
    short = judge(record(WALK, 35.0, "walk-1min"))
    assert short.level == CARE
    assert any("of the 60 s" in reason for reason in short.reasons)
    assert judge(record(WALK, 10.0, "walk-1min")).level == REPEAT


def test_who_stood_has_not_walked(record):
    found = facts(judge(record(STAND, 12.0, "walk-1min")))["strides"]
    assert found.level == REPEAT
    assert found.values == {"steps": 0, "strides": 0}


def test_who_walked_has_not_stood(record):
    assert judge(record(STAND, 31.0, "stand-30s")).level == USABLE
    verdict = judge(record(WALK, 31.0, "stand-30s"))
    assert verdict.level == REPEAT
    assert "quiet standing" in verdict.reasons[0]
    assert facts(verdict)["steps"].values["steps"] > 40


def test_a_chair_stand_needs_five_rises(record):
    squats = "sim:sit-to-stand?layout=cells-16&seed=2"
    verdict = judge(record(squats, 31.0, "chair-5"))
    assert verdict.level == USABLE
    assert facts(verdict)["chair"].values["n"] >= 5
    few = judge(record(squats, 12.0, "chair-5"))
    assert few.level == REPEAT
    assert "the test asks for 5" in few.reasons[0]


def test_up_and_go_needs_somebody_who_sits(record):
    verdict = judge(record(STAND, 12.0, "tug"))
    assert verdict.level == REPEAT
    assert "nobody sits" in verdict.reasons[0]


def test_loss_asks_for_care_and_much_loss_for_another_walk(record):
    some = judge(record(f"{WALK}&loss=0.04&log=0", 15.0))
    assert some.level == CARE
    much = judge(record(f"{WALK}&loss=0.15&log=0&seed=2", 15.0))
    assert much.level == REPEAT
    for verdict, low, high in ((some, 0.01, 0.1), (much, 0.1, 0.4)):
        assert low <= facts(verdict)["samples"].values["missing"] < high


def test_a_silent_second_is_told_as_the_longest_gap(record):
    verdict = judge(record(f"{WALK}&cut=6-8&log=0", 15.0))
    gaps = [fact.values["longest_gap_s"] for fact in verdict.facts if fact.name == "samples"]
    assert len(gaps) == 2
    assert all(1.5 < gap < 2.5 for gap in gaps)
    assert verdict.level == REPEAT  # two of fifteen seconds


def test_one_foot_asks_for_care_and_cannot_rise_from_a_chair(record):
    assert judge(record(f"{WALK}&side=left", 15.0)).level == CARE
    alone = judge(record(f"{STAND}&side=left", 12.0, "chair-5"))
    assert alone.level == REPEAT
    assert "only the left foot" in alone.reasons[0]


def test_an_uncalibrated_insole_asks_for_care_for_newtons_only(record):
    recording = record(WALK, 15.0)
    for foot in recording.feet.values():
        foot.info.hello["calibration"] = 0
    assert not recording.feet["left"].info.is_calibrated
    verdict = judge(recording)
    assert verdict.level == CARE
    assert len(verdict.reasons) == 2
    assert all("newtons" in reason for reason in verdict.reasons)


def test_a_dead_cell_is_named(record):
    broken = "sim:walk?layout=cells-16&seed=3&side=left&fault=dead_cell:6"
    cells = [fact for fact in judge(record(broken, 10.0)).facts if fact.name == "cells"]
    assert any("do not respond: 6" in fact.text and fact.level == CARE for fact in cells)
    whole = judge(record("sim:walk?layout=cells-16&seed=3&side=left", 10.0))
    assert [fact.level for fact in whole.facts if fact.name == "cells"] == [USABLE]


def test_insoles_in_the_wrong_shoes_ask_for_care(record):
    recording = record("sim:walk?layout=grid-30x22&seed=2", 15.0)
    assert judge(recording).level == USABLE
    for foot in recording.feet.values():
        foot.info.hello["side"] ^= 1  # each calls itself the other, as if shoes were exchanged
    found = facts(judge(recording))["sides"]
    assert found.level == CARE
    assert "seem to be swapped" in found.text


def test_clocks_that_do_not_agree_ask_for_care(record):
    recording = record(f"{WALK}&jitter_ms=80&latency_ms=40", 15.0)
    interval_s = recording.clock_interval_s
    assert interval_s > 0.010
    verdict = judge(recording)
    assert verdict.level == CARE
    assert facts(verdict)["clock"].values["clock_interval_s"] == interval_s
    assert f"{1e3 * interval_s:.1f} ms only (limit 10 ms)" in " ".join(verdict.reasons)


def test_a_file_that_was_cut_off_asks_for_care(record, tmp_path):
    whole = record(WALK, 15.0)
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(whole.path.read_bytes()[:-3000])
    verdict = judge(Recording(cut))
    assert verdict.level == CARE
    assert "solekit recover" in " ".join(verdict.reasons)


def test_a_damaged_file_gets_a_verdict_whatever_is_left_of_it(record, tmp_path):
    whole = record(WALK, 10.0).path.read_bytes()
    rng = random.Random(4)
    judged = 0
    for _ in range(40):
        content = bytearray(whole[: rng.randrange(2000, len(whole) + 1)])
        for _ in range(rng.randrange(3)):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path = tmp_path / "damaged.mcap"
        path.write_bytes(content)
        try:
            recording = Recording(path)
        except DataError:
            continue
        verdict = judge(recording)
        judged += 1
        assert recording.is_complete or verdict.level in (CARE, REPEAT)
    assert judged > 20


def test_a_recording_without_a_frame_is_to_be_repeated(tmp_path):
    path = tmp_path / "nothing.mcap"

    async def nothing():
        async with solekit.connect_pair(WALK) as pair:
            pair.record_to(path)
            await pair.start()
            await pair.stop()

    asyncio.run(nothing())
    recording = Recording(path)
    for foot in recording.feet.values():
        foot.__dict__["t_s"] = foot.t_s[:0]
    verdict = judge(recording)
    assert verdict.level == REPEAT
    assert sum("no frame" in reason for reason in verdict.reasons) == 2
