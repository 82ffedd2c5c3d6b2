"""Streaming contact detector: initial contact, toe off, heel and forefoot events from force sums.

One call per frame; nothing is allocated, no intermediate reaches 2**30. Method: two thresholds on
an adaptive envelope (about 8 % on, 5 % off), frozen where it would drift; with a known body weight
the envelope's top is the body weight.
"""

from array import array

from solecore.gait import ticks as _ticks
from solecore.wire.messages import FOREFOOT_ON, HEEL_OFF, HEEL_ON, IC, TO

IDLE: int = 0
SWING: int = 1
STANCE: int = 2

REFRACTORY_US: int = 150000  # 200 ms would lose the contacts of running
STANDING_US: int = 3000000  # a stance longer than this is standing: the envelope freezes
ENVELOPE_TAU_S: int = 5
MAX_SPAN_US: int = 1000000  # over a longer hole no crossing can be placed better
_SCALE: int = 8  # bits of fraction in the envelope, so that a slow leak is not rounded to nothing
_SATURATED: int = 0x3FFFFFFF


class Crossing:
    """Latest crossing of one signal, in time between two frames."""

    def __init__(self) -> None:
        self.ticks = 0
        self.n_wraps = 0
        self.n_frames = 0  # frames beyond the level since then, 0 = none open

    def mark(self, before, now, level, ticks, wraps, span, delay):
        """Set the time at which the line from ``before`` to ``now`` meets ``level``.

        ``ticks`` are those of the newer frame, ``span`` the microseconds between the two,
        ``delay`` how much earlier than its frame a value really is. A level that moved past both
        values between the frames is met at the nearer one.
        """
        rise = now - before
        part = ((level - before) << 8) // rise if rise else 0  # 1/256 of a frame
        part = 0 if part < 0 else (part if part < 256 else 256)
        back = span - ((span * part) >> 8) + delay
        if back > ticks and wraps == 0:  # before the clock began
            back = ticks
        self.n_wraps = wraps if back <= ticks else wraps - 1
        self.ticks = _ticks.diff(ticks, back)
        self.n_frames = 1


class Latch:
    """On/off of one region of the sole, above its own floor."""

    def __init__(self, n_confirm: int) -> None:
        self._n_confirm = n_confirm
        self.is_on = False
        self._last = -1
        self._floor = 0
        self.crossing = Crossing()

    def step(self, value, rise, fall, leak, ticks, wraps, span, delay):
        """Take one value; return 1 when it has come on, -1 when it has gone off, else 0."""
        last = self._last
        self._last = value
        if last < 0:
            self._floor = value << _SCALE
            return 0
        scaled = value << _SCALE
        if scaled < self._floor:
            self._floor = scaled
        elif leak and not self.is_on:
            self._floor += (scaled - self._floor) >> leak
        floor = self._floor >> _SCALE
        crossing = self.crossing
        if self.is_on:
            level = floor + fall
            beyond = value < level
        else:
            level = floor + rise
            beyond = value > level
        if not beyond:
            crossing.n_frames = 0
            return 0
        if crossing.n_frames:
            crossing.n_frames += 1
        else:
            crossing.mark(last, value, level, ticks, wraps, span, delay)
        if crossing.n_frames < self._n_confirm:
            return 0
        crossing.n_frames = 0
        self.is_on = not self.is_on
        return 1 if self.is_on else -1


