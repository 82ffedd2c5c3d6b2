"""What an insole tells while it streams, decoded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from solecore.wire import messages as m
from solekit.decode import Frames, Motion, PressureDecoder, motion
from solekit.link import Data
from solekit.live_streams import LiveStreams
from solekit.live_timeline import LiveTimeline
from solekit.timeline import PolygonTimeline
from solekit.transports import Clock

if TYPE_CHECKING:
    from solekit.insole import Insole


@dataclass(frozen=True)
class GaitEvent:
    """An event found on the foot: ``t_s`` on the host clock, good to ``interval_s`` either way."""

    side: str
    kind: str
    t_s: float
    interval_s: float


class LiveAccess:
    """What an insole offers while it streams; a part of ``Insole``."""

    clock: Clock
    _live: LiveStreams
    _timeline: LiveTimeline

    def timeline(self) -> PolygonTimeline:
        """Return foot time to host time from the last four minutes; refitted every few seconds."""
        return self._timeline.line(self.clock.now_s())

    async def messages(self, *streams: int) -> AsyncIterator[list[Data]]:
        """Yield what comes of ``streams`` (``solecore.wire.messages``), in order of arrival."""
        async for batch in self._live.items(*streams):
            yield batch

    async def frames(self) -> AsyncIterator[Frames]:
        """Yield pressure frames as they come; frames that went missing leave gaps in ``seq``."""
        info = cast("Insole", self).known
        decoder = PressureDecoder(info.n_cells, info.period_us)
        async for batch in self._live.items(m.PRESSURE):
            for frames in decoder.decode(batch):
                yield frames

    async def motion(self) -> AsyncIterator[Motion]:
        """Yield samples of the motion sensor as they come; nothing without one."""
        async for batch in self._live.items(m.IMU):
            yield motion(batch, cast("Insole", self).known.hello)

    async def events(self) -> AsyncIterator[GaitEvent]:
        """Yield gait events as the foot finds them."""
        async for batch in self._live.items(m.EVENTS):
            for item in batch:
                line = self.timeline()
                t_s = float(line.to_host_s(np.array([item.foot_us * 1e-6]))[0])
                kind = m.EVENT_NAMES.get(item.message[m.HEADER_SIZE], "unknown")
                yield GaitEvent(cast("Insole", self).known.side, kind, t_s, line.interval_s)
