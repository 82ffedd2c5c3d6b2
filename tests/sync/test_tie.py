"""An outside clock tied to a recording, with a known offset."""

import asyncio
import json

import numpy as np
import pandas as pd
import pytest

import solekit
from models.data import paired, stomp
from solekit import layouts
from solekit.cli import main
from solekit.errors import DataError
from solekit.sync import tie_lsl, tie_pulses, tie_stomps, tie_trace
from solekit.sync.lsl import note, noting
from solekit.sync.tie import lsl_line
from solekit.transports import WallClock
from solekit_hil import walker
from solekit_hil.walker.body import INDEX

SOLES = {side: layouts.named("cells-4", side) for side in layouts.SIDES}
OFFSET_S = 7.123
PULSES_S = (1.0, 2.7, 3.4, 5.9, 7.1, 9.8)  # after the start
LSL_AHEAD_S = 5000.25


@pytest.fixture(scope="module")
def stomps():
    """Return a person who stomps and squats, loads on the recording's clock, and the stomp."""
    person = stomp.stomping("squat", seconds=3.0, seed=3, layouts=SOLES)
    t_s = np.arange(0, person.duration_s, 0.01)
    cells = person.sample(t_s)[0]
    loads = {side: (t_s + OFFSET_S, cells[side].sum(axis=1)) for side in SOLES}
    # Stand, lift, hold, fall: see the person's phases.
    return person, loads, 1.0 + 0.6 + 0.25 + 0.2


def test_one_stomp_in_a_table_gives_the_offset(stomps):
    _, loads, at_s = stomps
    tie = tie_stomps(np.array([at_s]), loads)
    assert tie.offset_s == pytest.approx(OFFSET_S, abs=0.020)
    assert abs(tie.offset_s - OFFSET_S) < 2 * tie.uncertainty_s
    assert (tie.rate, tie.n_matched) == (1.0, 1)


def test_steps_are_no_stomp():
    person = walker.build("in-place", seed=1, layouts=SOLES)
    t_s = np.arange(0, 10, 0.01)
    cells = person.sample(t_s)[0]
    with pytest.raises(DataError, match="fit alike"):
        tie_stomps(np.array([3.0]), {side: (t_s, cells[side].sum(axis=1)) for side in SOLES})


@pytest.mark.parametrize("side", ["right", ""])
def test_a_force_plate_and_a_marker_give_the_offset(stomps, side):
    person, loads, _ = stomps
    t_s = np.arange(0, person.duration_s, 1 / 200)
    plate = person.sample(t_s)[0]["right"].sum(axis=1) + 3.0
    by_force = tie_trace(t_s, {side: plate}, loads, kind="force")
    heel = person.body(t_s).keypoints_m[:, INDEX["right_heel"], 2]
    by_height = tie_trace(t_s, {side: heel}, loads, kind="height")
    for tie in (by_force, by_height):
        assert tie.offset_s == pytest.approx(OFFSET_S, abs=0.020)
        assert abs(tie.offset_s - OFFSET_S) < 2 * tie.uncertainty_s


def test_a_trace_without_a_landing_and_times_that_fall_are_refused(stomps):
    _, loads, _ = stomps
    t_s = np.arange(0, 5, 0.01)
    with pytest.raises(DataError, match="trace shows no foot that lands"):
        tie_trace(t_s, {"": np.full(t_s.size, 500.0)}, loads, kind="force")
    with pytest.raises(DataError, match="ten rising times"):
        tie_trace(t_s[::-1], {"": np.zeros(t_s.size)}, loads, kind="force")


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """Return a recording with marks for pulses, and an LSL clock noted."""
    path = tmp_path_factory.mktemp("tie") / "marked.mcap"

    async def record():
        async with solekit.connect_pair("sim:walk?layout=cells-4&seed=2") as pair:
            pair.record_to(path)

            def read_s():
                return pair.clock.now_s() + LSL_AHEAD_S

            async with noting(pair, every_s=2.0, read_s=read_s):
                await pair.start()
                pair.mark("start")
                began_s = pair.clock.now_s()
                for at_s in PULSES_S:
                    await pair.clock.sleep(began_s + at_s - pair.clock.now_s())
                    pair.mark("pulse")
                await pair.clock.sleep(1.0)
                pair.mark("stop")
                await pair.stop()

    asyncio.run(record())
    return solekit.Recording(path)


def test_pulses_are_matched_to_marks_even_if_one_is_missing(marked):
    began_s = marked.span_s[0]
    outside = np.delete(np.array(PULSES_S), 2) + 40.0
    tie = tie_pulses(outside, marked)
    assert tie.to_recording_s(41.0) == pytest.approx(began_s + 1.0, abs=1e-3)
    assert tie.n_matched == 5
    assert tie.uncertainty_s < 0.002
    assert tie_pulses(outside, marked, mark="pulse") == tie
    with pytest.raises(DataError, match=r"no mark 'flash' \(it has: pulse, start, stop\)"):
        tie_pulses(outside, marked, mark="flash")


