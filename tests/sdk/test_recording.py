from __future__ import annotations

import asyncio
import errno
import json
from pathlib import Path

import numpy as np
import pytest
from mcap.writer import CompressionType, Writer

import solekit
from solecore.wire import messages as m
from solekit import layouts
from solekit.errors import DataError
from solekit.recording import Recording, RecordingWriter
from solekit.recording.foot import EVENT_COLUMNS, STRIDE_COLUMNS
from solekit.recording.schema import PROFILE, entries, pack_entry
from solekit_hil import walker as walkers


def test_a_recording_holds_what_was_sampled(calm_walk):
    recording = calm_walk.recording
    assert recording.sides == ["left", "right"]
    assert recording.is_complete
    assert recording.problems == []
    assert 11.9 < recording.duration_s < 12.3
    for foot in recording.feet.values():
        assert foot.form == "raw12"
        assert foot.counts.shape == (foot.seq.size, 16)
        assert foot.force_n.shape == foot.counts.shape
        assert np.all(np.diff(foot.t_s) > 0)
        assert np.diff(foot.t_s).max() < 0.011
        assert foot.imu.shape == (foot.seq.size, 7)
        assert foot.gaps.empty
    assert 0 < recording.clock_interval_s < 0.010


def test_forces_are_the_walkers_within_the_noise(calm_walk):
    recording = calm_walk.recording
    pair = {side: layouts.named("cells-16", side) for side in recording.sides}
    walker = walkers.build("walk", seed=3, layouts=pair)
    _, _, truth = walker.sample(recording.feet["left"].t_s)
    measured = recording.feet["left"].force_n.sum(axis=1)
    error = measured - truth.force_n["left"]
    assert np.sqrt(np.mean(error**2)) < 0.02 * walker.body_weight_n


def test_layout_and_identity_come_back_from_the_file(calm_walk):
    for side, foot in calm_walk.recording.feet.items():
        info = foot.info
        own = layouts.named("cells-16", side)
        assert (info.side, info.layout_name, info.n_cells) == (side, "cells-16", 16)
        assert np.allclose(info.layout.x_mm, own.x_mm, atol=0.05)
        assert np.allclose(info.layout.y_mm, own.y_mm, atol=0.05)
        assert info.serial == f"VIRTUAL-0003-{side[0].upper()}"
        assert info.kernels == "numpy"
        assert info.is_calibrated
        assert info.rate_hz == pytest.approx(100.0)


def test_tables_have_their_columns_and_are_in_order_of_time(calm_walk):
    recording = calm_walk.recording
    assert list(recording.events.columns) == EVENT_COLUMNS
    assert list(recording.strides.columns) == STRIDE_COLUMNS
    assert recording.events["t_s"].is_monotonic_increasing
    assert recording.strides["ic_s"].is_monotonic_increasing
    assert set(recording.events["kind"]) <= set(m.EVENT_NAMES.values())
    assert (recording.events["confirmed_s"] >= recording.events["t_s"] - 0.005).all()
    assert recording.strides["stance_s"].between(0.3, 1.2).all()


def test_marks_limit_the_span(tmp_path):
    async def walk():
        async with solekit.connect_pair("sim:walk?layout=cells-4") as pair:
            pair.record_to(tmp_path / "walk.mcap", protocol="test", person="P1", note="a note")
            await pair.start()
            await pair.clock.sleep(2.0)
            pair.mark("start")
            await pair.clock.sleep(3.0)
            pair.mark("stop")
            await pair.clock.sleep(1.0)
            await pair.stop()
            pair.mark("too late")

    asyncio.run(walk())
    recording = Recording(tmp_path / "walk.mcap")
    assert recording.duration_s == pytest.approx(3.0)
    assert recording.protocol == "test"
    assert recording.first("about")["person"] == "P1"
    assert recording.marks["name"].tolist() == ["start", "stop"]


def test_one_foot_is_a_recording_too(record):
    recording = record("sim:walk?layout=cells-4&side=right", 3.0).recording
    assert recording.sides == ["right"]
    assert recording.clock_interval_s == 0.0


def test_another_recording_closes_the_one_before(tmp_path):
    async def walk():
        async with solekit.connect_pair("sim:walk?layout=cells-4") as pair:
            pair.record_to(tmp_path / "one.mcap")
            pair.record_to(tmp_path / "two.mcap")
            await pair.start()
            await pair.clock.sleep(1.0)

    asyncio.run(walk())
    assert Recording(tmp_path / "two.mcap").is_complete
    with pytest.raises(DataError, match="no insole"):
        Recording(tmp_path / "one.mcap")


def test_leaving_the_pair_stops_and_closes_the_recording(tmp_path):
    async def walk():
        async with solekit.connect_pair("sim:walk?layout=cells-4") as pair:
            pair.record_to(tmp_path / "walk.mcap")
            await pair.start()
            await pair.clock.sleep(2.0)

    asyncio.run(walk())
    recording = Recording(tmp_path / "walk.mcap")
    assert recording.is_complete
    assert all(loss.end_known for foot in recording.feet.values() for loss in foot.loss.values())


