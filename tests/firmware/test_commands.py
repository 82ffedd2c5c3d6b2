"""What the host may ask, through the real link: answers, refusals, nonsense."""

import random
from array import array

import numpy as np
import pytest

from solecore import layouts
from solecore.layouts import NAMES
from solecore.wire import messages as m
from solecore.wire.frame import encode_frame
from solefoot.app.commands import HOLD_US
from solefoot.app.profiles import PROFILES, profile
from solefoot.app.settings import Calibration
from solekit import numpy_kernels

ANSWERED = (m.HELLO, m.START, m.STOP, m.SETTINGS, m.TABLES, m.PING, m.KEY, m.STATS)


@pytest.fixture
def foot(make_foot):
    return make_foot("cells-16")


def reply_of(message, sent: list[bytes]) -> dict:
    """Return the fields of the one ``message`` among ``sent``."""
    (found,) = [data for data in sent if data[0] == message.msg_id]
    return message.unpack(found)


def refusal_of(sent: list[bytes]) -> tuple[int, int, int, str]:
    fields = reply_of(m.REFUSED, sent)
    return fields["ref"], fields["request"], fields["code"], fields["text"].decode()


@pytest.mark.parametrize("layout", NAMES)
def test_hello_tells_who_the_insole_is(make_foot, layout):
    foot = make_foot(layout, firmware="0.1.0")
    g, p = foot.settings.geometry, profile(layout)
    fields = reply_of(m.HELLO_REPLY, foot.ask(m.HELLO.pack(m.PROTOCOL_VERSION, 9)))
    assert fields["text"].split(b"\0") == [b"TEST-1", layout.encode(), b"0.1.0", b"plain"]
    expected = {
        "protocol": m.PROTOCOL_VERSION, "ref": 9, "boot": 7, "side": 0, "form": p.form,
        "forms": foot.settings.forms, "calibration": 0, "n_cells": g.n_cells, "rows": g.rows,
        "cols": g.cols, "length": g.length, "width": g.width, "period": p.period_us,
        "imu_period": p.period_us // p.imu_per_frame, "imu_axes": p.imu_axes, "self_test": 0,
    }  # fmt: skip
    assert fields | expected == fields


def test_hello_of_another_version_is_answered_with_ours(foot):
    fields = reply_of(m.HELLO_REPLY, foot.ask(m.HELLO.pack(99, 4)))
    assert (fields["protocol"], fields["ref"]) == (m.PROTOCOL_VERSION, 4)


def test_start_tells_the_next_sequence_numbers_and_frames_follow(foot):
    assert foot.frame() == []  # nobody listens
    fields = reply_of(m.START_REPLY, foot.ask(m.START.pack(1, 0, 0)))
    assert fields == {"ref": 1, "boot": 7, "seq": (0,) * 5}
    sent = [x for _ in range(30) for x in foot.frame()]
    assert {x[0] for x in sent} == {m.FRAMES_RAW12.msg_id, m.IMU_SAMPLES.msg_id}
    stop = reply_of(m.STOP_REPLY, foot.ask(m.STOP.pack(2)))
    assert stop["seq"][:2] == (30, 30)
    assert stop["n_dropped"] == (0,) * 5
    assert foot.frame() == []
    assert reply_of(m.START_REPLY, foot.ask(m.START.pack(3, 0, 0)))["seq"][:2] == (30, 30)


def test_stop_sends_what_is_open_before_it_answers(foot):
    foot.ask(m.START.pack(1, 0, 0))
    for _ in range(3):
        assert foot.frame() == []
    sent = foot.ask(m.STOP.pack(2))
    assert {x[0] for x in sent[:-1]} == {m.IMU_SAMPLES.msg_id, m.FRAMES_RAW12.msg_id}
    assert sent[-1][0] == m.STOP_REPLY.msg_id
    assert next(x for x in sent if x[0] == m.FRAMES_RAW12.msg_id)[m.HEADER_SIZE] == 3


@pytest.mark.parametrize("form", [m.RAW12, m.RAW8, m.CODED8])
def test_every_form_that_fits_is_sent(make_foot, form):
    foot = make_foot("grid-30x22")
    foot.ask(m.START.pack(1, form, 0))
    ids = {m.RAW12: m.FRAMES_RAW12, m.RAW8: m.FRAMES_RAW8, m.CODED8: m.FRAME_CODED8}
    (frame, *_) = [x for _ in range(4) for x in foot.frame() if x[0] != m.IMU_SAMPLES.msg_id]
    assert frame[0] == ids[form].msg_id


