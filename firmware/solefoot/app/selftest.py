"""The insole tests itself: at rest at once, and from the loads of a walk. Loaded when asked for.

A fault is ``(kind, number, number)``, kinds as in ``codes``. What the loads do not tell is counted
as not judged, not taken for a fault.
"""

import gc
from array import array

from solecore.gait.contacts import STANCE
from solecore.wire import codes

N_SCANS: int = 8  # at rest
MAX_FAULTS: int = 64
SATURATED: int = 4090
SATURATED_PCT: int = 5  # of the frames with load
NOISY: int = 96  # raw counts between the least and the most of N_SCANS at rest
NOISY_PCT: int = 5  # of the cells: more is no broken cell but a moving foot
N_FRAMES: int = 200  # with load
N_CONTACTS: int = 5
EARLY_US: int = 300000  # of a contact: heel and forefoot tell lines apart that the sum does not
# The images are calibrated counts, times 16.
LOADED: int = 32
MIN_LOADED: int = 6  # neighbours
DEAD: int = 10  # times less than its neighbours
BROKEN: int = 16  # times less than both lines beside it
MIN_BROKEN: int = 4  # cells in a row
MAX_LINES: int = 4  # faults of rows, and of columns
# Shares in percent. Between soles of the virtual walker without a fault and with one.
STUCK_PCT: int = 4  # difference of lines that are one and the same
# By how much the image gets smoother: along the sole it has several humps, across it one.
SWAPPED_ROWS_PCT: int = 20
SWAPPED_COLUMNS_PCT: int = 10
SWAPPED_LOAD_PCT: int = 2  # and how much that is of the load of the two lines
NEARLY_PCT: int = 80  # of the best: then lines closer together are the likelier ones

_IMU = (codes.IMU_ABSENT, codes.IMU_BROWN_OUT, codes.IMU_NO_DATA, codes.I2C_NACK)


def failed(faults) -> int:
    """Return the bits of HELLO that ``faults`` set."""
    bits = 0
    for kind, _, _ in faults:
        if kind in _IMU:
            bits |= codes.FAILED_IMU
        elif kind == codes.BATTERY_ABSENT:
            bits |= codes.FAILED_BATTERY
        elif kind != codes.NOT_JUDGED:
            bits |= codes.FAILED_CELLS
    return bits


def packed(faults) -> bytes:
    """Return the words of SELF_TEST_REPLY; what does not fit is left out."""
    words = array("H")
    for fault in faults[:MAX_FAULTS]:
        for word in fault:
            words.append(word)
    return bytes(words)


def at_rest(board, settings) -> list:
    """Return the faults that show without load: cells at the end of their range, IMU, battery."""
    faults = parts(board, settings)
    n = settings.geometry.n_cells
    gc.collect()
    raw = array("H", bytes(2 * n))
    low = array("H", bytes(2 * n))
    high = array("H", bytes(2 * n))
    for scan in range(N_SCANS):
        board.scan_into(raw)
        for i in range(n):
            if scan == 0 or raw[i] < low[i]:
                low[i] = raw[i]
            if raw[i] > high[i]:
                high[i] = raw[i]
    noisy = []
    for i in range(n):
        if low[i] >= SATURATED:
            faults.append((codes.SATURATED_CELL, i, 0))
        elif high[i] - low[i] > NOISY:
            noisy.append((codes.NOISY_CELL, i, high[i] - low[i]))
    if len(noisy) <= n * NOISY_PCT // 100 + 1:
        faults += noisy
    return faults


def parts(board, settings) -> list:
    """Return what is wrong with IMU and battery gauge, where the board says that it has them."""
    faults = []
    imu = getattr(board, "imu", None)
    if imu is not None:
        kind = imu.check()
        if kind and kind != codes.I2C_NACK:
            faults.append((kind, imu.n_restarts, 0))
        elif imu.n_restarts:  # it works again
            faults.append((codes.IMU_BROWN_OUT, imu.n_restarts, 0))
        n_nacks = imu.n_errors - imu.n_restarts  # each restart began with an error of its own
        if n_nacks > 0 and kind != codes.IMU_ABSENT:
            faults.append((codes.I2C_NACK, min(65535, n_nacks), 0))
    elif settings.failed & codes.FAILED_IMU:  # the start has missed it
        faults.append((codes.IMU_ABSENT, 0, 0))
    gauge = getattr(board, "gauge", None)
    if gauge is not None:
        try:
            gauge.read()
        except OSError:
            faults.append((codes.BATTERY_ABSENT, 0, 0))
    return faults


