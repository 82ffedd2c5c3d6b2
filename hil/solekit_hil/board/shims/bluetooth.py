"""MicroPython's ``bluetooth`` for a process without a radio: the far end of a socket has one.

The peripheral's half of the API, with the traps of both stacks. What happens on the air reaches
the ``irq`` handler when the program calls ``poll`` (no such function exists on a board, where the
handler interrupts), and inside a call that finds no buffer. SOLEFOOT_RADIO names the socket as
``HOST:PORT``, SOLEFOOT_STACK the stack that is modelled: ``nimble`` (a bounded number of buffers,
ENOMEM when they are out) or ``btstack`` (copies queued on the heap without end). Not modelled:
the central's half, L2CAP, passkeys, _IRQ_GATTS_READ_REQUEST.

On the wire: u16 length of what follows, u8 kind, payload; see solekit_hil/radio/peripheral.py.
"""

import errno
import json
import os
import select
import socket
import struct

FLAG_READ = 0x0002
FLAG_WRITE_NO_RESPONSE = 0x0004
FLAG_WRITE = 0x0008
FLAG_NOTIFY = 0x0010
FLAG_INDICATE = 0x0020

_CENTRAL_CONNECT = 1
_CENTRAL_DISCONNECT = 2
_GATTS_WRITE = 3
_GET_SECRET = 29
_SET_SECRET = 30
_FREED = 100  # no event of MicroPython: buffers have gone out
# Kinds that this end sends.
_COMMAND = 1
_NOTIFY = 2
_INDICATE = 3
_VALUE = 4
_DONE = 5
_FORMATS = {20: "<HHB", 21: "<HH", 27: "<HHHHH", 28: "<HBBBB"}  # of the events with plain numbers

MBUFS = 36  # NimBLE's blocks in the ESP-IDF defaults, 12 + 24; here one holds any notification
_DEFAULT_VALUE = 20  # bytes that a characteristic holds unless told otherwise
_FIRST_HANDLE = 16
_ROOM = 1024


class UUID(bytes):
    """A 16-bit or a 128-bit UUID; as a buffer it is little-endian."""

    def __init__(self, value):
        if isinstance(value, int):
            if not 0 <= value < 0x10000:
                raise ValueError("invalid UUID")
            value = struct.pack("<H", value)
        elif isinstance(value, str):
            digits = value.replace("-", "")
            if len(digits) != 32:
                raise ValueError("invalid UUID")
            value = bytes([int(digits[i - 2 : i], 16) for i in range(32, 0, -2)])
        elif len(value) not in (2, 16):
            raise ValueError("invalid UUID")
        super().__init__(value)

    def __eq__(self, other):
        return isinstance(other, UUID) and bytes(self) == bytes(other)

    def __hash__(self):
        return hash(bytes(self))

    def text(self):
        """Return the hexadecimal digits."""
        return "".join(["%02x" % byte for byte in reversed(bytes(self))])


class _Value:
    """The bytes of one attribute, as the stack keeps them."""

    def __init__(self):
        self.data = b""
        self.room = _DEFAULT_VALUE
        self.is_append = False

    def take(self, data):
        """Take what the far end wrote; what does not fit is cut off without a word."""
        if self.is_append:
            data = self.data + data
        self.data = data[: self.room]


