"""Streaming contact detector: initial contact, toe off, heel and forefoot events from force sums.

One call per frame; nothing is allocated, no intermediate reaches 2**30. Method: two thresholds on
an adaptive envelope (about 8 % on, 5 % off), frozen where it would drift; with a known body weight
the envelope's top is the body weight.

What runs in every frame has few locals and few arguments, the rest lies in attributes: MicroPython
takes a call's state from the heap, after a slow search, once it passes 11 words.
"""

from array import array

from solecore.wire.messages import FOREFOOT_ON, HEEL_OFF, HEEL_ON, IC, TICKS_MASK, TO

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

    def mark(self, before, now, level, frame, delay=0):
        """Set the time at which the line from ``before`` to ``now`` meets ``level``.

        ``frame`` has ticks, wraps and span of the newer value's frame, ``delay`` is how much
        earlier than that a value really is. A level that moved past both values between the
        frames is met at the nearer one.
        """
        rise = now - before
        back = ((level - before) << 8) // rise if rise else 0  # 1/256 of a frame
        back = 0 if back < 0 else (back if back < 256 else 256)
        back = frame.span - ((frame.span * back) >> 8) + delay
        if back > frame.ticks and frame.n_wraps == 0:  # before the clock began
            back = frame.ticks
        back = frame.ticks - back
        self.n_wraps = frame.n_wraps if back >= 0 else frame.n_wraps - 1
        self.ticks = back if back >= 0 else back + TICKS_MASK + 1
        self.n_frames = 1


class Latch(Crossing):
    """On/off of one region of the sole, above its own floor; ``frame`` has levels and times."""

    def __init__(self, frame, on_kind: int, off_kind: int) -> None:
        Crossing.__init__(self)
        self._frame = frame
        self.on_kind = on_kind
        self.off_kind = off_kind  # 0: nobody wants to know
        self.is_on = False
        self.is_pending = False  # it came on before the contact that it belongs to
        self._last = 0
        self._floor = _SATURATED  # until the first value

    def step(self, value):
        """Take one value; return whether ``is_on`` has changed."""
        last = self._last
        self._last = value
        frame = self._frame
        level = self._floor
        if value << _SCALE < level:
            level = value << _SCALE
            self._floor = level
        elif frame.leak and not self.is_on:
            level += ((value << _SCALE) - level) >> frame.leak
            self._floor = level
        level >>= _SCALE
        if self.is_on:
            level += frame.fall
            if value >= level:
                self.n_frames = 0
                return False
        else:
            level += frame.rise
            if value <= level:
                self.n_frames = 0
                return False
        if self.n_frames:
            self.n_frames += 1
        else:
            self.mark(last, value, level, frame)
        if self.n_frames < frame.n_confirm:
            return False
        self.n_frames = 0
        self.is_on = not self.is_on
        return True


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
        self._last_f = 0
        # The frame in work: its time, microseconds since the one before, levels of the regions.
        self.ticks = 0
        self.n_wraps = 0
        self.span = 0
        self.rise = 0
        self.fall = 0
        self.leak = 0
        self._up = Crossing()
        self._down = Crossing()
        self._heel = Latch(self, HEEL_ON, HEEL_OFF)
        self._fore = Latch(self, FOREFOOT_ON, 0)
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
        self.span = ticks - self.ticks
        self.ticks = ticks
        self.n_wraps = wraps
        return self._step(force, heel, fore)

    def _step(self, force, heel, fore):
        f = (force + self._last_f) >> 1 if self._smooth and self._last >= 0 else force
        self._last_f = force
        if self._last < 0:
            self._last = f
            self._begin(f << _SCALE)
            return 0
        if self.span < 0:
            self.span = self.span + TICKS_MASK + 1
        if self.span > MAX_SPAN_US:
            self.span = MAX_SPAN_US
        self._follow(f)
        bits = self._regions(heel, fore)
        bits |= self._phase(f, force)
        self._last = f
        return bits

    def _phase(self, f, force):
        """Look for toe off in stance, for initial contact in swing; return what was confirmed."""
        if self.n_state < _SATURATED:
            self.n_state += 1
        if self.state == STANCE:
            edge = self._down
            if f >= self.off:
                edge.n_frames = 0
                return 0
            if edge.n_frames:
                edge.n_frames += 1
            else:
                edge.mark(self._last, f, self.off, self, self._delay)
            if edge.n_frames < self.n_confirm or self.n_state <= self._refractory:
                return 0
            self._enter(SWING)
            return self._event(TO, edge, force)
        edge = self._up
        if f <= self.on:
            edge.n_frames = 0
            return 0
        if edge.n_frames:
            edge.n_frames += 1
        else:
            edge.mark(self._last, f, self.on, self, self._delay)
        if (
            self.state != SWING
            or edge.n_frames < self.n_confirm
            or self.n_state <= self._refractory
        ):
            return 0
        self._enter(STANCE)
        self._seen = self._event(IC, edge, force)
        if self._heel.is_pending:
            self._seen |= 1 << HEEL_ON
        if self._fore.is_pending:
            self._seen |= 1 << FOREFOOT_ON
        self._heel.is_pending = self._fore.is_pending = False
        return self._seen

    def _begin(self, scaled):
        """Start with the first frame: unloaded, or in the middle of a stance that has no IC."""
        self._max = (self.body_weight << _SCALE) or scaled
        self._min = scaled
        floor = self._range_min >> 2 if self.body_weight else self._range_min  # 5 % of body weight
        if scaled > floor:
            self._low = scaled
            self._min = 0  # calibrated cells: no load is zero
            self._enter(STANCE)

    def _follow(self, f):
        """Move the envelope and the thresholds that hang on it."""
        scaled = f << _SCALE
        if self._low >= 0:
            self._settle(scaled)
        state = self.state
        least = self._min
        most = self._max
        if scaled < least:
            least = scaled
        elif state != STANCE and f < self.on:
            least += (scaled - least) >> self._leak
        self._min = least
        if not self.body_weight:
            if scaled > most:
                most = scaled
            elif state == STANCE and self.n_state <= self._standing:
                most -= (most - scaled) >> self._leak
            self._max = most
        most -= least  # the extent
        if state == IDLE:
            if most >= self._range_min:
                # As if swing had begun long ago: the first contact need not wait.
                self.state = SWING
                self.n_state = self._refractory
        elif state == SWING and most < self._range_min:
            self._enter(IDLE)
        self.on = (least + ((most * 10) >> 7)) >> _SCALE
        self.off = (least + ((most * 6) >> 7)) >> _SCALE
        most >>= _SCALE
        self.rise = (most * 5) >> 7
        self.fall = (most * 3) >> 7
        self.leak = 0 if self.state == STANCE else self._leak

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

    def _regions(self, heel, fore):
        """Step the heel and forefoot latches; return their events inside a contact."""
        bits = 0
        if self._heel.step(heel):
            bits = self._turned(self._heel, heel)
        if self._fore.step(fore):
            bits |= self._turned(self._fore, fore)
        return bits

    def _turned(self, latch, force):
        """Return the event of a region that has come on or gone off, if a contact has it."""
        # A stance whose IC nobody saw is no contact: its heel and forefoot are not reported.
        in_stance = self.state == STANCE and self._low < 0
        if not latch.is_on:
            latch.is_pending = False
            return self._once(latch.off_kind, latch, force) if in_stance and latch.off_kind else 0
        if in_stance:
            return self._once(latch.on_kind, latch, force)
        self._event(latch.on_kind, latch, force)
        latch.is_pending = True
        return 0

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