@pytest.mark.parametrize("form", [4, 7, 8, 255])
def test_an_unknown_form_is_refused(foot, form):
    ref, request, code, text = refusal_of(foot.ask(m.START.pack(5, form, 8)))
    assert (ref, request, code, text) == (5, m.START.msg_id, m.NO_FIT, f"form {form} is unknown")
    assert not foot.app.is_streaming


def test_a_form_that_does_not_fit_is_refused_with_the_reason(make_foot, monkeypatch):
    monkeypatch.setitem(layouts._GRIDS, "grid-big", (45, 21, 2700, 960))
    monkeypatch.setitem(PROFILES, "grid-big", PROFILES["grid-29x21"])
    foot = make_foot("grid-big")
    assert foot.settings.geometry.n_cells == 945
    ref, _, code, text = refusal_of(foot.ask(m.START.pack(5, m.RAW12, 0)))
    assert (ref, code) == (5, m.NO_FIT)
    assert text == "raw12 of 945 cells is 1433 bytes, a message holds 1200"
    with pytest.raises(ValueError, match="raw12 of 945 cells"):
        make_foot("grid-big", form=m.RAW12)


@pytest.mark.parametrize(
    "request_message",
    [m.LOG_LIST, m.LOG_RANGE, m.LOG_ACK, m.UPDATE, m.ERASE],
    ids=lambda x: x.name,
)
def test_what_this_firmware_lacks_is_refused_by_name(foot, request_message):
    ref, request, code, text = refusal_of(
        foot.ask(request_message.pack(33, *[0] * (len(request_message.fixed) - 1)))
    )
    assert (ref, request, code) == (33, request_message.msg_id, m.UNSUPPORTED)
    assert text == f"{request_message.name} is not in this firmware"


@pytest.mark.parametrize("request_message", ANSWERED, ids=lambda x: x.name)
def test_a_request_of_a_wrong_length_is_refused_under_its_own_ref(foot, request_message):
    at = request_message.offset("ref")
    whole = bytearray(request_message.size)
    whole[0], whole[at] = request_message.msg_id, 77
    for bad in (
        bytes(whole) + b"\0",
        bytes(whole[: at + 1]) if at + 1 < len(whole) else bytes(whole) + b"12",
    ):
        ref, request, code, text = refusal_of(foot.ask(bad))
        assert (ref, request, code) == (77, request_message.msg_id, m.BAD_VALUE)
        assert text == f"not a {request_message.name} message: {len(bad)} bytes"


def test_a_request_cut_before_its_ref_is_refused_under_ref_zero(foot):
    assert refusal_of(foot.ask(bytes((m.PING.msg_id,))))[:3] == (0, m.PING.msg_id, m.BAD_VALUE)


def test_nobody_waits_for_an_answer_to_a_credit(foot):
    assert foot.ask(m.CREDIT.pack(7, m.PRESSURE, 5)) == []
    assert foot.ask(m.CREDIT.pack(7, 200, 5)) == []
    assert foot.ask(bytes((m.CREDIT.msg_id, 1))) == []


@pytest.mark.parametrize(
    "data", [b"\x00", b"\x20" + bytes(20), b"\x86" + bytes(13), b"\x9f\1\2\3", b"\xff", b"\x70"]
)
def test_what_is_no_request_is_not_answered(foot, data):
    assert foot.ask(data) == []


def test_noise_on_the_way_in_is_counted_and_the_next_request_answered(foot):
    foot.noise(random.Random(2).randbytes(3000) + b"\0")
    bad = reply_of(m.STATS_REPLY, foot.ask(m.STATS.pack(1)))["n_bad_frames"]
    assert bad > 0
    broken = bytearray(encode_frame(m.PING.pack(1), numpy_kernels))
    broken[3] ^= 4
    (sent,) = foot.noise(bytes(broken) + encode_frame(m.KEY.pack(2), numpy_kernels))
    assert m.KEY_REPLY.unpack(sent)["ref"] == 2
    assert reply_of(m.STATS_REPLY, foot.ask(m.STATS.pack(1)))["n_bad_frames"] == bad + 1


def test_any_message_at_all_leaves_the_foot_alive(foot):
    rng = random.Random(8)
    for _ in range(3000):
        message = bytes((rng.randrange(32),)) + rng.randbytes(rng.randrange(10))
        for sent in foot.ask(message):
            assert sent[0] in m.BY_ID
    foot.ask(m.STOP.pack(1))
    assert reply_of(m.KEY_REPLY, foot.ask(m.KEY.pack(6)))["ref"] == 6


