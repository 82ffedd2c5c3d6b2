"""Virtual insoles as transports: ``sim:`` and ``mpy:`` of the SDK's entry-point group."""

from __future__ import annotations

from solekit.errors import MissingExtraError, TransportSpecError
from solekit.transports import Transport
from solekit.transports.virtual import Pump, VirtualTransport
from solekit_hil.filewalker import FileWalker
from solekit_hil.uri import VirtualSpec, parse
from solekit_hil.world import World


def open_sim(rest: str) -> dict[str, Transport]:
    """Return the transports of ``sim:REST``: firmware in this process."""
    return _open("sim", rest, is_mpy=False)


def open_mpy(rest: str) -> dict[str, Transport]:
    """Return the transports of ``mpy:REST``: firmware in a MicroPython process per foot."""
    return _open("mpy", rest, is_mpy=True)


def _open(scheme: str, rest: str, *, is_mpy: bool) -> dict[str, Transport]:
    spec = parse(scheme, rest)
    uri = f"{scheme}:{rest}"
    sides = _sides(uri, spec)
    if spec.ble:
        return _open_ble(uri, spec, sides, is_mpy=is_mpy)
    pump = Pump(lambda: World(spec, is_mpy=is_mpy))
    if spec.pty:
        try:  # not on Windows
            from solekit_hil.pty import PtyTransport
        except ImportError as error:
            raise TransportSpecError(f"{uri}: pty=1 needs pseudo-terminals ({error})") from error
        return {side: PtyTransport(uri, side, pump) for side in sides}
    return {side: VirtualTransport(uri, side, pump) for side in sides}


def _open_ble(
    uri: str, spec: VirtualSpec, sides: list[str], *, is_mpy: bool
) -> dict[str, Transport]:
    if not is_mpy or spec.pty:
        raise TransportSpecError(f"{uri}: ble=1 is for mpy: without pty=1")
    try:  # extra "hil"; not on Windows and macOS
        from solekit_hil.radio.virtual import RadioPair, VirtualBleTransport
    except ImportError as error:
        raise MissingExtraError(f"{uri} (on Linux)", "hil") from error
    pair = RadioPair(spec, sides)
    return {side: VirtualBleTransport(uri, side, pair) for side in sides}


def _sides(uri: str, spec: VirtualSpec) -> list[str]:
    """Return the feet that exist; a recording may hold one only."""
    if spec.path is None:
        return list(spec.sides)
    there = FileWalker(spec.path, layout=spec.layout).layouts
    sides = [side for side in spec.sides if side in there]
    if not sides:
        raise TransportSpecError(f"{uri}: the recording holds the {' and '.join(there)} foot only")
    return sides
