"""From a recording to its results: the walker knows the truth, broken recordings the limits."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap.writer import Writer

import solekit
from solecore.layouts import geometry
from solefoot.app.settings import flat_calibration
from solekit.analysis import Analysis, analyse
from solekit.layouts import SIDES
from solekit_hil import world as worlds

WALK = "sim:walk?seed=2&layout=cells-16"
PHASES = ("ds_initial_pct", "ss_pct", "ds_terminal_pct", "swing_pct")
SIX = ["total_steps", "cadence", "double_support_mean", "single_support"]


async def _record(path, uri, duration_s, marks_s):
    async with solekit.connect_pair(uri) as pair:
        pair.record_to(path, protocol="walk", person="P01")
        await pair.start()
        at_s = 0.0
        for name, t_s in marks_s:
            await pair.clock.sleep(t_s - at_s)
            pair.mark(name)
            at_s = t_s
        await pair.clock.sleep(duration_s - at_s)
        await pair.stop()
        return next(iter(pair.feet.values())).transport.world.walker


def record(folder, uri, duration_s=15.0, *, marks_s=()):
    """Return the path of a recording, and the walker that knows the truth."""
    path = folder / f"{len(list(folder.iterdir()))}.mcap"
    return path, asyncio.run(_record(path, uri, duration_s, marks_s))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="module")
def walk(folder):
    return record(folder, WALK)


def analyse_file(path: Path, **options) -> Analysis:
    return analyse(solekit.Recording(path), **options)


def value(analysis, name, side=""):
    table = analysis.variables
    return table.loc[(table["name"] == name) & (table["side"] == side)].iloc[0]


def copy_without(path, target, topic):
    """Copy a recording, leaving out all messages of one topic."""
    with path.open("rb") as source, target.open("wb") as sink:
        reader = make_reader(source)
        writer = Writer(sink)
        writer.start(reader.get_header().profile)
        channels = {}
        for schema, channel, message in reader.iter_messages():
            if channel.topic == topic:
                continue
            if channel.topic not in channels:
                known = writer.register_schema(schema.name, schema.encoding, schema.data)
                channels[channel.topic] = writer.register_channel(
                    channel.topic, channel.message_encoding, known
                )
            writer.add_message(
                channels[channel.topic], message.log_time, message.data, message.publish_time
            )
        writer.finish()
    return target


def test_a_walk_gives_the_six_variables_close_to_the_truth_of_the_walker(walk):
    path, walker = walk
    analysis = analyse_file(path)
    assert analysis.sides == SIDES
    times = analysis.events.loc[analysis.events["kind"] == "ic", "t_s"]
    truth = [e for e in walker.events(times.min() - 0.2, times.max() + 0.05) if e.kind == "ic"]
    t_s = np.array([e.t_s for e in truth])
    steps = value(analysis, "total_steps")
    assert steps["value"] == pytest.approx(len(t_s), abs=1)
    cadence = value(analysis, "cadence")
    assert cadence["value"] == pytest.approx(60 / np.diff(t_s).mean(), abs=1)
    assert 0 < cadence["error"] < 0.5
    for side in SIDES:
        double, single = (value(analysis, name, side) for name in SIX[2:])
        assert 5 < double["value"] < 15
        assert 33 < single["value"] < 48
        assert 0 < double["error"] < 1
        assert double["n"] >= 8
    for name in SIX:
        assert not analysis.variables.loc[analysis.variables["name"] == name, "reason"].any()


def test_the_four_phases_of_every_stride_sum_to_100_percent(walk):
    strides = analyse_file(walk[0]).strides
    sums = strides.loc[strides["is_valid"], list(PHASES)].sum(axis=1, skipna=False)
    assert len(sums) > 15
    np.testing.assert_allclose(sums, 100, atol=1e-9)


def test_a_clean_recording_in_full_resolution_has_no_warning(walk):
    assert analyse_file(walk[0]).warnings == []


def test_only_what_lies_between_the_marks_counts(folder):
    path, _ = record(folder, WALK, marks_s=[("start", 4.0), ("stop", 11.0)])
    analysis = analyse_file(path)
    start_s, end_s = analysis.span_s
    assert end_s - start_s == pytest.approx(7, abs=0.1)
    assert analysis.events["t_s"].between(start_s, end_s).all()
    assert len(analysis.events) < len(analysis.recording.events)
    assert value(analysis, "total_steps")["value"] == pytest.approx(7 * 109 / 60, abs=1.5)


def test_below_50_hz_double_support_waits_for_20_strides_and_the_form_is_named(folder):
    path, _ = record(folder, "sim:walk?seed=1")
    analysis = analyse_file(path)
    found = value(analysis, "double_support_mean", "left")
    assert math.isnan(found["value"])
    assert "left strides carry it; 20 are needed at 30 Hz" in found["reason"]
    assert not value(analysis, "cadence")["reason"]
    text = " ".join(analysis.warnings)
    assert "left foot rests on the form coded8, which is lossy" in text
    assert "At 30 Hz a frame lasts 33 ms" in text


def test_below_25_hz_double_support_is_refused_unless_asked_for(folder):
    path, _ = record(folder, f"{WALK}&rate_hz=20", 30.0)
    refused, allowed = (analyse_file(path, allow_low_rate=allow) for allow in (False, True))
    assert "below 25 Hz" in value(refused, "single_support", "left")["reason"]
    assert any("support are not reported" in sentence for sentence in refused.warnings)
    assert value(allowed, "single_support", "left")["value"] > 30
    assert any("reported all the same" in sentence for sentence in allowed.warnings)


def test_lost_samples_are_told_and_lost_frames_alone_cost_no_stride(folder):
    path, _ = record(folder, "sim:walk?seed=4&loss=0.03&log=0", 20.0)
    analysis = analyse_file(path)
    losses = {side: foot.loss for side, foot in analysis.recording.feet.items()}
    for side in SIDES:
        pressure = losses[side]["pressure"]
        share = (
            f"{pressure.missing} of {pressure.sampled} ({pressure.missing / pressure.sampled:.1%})"
        )
        assert any(
            f"Samples of the {side} foot are missing: {share}" in w for w in analysis.warnings
        )
    # Every stride that is left out for a gap lies at a lost event, not at a lost frame.
    n_lost = sum(loss["events"].missing for loss in losses.values())
    n_frame_gaps = len(analysis.recording.gaps)
    n_left_out = int((analysis.strides["rule"] == "gap").sum())
    assert n_left_out <= 2 * n_lost
    assert n_lost < n_frame_gaps
    assert analysis.strides["is_valid"].sum() > 5
    assert any("lower bound" in w for w in analysis.warnings) == (n_lost > 0)


def test_one_foot_is_enough_for_what_needs_one(folder):
    path, _ = record(folder, f"{WALK}&side=left")
    analysis = analyse_file(path)
    assert analysis.sides == ("left",)
    assert value(analysis, "stride_time", "left")["value"] == pytest.approx(1.1, abs=0.1)
    assert "not recorded" in value(analysis, "stride_time", "right")["reason"]
    assert not analysis.feet_joined
    assert any("Only the left foot" in sentence for sentence in analysis.warnings)


def test_standing_gives_reasons_instead_of_numbers(folder):
    path, _ = record(folder, "sim:stand?seed=1&layout=cells-16", 4.0)
    analysis = analyse_file(path)
    assert analysis.events.empty
    assert analysis.bouts.empty
    assert value(analysis, "total_steps")["value"] == 0
    assert value(analysis, "cadence")["reason"]
    assert any("No gait event" in sentence for sentence in analysis.warnings)


def test_an_uncalibrated_insole_still_has_events_and_says_what_it_lacks(folder, monkeypatch):
    def uncalibrated(fields, cells, _calibration):
        unknown = {"calibration_id": 0, "force_lsb_un": 0, "body_weight": 0}
        return local({**fields, **unknown}, cells, flat_calibration(16).table)

    local = worlds.LocalFoot
    monkeypatch.setattr(worlds, "LocalFoot", uncalibrated)
    path, _ = record(folder, WALK)
    analysis = analyse_file(path)
    assert not analysis.is_calibrated
    assert value(analysis, "cadence")["value"] == pytest.approx(109, abs=2)
    assert any("right insole is uncalibrated" in sentence for sentence in analysis.warnings)


def test_an_insole_with_the_cells_of_the_other_side_is_suspected(folder, monkeypatch):
    def swapped(fields, _cells, calibration):
        other = geometry(fields["layout"], is_right=fields["side"] == 0)
        return local(fields, other.table, calibration)

    local = worlds.LocalFoot
    monkeypatch.setattr(worlds, "LocalFoot", swapped)
    path, _ = record(folder, "sim:walk?seed=1&layout=cells-4", 3.0)
    assert sum("swapped" in sentence for sentence in analyse_file(path).warnings) == 2


def test_a_recording_that_was_cut_off_is_analysed_up_to_there(walk, folder):
    path = folder / "cut.mcap"
    path.write_bytes(walk[0].read_bytes()[: walk[0].stat().st_size * 2 // 3])
    analysis = analyse_file(path)
    assert 6 < analysis.span_s[1] - analysis.span_s[0] < 14
    assert value(analysis, "cadence")["value"] == pytest.approx(109, abs=2)
    text = " ".join(analysis.warnings)
    assert f"{analysis.recording.problems[0][1:]}." in text
    assert "did not tell where it ended" in text


def test_a_foot_of_which_nothing_arrived_is_left_out(walk, folder):
    path = copy_without(walk[0], folder / "silent.mcap", "/right/wire")
    analysis = analyse_file(path)
    assert analysis.sides == ("left",)
    assert analysis.span_s == analysis.recording.feet["left"].span_s
    assert any("No readable frame of the right insole" in w for w in analysis.warnings)


def test_without_any_frame_there_is_no_result_and_no_traceback(walk, folder):
    path = copy_without(walk[0], folder / "half.mcap", "/right/wire")
    path = copy_without(path, folder / "empty.mcap", "/left/wire")
    analysis = analyse_file(path)
    assert analysis.sides == ()
    assert not analysis.is_calibrated
    assert value(analysis, "cadence")["reason"] == "no foot has gait events"


def test_feet_whose_clocks_cannot_be_joined_are_not_compared(walk, folder):
    path = copy_without(walk[0], folder / "unjoined.mcap", "/right/pings")
    analysis = analyse_file(path)
    assert not analysis.feet_joined
    assert "not joined" in value(analysis, "double_support_mean", "left")["reason"]
    assert value(analysis, "stride_time", "right")["value"] == pytest.approx(1.1, abs=0.1)
    assert any("clocks of the feet are not joined" in w for w in analysis.warnings)
