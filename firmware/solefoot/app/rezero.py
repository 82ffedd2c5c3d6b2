"""The base follows the unloaded cells in swing: off unless a user has switched it on."""

from solecore.gait.contacts import SWING

_STEP: int = 4  # raw counts that one frame in swing may ask for: it may bear a first load
_SHIFT: int = 6  # a quarter of the cells per frame, 1/64 each: as 1/256 of all
_QUIET_US: int = 100000  # after toe off the last load still leaves


class Rezero:
    """Let the base follow the unloaded cells in swing, a quarter of them in each frame.

    A visit moves a base by a sixteenth of a raw count at most, so what little load there is before
    initial contact is not taken for drift. In standing and without steps nothing moves.
    """

    def __init__(self, settings) -> None:
        self._n = settings.geometry.n_cells
        self._calibration = settings.calibration
        self._table = settings.calibration.table
        self._quiet = _QUIET_US // settings.period_us
        self._part = bytearray(b"\x80" * self._n)  # 1/256 raw count
        self._at = 0
        settings.calibration.follow()

    def frame(self, raw, _cells, detector) -> None:
        """Move some bases."""
        if detector.state != SWING or detector.n_state <= self._quiet:
            return
        table = self._table
        part = self._part
        n = self._n
        i = self._at
        while i < n:
            base = table[i]
            d = raw[i] - base
            if d > _STEP:
                d = _STEP
            elif d < -_STEP:
                d = -_STEP
            p = part[i] + ((d << 8) >> _SHIFT)
            if p > 255:
                table[i] = base + 1
                p -= 256
                self._calibration.has_moved = True
            elif p < 0:
                if base:
                    table[i] = base - 1
                    p += 256
                    self._calibration.has_moved = True
                else:
                    p = 0
            part[i] = p
            i += 4
        self._at = (self._at + 1) & 3
