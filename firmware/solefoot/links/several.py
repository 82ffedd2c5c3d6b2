"""Several links as one: cable and radio at the same time."""

from solecore.wire.messages import CREDIT, KEY, LOG_DATA, LOG_RANGE, PING, PING_REPLY, REPLY, START

_START: int = START.msg_id
_LOG_RANGE: int = LOG_RANGE.msg_id
_LOG_DATA: int = LOG_DATA.msg_id
_PING: int = PING.msg_id
_PONG: int = PING_REPLY.msg_id
_OF_LISTENER = (CREDIT.msg_id, KEY.msg_id)


class Links:
    """Answer whoever asked; data go to whoever started them, log data to who asked for those.

    A second host may ask who this is without disturbing the one that listens: its credits are not
    taken for those of the other.
    """

    def __init__(self, links) -> None:
        self._links = links
        self._asker = self._listener = self._fetcher = self._pinger = links[0]

    @property
    def n_bad_frames(self) -> int:
        """Frames that came in broken on any link."""
        return sum([link.n_bad_frames for link in self._links])

    @property
    def is_up(self) -> bool:
        """Whether the far end of the data is there."""
        return self._listener.is_up

    @property
    def mtu(self) -> int:
        """ATT MTU of the link that data take; 0 for a byte stream."""
        return self._listener.mtu

    @property
    def is_cable(self) -> bool:
        """Whether the last request came over a cable: whoever sent it has the insole at hand."""
        return self._asker.mtu == 0

    def poll(self):
        """Return the messages that have come in on one of the links."""
        for link in self._links:
            messages = link.poll()
            if messages:
                self._asker = link
                for message in messages:
                    if message[0] == _START:
                        self._listener = link
                    elif message[0] == _LOG_RANGE:
                        self._fetcher = link
                    elif message[0] == _PING:
                        self._pinger = link
                if link is self._listener:
                    return messages
                return [message for message in messages if message[0] not in _OF_LISTENER]
        return ()

    def send(self, buf, n) -> bool:
        """Send ``n`` bytes of ``buf``, 4 spare ones behind them; False if that link is full."""
        kind = buf[0]
        if kind == _PONG:  # it is held back: somebody else may have asked since
            return self._pinger.send(buf, n)
        if kind & REPLY:
            return self._asker.send(buf, n)
        if kind == _LOG_DATA:
            return self._fetcher.send(buf, n)
        return self._listener.send(buf, n)