def test_recording_begins_before_the_stream(tmp_path):
    async def walk():
        async with solekit.connect_pair("sim:walk?layout=cells-4") as pair:
            await pair.start()
            with pytest.raises(DataError, match="record_to"):
                pair.record_to(tmp_path / "walk.mcap")
        assert not (tmp_path / "walk.mcap").exists()

    asyncio.run(walk())


def test_a_recording_is_never_overwritten(tmp_path):
    path = tmp_path / "walk.mcap"
    path.write_bytes(b"precious")
    with pytest.raises(DataError, match="exists"):
        RecordingWriter(path)
    assert path.read_bytes() == b"precious"


@pytest.mark.parametrize("where", ["file/walk.mcap", "file/deeper/walk.mcap"])
def test_a_folder_that_cannot_be_written_is_one_clear_error(where, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match="cannot be written"):
        RecordingWriter(tmp_path / where)


def test_folders_on_the_way_are_made(tmp_path):
    writer = RecordingWriter(tmp_path / "new" / "folder" / "walk.mcap")
    writer.close()
    writer.close()
    assert (tmp_path / "new" / "folder" / "walk.mcap").is_file()


class FullDisk:
    """A file on a disk that fills up (a fault, so it may be played)."""

    def __init__(self, file, room: int) -> None:
        self._file = file
        self._room = room

    def write(self, data) -> int:
        self._room -= len(data)
        if self._room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(data)

    def __getattr__(self, name):
        return getattr(self._file, name)


def test_a_full_disk_is_told_and_what_was_written_stays(tmp_path, monkeypatch):
    path = tmp_path / "walk.mcap"
    plain_open = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda self, mode="r", *rest, **more: (
            FullDisk(plain_open(self, mode), 30_000)
            if mode == "xb"
            else plain_open(self, mode, *rest, **more)
        ),
    )

    async def walk():
        async with solekit.connect_pair("sim:walk?layout=cells-16") as pair:
            pair.record_to(path)
            await pair.start()
            await pair.clock.sleep(20.0)
            await pair.stop()

    with pytest.raises(DataError, match=r"cannot be written: No space left"):
        asyncio.run(walk())
    recording = Recording(path)
    assert not recording.is_complete
    assert recording.feet["left"].t_s[-1] > 1.0


def test_an_absent_file_a_folder_and_an_empty_file_are_clear_errors(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        Recording(tmp_path / "nothing.mcap")
    with pytest.raises(DataError, match="cannot be read"):
        Recording(tmp_path)
    (tmp_path / "empty.mcap").touch()
    with pytest.raises(DataError, match="empty"):
        Recording(tmp_path / "empty.mcap")


@pytest.mark.parametrize("content", [b"x", b"time,left,right\n0,1,2\n" * 100, bytes(5000)])
def test_what_is_no_mcap_is_refused(content, tmp_path):
    path = tmp_path / "walk.mcap"
    path.write_bytes(content)
    with pytest.raises(DataError, match="not a recording"):
        Recording(path)


def foreign(path: Path, profile: str, topics: dict[str, list[bytes]]) -> Path:
    with path.open("wb") as file:
        writer = Writer(file, compression=CompressionType.NONE)
        writer.start(profile, "another program")
        schema = writer.register_schema("any", "text", b"")
        for topic, payloads in topics.items():
            channel = writer.register_channel(topic, "any", schema)
            for payload in payloads:
                writer.add_message(channel, 0, payload, 0)
        writer.finish()
    return path


def test_a_foreign_mcap_is_told_apart(tmp_path):
    path = foreign(tmp_path / "bag.mcap", "ros2", {"/tf": [b"data"]})
    with pytest.raises(DataError, match="not of Solekit"):
        Recording(path)


HELLO = {"hello": {"text": ""}, "geometry": "", "calibration": ""}


@pytest.mark.parametrize(
    "topics",
    [
        {},
        {"/tf": [b"data"]},
        {"/session": [b"not json"]},
        {"/session": [b"[1, 2]"]},
        {"/session": [b'{"no": "kind"}']},
        {"/session": [b"\xff\xfe"]},
        {"/session": [b'{"kind": "insole"}']},
        {"/session": [b'{"kind": "insole", "side": "left"}']},
        {"/session": [json.dumps({"kind": "insole", "side": "left", **HELLO}).encode()]},
        {"/left/wire": [b"\x01\x02"]},
        {"/left/pings": [b"{"]},
    ],
)
def test_our_profile_with_odd_content_is_one_clear_error(topics, tmp_path):
    path = foreign(tmp_path / "odd.mcap", PROFILE, topics)
    with pytest.raises(DataError) as caught:
        Recording(path)
    assert str(path) in str(caught.value)


def test_batches_are_read_as_they_were_packed():
    batch = pack_entry(0, b"abc") + pack_entry(7, b"") + pack_entry(9, b"d")
    content = np.frombuffer(batch + pack_entry(5, b"e"), np.uint8)
    number, dt_us, start, size = entries(content, [len(batch), 0, len(content) - len(batch)])
    assert (number.tolist(), dt_us.tolist()) == ([0, 0, 0, 2], [0, 7, 9, 5])
    messages = [bytes(content[a : a + n]) for a, n in zip(start, size, strict=True)]
    assert messages == [b"abc", b"", b"d", b"e"]
    for length in (1, 5, len(batch) - 1):
        with pytest.raises(DataError):
            entries(content[:length], [length])
