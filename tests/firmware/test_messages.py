"""The protocol as data: ids, header, sizes, and what breaks the contract of a message."""

import struct

import pytest

from solecore.codec import forms
from solecore.wire import messages as m
from solecore.wire.schema import Message, WireError

EVERY = m.ALL
RESERVED = {
    "hello": 0x01, "start": 0x02, "stop": 0x03, "settings": 0x04, "tables": 0x05, "ping": 0x06,
    "credit": 0x07, "key": 0x08, "stats": 0x09, "self_test": 0x0A, "log_list": 0x0B,
    "log_range": 0x0C, "log_ack": 0x0D, "update": 0x0E, "erase": 0x0F, "time": 0x10,
    "calibrate": 0x11, "power": 0x12,
    "frames_raw12": 0x20, "frames_raw8": 0x21, "frame_coded8": 0x22, "imu_samples": 0x23,
    "event": 0x28, "stride": 0x29, "minute": 0x2A, "time_pair": 0x2B, "log_data": 0x30,
    "refused": 0x9F,
}  # fmt: skip


def test_every_message_id_of_the_design_is_reserved():
    assert {name: m.BY_ID[msg_id].name for name, msg_id in RESERVED.items()} == {
        n: n for n in RESERVED
    }


def test_ids_and_names_are_unique():
    assert len({message.msg_id for message in EVERY}) == len(EVERY) == len(m.BY_ID)
    assert len({message.name for message in EVERY}) == len(EVERY)


def test_a_reply_has_the_id_of_its_request_with_bit_seven():
    by_name = {message.name: message for message in EVERY}
    for reply in m.REPLIES:
        if reply is not m.REFUSED:
            request = by_name[reply.name.removesuffix("_reply")]
            assert reply.msg_id == request.msg_id | m.REPLY
            assert reply.fixed[0].name == "ref" or reply is m.HELLO_REPLY


def test_requests_lie_below_data_and_data_below_replies():
    assert all(0 < message.msg_id < 0x20 for message in m.REQUESTS)
    assert all(0x20 <= message.msg_id < 0x40 for message in m.DATA)
    assert all(message.msg_id >= 0x80 for message in m.REPLIES)


def test_the_protocol_version_is_byte_one_of_hello_and_its_reply():
    assert m.HELLO.offset("protocol") == m.HELLO_REPLY.offset("protocol") == 1


@pytest.mark.parametrize("message", m.DATA, ids=lambda message: message.name)
def test_every_data_message_begins_with_the_one_header(message):
    assert message.format.replace("1", "").startswith(m.HEADER_FORMAT)
    assert [field.name for field in message.fixed[:5]] == [
        "boot",
        "stream",
        "seq",
        "ticks",
        "n_wraps",
    ]
    assert struct.calcsize(m.HEADER_FORMAT) == m.HEADER_SIZE <= message.size


@pytest.mark.parametrize("message", EVERY, ids=lambda message: message.name)
def test_offsets_follow_from_the_fields_and_the_message_fits(message):
    at = 1
    for field in message.fixed:
        assert message.offset(field.name) == at
        at += field.count * struct.calcsize("<" + field.code)
    assert at == message.size <= m.MAX_MESSAGE
    if message.rest:
        assert message.offset(message.rest.name) == message.size


@pytest.mark.parametrize("message", EVERY, ids=lambda message: message.name)
def test_what_is_packed_is_unpacked_at_both_ends_of_every_range(message):
    for at_end in (0, 1):
        raw, expected = [], {}
        for field in message.fixed:
            bits = 8 * struct.calcsize("<" + field.code)
            low, high = (
                (-(1 << bits - 1), (1 << bits - 1) - 1)
                if field.code.islower()
                else (0, (1 << bits) - 1)
            )
            values = [high if at_end else low] * field.count
            raw += values
            expected[field.name] = values[0] if field.count == 1 else tuple(values)
        rest = b"\x00\xff" * 6 if message.rest else b""
        if message.rest:
            expected[message.rest.name] = rest
        packed = message.pack(*raw, rest=rest)
        assert len(packed) == message.size + len(rest)
        assert message.unpack(packed) == expected


@pytest.mark.parametrize("message", EVERY, ids=lambda message: message.name)
def test_a_message_cut_by_a_byte_or_with_another_id_is_refused(message):
    packed = bytes((message.msg_id,)) + bytes(message.size - 1)
    with pytest.raises(WireError):
        message.unpack(packed[:-1])
    with pytest.raises(WireError):
        message.unpack(b"")
    with pytest.raises(WireError):
        message.unpack(bytes((message.msg_id ^ 0x40,)) + packed[1:])
    if message.rest is None or message.rest.code == "h":
        with pytest.raises(WireError):
            message.unpack(packed + b"\x00")


def test_only_the_last_field_may_be_variable():
    with pytest.raises(ValueError, match="only the last field"):
        Message(1, "bad: *B a, B b")


def test_an_unknown_field_has_no_offset():
    with pytest.raises(KeyError):
        m.PING.offset("nothing")


def test_the_sampling_path_and_the_schema_agree_on_events_and_strides():
    assert struct.calcsize("<BII") == m.EVENT.size - m.HEADER_SIZE
    assert m.STRIDE.offset("cop") == m.HEADER_SIZE + 16
    assert m.STRIDE.offset("n_active") == m.HEADER_SIZE + 28


def test_the_largest_layout_fits_raw8_and_one_cell_more_does_not():
    assert forms.misfit(m.RAW8, forms.MAX_CELLS) == ""
    assert forms.misfit(m.RAW8, forms.MAX_CELLS + 1)


def test_955_cells_fit_raw8_and_coded8_but_raw12_says_why_not():
    assert forms.forms_that_fit(955) == 1 << m.RAW8 | 1 << m.CODED8
    assert forms.misfit(m.RAW12, 955) == "raw12 of 955 cells is 1448 bytes, a message holds 1200"


def test_an_unknown_form_has_no_size():
    with pytest.raises(ValueError, match="form 9 is not one of raw12"):
        forms.frame_size(9, 16)


@pytest.mark.parametrize("form", [m.RAW12, m.RAW8, m.CODED8])
def test_no_full_message_of_any_layout_and_rate_is_too_long(form):
    for n_cells in (1, 2, 4, 16, 99, 215, 216, 609, 660, 955, forms.MAX_CELLS):
        for period_us in (1000, 10_000, 33_333, 71_429, 1_000_000):
            if not forms.misfit(form, n_cells):
                n = forms.frames_per_message(form, n_cells, period_us)
                size = forms.header_size(form) + n * forms.frame_size(form, n_cells)
                assert 1 <= n <= 255
                assert size <= m.MAX_MESSAGE
                assert n == 1 or (size <= 230 and n * period_us <= 100_000)