class Walk:
    """Mean load of every cell early and late in the contacts of a walk, and what it tells.

    A watcher of the sampler: ``frame`` allocates nothing. ``faults`` may be asked once.
    """

    def __init__(self, settings) -> None:
        g = settings.geometry
        self._n = g.n_cells
        self._rows, self._cols = (g.rows, g.cols) if g.cols else (1, g.n_cells)
        self._table = settings.calibration.table
        self._split = EARLY_US // settings.period_us
        self.n_wanted = N_FRAMES
        self.n_frames = 0
        self.n_contacts = 0
        self._was_loaded = True
        gc.collect()
        self._early = array("I", bytes(4 * self._n))
        self._late = array("I", bytes(4 * self._n))
        self._n_full = bytearray(self._n)

    @property
    def is_full(self) -> bool:
        """Whether there are frames and contacts enough."""
        return self.n_frames >= self.n_wanted and self.n_contacts >= N_CONTACTS

    def frame(self, raw, _cells, detector) -> None:
        """Add one frame, if there is load."""
        if detector.state != STANCE or self.n_frames == 65535:
            self._was_loaded = False
            return
        if not self._was_loaded:
            self._was_loaded = True
            self.n_contacts += 1
        self.n_frames += 1
        total = self._early if detector.n_state < self._split else self._late
        n_full = self._n_full
        base = self._table
        n = self._n
        i = 0
        while i < n:
            value = raw[i]
            above = value - base[i]
            if above > 0:
                total[i] += above
            if value >= SATURATED and n_full[i] < 255:
                n_full[i] += 1
            i += 1

    def faults(self) -> list:
        """Return the faults that the loads tell."""
        faults = []
        most = min(255, self.n_frames * SATURATED_PCT // 100)
        for i in range(self._n):
            if self._n_full[i] > most:
                faults.append((codes.SATURATED_CELL, i, 0))
        rows = Lines(self._early, self._late, self._rows, self._cols, self._cols, 1)
        cols = Lines(self._early, self._late, self._cols, self._rows, 1, self._cols)
        # Before the gains: lines that are one and the same have two tables all the same.
        stuck = rows.stuck(0, self.n_frames) + cols.stuck(1, self.n_frames)
        if stuck:
            return faults + stuck  # lines that are not read at all tell nothing more
        self._scale()
        if self._rows > 1:
            for _, i, _ in faults:
                self._fill(i)
            faults += rows.judge(codes.BROKEN_ROW, codes.SWAPPED_ROWS, SWAPPED_ROWS_PCT)
            faults += cols.judge(codes.BROKEN_COLUMN, codes.SWAPPED_COLUMNS, SWAPPED_COLUMNS_PCT)
        return faults + self._dead(faults)

    def _fill(self, i):
        """Let a cell that tells nothing read what the cells beside it read."""
        beside = [at for at in (i - self._cols, i + self._cols) if 0 <= at < self._n]
        for image in (self._early, self._late):
            total = 0
            for at in beside:
                total += image[at]
            image[i] = total // len(beside)

    def _scale(self):
        """Turn the sums into calibrated counts, times 16."""
        n = self._n
        for image in (self._early, self._late):
            for i in range(n):
                mean = image[i] * 4 // self.n_frames
                image[i] = mean * (self._table[n + i] >> 4) >> 10

    def _load(self, i):
        return self._early[i] + self._late[i]

    def _dead(self, known):
        """Return the cells that stay behind their neighbours, and how many cannot be judged."""
        cols, n = self._cols, self._n
        full = [a for kind, a, _ in known if kind == codes.SATURATED_CELL]
        faults = []
        n_unjudged = 0
        everywhere = sorted([self._load(i) for i in range(n)]) if self._rows == 1 else ()
        for i in range(n):
            own = self._load(i)
            if own >= LOADED or i in full:
                continue
            around = ()
            if self._rows == 1:  # each of a few cells lies where the sole bears load
                around = everywhere
            elif cols <= i < n - cols and 0 < i % cols < cols - 1:
                around = self._around(i)
            if not around:
                n_unjudged += 1
                continue
            if own * DEAD < around[len(around) >> 1]:
                faults.append((codes.DEAD_CELL, i, 0))
        faults.append((codes.NOT_JUDGED, n_unjudged, n))
        return faults

    def _around(self, i):
        """Return the loads around cell ``i``, in order; none if it does not lie amid load."""
        cols = self._cols
        around = []
        for at in (i - cols, i + cols, i - 1, i + 1):
            around.append(self._load(at))
        if min(around) < LOADED:
            return ()
        for at in (i - cols - 1, i - cols + 1, i + cols - 1, i + cols + 1):
            around.append(self._load(at))
        around.sort()
        return around if around[8 - MIN_LOADED] >= LOADED else ()


class Lines:
    """The rows or the columns of two images: ``n`` lines of ``m`` cells.

    Cell k of line i is at ``i * step + k * inner``.
    """

    def __init__(self, early, late, n, m, step, inner) -> None:
        self._early = early
        self._late = late
        self._n = n
        self._m = m
        self._step = step
        self._inner = inner
        self._known = []  # lines that have a fault already

    def _at(self, line, k):
        at = line * self._step + k * self._inner
        return self._early[at] + self._late[at]

    def _total(self, line):
        total = 0
        for k in range(self._m):
            total += self._at(line, k)
        return total

    def _distance(self, i, j):
        total = 0
        a = i * self._step
        b = j * self._step
        for image in (self._early, self._late):
            for k in range(0, self._m * self._inner, self._inner):
                total += abs(image[a + k] - image[b + k])
        return total

    def stuck(self, axis, n_frames) -> list:
        """Return the address bit that does nothing: all lines that differ in it are alike."""
        faults = []
        bit = 0
        while 1 << bit < self._n:
            differ = load = 0
            for i in range(self._n):
                j = i | 1 << bit
                if j != i and j < self._n:
                    differ += self._distance(i, j) // n_frames
                    load += (self._total(i) + self._total(j)) // n_frames
            if load > LOADED * self._n and differ * 100 < STUCK_PCT * load:
                faults.append((codes.STUCK_MUX, axis, bit))
            bit += 1
        return faults

    def judge(self, broken_kind, swapped_kind, least_pct) -> list:
        """Return the broken and the swapped lines.

        A line in the wrong place may look like one that reads nothing, and the other way round:
        what makes the image smoother when it is undone is the likelier one. It is undone, so that
        the rest can be judged.
        """
        faults = []
        while len(faults) < MAX_LINES:
            break_gain, line, first = self._worst_break()
            swap_gain, i, j = self._worst_swap(least_pct)
            if not break_gain and not swap_gain:
                break
            if break_gain >= swap_gain:
                faults.append((broken_kind, line, first))
                self._known.append(line)
                self._fill(line, first)
            else:
                faults.append((swapped_kind, i, j))
                self._exchange(i, j)
        return faults

    def _worst_break(self):
        """Return the line that reads nothing between lines with load, and where that begins.

        Before it, how much smoother the image is with the mean of the lines beside it: 0 for none.
        """
        best = line = start = 0
        for i in range(1, self._n - 1):
            if i in self._known:
                continue
            first = n_dead = gain = 0
            for k in range(self._m):
                before, after = self._at(i - 1, k), self._at(i + 1, k)
                least = min(before, after)
                if least < LOADED:
                    continue
                own = self._at(i, k)
                if own * BROKEN < least:
                    if not n_dead:
                        first = k
                        gain = 0
                    n_dead += 1
                    gain += 2 * (least - own)
                else:
                    n_dead = 0  # a thread does not carry again behind its break
            if n_dead >= MIN_BROKEN and gain > best:
                best, line, start = gain, i, first
        return best, line, start

    def _fill(self, line, first):
        at = line * self._step
        for image in (self._early, self._late):
            for k in range(first * self._inner, self._m * self._inner, self._inner):
                image[at + k] = (image[at - self._step + k] + image[at + self._step + k]) >> 1

    def _worst_swap(self, least_pct):
        """Return by how much an exchange of two lines makes the image smoother, and the lines."""
        n = self._n
        gc.collect()
        apart = array("I", bytes(4 * (n * (n - 1) // 2)))  # i < j at j * (j - 1) / 2 + i
        at = 0
        for j in range(n):
            for i in range(j):
                apart[at] = self._distance(i, j)
                at += 1

        def d(i, j):
            if i < 0 or j >= n:
                return 0
            return apart[j * (j - 1) // 2 + i] if i < j else apart[i * (i - 1) // 2 + j]

        best = 0
        found = (0, 0, 0)
        for span in range(n - 1, 0, -1):  # the closest last: nearly as good is likelier
            gain, i = self._best_swap(d, span, least_pct)
            if gain * 100 > best * NEARLY_PCT:
                found = (gain, i, i + span)
            if gain > best:
                best = gain
        return found

    def _best_swap(self, d, span, least_pct):
        """Return by how much, and for which i, exchanging lines i and i + span smoothes most."""
        best = at = 0
        for i in range(self._n - span):
            j = i + span
            before = d(i - 1, i) + d(j, j + 1)
            after = d(i - 1, j) + d(i, j + 1)
            if span > 1:
                before += d(i, i + 1) + d(j - 1, j)
                after += d(i + 1, j) + d(i, j - 1)
            gain = before - after
            if gain <= best or gain * 100 < least_pct * before:
                continue
            if gain * 100 < SWAPPED_LOAD_PCT * (self._total(i) + self._total(j)):
                continue
            if i not in self._known and j not in self._known:
                best = gain
                at = i
        return best, at

    def _exchange(self, i, j):
        for image in (self._early, self._late):
            for k in range(0, self._m * self._inner, self._inner):
                a, b = i * self._step + k, j * self._step + k
                image[a], image[b] = image[b], image[a]
