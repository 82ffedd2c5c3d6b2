"""The radio: messages as notifications and indications of the insole's own GATT service.

Without a display or keys pairing is "Just Works": it keeps out who was not there when the pairing
window was open, not who listened to the pairing itself. Nothing is said and no request is heard
before the connection is encrypted with a bond.
"""

from solecore.gait import ticks as _ticks
from solecore.wire import gatt
from solecore.wire.fragments import FIRST, LAST, MAX_PIECE, PREFIX, Assembler
from solecore.wire.messages import LOG_DATA, MAX_MESSAGE, REPLY
from solefoot.links.ble_bonds import Bonds

_CONNECT: int = 1
_DISCONNECT: int = 2
_WRITE: int = 3
_INDICATE_DONE: int = 20
_MTU_EXCHANGED: int = 21
_ENCRYPTION: int = 28
_GET_SECRET: int = 29
_SET_SECRET: int = 30

_FLAG_READ: int = 0x0002
_FLAG_WRITE: int = 0x0008
_FLAG_NOTIFY: int = 0x0010
_FLAG_INDICATE: int = 0x0020
_FLAG_WRITE_ENCRYPTED: int = 0x1000
_NO_DISPLAY: int = 3  # io capability: no input, no output

MTU: int = 247  # one link-layer packet of 251 bytes
LEAST_MTU: int = 23
ADVERTISE_US: int = 150000
MAX_WRITES: int = 12  # requests that wait for their turn
MAX_BURST: int = 12  # notifications of one turn: BTstack would take, and keep, any number
INDICATE_TIMEOUT_US: int = 5000000
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
        self._texts = about.split("\0")
        self._bonds = Bonds(store)
        self._ble = bluetooth.BLE()
        self._fitness_on = fitness
        self._conn = None
        self._secure = False
        self._mtu = LEAST_MTU
        self._pairing_until = None
        self._assembler = Assembler()
        self._writes = []
        self.n_overrun = 0  # requests that found no place to wait
        self._message = bytearray(MAX_MESSAGE)
        self._view = memoryview(self._message)
        self._n = 0  # bytes of the message under way, 0: none
        self._at = 0
        self._index = 0
        self._handle = 0
        self._piece = bytearray(MAX_PIECE)
        self._piece_view = memoryview(self._piece)
        self._reply = b""
        self._reply_at = 0
        self._reply_index = 0
        self._tag = 0
        self._is_indicating = False
        self._indicated = 0
        self._due = -1  # ticks before which nothing new leaves; -1: not drawn yet
        self._has_sent = False
        self._seed = 1 + side
        self._battery_pct = 255
        self.n_dropped = 0  # messages that a lost connection cut in two
        self._begin(bluetooth, protocol, features, about)

    def _begin(self, bluetooth, protocol, features, about):
        ble = self._ble
        ble.active(True)
        # le_secure: Secure Connections only; mitm cannot be had without a display.
        ble.config(bond=True, le_secure=True, mitm=False, io=_NO_DISPLAY)
        ble.config(mtu=MTU)
        ble.config(gap_name=self._name())
        ble.irq(self._irq)
        uuid = bluetooth.UUID
        read = _FLAG_READ
        services = [
            (
                uuid(gatt.SERVICE),
                (
                    (uuid(gatt.DATA), _FLAG_NOTIFY),
                    (uuid(gatt.CTRL), _FLAG_WRITE | _FLAG_INDICATE | _FLAG_WRITE_ENCRYPTED),
                    (uuid(gatt.INFO), read),
                    (uuid(gatt.LOG), _FLAG_NOTIFY),
                ),
            ),
            (
                uuid(0x180A),
                ((uuid(0x2A29), read), (uuid(0x2A25), read), (uuid(0x2A26), read)),
            ),
            (uuid(0x180F), ((uuid(0x2A19), read | _FLAG_NOTIFY),)),
        ]
        if self._fitness_on:
            services.append(
                (
                    uuid(0x1814),
                    ((uuid(0x2A53), _FLAG_NOTIFY), (uuid(0x2A54), read), (uuid(0x2A5D), read)),
                )
            )
        handles = ble.gatts_register_services(services)
        self._data, self._ctrl, info, self._log = handles[0]
        write = ble.gatts_write
        write(
            info, bytes((protocol, self._side)) + features.to_bytes(4, "little") + about.encode()
        )
        write(handles[1][0], b"Solekit")
        write(handles[1][1], self._texts[0].encode())
        write(handles[1][2], self._texts[2].encode())
        self._battery = handles[2][0]
        write(self._battery, b"\xff")
        if self._fitness_on:
            self._rsc = handles[3][0]
            write(handles[3][1], b"\0\0")  # neither stride length nor distance
            write(handles[3][2], b"\2")  # in the shoe
        ble.gatts_set_buffer(self._ctrl, 512)
        self._advertise()

    def _name(self):
        return "Solekit " + ("R" if self._side else "L")

    def _advertise(self):
        """Say who is here: service, side, serial; nothing of the person."""
        uuid = bytes([int(c, 16) for c in gatt.SERVICE.replace("-", "")])
        service = bytearray()
        for i in range(30, -1, -2):
            service.append(uuid[i] << 4 | uuid[i + 1])
        data = b"\x02\x01\x06\x11\x07" + bytes(service)
        if self._fitness_on:
            data += b"\x03\x03\x14\x18"
        flags = gatt.FLAG_PAIRING if self.is_pairing else 0
        if self._battery_pct < 15:
            flags |= gatt.FLAG_LOW_BATTERY
        company = gatt.COMPANY.to_bytes(2, "little")
        maker = company + bytes((self._side, flags)) + self._texts[0].encode()[-14:]
        name = self._name().encode()
        response = bytes((len(name) + 1, 9)) + name + bytes((len(maker) + 1, 0xFF)) + maker
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
        return self._assembler.n_dropped + self.n_overrun

    @property
    def is_pairing(self) -> bool:
        """Whether the pairing window is open."""
        return self._pairing_until is not None

    def open_pairing(self, duration_us: int) -> None:
        """Let new centrals bond for ``duration_us`` (at most 8 minutes)."""
        self._pairing_until = _ticks.add(self._clock.ticks_us(), min(duration_us, 1 << 29))
        if self._conn is None:
            self._advertise()

    def battery(self, percent: int) -> None:
        """Tell the standard Battery service; 255 is not known and not told."""
        if percent != self._battery_pct and percent <= 100:
            self._battery_pct = percent
            self._ble.gatts_write(self._battery, bytes((percent,)), self._secure)

    def fitness(self, cadence_per_min: int) -> None:
        """Notify the cadence (both feet) if that is open; speed is not known here and is 0."""
        if self._fitness_on and self._conn is not None:
            try:
                self._ble.gatts_notify(
                    self._conn, self._rsc, bytes((0, 0, 0, min(cadence_per_min, 255)))
                )
            except OSError:
                pass  # the next stride tells it again

    def close(self) -> None:
        """Switch the radio off."""
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
            self._is_indicating = False
        elif event == _CONNECT:
            if self._conn is None:
                self._conn = data[0]
        elif event == _DISCONNECT:
            if data[0] == self._conn:
                self._forget()
                self._advertise()
        elif event == _MTU_EXCHANGED:
            if data[0] == self._conn:
                self._mtu = min(data[1], MTU)
        elif event == _ENCRYPTION:
            if data[0] == self._conn:
                # A bond made while the window was shut is none.
                self._secure = bool(data[1] and data[3] and not self._bonds.has_refused)
                if self._bonds.has_refused:
                    self._ble.gap_disconnect(self._conn)
        elif event == _GET_SECRET:
            return self._bonds.get(data[0], data[1], data[2])
        elif event == _SET_SECRET:
            return self._bonds.set(data[0], data[1], data[2], self.is_pairing)
        return None

    def _forget(self):
        if self._n:
            self.n_dropped += 1
        self._conn = None
        self._secure = False
        self._mtu = LEAST_MTU
        self._n = 0
        self._reply = b""
        self._is_indicating = False
        self._due = -1
        self._writes.clear()
        self._bonds.has_refused = False
        self._assembler = Assembler()

    # -- what the App calls --

    def poll(self):
        """Return the requests that have come in, and let waiting fragments go."""
        if self._pairing_until is not None:
            left = _ticks.diff(self._pairing_until, self._clock.ticks_us())
            if left > 1 << 29:
                self._pairing_until = None
                if self._conn is None:
                    self._advertise()
        self._bonds.save()
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

    def send(self, buf, n) -> bool:
        """Take the message in ``buf``; False while the one before is under way, or none is there.

        Answers leave as indications, each confirmed; the rest as notifications.
        """
        if not self._secure:
            return False
        if buf[0] & REPLY:
            if self._reply:
                return False
            self._reply = bytes(memoryview(buf)[:n])
            self._reply_at = self._reply_index = 0
            self._pump()
            return True
        if self._n:
            self._pump()
            if self._n:
                return False
        is_log = buf[0] == _LOG_ID
        if not is_log and self._is_early():
            return False
        self._view[:n] = memoryview(buf)[:n]
        self._at = self._index = 0
        self._tag = buf[1] if is_log else buf[4]  # low byte of block or sequence number
        self._handle = self._log if is_log else self._data
        self._n = n
        self._pump()
        return True

    def _is_early(self):
        """Return whether this turn's data must still wait, up to 10 ms.

        Sampling and connection events have nearly commensurate periods; without the dither the
        delays of many messages in a row would be alike, and the host's clock fit biased.
        """
        now = self._clock.ticks_us()
        if self._due < 0:
            self._seed = (self._seed * 75 + 74) % 65537
            self._due = _ticks.add(now, self._seed * 10000 // 65537)
        if _ticks.diff(now, self._due) > 1 << 29:
            return True
        self._has_sent = True
        return False

    def _pump(self):
        """Hand fragments to the stack until it has no more room."""
        if not self._secure:
            return
        if self._is_indicating:
            since = _ticks.diff(self._clock.ticks_us(), self._indicated)
            if since > INDICATE_TIMEOUT_US:
                self._ble.gap_disconnect(self._conn)
                return
        elif self._reply:
            self._indicate()
        burst = 0
        while self._n and burst < MAX_BURST and self._notify():
            burst += 1

    def _fill(self, source, at, n, index, tag):
        """Put the piece of ``source`` from ``at`` on into the buffer; return its payload bytes."""
        size = min(n - at, min(self._mtu - 3, MAX_PIECE) - PREFIX)
        head = index & 0x3F
        if at == 0:
            head |= FIRST
        if at + size == n:
            head |= LAST
        self._piece[0] = head
        self._piece[1] = tag
        self._piece_view[PREFIX : PREFIX + size] = source[at : at + size]
        return size

    def _notify(self):
        """Return whether the stack took the next fragment."""
        size = self._fill(self._view, self._at, self._n, self._index, self._tag)
        try:
            self._ble.gatts_notify(self._conn, self._handle, self._piece_view[: PREFIX + size])
        except OSError:  # NimBLE has no buffer left, or the connection has just gone
            return False
        self._at += size
        self._index += 1
        if self._at >= self._n:
            self._n = 0
        return True

    def _indicate(self):
        reply = memoryview(self._reply)
        tag = self._reply[1]
        size = self._fill(reply, self._reply_at, len(reply), self._reply_index, tag)
        self._is_indicating = True
        self._indicated = self._clock.ticks_us()
        try:
            self._ble.gatts_indicate(self._conn, self._ctrl, self._piece_view[: PREFIX + size])
        except OSError:
            self._is_indicating = False
            return
        self._reply_at += size
        self._reply_index += 1
        if self._reply_at >= len(reply):
            self._reply = b""
