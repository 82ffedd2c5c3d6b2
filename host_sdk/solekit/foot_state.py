"""How a connected foot is at this moment: its link, and what has arrived."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from solekit.insole import Insole
from solekit.transports import Rejoining

LinkState = Literal["connected", "reconnecting", "lost"]


@dataclass(frozen=True)
class FootState:
    """One foot: state of its link, ``away_s`` seconds since it broke, frames so far.

    ``n_missing`` are frames that the sequence numbers miss so far; the log may still fill them.
    ``reason`` says why a link is lost for good.
    """

    link: LinkState
    away_s: float
    n_reconnects: int
    n_frames: int
    n_missing: int
    reason: str = ""

    @property
    def missing_share(self) -> float:
        """Frames missing as share of those sent so far, 0 to 1."""
        return self.n_missing / max(self.n_frames + self.n_missing, 1)

    def __str__(self) -> str:
        """Return the state in a few words."""
        link = (
            f"reconnecting for {self.away_s:.0f} s" if self.link == "reconnecting" else self.link
        )
        again = f", {self.n_reconnects} x reconnected" if self.n_reconnects else ""
        missing = f", {100 * self.missing_share:.1f} % missing" if self.n_missing else ""
        return f"{link}, {self.n_frames} frames{missing}{again}"


def foot_state(insole: Insole) -> FootState:
    """Return how ``insole`` is now."""
    transport = insole.transport
    since_s = transport.away_since_s if isinstance(transport, Rejoining) else None
    n_reconnects = transport.n_reconnects if isinstance(transport, Rejoining) else 0
    n_frames, n_missing = insole.progress()
    link: LinkState = "connected"
    away_s = 0.0
    if insole.error is not None:
        link = "lost"
    elif since_s is not None:
        link, away_s = "reconnecting", insole.clock.now_s() - since_s
    reason = "" if insole.error is None else str(insole.error)
    return FootState(link, away_s, n_reconnects, n_frames, n_missing, reason)
