"""Cable and radio at once: answers go to the asker, data to the listener."""

import pytest

from solecore.wire import messages as m
from solefoot.links.several import Links


class Ear:
    """A link whose far end is the test."""

    def __init__(self, mtu: int = 0) -> None:
        self.incoming: list[bytes] = []
        self.sent: list[bytes] = []
        self.mtu = mtu
        self.is_up = True
        self.takes = True
        self.n_bad_frames = 1

    def poll(self):
        messages, self.incoming = self.incoming, []
        return messages

    def send(self, buf, n):
        if self.takes:
            self.sent.append(bytes(buf[:n]))
        return self.takes


START = m.START.pack(1, 0, 32)
HELLO = m.HELLO.pack(m.PROTOCOL_VERSION, 2)
CREDIT = m.CREDIT.pack(7, m.PRESSURE, 100)
RANGE = m.LOG_RANGE.pack(3, 7, 0, 0, 10, 4)
PING = m.PING.pack(4)
PONG = bytes((m.PING_REPLY.msg_id, 4))
REPLY = bytes((m.STATS_REPLY.msg_id, 1))
FRAME = bytes((m.FRAME_CODED8.msg_id, 1))
LOGGED = bytes((m.LOG_DATA.msg_id, 1))


@pytest.fixture
def pair():
    cable, radio = Ear(), Ear(mtu=247)
    return cable, radio, Links([cable, radio])


def hear(links, ear, *messages):
    ear.incoming += messages
    out = []
    while got := links.poll():
        out += got
    return out


def say(links, message):
    return links.send(bytearray(message + bytes(4)), len(message))


def test_data_go_where_they_were_started_and_answers_to_who_asked(pair):
    cable, radio, links = pair
    assert hear(links, radio, START) == [START]
    assert hear(links, cable, HELLO) == [HELLO]
    assert say(links, REPLY)
    assert say(links, FRAME)
    assert (cable.sent, radio.sent) == ([REPLY], [FRAME])
    assert links.is_cable
    assert links.mtu == 247


def test_who_only_looks_gives_no_credit(pair):
    cable, radio, links = pair
    hear(links, radio, START)
    assert hear(links, cable, CREDIT, m.KEY.pack(0), HELLO) == [HELLO]
    assert hear(links, radio, CREDIT) == [CREDIT]


def test_log_data_go_to_who_asked_for_them(pair):
    cable, radio, links = pair
    hear(links, radio, START)
    hear(links, cable, RANGE)
    hear(links, radio, HELLO)
    say(links, LOGGED)
    say(links, FRAME)
    assert (cable.sent, radio.sent) == ([LOGGED], [FRAME])


def test_a_new_start_takes_the_data_over(pair):
    cable, radio, links = pair
    hear(links, radio, START)
    hear(links, cable, START)
    say(links, FRAME)
    assert (cable.sent, radio.sent) == ([FRAME], [])
    assert links.mtu == 0


def test_a_full_or_broken_link_is_told_as_it_is(pair):
    _cable, radio, links = pair
    hear(links, radio, START)
    radio.takes = False
    assert not say(links, FRAME)
    radio.is_up = False
    assert not links.is_up
    assert not links.is_cable
    assert links.n_bad_frames == 2


def test_the_answer_to_a_ping_goes_to_who_sent_it_though_another_has_asked_since(pair):
    cable, radio, links = pair
    assert hear(links, radio, PING) == [PING]
    assert hear(links, cable, HELLO) == [HELLO]
    say(links, PONG)
    say(links, REPLY)
    assert (radio.sent, cable.sent) == ([PONG], [REPLY])