def test_the_clock_of_lsl_is_noted_and_tied(marked, recorded):
    tie = tie_lsl(marked)
    assert tie.offset_s == pytest.approx(-LSL_AHEAD_S, abs=1e-5)
    assert tie.uncertainty_s < 1e-4
    assert tie.n_matched >= 5
    with pytest.raises(DataError, match="does not know LSL's clock"):
        tie_lsl(recorded("sim:walk?layout=cells-4&seed=1", 12.0))


def test_without_a_recording_there_is_nothing_to_note_the_clock_in():
    pair = solekit.connect_pair("sim:walk?layout=cells-4&seed=2")
    with pytest.raises(DataError, match="call record_to"):
        note(pair, lambda: 0.0)


def test_a_reading_of_lsl_that_was_interrupted_does_not_count():
    lsl_s = np.arange(0, 100, 5.0)
    host_s = 30.0 + lsl_s * 1.00002
    half_s = np.full(lsl_s.size, 2e-5)
    host_s[7] += 0.4
    half_s[7] = 0.5
    tie = lsl_line(lsl_s.tolist(), host_s.tolist(), half_s.tolist())
    assert tie.rate == pytest.approx(1.00002, abs=1e-8)
    assert np.abs(tie.to_recording_s(lsl_s[:7]) - host_s[:7]).max() < 1e-6


def test_lsl_itself_is_noted_while_recording_in_real_time(tmp_path):
    pylsl = pytest.importorskip("pylsl", exc_type=(ImportError, RuntimeError))
    path = tmp_path / "walk.mcap"
    device = "sim:walk?layout=cells-4&pty=1&seed=3"
    assert run("record", "--device", device, "--lsl", "--duration-s", 1, "--out", path) == 0
    tie = tie_lsl(solekit.Recording(path))
    clock = WallClock()
    before_s, lsl_s, after_s = clock.now_s(), pylsl.local_clock(), clock.now_s()
    assert before_s - 0.001 <= tie.to_recording_s(lsl_s) <= after_s + 0.001


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code or 0


def test_the_command_prints_the_tie_and_writes_nothing(marked, tmp_path, capsys):
    table = tmp_path / "pulses.csv"
    table.write_text("t_s\n" + "\n".join(str(t + 40.0) for t in PULSES_S))
    before = marked.path.read_bytes()
    assert run("tie", marked.path, "--pulses", table, "--json") == 0
    row = json.loads(capsys.readouterr().out)
    assert row["how"] == "pulses"
    assert row["n_matched"] == len(PULSES_S)
    assert row["offset_s"] == pytest.approx(marked.span_s[0] - 40.0, abs=1e-3)
    assert run("tie", marked.path, "--lsl") == 0
    assert "offset_s -5000.25" in capsys.readouterr().out
    assert run("tie", marked.path, "--jump") == 0
    assert capsys.readouterr().out.startswith("cannot tell")
    assert marked.path.read_bytes() == before


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory):
    """Return a recording with a stomp, key points of it, and their true offset."""
    folder = paired.sample_folder(
        tmp_path_factory.mktemp("laboratory"), people=1, motions=("squat",), seconds=3.0
    )
    offset_s = float((folder / "truth.csv").read_text().splitlines()[1].split(",")[1])
    (entry,) = paired.read_list(folder)
    return entry.recording, paired.read_keypoints(entry.keypoints), offset_s


def test_the_command_ties_a_stomp_and_a_trace_of_heights(laboratory, tmp_path, capsys):
    path, points, offset_s = laboratory
    heights = {
        f"{side}_height_m": points.point_m(f"{side}_heel")[:, 2] for side in ("left", "right")
    }
    table = pd.DataFrame({"t_s": points.t_s, **heights})
    table.to_csv(tmp_path / "heights.csv", index=False)
    stomp_s = stomp.foot_landings(points, "right").t_s[:1]
    pd.DataFrame({"t_s": stomp_s}).to_csv(tmp_path / "stomps.csv", index=False)
    for name, how in (("heights", "height"), ("stomps", "stomps")):
        assert run("tie", path, "--stomps", tmp_path / f"{name}.csv", "--json") == 0
        row = json.loads(capsys.readouterr().out)
        assert row["how"] == how
        assert row["offset_s"] == pytest.approx(offset_s, abs=0.020)


def test_the_command_refuses_in_a_sentence(marked, tmp_path, capsys):
    assert run("tie", marked.path) == 2
    table = tmp_path / "bad.csv"
    for text, said in (
        ("time\n1\n", "has no column t_s"),
        ("t_s\none\n", "no number"),
        ("t_s\n1\n2\n4\n8\n16\n", "session"),
    ):
        table.write_text(text)
        capsys.readouterr()
        assert run("tie", marked.path, "--pulses", table) == 1
        assert said in capsys.readouterr().err
    assert run("tie", marked.path, "--pulses", tmp_path / "none.csv") == 1
