"""What an insole shows to a central: its services, and what it says of itself in advertising."""

from solecore.wire import gatt

MTU: int = 247  # one link-layer packet of 251 bytes
_READ: int = 0x0002
_WRITE: int = 0x0008
_NOTIFY: int = 0x0010
_INDICATE: int = 0x0020
_WRITE_ENCRYPTED: int = 0x1000
_NO_DISPLAY: int = 3  # io capability: no input, no output
MAX_SERIAL: int = 14  # characters that the scan response has room for


def name(side) -> str:
    """Return the name that a list of devices shows."""
    return "Solekit " + ("R" if side else "L")


def register(ble, uuid, protocol, side, features, about, has_fitness):
    """Switch ``ble`` on and fill it; return the handles: data, ctrl, log, battery, rsc (or 0)."""
    ble.active(True)
    # le_secure: Secure Connections only; mitm cannot be had without a display.
    ble.config(bond=True, le_secure=True, mitm=False, io=_NO_DISPLAY)
    ble.config(mtu=MTU)
    ble.config(gap_name=name(side))
    services = [
        (
            uuid(gatt.SERVICE),
            (
                (uuid(gatt.DATA), _NOTIFY),
                (uuid(gatt.CTRL), _WRITE | _INDICATE | _WRITE_ENCRYPTED),
                (uuid(gatt.INFO), _READ),
                (uuid(gatt.LOG), _NOTIFY),
            ),
        ),
        (uuid(0x180A), ((uuid(0x2A29), _READ), (uuid(0x2A25), _READ), (uuid(0x2A26), _READ))),
        (uuid(0x180F), ((uuid(0x2A19), _READ | _NOTIFY),)),
    ]
    if has_fitness:
        services.append(
            (
                uuid(0x1814),
                ((uuid(0x2A53), _NOTIFY), (uuid(0x2A54), _READ), (uuid(0x2A5D), _READ)),
            )
        )
    handles = ble.gatts_register_services(services)
    data, ctrl, info, log = handles[0]
    maker, serial, firmware = handles[1]
    (battery,) = handles[2]
    texts = about.split("\0")
    write = ble.gatts_write
    write(info, bytes((protocol, side)) + features.to_bytes(4, "little") + about.encode())
    write(maker, b"Solekit")
    write(serial, texts[0].encode())
    write(firmware, texts[2].encode())
    write(battery, b"\xff")
    rsc = 0
    if has_fitness:
        rsc, feature, place = handles[3]
        write(feature, b"\0\0")  # neither stride length nor distance
        write(place, b"\2")  # in the shoe
    ble.gatts_set_buffer(ctrl, 512)
    return data, ctrl, log, battery, rsc


def advertising(side, serial, flags, has_fitness):
    """Return the two payloads: who is here by service, side and serial; nothing of the person."""
    digits = gatt.SERVICE.replace("-", "")
    data = bytearray(b"\x02\x01\x06\x11\x07")
    for i in range(30, -1, -2):
        data.append(int(digits[i : i + 2], 16))
    if has_fitness:
        data.extend(b"\x03\x03\x14\x18")
    maker = gatt.COMPANY.to_bytes(2, "little") + bytes((side, flags))
    maker += serial.encode()[-MAX_SERIAL:]
    text = name(side).encode()
    response = bytes((len(text) + 1, 9)) + text + bytes((len(maker) + 1, 0xFF)) + maker
    return bytes(data), response
