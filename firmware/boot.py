"""Choose the application: the first thing that runs, and never part of an update."""

import sys

import machine
import slots  # type: ignore - the copy beside this file, as it was flashed

_slots = slots.Slots()
_slot = _slots.boot(machine.reset_cause() == getattr(machine, "WDT_RESET", -1))
if _slot:
    sys.path.insert(0, "/" + _slot)
else:
    print("solekit: no application is whole; flash one: python -m tools.flash")
