"""The link over Bluetooth on modelled stacks: whole messages, in order, to the bonded only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solecore.wire import gatt
from solecore.wire import messages as m
from solefoot.links import ble

PING = m.PING.pack(9)


@pytest.mark.parametrize("mtu", [23, 100, 185, 247])
@pytest.mark.parametrize("stack", ["nimble", "btstack"])
def test_messages_arrive_whole_and_in_order_at_every_mtu(make_desk, data, mtu, stack):
    desk = make_desk(mtu=mtu, stack=stack)
    assert desk.link.is_up
    assert desk.link.mtu == mtu
    sent = [data(i, 20 + 61 * i) for i in range(18)]
    for message in sent:
        desk.insist(message)
    desk.turn(3000)
    assert desk.came() == sent
    assert desk.central.n_dropped == 0


def test_the_longest_message_passes_a_narrow_link_in_pieces_that_the_stack_does_not_cut(
    make_desk, data, reply
):
    desk = make_desk(mtu=23)
    longest = data(1, 64 * 18)
    desk.insist(longest)
    desk.insist(reply(3, 400))
    desk.turn(9000)
    assert desk.came() == [longest]
    assert desk.came(gatt.CTRL) == [reply(3, 400)]


def test_a_message_of_more_pieces_than_the_index_counts_stops_nobody(make_desk, data):
    desk = make_desk(mtu=23)
    desk.insist(data(1, 64 * 18 + 1))
    desk.insist(data(2))
    desk.turn(3000)
    assert desk.came() == [data(2)]
    assert desk.link.n_dropped == 1
    assert desk.central.n_dropped == 0


def test_log_data_have_a_characteristic_of_their_own_and_do_not_wait_for_the_dither(make_desk):
    desk = make_desk()
    logged = [m.LOG_DATA.pack(8, rest=bytes((i,)) * 300) for i in range(5)]
    for message in logged:
        assert desk.say(message)
    desk.turn(1000)
    assert desk.came(gatt.LOG) == logged
    assert desk.came() == []


def test_without_buffers_the_link_waits_and_loses_nothing(make_desk, data):
    desk = make_desk(n_buffers=2, interval_us=15_000)
    sent = [data(i, 700) for i in range(20)]
    for message in sent:
        desk.insist(message)
    desk.turn(500)
    assert desk.radio.n_refused > 20
    assert desk.came() == sent


def test_what_the_central_writes_comes_out_as_messages(make_desk):
    desk = make_desk(mtu=23)
    long = m.UPDATE.pack(1, 2, 3, rest=bytes(range(150)))
    for message in (PING, long, PING):
        desk.central.write(message)
    desk.turn(500)
    assert desk.heard == [PING, long, PING]
    assert desk.link.n_bad_frames == 0


def test_requests_that_nobody_takes_are_counted_not_piled_up(make_desk):
    desk = make_desk()
    for _ in range(ble.MAX_WRITES + 5):
        desk.central.write(PING)
    desk.radio.advance(desk.radio.now_us + 10_000_000)  # no turn of the link in between
    desk.turn()
    assert desk.heard == [PING] * ble.MAX_WRITES
    assert desk.link.n_bad_frames == 5


# -- answers


def test_answers_leave_one_indication_at_a_time(make_desk, reply):
    desk = make_desk(mtu=100)
    answers = [reply(i, 230) for i in range(1, 6)]
    for answer in answers:
        desk.insist(answer)
    desk.turn(1000)
    assert desk.came(gatt.CTRL) == answers  # the model refuses a second one under way


def test_an_answer_does_not_overtake_the_data_before_it(make_desk, data, reply):
    desk = make_desk()
    desk.turn(20)
    desk.say(data(1))  # begins to wait for the dither
    desk.turn(10)
    desk.radio.n_refusals = 1
    assert desk.say(data(1))
    desk.radio.n_refusals = 1
    assert desk.say(reply(1))
    desk.turn(2000)
    assert [place for place, _ in desk.central.messages] == [gatt.DATA, gatt.CTRL]


def test_what_waits_goes_on_also_if_nobody_asks_for_requests(make_desk, data, reply):
    desk = make_desk(mtu=23)  # an App with answers in its queue does not poll

    def insist(message):
        for _ in range(2000):
            if desk.say(message):
                return
            desk.radio.advance(desk.radio.now_us + 1000)
        raise AssertionError("nothing is taken any more")

    for i in range(1, 4):
        insist(reply(i, 100))
    insist(data(1))
    insist(data(2))
    desk.turn(1000)
    assert desk.came(gatt.CTRL) == [reply(i, 100) for i in range(1, 4)]
    assert desk.came() == [data(1), data(2)]


def test_of_an_answer_that_did_not_arrive_the_rest_is_not_sent(make_desk, reply):
    desk = make_desk(mtu=23)
    desk.central.confirms = False
    assert desk.say(reply(1, 200))
    desk.turn(100)
    n_pieces = desk.central.n_pieces
    desk.central.confirms = True
    desk.radio.fail_indication()
    desk.insist(reply(2, 30))
    desk.turn(500)
    assert desk.central.n_pieces == n_pieces + 2
    assert desk.came(gatt.CTRL) == [reply(2, 30)]


def test_an_answer_that_nobody_confirms_ends_the_connection(make_desk, reply):
    desk = make_desk()
    desk.central.confirms = False
    desk.insist(reply(1))
    assert not desk.say(reply(2)) or not desk.say(reply(3))
    desk.turn(4000)
    assert desk.central.is_connected
    desk.turn(2000)
    assert not desk.central.is_connected
    assert not desk.link.is_up


def test_an_answer_for_who_has_gone_is_dropped_so_that_it_stops_nobody(make_desk, reply):
    desk = make_desk()
    desk.central.disconnect()
    assert desk.say(reply(1))
    desk.turn()
    assert desk.central.connect()
    assert desk.central.encrypt()
    desk.turn(200)
    assert desk.came(gatt.CTRL) == []


# -- dither


def test_data_wait_up_to_10_ms_and_answers_do_not(make_desk, data, reply):
    desk = make_desk()
    waits = []
    for i in range(200):
        desk.turn(30)
        began_us = desk.radio.now_us
        assert desk.say(reply(1 + i % 200))
        assert len(desk.radio.queue) == 1  # it has left at once
        desk.insist(data(i, 40))
        waits.append(desk.radio.now_us - began_us)
        desk.turn(60)
    assert max(waits) <= 10_000
    assert len(set(waits)) == 10  # the desk's turns are a millisecond
    assert 4_000 < sum(waits) / len(waits) < 6_500


# -- connections that end


def test_a_message_cut_by_a_lost_connection_arrives_whole_or_not_at_all(make_desk, data):
    for after in range(40):
        desk = make_desk(mtu=100, n_buffers=3)
        sent = [data(i, 500) for i in range(4)]
        for message in sent[:2]:
            desk.insist(message)
        desk.turn(after)
        desk.central.disconnect()
        assert not desk.link.is_up
        assert not desk.say(sent[2])
        desk.turn()
        assert desk.central.connect()
        assert not desk.say(sent[2])  # not before the encryption
        assert desk.central.encrypt()
        assert desk.link.is_up
        for message in sent[2:]:
            desk.insist(message)
        desk.turn(1000)
        came = desk.came()
        assert came[-2:] == sent[2:]
        assert came[:-2] == sent[: len(came) - 2]
        assert desk.central.n_dropped == 0


def test_it_advertises_again_whenever_it_is_alone(make_desk):
    desk = make_desk()
    assert desk.radio.advertised is None
    for _ in range(3):
        desk.central.disconnect()
        desk.turn()
        assert desk.radio.advertised is not None
        assert desk.central.connect()
        assert desk.central.encrypt()


def test_a_connection_does_not_inherit_the_mtu_of_the_one_before(make_desk):
    desk = make_desk()
    desk.central.disconnect()
    assert desk.link.mtu == 23
    desk.central.mtu_wanted = 23
    desk.turn()
    desk.central.connect()
    assert desk.link.mtu == 23


def test_the_mtu_may_grow_between_two_messages(make_desk, data):
    desk = make_desk(mtu=23)
    desk.insist(data(1))
    desk.turn(1000)
    desk.central.agree(185)
    assert desk.link.mtu == 185
    n_before = desk.central.n_pieces
    desk.insist(data(2))
    desk.insist(data(3))
    desk.turn(1000)
    assert desk.came() == [data(1), data(2), data(3)]
    assert desk.central.n_pieces == n_before + 4


def test_close_switches_the_radio_off(make_desk):
    desk = make_desk()
    desk.link.close()
    assert not desk.radio.active()
    assert not desk.link.is_up
    assert not desk.central.is_connected
    desk.turn()
    assert desk.radio.advertised is None


events = st.lists(
    st.one_of(
        st.tuples(st.just("data"), st.integers(15, 1150)),
        st.tuples(st.just("answer"), st.integers(2, 400)),
        st.tuples(st.just("refuse"), st.integers(1, 20)),
        st.tuples(st.just("turn"), st.integers(1, 120)),
        st.tuples(st.just("drop"), st.integers(0, 3)),
    ),
    max_size=60,
)


@given(
    story=events,
    mtu=st.sampled_from((23, 100, 185, 247)),
    stack=st.sampled_from(("nimble", "btstack")),
)
def test_no_order_of_refusals_and_drops_breaks_or_reorders_a_message(make_desk, story, mtu, stack):
    desk = make_desk(mtu=mtu, stack=stack, n_buffers=4)
    taken: dict[str, list[bytes]] = {gatt.DATA: [], gatt.CTRL: []}
    has_dropped = False
    for number, (kind, size) in enumerate(story):
        if kind == "data":
            head = bytes((m.FRAME_CODED8.msg_id, 7, 0, 0)) + number.to_bytes(4, "little")
            message = head + bytes((number + i) & 255 for i in range(size - len(head)))
            if desk.say(message):
                taken[gatt.DATA].append(message)
        elif kind == "answer":
            message = bytes((m.STATS_REPLY.msg_id, number)) + bytes(size - 2)
            if desk.say(message):
                taken[gatt.CTRL].append(message)
        elif kind == "refuse":
            desk.radio.n_refusals = size
        elif kind == "turn":
            desk.turn(size)
        else:
            has_dropped = True
            desk.central.disconnect()
            desk.turn(size + 1)
            assert desk.central.connect()
            assert desk.central.encrypt()
    desk.turn(12_000)
    for uuid, sent in taken.items():
        came = desk.came(uuid)
        rest = iter(sent)
        assert all(one in rest for one in came)  # a part of them, in order, each once
        assert has_dropped or came == sent
    assert desk.central.n_dropped == 0


# -- what a stack does with a slow reader


def test_btstack_holds_no_more_than_the_window_while_the_central_reads_slowly(make_desk, data):
    desk = make_desk(stack="btstack", bytes_per_event=100)
    n_taken = 0
    for i in range(32):  # the window: without credit the App offers no more
        desk.insist(data(i))
        n_taken += 1
    assert desk.radio.queue_bytes <= 32 * (300 + 2 * 2)
    assert desk.radio.queue_bytes > 20 * 300  # it does queue what it is given
    desk.turn(15_000)
    assert len(desk.came()) == n_taken
    assert desk.radio.queue_bytes == 0


def test_one_turn_hands_btstack_a_bounded_number_of_pieces(make_desk, data):
    desk = make_desk(mtu=23, stack="btstack", bytes_per_event=0)
    desk.insist(data(1, 1100))
    assert 0 < len(desk.radio.queue) <= 2 * ble.MAX_BURST
    before = len(desk.radio.queue)
    desk.turn()
    assert len(desk.radio.queue) <= before + ble.MAX_BURST
