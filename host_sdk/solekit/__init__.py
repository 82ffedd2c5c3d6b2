"""Solekit: the open smart insole on your computer. Research use, not a medical device."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from solecore.version import __version__

if TYPE_CHECKING:
    from solekit.insole import Insole
    from solekit.live_access import GaitEvent
    from solekit.pair import Pair, connect, connect_pair
    from solekit.recording import Recording

# Heavy imports wait until a name is used.
_WHERE = {
    "GaitEvent": "solekit.live_access",
    "Insole": "solekit.insole",
    "Pair": "solekit.pair",
    "Recording": "solekit.recording",
    "connect": "solekit.pair",
    "connect_pair": "solekit.pair",
}
__all__ = ["GaitEvent", "Insole", "Pair", "Recording", "__version__", "connect", "connect_pair"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
