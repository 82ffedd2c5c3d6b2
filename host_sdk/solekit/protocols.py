"""What is recorded: the protocols that Solekit knows, and the code of the person."""

from __future__ import annotations

import re
from dataclasses import dataclass

from solekit.errors import DataError

_CODE = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)


@dataclass(frozen=True)
class Protocol:
    """One protocol: a countdown, then the marked part.

    The marked part lasts ``duration_s``, or until stopped where that is None. ``may_stop_early``
    says that the task itself decides when it is over, and ``duration_s`` only ends the waiting.
    ``content`` is what the marked part must hold: 'walk', 'stand', 'chair', 'tug', or '' for
    anything. ``instruction`` is said to the person, ``ends`` says when the marked part is over,
    ``usable`` what makes the recording usable.
    """

    name: str
    countdown_s: int
    duration_s: float | None
    content: str
    instruction: str
    ends: str
    usable: str
    may_stop_early: bool = False


# The chair stand of the Short Physical Performance Battery scores 0 beyond 60 s (Guralnik et al.
# 1994, J Gerontol 49:M85): nobody needs to be recorded for longer.
_CHAIR_S = 60.0
# Podsiadlo and Richardson 1991 (J Am Geriatr Soc 39:142) call more than 30 s dependent; four times
# that leaves room for a rest on the way.
_UP_AND_GO_S = 120.0

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "free",
            0,
            None,
            "",
            "Do whatever is to be recorded.",
            "Ctrl-C, or --duration-s",
            "the samples of both feet are there",
        ),
        Protocol(
            "walk-1min",
            3,
            60.0,
            "walk",
            "Walk at your usual pace until told to stop; turn where you must.",
            "60 s after the start",
            "at least 20 whole strides",
        ),
        Protocol(
            "stand-30s",
            3,
            30.0,
            "stand",
            "Stand still on both feet, arms at your sides, and look ahead.",
            "30 s after the start",
            "at least 10 s of quiet standing in one piece, and no step",
        ),
        Protocol(
            "chair-5",
            3,
            _CHAIR_S,
            "chair",
            "Sit, arms crossed over the chest; at the start stand up and sit down five times, "
            "as fast as is safe.",
            f"Ctrl-C after the fifth stand, at the latest after {_CHAIR_S:g} s",
            "five stands from a seat",
            may_stop_early=True,
        ),
        Protocol(
            "tug",
            3,
            _UP_AND_GO_S,
            "tug",
            "Sit; at the start stand up, walk 3 m, turn, walk back and sit down.",
            f"Ctrl-C after sitting down, at the latest after {_UP_AND_GO_S:g} s",
            "a rise, a walk with a turn, and a seat at the end",
            may_stop_early=True,
        ),
    )
}


def protocol_named(name: str) -> Protocol:
    """Return the protocol ``name``; a name of somebody's own counts as free."""
    known = PROTOCOLS.get(name)
    if known is not None:
        return known
    return Protocol(name, 0, None, "", "", "when it is stopped", PROTOCOLS["free"].usable)


def person_code(text: str) -> str:
    """Return ``text`` if it is a code of a person, or empty.

    DataError says why not: a file that is passed on must not tell who walked.
    """
    if not text or _CODE.fullmatch(text):
        return text
    rule = "use a code of 1 to 32 letters, digits, '-' or '_', such as P017"
    if "@" in text:
        why = "looks like an e-mail address, and a recording must not tell who walked"
    elif any(letter.isspace() for letter in text.strip()):
        why = "looks like a name, and a recording must not tell who walked"
    elif len(text) > 32:
        why = f"has {len(text)} characters"
    else:
        why = "has other signs than letters, digits, '-' and '_'"
    raise DataError(f"person {text!r} {why}; {rule}")
