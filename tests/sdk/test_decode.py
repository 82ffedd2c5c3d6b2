from __future__ import annotations

from array import array

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solecore import _plain
from solecore.codec.decoder import decode_coded8, unpack12
from solecore.codec.encoder import FrameEncoder
from solecore.codec.forms import DELTA_FRAME, KEY_FRAME, PLAIN_FRAME
from solecore.wire import messages as m
from solecore.wire.schema import WireError
from solekit.decode import PressureDecoder, imu_times_us, motion
from solekit.link import Data
from solekit.loss import account

PERIOD_US = 10_000
KEY_EVERY = 8


def cells_of(rng: np.random.Generator, n_frames: int, n_cells: int) -> np.ndarray:
    """Return counts (n_frames, n_cells) that sit still, drift, jump and fill the range."""
    step = rng.choice([0, 0, 0, 1, 2, 9, 200], size=(n_frames, n_cells))
    still = rng.random(n_cells) < rng.random()
    step[:, still] = 0
    sign = rng.choice([-1, 1], size=step.shape)
    counts = np.cumsum(step * sign, axis=0) % 256
    if rng.random() < 0.2:
        counts = rng.integers(0, 256, counts.shape)  # no code is shorter than the cells
    return counts.astype(np.uint8)


def encode(form: int, frames: np.ndarray, per_message: int = 1) -> list[Data]:
    """Return the messages of ``frames`` (n, n_cells), as the firmware writes them."""
    n_cells = frames.shape[1]
    encoder = FrameEncoder(form, n_cells, KEY_EVERY, _plain)
    before = bytearray(n_cells)
    out = []
    for first in range(0, len(frames), per_message):
        rows = frames[first : first + per_message]
        kind = {m.RAW12: m.FRAMES_RAW12, m.RAW8: m.FRAMES_RAW8, m.CODED8: m.FRAME_CODED8}[form]
        buf = bytearray(2 * frames.size + 64)
        at = m.HEADER_SIZE if form == m.CODED8 else m.HEADER_SIZE + 1
        buf[m.HEADER_SIZE] = len(rows)
        for row in rows:
            cells = bytearray((row & 255).astype(np.uint8).tobytes())
            raw = array("H", row.astype(np.uint16).tobytes())
            at = encoder.encode_into(raw, cells, before, buf, at)
            before = cells
        header = kind.pack(
            1, m.PRESSURE, first, 0, 0, *([len(rows)] if form != m.CODED8 else [0, 0])
        )
        message = header[: m.HEADER_SIZE] + bytes(buf[m.HEADER_SIZE : at])
        out.append(Data(0.0, m.PRESSURE, first, len(rows), first * PERIOD_US, message))
    return out


def reference(messages: list[Data], n_cells: int) -> dict[int, bytes]:
    """Return the frames by sequence number as the plain decoder reads coded messages singly."""
    out: dict[int, bytes] = {}
    for item in messages:
        mode, n_tokens = item.message[m.HEADER_SIZE], item.message[m.HEADER_SIZE + 1]
        if mode == DELTA_FRAME and item.seq - 1 not in out:
            continue
        body = item.message[m.HEADER_SIZE + 2 :]
        try:
            out[item.seq] = decode_coded8(mode, n_tokens, body, out.get(item.seq - 1), n_cells)
        except WireError:
            continue
    return out


def flat(parts) -> dict[int, bytes]:
    return {
        int(seq): row.tobytes()
        for frames in parts
        for seq, row in zip(frames.seq, frames.values, strict=True)
    }


SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(1, 90), st.lists(st.integers(0, 59), max_size=25))
@settings(max_examples=150, deadline=None)
def test_coded_frames_read_the_same_in_batches_as_one_by_one(seed, n_cells, lost):
    rng = np.random.default_rng(seed)
    frames = cells_of(rng, 60, n_cells)
    messages = [item for item in encode(m.CODED8, frames) if item.seq not in lost]
    expected = reference(messages, n_cells)
    decoder = PressureDecoder(n_cells, PERIOD_US)
    parts, at = [], 0
    while at < len(messages):
        size = int(rng.integers(1, 30))
        parts += decoder.decode(messages[at : at + size])
        at += size
    assert flat(parts) == expected
    for seq, row in expected.items():
        assert row == frames[seq].tobytes()
    assert set(decoder.lost) == {item.seq for item in messages} - set(expected)
    loss = account(messages, 0, 60)
    assert loss.undecodable == decoder.undecodable
    assert loss.received == len(expected)
    assert loss.holds


@given(SEEDS, st.integers(1, 40), st.integers(1, 5), st.sampled_from([m.RAW12, m.RAW8]))
@settings(max_examples=80, deadline=None)
def test_raw_frames_come_back_as_they_were(seed, n_cells, per_message, form):
    rng = np.random.default_rng(seed)
    top = 4096 if form == m.RAW12 else 256
    frames = rng.integers(0, top, (23, n_cells))
    messages = encode(form, frames, per_message)
    del messages[2:4]
    parts = PressureDecoder(n_cells, PERIOD_US).decode(messages)
    (part,) = parts
    assert part.form == form
    assert np.array_equal(part.values, frames[part.seq])
    assert np.array_equal(part.foot_us, part.seq * PERIOD_US)
    kept = [seq for item in messages for seq in range(item.seq, item.seq + item.n)]
    assert part.seq.tolist() == kept
    if form == m.RAW12:
        assert unpack12(messages[0].message[m.HEADER_SIZE + 1 :], n_cells, 0) == frames[0].tolist()


