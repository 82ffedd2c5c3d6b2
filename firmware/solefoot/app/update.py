"""A new application over the wire: into the slot that does not run, signed, tried, taken back."""

import gc

from solecore.gait import ticks as _ticks
from solecore.wire import codes
from solecore.wire import messages as m
from solefoot.app.commands import RefusedError

LINGER_US: int = 1000000  # between the last answer and the restart: it is to arrive


class Update:
    """``slot`` is the one that runs; ``key``: the public key, b'' if this insole has none.

    ``arch`` and ``board`` are what a manifest must name. An extra of the App.
    """

    def __init__(self, slots, slot: str, key: bytes, arch: str, board: str) -> None:
        self._setup = slots, slot, key, arch, board
        self._job = None
        self.handlers = {m.UPDATE.msg_id: self._update}

    def attach(self, app) -> None:
        """Take note of the app whose extra this is."""
        self._app = app
        app.settings.features |= codes.FEATURE_UPDATE

    def turn(self, app) -> None:
        """Restart when the answer to END has had its time."""
        job = self._job
        if job is not None and job.ended >= 0:
            if _ticks.diff(app.clock.ticks_us(), job.ended) > LINGER_US:
                app.wants_restart = True

    def _update(self, fields):
        if self._app.is_streaming:
            raise RefusedError(m.BAD_VALUE, "stop streaming before an update")
        try:
            if self._job is None:
                gc.collect()
                from solefoot.app.updating import Job

                self._job = Job(self._app, *self._setup)
            return self._job.answer(fields)
        except MemoryError:
            reason = "the heap is full; restart the insole, then update"
            raise RefusedError(m.NOT_YET, reason)
