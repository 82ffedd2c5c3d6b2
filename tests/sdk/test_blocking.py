from __future__ import annotations

import threading

import numpy as np
import pytest

from solekit import blocking
from solekit.errors import RequestTimeoutError, TransportSpecError
from solekit.recording import Recording

LEFT = "sim:walk?layout=cells-16&side=left"


def test_an_insole_without_await():
    with blocking.connect(LEFT) as insole:
        assert insole.info().side == "left"
        assert insole.settings("dead_band", 5) == 5
        insole.start()
        seqs = []
        for frames in insole.frames():
            seqs += frames.seq.tolist()
            if len(seqs) > 200:
                break
        losses = insole.stop()
    assert np.all(np.diff(seqs) == 1)
    assert losses["pressure"].holds
    assert losses["pressure"].sampled >= len(seqs)


def test_frames_end_when_the_insole_stops():
    with blocking.connect(LEFT) as insole:
        insole.start("raw8")
        frames = insole.frames()
        first = next(frames)
        insole.stop()
        rest = list(frames)
    assert first.seq.size
    assert rest


def test_events_without_await():
    with blocking.connect(LEFT) as insole:
        insole.start()
        kinds = [event.kind for _, event in zip(range(12), insole.events(), strict=False)]
    assert {"ic", "to"} <= set(kinds)


def test_a_pair_without_await(tmp_path):
    with blocking.connect_pair("sim:walk?layout=cells-4") as pair:
        assert pair.sides == ["left", "right"]
        losses = pair.record(tmp_path / "walk.mcap", 3.0, person="P1")
        assert set(losses) == {"left", "right"}
    recording = Recording(tmp_path / "walk.mcap")
    assert recording.is_complete
    assert recording.first("about")["person"] == "P1"


def test_events_of_a_pair_without_await():
    with blocking.connect_pair(left=LEFT) as pair:
        pair.start()
        events = pair.events()
        sides = {next(events).side for _ in range(5)}
        events.close()
        pair.stop()
    assert sides == {"left"}


def test_an_error_comes_through_and_leaves_no_thread():
    before = set(threading.enumerate())
    with pytest.raises(TransportSpecError):
        blocking.connect("sim:walk?side=both")
    with pytest.raises(TransportSpecError):
        blocking.connect_pair("walk")
    with pytest.raises(RequestTimeoutError):
        blocking.connect(LEFT + "&loss=1")
    assert set(threading.enumerate()) == before


def test_leaving_by_an_exception_closes_all_the_same():
    before = set(threading.enumerate())

    def fail():
        with blocking.connect(LEFT) as insole:
            insole.start()
            for _ in insole.frames():
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert set(threading.enumerate()) == before
