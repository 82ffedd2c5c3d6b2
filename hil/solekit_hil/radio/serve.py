"""Virtual insoles on a virtual BlueZ, for bleak programs in other processes.

``python -m solekit_hil.radio.serve mpy:walk`` prints the bus to put into the environment, and the
URIs of both feet; it goes on until Ctrl-C. The pairing windows are open from the start.
"""

from __future__ import annotations

import argparse
import asyncio
import shlex
import sys

from solekit.errors import SolekitError, TransportSpecError
from solekit_hil.radio.bluez_bus import VARIABLE
from solekit_hil.radio.virtual import ADDRESSES, RadioPair
from solekit_hil.uri import parse


async def serve(uri: str) -> None:
    """Serve until cancelled."""
    scheme, _, rest = uri.partition(":")
    if scheme != "mpy":
        raise TransportSpecError(f"{uri}: only mpy: has a radio; use for example mpy:walk")
    spec = parse(scheme, rest)
    sides = list(spec.sides)
    pair = RadioPair(spec, sides)
    try:
        for side in sides:
            await pair.open(side)
        assert pair.rig is not None
        sys.stdout.write(f"export {VARIABLE}={shlex.quote(pair.rig.bus_address)}\n")
        for side in sides:
            sys.stdout.write(f"{side} ble:{ADDRESSES[side]}\n")
        sys.stdout.flush()
        await asyncio.gather(*(pair.follow(side) for side in sides))
    finally:
        for side in sides:
            await pair.close(side)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m solekit_hil.radio.serve", description=__doc__)
    parser.add_argument("uri", help="virtual insoles, for example mpy:walk?layout=cells-16")
    chosen = parser.parse_args(arguments)
    try:
        asyncio.run(serve(chosen.uri))
    except KeyboardInterrupt:
        return 0
    except (SolekitError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
