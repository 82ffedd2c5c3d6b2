"""Updates of a virtual insole: a folder stands for its file system."""

import os

from solecore.wire import messages as m
from solefoot.app.slots import Slots
from solefoot.app.update import Update

ARCH = "x64"
BOARD = "virtual"


def open_update(spec) -> tuple:
    """Return the extra that takes updates into the folder ``flash`` of ``spec``, if it has one.

    What runs here is not what lies there: the slot that would boot is taken to run well.
    """
    folder = spec.get("flash")
    if not folder:
        return ()
    root = folder + "/" + m.SIDES[spec["side"]]
    try:
        os.mkdir(root)
    except OSError:  # it is there
        pass
    slots = Slots(root)
    slot = slots.boot() or "a"
    slots.settle(slot)
    try:
        with open(folder + "/bundle.pub", "rb") as file:
            key = file.read()
    except OSError:
        key = b""
    return (Update(slots, slot, key, ARCH, BOARD),)
