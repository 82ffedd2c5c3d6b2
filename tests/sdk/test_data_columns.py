"""Columns of data messages say what the link says of each message."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solecore.wire import messages as m
from solekit.data_columns import DataColumns, ranges
from solekit.link import Data, Link

BOOT, FIRST, AXES = 7, (0, 5, 0, 0, 0), 6
DATA_IDS = [message.msg_id for message in m.DATA] + [m.LOG_DATA.msg_id, m.PING.msg_id]


@st.composite
def wire(draw) -> bytes:
    """Return a message that is nearly right."""
    kind, stream = draw(st.sampled_from(DATA_IDS)), draw(st.integers(0, 6))
    seq = draw(st.sampled_from([0, 1, 99, 1 << 24, (1 << 24) + 6, (1 << 32) - 1]))
    boot = draw(st.sampled_from([BOOT, BOOT, BOOT, BOOT + 1]))
    head = m.FRAME_CODED8.pack(boot, stream, seq, draw(st.integers(0, 1 << 30)), 3, 0, 0)
    body = draw(st.binary(max_size=60))
    message = bytes((kind,)) + head[1 : m.HEADER_SIZE] + body
    message = message[: draw(st.sampled_from([len(message), len(message), 13, 14, 0]))]
    return m.LOG_DATA.pack(9, rest=message) if draw(st.booleans()) else message


@given(st.lists(wire(), max_size=25))
@settings(max_examples=200, deadline=None)
def test_a_file_is_parsed_by_the_rules_of_the_link(found):
    link = Link()
    link.begin(BOOT, FIRST, AXES)
    expected = []
    for k, message in enumerate(found):
        is_logged = message[:1] == bytes((m.LOG_DATA.msg_id,))
        item = (link.parse_logged if is_logged else link.parse)(float(k), message)
        expected += [] if item is None else [item]
    size = np.array([len(message) for message in found], np.int64)
    content = np.frombuffer(b"".join(found), np.uint8)
    at_s = np.arange(len(found), dtype=float)
    columns = DataColumns.parse(
        content, np.cumsum(size) - size, size, at_s, boot=BOOT, first=FIRST, imu_axes=AXES
    )
    assert list(columns) == expected
    again = DataColumns.of(expected)
    assert list(again) == expected
    assert [again[i] for i in range(len(again))] == expected


def test_one_item_a_slice_and_the_order_by_number():
    items = [Data(0.1 * k, m.IMU, seq, 1, 0, bytes((k,) * 16)) for k, seq in enumerate((4, 2, 4))]
    columns = DataColumns.of(items)
    assert columns[-1] == items[2]
    assert list(columns[1:]) == items[1:]
    assert list(columns.in_order()) == [items[1], items[0]]
    with pytest.raises(IndexError):
        columns[3]


def test_ranges_count_on_from_each_first_number():
    assert ranges(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]
