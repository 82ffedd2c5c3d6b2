"""A summary of every minute of sampling, small enough to be kept when frames are not."""

import struct

from solecore.gait import ticks as _ticks
from solecore.wire import messages as m

MINUTE_US: int = 60000000
UNKNOWN_TEMPERATURE: int = -32768


class Minutes:
    """Add up what the sampler finds; adding allocates nothing, ``turn`` queues the message."""

    def __init__(self) -> None:
        self.temperature = UNKNOWN_TEMPERATURE  # 0.1 C, for a board that knows it
        self._begin(0, 0)
        self._is_open = False

    def _begin(self, ticks, wraps):
        self._is_open = True
        self._ticks = ticks
        self._wraps = wraps
        self._n_frames = self._n_loaded = self._n_contacts = self._n_strides = 0
        self._stride_us = self._stance_us = self._peak = 0

    def add_frame(self, is_loaded, ticks, wraps) -> None:
        """Count a frame."""
        if not self._is_open:
            self._begin(ticks, wraps)
        self._n_frames += 1
        if is_loaded:
            self._n_loaded += 1

    def add_contact(self, stance_us, stride_us, peak) -> None:
        """Count a contact that has ended; ``stride_us`` 0: no other followed."""
        self._n_contacts += 1
        self._stance_us += stance_us
        self._peak += peak
        if stride_us:
            self._n_strides += 1
            self._stride_us += stride_us

    def turn(self, app) -> None:
        """Queue the summary of a minute that is over."""
        sampler = app.sampler
        if not self._is_open:
            return
        if _ticks.elapsed(sampler.now(), sampler.n_wraps, self._ticks, self._wraps) >= MINUTE_US:
            self._put(app, sampler)

    def _put(self, app, sampler):
        self._is_open = False
        drift = app.settings.calibration.drift()
        n = self._n_contacts or 1
        buf = sampler.alerts.claim()
        struct.pack_into(
            m.MINUTE.format,
            buf,
            0,
            m.MINUTE.msg_id,
            app.settings.boot,
            m.MINUTES,
            sampler.seq[m.MINUTES],
            self._ticks,
            self._wraps,
            min(self._n_frames, 65535),
            self._n_contacts,
            self._n_strides,
            self._stride_us // (self._n_strides or 1),
            self._stance_us // n,
            self._peak // n,
            min(self._n_loaded, 65535),
            drift[0],
            drift[1],
            app.board.battery()[0],
            self.temperature,
        )
        sampler.alerts.put(m.MINUTE.size, m.MINUTES, sampler.seq[m.MINUTES], 1)
        sampler.seq[m.MINUTES] += 1