class BLE:
    """The one radio."""

    _one = None

    def __new__(cls):
        """Return the one radio, connected on first use."""
        if cls._one is None:
            cls._one = object.__new__(cls)
            cls._one._begin()
        return cls._one

    def _begin(self):
        host, port = (os.getenv("SOLEFOOT_RADIO") or "127.0.0.1:0").split(":")
        self._is_bounded = (os.getenv("SOLEFOOT_STACK") or "nimble") == "nimble"
        self._socket = socket.socket()
        self._socket.connect(socket.getaddrinfo(host, int(port))[0][-1])
        self._socket.setsockopt(6, 1, 1)  # TCP_NODELAY
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._in = bytearray(_ROOM)
        self._in_view = memoryview(self._in)
        self._out = bytearray(_ROOM)
        self._out_view = memoryview(self._out)
        self._handler = None
        self._is_active = False
        self._config = {"mtu": 256, "bond": False, "mitm": False, "le_secure": False, "io": 3}
        self._config.update({"gap_name": "MPY", "rxbuf": 256, "addr_mode": 0})
        self._reset()

    def _reset(self):
        self._values = {}
        self._mtus = {}  # of each connection
        self._n_free = MBUFS
        self._waiting = []  # BTstack's copies
        self._advertised = (b"", b"")

    # -- the socket --

    def _write(self, kind, n):
        """Send ``n`` payload bytes, which lie in the buffer from byte 3 on."""
        struct.pack_into("<HB", self._out, 0, n + 1, kind)
        self._socket.write(self._out_view[: n + 3])

    def _command(self, *words):
        data = json.dumps(words).encode()
        self._socket.write(struct.pack("<HB", len(data) + 1, _COMMAND) + data)

    def poll(self, wait_ms=0):
        """Deliver what has happened on the air; wait for it at most ``wait_ms``."""
        while self._poll.poll(wait_ms):
            wait_ms = 0
            head = self._socket.read(3)
            if not head or len(head) < 3:
                raise OSError(errno.ENODEV)  # the radio has gone
            n, kind = struct.unpack("<HB", head)
            n -= 1
            if n:
                self._socket.readinto(self._in_view[:n])
            if kind == _FREED:
                self._n_free += self._in[0]
                while self._waiting and self._n_free:
                    self._n_free -= 1
                    self._socket.write(self._waiting.pop(0))
                continue
            answer = self._event(kind, n)
            size = 0
            if answer is not None:
                size = 1 + len(answer)
                self._out[3] = 1
                self._out[4 : 3 + size] = answer
            self._write(_DONE, size)

    def _event(self, kind, n):
        """Hand one event to the handler; return the bytes of its answer or None."""
        view = self._in_view
        if kind in _FORMATS:
            data = struct.unpack_from(_FORMATS[kind], self._in, 0)
            if kind == 21:
                self._mtus[data[0]] = data[1]
        elif kind == _GATTS_WRITE:
            data = struct.unpack_from("<HH", self._in, 0)
            self._values[data[1]].take(bytes(view[4:n]))
        elif kind == _GET_SECRET:
            data = (self._in[0], self._in[1], view[2:n] if n > 2 else None)
        elif kind == _SET_SECRET:
            end = 3 + self._in[2]
            data = (self._in[0], view[3:end], view[end:n] if self._in[1] else None)
        else:
            conn, addr_type = struct.unpack_from("<HB", self._in, 0)
            data = (conn, addr_type, view[3:9])  # good until the handler returns, as on a board
            if kind == _CENTRAL_CONNECT:
                self._mtus[conn] = 23
            elif kind == _CENTRAL_DISCONNECT:
                self._mtus.pop(conn, None)
                self._waiting.clear()
        answer = self._handler(kind, data) if self._handler else None
        if kind == _SET_SECRET:
            return b"\1" if answer else None
        return answer if kind == _GET_SECRET else None

    # -- what MicroPython documents --

    def active(self, on=None):
        """Return whether the radio is on, after switching it if asked."""
        if on is not None and bool(on) != self._is_active:
            self._is_active = bool(on)
            self._reset()
            self._command("active", self._is_active)
            if self._is_active:
                self._command("config", self._config)
        return self._is_active

    def config(self, *names, **values):
        """Return one setting by name, or set some."""
        if names:
            if names[0] == "mac":
                text = os.getenv("SOLEFOOT_ADDRESS") or "F0:00:00:00:00:01"
                return 1, bytes([int(part, 16) for part in text.split(":")])
            if names[0] not in self._config:
                raise ValueError("unknown config param")
            return self._config[names[0]]
        for name, value in values.items():
            if name not in self._config:
                raise ValueError("unknown config param")
            if name == "mtu":
                self._need_active()
                if not 23 <= value <= 517:
                    raise OSError(errno.EINVAL)
            if isinstance(value, (bytes, bytearray)):
                value = value.decode()
            self._config[name] = value
        if self._is_active:
            self._command("config", self._config)
        return None

    def irq(self, handler):
        """Let ``handler(event, data)`` know what happens."""
        self._handler = handler

    def _need_active(self):
        if not self._is_active:
            raise OSError(errno.ENODEV)

    def gap_advertise(self, interval_us, adv_data=None, *, resp_data=None, connectable=True):
        """Advertise every ``interval_us``; None ends it."""
        self._need_active()
        if interval_us is None:
            return self._command("advertise", None)
        data, response = self._advertised
        if adv_data is not None:
            data = bytes(adv_data)
        if resp_data is not None:
            response = bytes(resp_data)
        if len(data) > 31 or len(response) > 31:
            raise OSError(errno.EINVAL)
        self._advertised = data, response
        return self._command(
            "advertise",
            interval_us,
            [byte for byte in data],  # noqa: C416 - JSON knows no bytes
            [byte for byte in response],  # noqa: C416
            connectable,
        )

    def gap_disconnect(self, conn):
        """End a connection; False if there is none."""
        self._need_active()
        if conn not in self._mtus:
            return False
        self._command("disconnect", conn)
        return True

    def gap_pair(self, conn):
        """Ask the far end to pair, or to encrypt by the bond."""
        self._connected(conn)
        self._command("pair", conn)

    def gatts_register_services(self, services):
        """Replace all services; return the value handles of each."""
        self._need_active()
        self._values = {}
        handle = _FIRST_HANDLE
        handles = []
        tree = []
        for uuid, characteristics in services:
            of_service = []
            branch = []
            handle += 1
            for one in characteristics:
                handle += 2  # the declaration, then the value
                of_service.append(handle)
                self._values[handle] = _Value()
                entry = [one[0].text(), one[1], handle, []]
                if one[1] & (FLAG_NOTIFY | FLAG_INDICATE):
                    handle += 1
                for descriptor in one[2] if len(one) > 2 else ():
                    handle += 1
                    of_service.append(handle)
                    self._values[handle] = _Value()
                    entry[3].append([descriptor[0].text(), descriptor[1], handle])
                branch.append(entry)
            handles.append(tuple(of_service))
            tree.append([uuid.text(), branch])
        self._command("services", tree)
        return tuple(handles)

    def _value(self, handle):
        self._need_active()
        if handle not in self._values:
            raise OSError(errno.EINVAL)
        return self._values[handle]

    def gatts_read(self, handle):
        """Return the value; one that appends is empty afterwards."""
        value = self._value(handle)
        data = value.data
        if value.is_append:
            value.data = b""
        return data

    def gatts_write(self, handle, data, send_update=False):
        """Set the value that the far end reads."""
        value = self._value(handle)
        value.data = bytes(data)
        value.room = max(value.room, len(data))
        struct.pack_into("<H", self._out, 3, handle)
        self._out[5 : 5 + len(data)] = value.data
        self._write(_VALUE, 2 + len(data))
        if send_update:
            for conn in self._mtus:
                self.gatts_notify(conn, handle)

    def gatts_set_buffer(self, handle, room, append=False):
        """Let the value hold ``room`` bytes, each write behind the other if ``append``."""
        value = self._value(handle)
        value.room = room
        value.is_append = append
        value.data = b""

    def gatts_notify(self, conn, handle, data=None):
        """Notify, whether the far end has subscribed or not."""
        self._send(_NOTIFY, conn, handle, data)

    def gatts_indicate(self, conn, handle, data=None):
        """Indicate; _IRQ_GATTS_INDICATE_DONE follows."""
        self._send(_INDICATE, conn, handle, data)

    def _connected(self, conn):
        self._need_active()
        if conn not in self._mtus:
            raise OSError(errno.ENOTCONN)
        return self._mtus[conn]

    def _send(self, kind, conn, handle, data):
        most = self._connected(conn) - 3
        if data is None:
            data = self._value(handle).data
        n = min(len(data), most)  # longer ones are cut without a word
        if not self._n_free and self._is_bounded:
            self.poll()
            if not self._n_free:
                raise OSError(errno.ENOMEM)
            self._connected(conn)
        struct.pack_into("<HH", self._out, 3, conn, handle)
        self._out_view[7 : 7 + n] = memoryview(data)[:n]
        if self._n_free:
            self._n_free -= 1
            self._write(kind, 4 + n)
        else:
            struct.pack_into("<HB", self._out, 0, 5 + n, kind)
            self._waiting.append(bytes(self._out_view[: 7 + n]))


def poll(wait_ms=0):
    """Deliver what has happened on the air (no function of a board)."""
    BLE().poll(wait_ms)
