"""Choose the application: the first thing that runs, and never part of an update."""

import sys

import machine
import slots  # type: ignore - it lies beside this file, as it was flashed
import vfs

import pack

_slots = slots.Slots()
_slot = _slots.boot(machine.reset_cause() == getattr(machine, "WDT_RESET", -1))
is_trial = _slot != "" and _slots.trial == _slot  # main.py ends a trial that does not start
if _slot:
    _folder = "%s/%s/" % (_slots.root, _slot)
    try:
        vfs.mount(pack.Pack(_folder + slots.PACK), _folder + "app")
        sys.path.insert(0, _folder + "app")
    except Exception as error:
        print("solekit: slot %s: %s" % (_slot, error))
else:
    print("solekit: no application is whole; flash one: python -m tools.flash")
del _slots, slots, sys.modules["slots"]  # the heap is the application's