class ContactDetector:
    """Contacts of one foot.

    ``period_us`` is the frame period; ``body_weight`` in counts of the summed calibrated cells, 0
    if unknown; ``noise`` the SD of the unloaded sum in counts. After a step that returned bit k
    the time of event kind k is ``ticks_of[k]`` and ``wraps_of[k]``.
    """

    def __init__(self, period_us: int, body_weight: int = 0, noise: int = 4) -> None:
        self.period_us = period_us
        fast = period_us <= 20000  # 50 Hz and more
        self._smooth = fast
        self.n_confirm = 2 if fast else 1
        self._delay = period_us // 2 if fast else 0  # the mean of two frames lies between them
        self._refractory = REFRACTORY_US // period_us
        self._standing = STANDING_US // period_us
        k = 0
        while (3 << k) * period_us < 2 * ENVELOPE_TAU_S * 1000000:  # round(log2(5 * rate))
            k += 1
        self._leak = k
        self.noise = noise
        self.state = IDLE
        self.on = 0
        self.off = 0
        self.n_state = 0  # frames since the state began
        self._max = 0
        self._min = 0
        self._low = -1  # least force of the stance that the data began in; -1 afterwards
        self._last = -1
        self._last_ticks = 0
        self._last_f = 0
        self._up = Crossing()
        self._down = Crossing()
        self._heel = Latch(self.n_confirm)
        self._fore = Latch(self.n_confirm)
        self._heel_pending = False
        self._fore_pending = False
        self._seen = 0
        self.ticks_of = array("I", [0] * 6)
        self.wraps_of = array("H", [0] * 6)
        self.force_of = array("I", [0] * 6)
        self.set_body_weight(body_weight)

    def set_body_weight(self, body_weight: int) -> None:
        """Fix the top of the envelope at ``body_weight`` counts; 0 lets it adapt again."""
        self.body_weight = body_weight
        self._range_min = (body_weight // 5 if body_weight else self.noise * 20) << _SCALE
        if body_weight:
            self._max = body_weight << _SCALE

    def step(self, force, heel, fore, ticks, wraps):
        """Take one frame's sums and time; return the events that it confirmed, bit k = kind k."""
        f = (force + self._last_f) >> 1 if self._smooth and self._last >= 0 else force
        self._last_f = force
        last = self._last
        self._last = f
        scaled = f << _SCALE
        if last < 0:
            self._last_ticks = ticks
            self._begin(scaled)
            return 0
        span = _ticks.diff(ticks, self._last_ticks)
        if span > MAX_SPAN_US:
            span = MAX_SPAN_US
        self._last_ticks = ticks
        self._follow(scaled, f)
        bits = self._regions(heel, fore, ticks, wraps, span)
        if self.n_state < _SATURATED:
            self.n_state += 1
        if self.state == STANCE:
            down = self._down
            if f >= self.off:
                down.n_frames = 0
            elif down.n_frames:
                down.n_frames += 1
            else:
                down.mark(last, f, self.off, ticks, wraps, span, self._delay)
            if down.n_frames >= self.n_confirm and self.n_state > self._refractory:
                bits |= self._event(TO, down, force)
                self._enter(SWING)
            return bits
        up = self._up
        if f <= self.on:
            up.n_frames = 0
        elif up.n_frames:
            up.n_frames += 1
        else:
            up.mark(last, f, self.on, ticks, wraps, span, self._delay)
        if (
            self.state == SWING
            and up.n_frames >= self.n_confirm
            and self.n_state > self._refractory
        ):
            bits |= self._event(IC, up, force)
            self._enter(STANCE)
            if self._heel_pending:
                bits |= 1 << HEEL_ON
            if self._fore_pending:
                bits |= 1 << FOREFOOT_ON
            self._seen = bits
            self._heel_pending = False
            self._fore_pending = False
        return bits

    def _begin(self, scaled):
        """Start with the first frame: unloaded, or in the middle of a stance that has no IC."""
        self._max = (self.body_weight << _SCALE) or scaled
        self._min = scaled
        floor = self._range_min >> 2 if self.body_weight else self._range_min  # 5 % of body weight
        if scaled > floor:
            self._low = scaled
            self._min = 0  # calibrated cells: no load is zero
            self._enter(STANCE)

    def _follow(self, scaled, f):
        """Move the envelope and the thresholds that hang on it."""
        state = self.state
        if self._low >= 0:
            state = self._settle(scaled)
        if scaled < self._min:
            self._min = scaled
        elif state != STANCE and f < self.on:
            self._min += (scaled - self._min) >> self._leak
        if not self.body_weight:
            if scaled > self._max:
                self._max = scaled
            elif state == STANCE and self.n_state <= self._standing:
                self._max -= (self._max - scaled) >> self._leak
        extent = self._max - self._min
        if state == IDLE:
            if extent >= self._range_min:
                # As if swing had begun long ago: the first contact need not wait.
                self.state = SWING
                self.n_state = self._refractory
        elif state == SWING and extent < self._range_min:
            self._enter(IDLE)
        self.on = (self._min + ((extent * 10) >> 7)) >> _SCALE
        self.off = (self._min + ((extent * 6) >> 7)) >> _SCALE

    def _settle(self, scaled):
        """Watch the stance that the data began in: a toe off ends it, or it is no stance at all.

        Standing stays a stance, for its sway would make contacts. Steps of a sole that is never
        without load (a tight shoe) are told by a minimum far below the maximum from which the load
        has come back.
        """
        low = self._low
        if scaled < low:
            self._low = low = scaled
        if self.state == STANCE and self.n_state > self._standing and scaled >> 1 > low:
            if self.off << _SCALE < low < self._max >> 2:
                self._min = low
                self._enter(IDLE)
        if self.state != STANCE:
            self._low = -1
        return self.state

    def _regions(self, heel, fore, ticks, wraps, span):
        """Step the heel and forefoot latches; return their events inside a contact."""
        extent = (self._max - self._min) >> _SCALE
        rise = (extent * 5) >> 7
        fall = (extent * 3) >> 7
        leak = 0 if self.state == STANCE else self._leak
        # A stance whose IC nobody saw is no contact: its heel and forefoot are not reported.
        in_stance = self.state == STANCE and self._low < 0
        bits = 0
        change = self._heel.step(heel, rise, fall, leak, ticks, wraps, span, 0)
        if change > 0:
            if in_stance:
                bits |= self._once(HEEL_ON, self._heel.crossing, heel)
            else:
                self._event(HEEL_ON, self._heel.crossing, heel)
                self._heel_pending = True
        elif change < 0:
            self._heel_pending = False
            if in_stance:
                bits |= self._once(HEEL_OFF, self._heel.crossing, heel)
        change = self._fore.step(fore, rise, fall, leak, ticks, wraps, span, 0)
        if change > 0:
            if in_stance:
                bits |= self._once(FOREFOOT_ON, self._fore.crossing, fore)
            else:
                self._event(FOREFOOT_ON, self._fore.crossing, fore)
                self._fore_pending = True
        elif change < 0:
            self._fore_pending = False
        return bits

    def _once(self, kind, crossing, force):
        """Record ``kind`` unless this contact has it already."""
        if self._seen >> kind & 1:
            return 0
        self._seen |= 1 << kind
        return self._event(kind, crossing, force)

    def _event(self, kind, crossing, force):
        self.ticks_of[kind] = crossing.ticks
        self.wraps_of[kind] = crossing.n_wraps
        self.force_of[kind] = force
        crossing.n_frames = 0
        return 1 << kind

    def _enter(self, state):
        self.state = state
        self.n_state = 0
