"""The radio: messages as notifications and indications of the insole's own GATT service.

Without a display or keys pairing is "Just Works": it keeps out who was not there when the pairing
window was open, not who listened to the pairing itself. Nothing is said and no request is heard
before the connection is encrypted with a bond.
"""

from solecore.gait import ticks as _ticks
from solecore.wire import gatt
from solecore.wire.fragments import FIRST, LAST, MAX_PIECE, PREFIX, Assembler
from solecore.wire.messages import LOG_DATA, MAX_MESSAGE, REPLY
from solefoot.links import ble_service
from solefoot.links.ble_bonds import Bonds
from solefoot.links.ble_service import MTU

_CONNECT: int = 1
_DISCONNECT: int = 2
_WRITE: int = 3
_INDICATE_DONE: int = 20
_MTU_EXCHANGED: int = 21
_ENCRYPTION: int = 28
_GET_SECRET: int = 29
_SET_SECRET: int = 30

LEAST_MTU: int = 23
ADVERTISE_US: int = 150000
LOW_PCT: int = 15  # of battery, at which the advertising says so
MAX_WRITES: int = 12  # requests that wait for their turn
MAX_BURST: int = 12  # notifications of one turn: BTstack would take, and keep, any number
MAX_PIECES: int = 64  # of a message: the index has six bits
INDICATE_TIMEOUT_US: int = 5000000
STRANGER_US: int = 30000000  # so long may a central hold the only connection without a bond
_KEY_SIZE: int = 16  # bytes; a shorter one was asked for by who wants to guess it
_LATER: int = 1 << 29  # a difference of ticks above this is a time yet to come
_LOG_ID: int = LOG_DATA.msg_id


def why_not(modules) -> str:
    """Return why there is no radio in a port with these modules, or an empty string."""
    if "bluetooth" in modules:
        return ""
    if "ubluepy" in modules:
        return "the nrf port has ubluepy (MTU 23) and no bluetooth module: use USB and the log"
    return "this MicroPython has no bluetooth module: use USB and the log"


