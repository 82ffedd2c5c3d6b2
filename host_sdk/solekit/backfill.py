"""Ask an insole's flash log for what went missing on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from solecore.wire import messages as m
from solekit.errors import DeviceError, RequestTimeoutError

if TYPE_CHECKING:
    from solekit.insole import Insole
    from solekit.link import Link

LIVE_MESSAGES = 16  # asked for at once while the insole streams
LIVE_PAUSE_S = 0.05  # between two such requests
IDLE_S = 0.1  # between two looks: the insole does not keep for long what it has sent
STOP_MESSAGES = 48  # after the stop, when nothing else is on the way
_TRIES = 3  # of one piece, as what the log sends may get lost too

Progress = Callable[[int, int], None]
"""Takes the samples asked for so far, and those that were missing."""


class BackFill:
    """What has been asked of the log of one insole since its start.

    Holes are asked for in order; what the log did not have is not asked for again.
    """

    def __init__(self, insole: Insole, link: Link) -> None:
        self._insole = insole
        self._link = link
        self._boot = link.boot or 0
        for stream in link.streams:
            stream.asked_to = stream.first
        self._acked_to = [stream.first for stream in link.streams]
        self._n_tries = 0

    async def run(self) -> None:
        """Fill holes while the insole streams, slowly: what is live goes first."""
        clock = self._insole.clock
        while self._insole.is_streaming:
            try:
                has_asked = await self.ask(LIVE_MESSAGES)
                if not has_asked:
                    await self.acknowledge()
            except (RequestTimeoutError, DeviceError):
                has_asked = False
            await clock.sleep(LIVE_PAUSE_S if has_asked else IDLE_S)

    async def finish(self, progress: Progress | None = None) -> None:
        """Ask for all that is missing; RequestTimeoutError if the insole answers no more."""
        n_missing = sum(stop - start for _, start, stop in self._holes())
        n_left = n_missing
        while await self.ask(STOP_MESSAGES):
            n_left = min(n_left, sum(stop - start for _, start, stop in self._holes()))
            if progress is not None:
                progress(n_missing - n_left, n_missing)
        await self.acknowledge()

    def _holes(self) -> list[tuple[int, int, int]]:
        """Return stream, start and stop of what is missing and has not been asked for."""
        out = []
        for i, stream in enumerate(self._link.streams):
            asked_to = stream.asked_to or 0
            out += [(i, max(a, asked_to), b) for a, b in sorted(stream.holes) if b > asked_to]
        return out

    async def ask(self, most: int) -> bool:
        """Ask for the next missing piece, at most ``most`` messages; False if nothing misses."""
        holes = self._holes()
        if not holes:
            return False
        stream, start, stop = holes[0]
        n_before = self._link.n_log_data
        reply = await self._insole.request(m.LOG_RANGE, self._boot, stream, start, stop, most)
        following = reply.fields["next"]
        n_lost = reply.fields["n_messages"] - (self._link.n_log_data - n_before)
        if n_lost > 0 and self._n_tries < _TRIES:
            self._n_tries += 1  # the link lost some of it: once more
            return True
        self._n_tries = 0
        self._link.streams[stream].asked_to = min(max(following, start + 1), stop)
        return True

    async def acknowledge(self) -> None:
        """Say what is safely on disk, so that the insole may erase it."""
        writer = self._insole.writer
        if writer is None or not writer.is_open:
            return
        for i, stream in enumerate(self._link.streams):
            asked_to = stream.asked_to or 0
            if asked_to > self._acked_to[i]:
                writer.flush()
                await self._insole.request(m.LOG_ACK, self._boot, i, stream.first, asked_to)
                self._acked_to[i] = asked_to
