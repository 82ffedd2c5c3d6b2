"""Clocks held against each other: both feet by a jump, outside systems by stomp, pulse or LSL."""

from solekit.sync.clock_tie import ClockTie
from solekit.sync.jump import JumpCheck, check_jump
from solekit.sync.tie import tie_lsl, tie_pulses, tie_stomps, tie_trace

__all__ = [
    "ClockTie",
    "JumpCheck",
    "check_jump",
    "tie_lsl",
    "tie_pulses",
    "tie_stomps",
    "tie_trace",
]