class BleLink:
    """One central at a time; ``bluetooth`` is the module, ``clock`` has ``ticks_us``.

    ``store`` keeps the bonds (``get``, ``put``); ``about`` is the text of HELLO. ``fitness`` opens
    the standard Running Speed and Cadence service, which anybody may read: it gives away that
    somebody walks here, and how fast.
    """

    def __init__(
        self, bluetooth, clock, store, protocol, side, features, about, fitness=False
    ) -> None:
        self._clock = clock
        self._side = side
        self._serial = about.split("\0")[0]
        self._bonds = Bonds(store)
        self._ble = bluetooth.BLE()
        self._fitness_on = fitness
        self._conn = None
        self._since = 0  # ticks at which the connection began
        self._secure = False
        self._mtu = LEAST_MTU
        self._pairing_until = None
        self._must_advertise = False
        self._assembler = Assembler()
        self._writes = []
        self._n_broken = 0  # of the connections before this one
        self.n_overrun = 0  # requests that found no place to wait
        # The prefix of a piece lies over the end of the piece before, which has gone.
        self._message = bytearray(PREFIX + MAX_MESSAGE)
        self._view = memoryview(self._message)
        self._views = []  # of the pieces of a message at this MTU, but for the last
        self._n = 0  # bytes of the message under way, 0: none
        self._at = 0
        self._index = 0
        self._handle = 0
        self._tag = 0
        self._reply = b""  # an answer under way, behind room for a prefix
        self._reply_at = 0
        self._reply_index = 0
        self._is_indicating = False
        self._indicated = 0
        self._due = -1  # ticks before which nothing new leaves; -1: not drawn yet
        self._has_sent = False
        self._seed = 1 + side
        self._battery_pct = 255
        self.n_dropped = 0  # messages cut in two by a lost connection, or too long for the MTU
        self._ble.irq(self._irq)
        self._data, self._ctrl, self._log, self._battery, self._rsc = ble_service.register(
            self._ble, bluetooth.UUID, protocol, side, features, about, fitness
        )
        self._advertise()

    def _advertise(self):
        flags = gatt.FLAG_PAIRING if self.is_pairing else 0
        if self._battery_pct < LOW_PCT:
            flags |= gatt.FLAG_LOW_BATTERY
        data, response = ble_service.advertising(self._side, self._serial, flags, self._fitness_on)
        self._ble.gap_advertise(ADVERTISE_US, data, resp_data=response)

    @property
    def is_up(self) -> bool:
        """Whether a bonded central is there, by an encrypted connection."""
        return self._secure

    @property
    def mtu(self) -> int:
        """ATT MTU of the connection."""
        return self._mtu

    @property
    def n_bad_frames(self) -> int:
        """Requests that came in broken or found no place."""
        return self._n_broken + self._assembler.n_dropped + self.n_overrun

    @property
    def is_pairing(self) -> bool:
        """Whether the pairing window is open."""
        until = self._pairing_until
        return until is not None and _ticks.diff(until, self._clock.ticks_us()) <= _LATER

    def open_pairing(self, duration_us: int) -> None:
        """Let new centrals bond for ``duration_us`` (at most 8 minutes)."""
        self._pairing_until = _ticks.add(self._clock.ticks_us(), min(duration_us, 480000000))
        self._must_advertise = True

    def battery(self, percent: int) -> None:
        """Tell the standard Battery service; 255 is not known and not told."""
        if percent != self._battery_pct and percent <= 100:
            if (percent < LOW_PCT) != (self._battery_pct < LOW_PCT):
                self._must_advertise = True
            self._battery_pct = percent
            self._ble.gatts_write(self._battery, bytes((percent,)), self._secure)

    def fitness(self, cadence_per_min: int) -> None:
        """Notify the cadence (both feet) if that is open; speed is not known here and is 0."""
        conn = self._conn
        if self._fitness_on and conn is not None:
            try:
                self._ble.gatts_notify(
                    conn, self._rsc, bytes((0, 0, 0, min(cadence_per_min, 255)))
                )
            except OSError:
                pass  # the next stride tells it again

    def close(self) -> None:
        """Switch the radio off."""
        self._ble.irq(None)
        self._forget()
        self._must_advertise = False
        self._ble.active(False)

    # -- what the stack tells; it may come between any two lines of this program --

    def _irq(self, event, data):
        if event == _WRITE:
            if data[0] == self._conn and data[1] == self._ctrl:
                piece = self._ble.gatts_read(self._ctrl)
                if not self._secure:
                    return None  # nobody: not told either
                if len(self._writes) < MAX_WRITES:
                    self._writes.append(piece)
                else:
                    self.n_overrun += 1
        elif event == _INDICATE_DONE:
            if data[0] == self._conn:
                if data[2]:  # it did not arrive, and the rest alone is nothing
                    self._reply = b""
                self._is_indicating = False
        elif event == _CONNECT:
            if self._conn is None:
                self._conn = data[0]
                self._since = self._clock.ticks_us()
                self._bonds.begin(True)
        elif event == _DISCONNECT:
            if data[0] == self._conn:
                self._forget()
        elif event == _MTU_EXCHANGED:
            if data[0] == self._conn:
                self._mtu = min(data[1], MTU)
                self._views = []
        elif event == _ENCRYPTION:
            if data[0] == self._conn:
                # A bond made while the window was shut is none, also where the stack tells of
                # the encryption first and hands over the keys later.
                bonds = self._bonds
                self._secure = bool(
                    data[1]
                    and data[3]
                    and data[4] >= _KEY_SIZE
                    and not bonds.has_refused
                    and (bonds.has_known or self.is_pairing)
                )
        elif event == _GET_SECRET:
            return self._bonds.get(data[0], data[1], data[2])
        elif event == _SET_SECRET:
            is_kept = self._bonds.set(data[0], data[1], data[2], self.is_pairing)
            if self._bonds.has_refused:
                self._secure = False
            return is_kept
        return None

    def _forget(self):
        if self._n:
            self.n_dropped += 1
        self._conn = None
        self._bonds.begin(False)
        self._secure = False
        self._mtu = LEAST_MTU
        self._views = []
        self._n = 0
        self._reply = b""
        self._is_indicating = False
        self._due = -1
        self._writes.clear()
        self._n_broken += self._assembler.n_dropped
        self._assembler = Assembler()
        self._must_advertise = True

    # -- what the App calls --

    def poll(self):
        """Return the requests that have come in, and let waiting fragments go."""
        if self._pairing_until is not None and not self.is_pairing:
            self._pairing_until = None
            self._must_advertise = True
        self._bonds.save()
        conn = self._conn
        if conn is None:
            if self._must_advertise:
                self._must_advertise = False
                self._advertise()
        elif not self._secure and self._is_unwelcome():
            self._ble.gap_disconnect(conn)
        if self._has_sent:
            self._has_sent = False
            self._due = -1
        self._pump()
        if not self._writes:
            return ()
        messages = []
        while self._writes:
            message = self._assembler.feed(self._writes.pop(0))
            if message:
                messages.append(message)
        return messages

    def _is_unwelcome(self):
        """Return whether a central without a bond has to go."""
        if self._bonds.has_refused:
            return True
        if self._fitness_on or self.is_pairing:
            return False
        return _ticks.diff(self._clock.ticks_us(), self._since) > STRANGER_US

    def send(self, buf, n) -> bool:
        """Take the message in ``buf``; False while the one before is under way, or none is there.

        Answers leave as indications, each confirmed; the rest as notifications.
        """
        is_reply = buf[0] & REPLY
        if not self._secure:
            return bool(is_reply)  # who has asked has gone
        if self._reply if is_reply else self._n:
            self._pump()
        if is_reply:
            if self._reply:
                return False
            self._reply_at = self._reply_index = 0
            self._reply = bytearray(PREFIX) + memoryview(buf)[:n]
        else:
            is_log = buf[0] == _LOG_ID
            if self._n or not (is_log or self._is_due()):
                return False
            if n > MAX_PIECES * (min(self._mtu - 3, MAX_PIECE) - PREFIX):
                self.n_dropped += 1  # it will never fit, and who waits behind it shall not wait
                return True
            self._view[PREFIX : PREFIX + n] = memoryview(buf)[:n]
            self._at = self._index = 0
            self._tag = buf[1] if is_log else buf[4]  # low byte of block or sequence number
            self._handle = self._log if is_log else self._data
            self._n = n
        self._pump()
        return True

    def _is_due(self):
        """Return whether data may leave in this turn; they wait for up to 10 ms.

        Sampling and connection events have nearly commensurate periods; without the dither the
        delays of many messages in a row would be alike, and the host's clock fit biased.
        """
        now = self._clock.ticks_us()
        if self._due < 0:
            self._seed = (self._seed * 75 + 74) % 65537
            self._due = _ticks.add(now, self._seed * 10000 // 65537)
        self._has_sent = _ticks.diff(now, self._due) <= _LATER
        return self._has_sent

    def _pump(self):
        """Hand fragments to the stack until it has no more room."""
        if not self._secure:
            return
        burst = 0
        while self._n and burst < MAX_BURST and self._notify():
            burst += 1
        if self._is_indicating:
            since = _ticks.diff(self._clock.ticks_us(), self._indicated)
            if since > INDICATE_TIMEOUT_US:
                self._ble.gap_disconnect(self._conn)
        elif self._reply and not self._n:  # an answer does not overtake what it speaks of
            self._indicate()

    def _head(self, buf, at, n, index, tag):
        """Put the prefix before the piece of ``n`` bytes from ``at`` on; return its end."""
        end = min(n, at + min(self._mtu - 3, MAX_PIECE) - PREFIX)
        buf[at] = (index & 0x3F) | (0 if at else FIRST) | (LAST if end == n else 0)
        buf[at + 1] = tag
        return end

    def _notify(self):
        """Return whether the stack took the next fragment."""
        n = self._n
        end = self._head(self._message, self._at, n, self._index, self._tag)
        if end < n and self._index < len(self._views):
            piece = self._views[self._index]
        else:
            piece = self._view[self._at : PREFIX + end]
            if end < n and self._index == len(self._views):
                self._views.append(piece)
        try:
            self._ble.gatts_notify(self._conn, self._handle, piece)
        except (OSError, TypeError):  # no buffer is left, or the connection has just gone
            return False
        self._at = end
        self._index += 1
        if end >= n:
            self._n = 0
        return True

    def _indicate(self):
        reply = self._reply
        n = len(reply) - PREFIX
        end = self._head(reply, self._reply_at, n, self._reply_index, reply[PREFIX + 1])
        self._is_indicating = True
        self._indicated = self._clock.ticks_us()
        piece = memoryview(reply)[self._reply_at : PREFIX + end]
        try:
            self._ble.gatts_indicate(self._conn, self._ctrl, piece)
        except (OSError, TypeError):
            self._is_indicating = False
            return
        self._reply_at = end
        self._reply_index += 1
        if end >= n:
            self._reply = b""