def pong_of(foot, ref: int, *, step_us: int = 1000) -> tuple[dict, int]:
    """Return the answer to a ping, and how long after it came."""
    sent = foot.ask(m.PING.pack(ref))
    for n_steps in range(HOLD_US // step_us + 2):
        if sent:
            return reply_of(m.PING_REPLY, sent), n_steps * step_us
        sent = foot.serve(after_us=step_us)
    raise AssertionError("the ping was not answered")


def test_a_ping_tells_when_it_came_and_when_its_answer_left_by_ticks_and_wraps(make_foot):
    foot = make_foot("cells-4", ticks=(1 << 30) - 10)
    fields, held_us = pong_of(foot, 1)
    assert held_us > 0
    assert fields == {
        "ref": 1,
        "rx_ticks": (1 << 30) - 10,
        "rx_wraps": 0,
        "tx_ticks": held_us - 10,
        "tx_wraps": 1,
    }


def test_answers_to_pings_are_held_for_random_times_up_to_an_interval_of_the_radio(make_foot):
    def held(boot):
        foot = make_foot("cells-4", boot=boot)
        return [pong_of(foot, 1 + i, step_us=100)[1] for i in range(200)]

    times = np.array(held(7))
    assert times.max() <= HOLD_US + 100
    # As even as 200 random numbers are: none of ten shares of the time is left out or preferred.
    counts, _ = np.histogram(times, bins=10, range=(0, HOLD_US))
    assert 8 <= counts.min() <= counts.max() <= 35
    assert abs(np.corrcoef(times[1:], times[:-1])[0, 1]) < 0.2
    assert held(7) == list(times)  # the same boot is the same run
    assert held(8) != list(times)


def test_a_ping_that_comes_while_another_waits_takes_its_place(foot):
    foot.ask(m.PING.pack(1))
    fields, _ = pong_of(foot, 2)
    assert fields["ref"] == 2
    assert all(not foot.serve(after_us=1000) for _ in range(60))


def test_an_answer_to_a_ping_that_finds_the_link_full_is_stamped_when_it_leaves(foot):
    takes = foot.foot.port.write
    foot.foot.port.write = lambda view: None
    foot.ask(m.PING.pack(3))
    for _ in range(80):
        assert foot.serve(after_us=1000) == []
    foot.foot.port.write = takes
    fields = reply_of(m.PING_REPLY, foot.serve(after_us=1000))
    assert fields["tx_ticks"] - fields["rx_ticks"] == 81_000


def test_other_requests_are_answered_while_a_ping_waits(foot):
    foot.ask(m.PING.pack(3))
    assert reply_of(m.KEY_REPLY, foot.ask(m.KEY.pack(4)))["ref"] == 4


@pytest.mark.parametrize(
    ("key", "largest"),
    [(m.BODY_WEIGHT, 255 * 16), (m.DEAD_BAND, 255), (m.NOISE, 4095)],
    ids=["weight", "dead", "noise"],
)
def test_a_setting_is_kept_up_to_its_limit_and_refused_above(foot, key, largest):
    before = reply_of(m.SETTINGS_REPLY, foot.ask(m.SETTINGS.pack(1, key, 0, 12345)))["value"]
    assert before != largest
    told = reply_of(m.SETTINGS_REPLY, foot.ask(m.SETTINGS.pack(2, key, 1, largest)))
    assert told == {"ref": 2, "key": key, "value": largest}
    for value in (largest + 1, 0xFFFFFFFF):
        ref, _, code, text = refusal_of(foot.ask(m.SETTINGS.pack(3, key, 1, value)))
        assert (ref, code) == (3, m.BAD_VALUE)
        assert f"{value} counts, at most {largest}" in text
    assert reply_of(m.SETTINGS_REPLY, foot.ask(m.SETTINGS.pack(4, key, 0, 0)))["value"] == largest


@pytest.mark.parametrize("key", [0, 8, 255])
def test_an_unknown_setting_is_refused(foot, key):
    for is_set in (0, 1):
        ref, _, code, text = refusal_of(foot.ask(m.SETTINGS.pack(3, key, is_set, 1)))
        assert (ref, code, text) == (3, m.BAD_VALUE, f"setting {key} is unknown")


def test_settings_reach_the_sampling_path(foot):
    foot.ask(m.SETTINGS.pack(1, m.BODY_WEIGHT, 1, 2000))
    foot.ask(m.SETTINGS.pack(1, m.DEAD_BAND, 1, 40))
    foot.ask(m.START.pack(1, m.RAW8, 0))
    assert foot.app.sampler.detector.body_weight == 2000
    foot.ask(m.SETTINGS.pack(1, m.BODY_WEIGHT, 1, 3000))
    assert foot.app.sampler.detector.body_weight == 3000
    foot.frame(array("H", [39 * 16] * 8 + [40 * 16] * 8))
    sent = foot.ask(m.STOP.pack(1))
    body = m.FRAMES_RAW8.unpack(next(x for x in sent if x[0] == m.FRAMES_RAW8.msg_id))["body"]
    assert body == bytes(8) + bytes((40,)) * 8


@pytest.mark.parametrize(
    "table", [m.TABLE_GEOMETRY, m.TABLE_CALIBRATION], ids=["geometry", "calibration"]
)
@pytest.mark.parametrize("layout", NAMES)
def test_a_table_is_read_in_pieces(make_foot, layout, table):
    foot = make_foot(layout)
    s = foot.settings
    expected = (s.geometry.table if table == m.TABLE_GEOMETRY else s.calibration.table).tobytes()
    content = b""
    while True:
        fields = reply_of(m.TABLES_REPLY, foot.ask(m.TABLES.pack(3, table, len(content))))
        assert (fields["table"], fields["total"], fields["offset"]) == (
            table,
            len(expected),
            len(content),
        )
        if not fields["content"]:
            break
        content += fields["content"]
    assert content == expected


@pytest.mark.parametrize(
    ("table", "offset", "text"),
    [
        (3, 0, "table 3 is unknown"),
        (0, 1, "offset 1 in a table of 96 bytes"),
        (0, 98, "offset 98 in a table of 96"),
    ],
)
def test_a_table_or_a_place_that_is_not_there_is_refused(foot, table, offset, text):
    ref, _, code, told = refusal_of(foot.ask(m.TABLES.pack(3, table, offset)))
    assert (ref, code) == (3, m.BAD_VALUE)
    assert told.startswith(text)


def test_a_key_request_makes_the_next_frame_stand_alone(make_foot):
    foot = make_foot("grid-30x22")
    foot.ask(m.START.pack(1, 0, 0))
    cells = array("H", [4000 if i < 60 else 0 for i in range(660)])
    modes = []
    for i in range(8):
        if i == 5:
            assert reply_of(m.KEY_REPLY, foot.ask(m.KEY.pack(88))) == {"ref": 88}
        modes += [x[m.HEADER_SIZE] for x in foot.frame(cells) if x[0] == m.FRAME_CODED8.msg_id]
    assert modes == [0, 1, 1, 1, 1, 0, 1, 1]


def test_stats_count_samples_drops_and_bytes_waiting(foot):
    foot.ask(m.START.pack(1, 0, 1))
    for _ in range(50):
        foot.frame()
    fields = reply_of(m.STATS_REPLY, foot.ask(m.STATS.pack(1)))
    assert fields["seq"][:2] == (50, 50)
    assert fields["n_queued"] > 0
    assert fields["n_overruns"] == 0


def test_a_calibration_has_an_id_and_a_force_or_neither_and_a_word_for_every_cell(make_foot):
    with pytest.raises(ValueError, match="or neither"):
        Calibration(array("H", [0] * 9), 1, 0)
    with pytest.raises(ValueError, match="calibration of 9 words for 16 cells"):
        make_foot("cells-16", calibration=Calibration(array("H", [0] * 9)))


def test_an_unknown_profile_names_those_that_exist():
    with pytest.raises(
        ValueError, match="'cells-5' is not one of cells-16, cells-4, grid-29x21, grid-30x22"
    ):
        profile("cells-5")


def test_the_side_changes_with_the_next_start_and_is_left_or_right(foot):
    told = reply_of(m.SETTINGS_REPLY, foot.ask(m.SETTINGS.pack(1, m.SIDE, 0, 0)))["value"]
    assert told == foot.settings.side
    told = reply_of(m.SETTINGS_REPLY, foot.ask(m.SETTINGS.pack(2, m.SIDE, 1, 1 - told)))["value"]
    assert told == 1 - foot.settings.side
    hello = reply_of(m.HELLO_REPLY, foot.ask(m.HELLO.pack(m.PROTOCOL_VERSION, 3)))
    assert hello["side"] == foot.settings.side
    ref, _, code, text = refusal_of(foot.ask(m.SETTINGS.pack(4, m.SIDE, 1, 2)))
    assert (ref, code, text) == (4, m.BAD_VALUE, "side is 0 or 1, not 2")