def test_all_modes_of_a_coded_frame_occur_in_what_is_tested():
    rng = np.random.default_rng(1)
    modes = {
        item.message[m.HEADER_SIZE]
        for _ in range(20)
        for item in encode(m.CODED8, cells_of(rng, 60, 30))
    }
    assert modes == {KEY_FRAME, DELTA_FRAME, PLAIN_FRAME}


def test_forms_may_change_within_a_stream():
    frames = np.arange(12 * 5).reshape(12, 5) % 256
    messages = [*encode(m.RAW8, frames[:4]), *encode(m.CODED8, frames[:4])]
    parts = PressureDecoder(5, PERIOD_US).decode(messages)
    assert [part.form for part in parts] == [m.RAW8, m.CODED8]


@given(st.lists(st.binary(max_size=80), max_size=20), st.integers(1, 40))
@settings(max_examples=400, deadline=None)
def test_a_coded_frame_of_any_content_reads_like_the_reference_or_not_at_all(bodies, n_cells):
    head = m.FRAME_CODED8.pack(1, m.PRESSURE, 0, 0, 0, 0, 0)[: m.HEADER_SIZE]
    messages = [
        Data(0.0, m.PRESSURE, seq, 1, 0, head + bytes((seq % 4,)) + (body or b"\x01"))
        for seq, body in enumerate(bodies)
    ]
    decoder = PressureDecoder(n_cells, PERIOD_US)
    assert flat(decoder.decode(messages)) == reference(messages, n_cells)


def test_a_raw_frame_of_the_wrong_size_is_lost_and_no_more():
    frames = np.arange(30).reshape(6, 5)
    messages = encode(m.RAW8, frames)
    bad = messages[2]
    messages[2] = Data(bad.t_s, bad.stream, bad.seq, bad.n, bad.foot_us, bad.message + b"!")
    decoder = PressureDecoder(5, PERIOD_US)
    (part,) = decoder.decode(messages)
    assert part.seq.tolist() == [0, 1, 3, 4, 5]
    assert decoder.lost == [2]


def test_nothing_but_broken_messages_gives_no_frames():
    messages = [Data(0.0, m.PRESSURE, 0, 1, 0, m.FRAMES_RAW8.pack(1, 0, 0, 0, 0, 1, rest=b"1"))]
    decoder = PressureDecoder(5, PERIOD_US)
    assert decoder.decode(messages) == []
    assert decoder.decode([]) == []


@pytest.mark.parametrize("axes", [3, 6])
def test_imu_words_are_one_row_per_sample(axes):
    words = np.arange(-6, 6, dtype="<i2")
    message = m.IMU_SAMPLES.pack(1, m.IMU, 0, 0, 0, rest=words.tobytes())
    item = Data(0.0, m.IMU, 0, 12 // axes, 0, message)
    hello = {"imu_axes": axes, "imu_period": 1.0, "gyro_lsb": 1e6, "accel_lsb": 1e6}
    found = motion([item], hello)
    parts = [found.accel_m_s2] if axes == 3 else [found.gyro_rad_s, found.accel_m_s2]
    assert np.array_equal(np.concatenate(parts, axis=1), words.reshape(-1, axes))


def imu_messages(sizes, *, start=0, first_us=1_000_000.0, period_us=9_400.0):
    """Return IMU messages of these sizes, each stamped at its first sample."""
    out = []
    seq = start
    for n in sizes:
        foot_us = round(first_us + (seq - start) * period_us)
        out.append(Data(0.0, m.IMU, seq, n, foot_us, b""))
        seq += n
    return out


def test_imu_samples_follow_the_chips_own_rate_not_the_nominal_one():
    times = imu_times_us(imu_messages([8, 7, 9, 8] * 20), 10_000.0)
    assert times.size == 640
    assert np.abs(np.diff(times) - 9_400).max() < 1
    assert abs(times[-1] - (1_000_000 + 639 * 9_400)) < 2


def test_imu_times_begin_anew_behind_a_gap():
    one = imu_messages([8, 8])
    two = imu_messages([8, 8], start=40, first_us=2_000_000.0)
    times = imu_times_us(one + two, 10_000.0)
    assert times[16] == 2_000_000
    assert times[15] == pytest.approx(1_000_000 + 15 * 9_400, abs=1)
    assert (np.diff(times) > 0).all()


def test_a_single_imu_message_has_the_nominal_period_and_none_has_no_times():
    times = imu_times_us(imu_messages([4]), 10_000.0)
    assert np.array_equal(times, 1_000_000 + 10_000 * np.arange(4))
    assert imu_times_us([], 10_000.0).size == 0
