"""Restart, sleep, pairing and the console, as a host asks for them. An extra of the App."""

from solecore.wire import codes
from solecore.wire import messages as m
from solefoot.app.commands import RefusedError

MAX_PAIRING_S: int = 300


class Power:
    """``open_pairing(duration_us)`` belongs to the radio; None where there is none."""

    def __init__(self, open_pairing=None) -> None:
        self._open_pairing = open_pairing
        self.wants_console = False
        self.handlers = {m.POWER.msg_id: self._power}

    def attach(self, app) -> None:
        """Take note of the app whose extra this is."""
        self._app = app

    def turn(self, app) -> None:
        """Nothing is due."""

    def _power(self, fields):
        op = fields["op"]
        app = self._app
        if op in (codes.PAIRING, codes.REPL) and not getattr(app.link, "is_cable", True):
            # Whoever is in reach of the radio is not yet somebody who holds the insole.
            raise RefusedError(m.BAD_VALUE, "that is taken over the cable only")
        if op == codes.RESTART:
            app.wants_restart = True
        elif op == codes.SLEEP:
            app.wants_sleep = True
        elif op == codes.REPL:
            self.wants_console = True
            app.wants_restart = True
        elif op == codes.PAIRING:
            if self._open_pairing is None:
                raise RefusedError(m.UNSUPPORTED, "this insole has no radio")
            if not 0 < fields["value"] <= MAX_PAIRING_S:
                raise RefusedError(
                    m.BAD_VALUE,
                    "%d s of pairing, from 1 to %d" % (fields["value"], MAX_PAIRING_S),
                )
            self._open_pairing(fields["value"] * 1000000)
        else:
            raise RefusedError(m.BAD_VALUE, "power %d is unknown" % op)
        return m.POWER_REPLY.pack(fields["ref"], op)
