"""A guided session: what somebody does is recognised from the cells, not from a clock."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import numpy as np

from solekit.calibration.pair import Session
from solekit.errors import RequestTimeoutError
from solekit.insole import Insole
from solekit.layouts import SIDES, FloatArray
from solekit.transports import Clock

QUIET_S = 3.0
POLL_S = 0.25
WAIT_S = 90.0  # for one stance
MAX_SWAY = 0.04  # SD of the load of a foot, as a share of what both carry
MAX_OFF_ZERO = 5.0  # counts of a mean cell from the zero just found: noise, not load
MIN_LOADED = 10.0  # counts above base of a mean cell under both feet together
ONE_FOOT = 0.70  # of the counts of both feet: the other only steadies
LEAN = 0.06  # of the sole's length, from where the load lay at first


@dataclass(frozen=True)
class Stance:
    """One way to stand: its ``name``, and what to tell the person."""

    name: str
    told: str


STANCES = (
    Stance("both", "stand quietly on both feet"),
    Stance("left", "shift your weight to the left foot; the right one stays on its insole"),
    Stance("right", "shift your weight to the right foot; the left one stays on its insole"),
    Stance("toes", "lean forward onto the balls of both feet, heels down"),
    Stance("heels", "lean back onto both heels, toes down"),
)


class Track:
    """All frames of one insole since it was listened to; ``base`` (n_cells,) once unloaded."""

    def __init__(self, insole: Insole) -> None:
        self.insole = insole
        self.info = insole.known
        self.layout = insole.known.layout
        self.base = np.zeros(self.info.n_cells)
        self._counts: list[np.ndarray] = []
        self._t_s: list[FloatArray] = []

    async def listen(self) -> None:
        """Keep frames until the stream ends."""
        async for frames in self.insole.frames():
            self._counts.append(frames.values)
            self._t_s.append(np.asarray(frames.foot_us * 1e-6, dtype=float))

    @property
    def now_s(self) -> float:
        """Foot time of the newest frame; -inf before the first."""
        return float(self._t_s[-1][-1]) if self._t_s else -np.inf

    def last(self, seconds: float) -> FloatArray:
        """Return the counts above base of the last ``seconds``, (n, n_cells); none if too few."""
        k, start_s = len(self._t_s), self.now_s - seconds
        while k and self._t_s[k - 1][0] > start_s:
            k -= 1
        if not k:
            return np.zeros((0, self.info.n_cells))
        t_s = np.concatenate(self._t_s[k - 1 :])
        return np.concatenate(self._counts[k - 1 :])[t_s > start_s] - self.base

    def all(self) -> tuple[np.ndarray, FloatArray]:
        """Return all counts, (n, n_cells), and their foot times, (n,)."""
        return np.concatenate(self._counts), np.concatenate(self._t_s)


@dataclass(frozen=True)
class Seen:
    """What both soles show over the last seconds: how much, where, how still."""

    mean_counts: float
    share_left: float
    along: float
    sway: float


class Guide:
    """Follows both insoles of a person; ``tell`` gets each sentence for the person."""

    def __init__(self, feet: dict[str, Insole], clock: Clock, tell: Callable[[str], None]) -> None:
        self.tracks = {side: Track(feet[side]) for side in SIDES}
        self.clock = clock
        self.tell = tell
        self.rest: dict[str, tuple[float, float]] = {}
        self.stances: dict[str, dict[str, tuple[float, float]]] = {side: {} for side in SIDES}
        self._first_along = float("nan")

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Follow the streams meanwhile; they have been started."""
        tasks = [asyncio.create_task(track.listen()) for track in self.tracks.values()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def unloaded(self) -> None:
        """Take three seconds without load, judged by the zero that the insoles have just found."""
        for _ in range(round(WAIT_S / POLL_S)):
            if all(_is_at_zero(track) for track in self.tracks.values()):
                break
            await self.clock.sleep(POLL_S)
        else:
            raise RequestTimeoutError(
                "calibrate: three seconds without load after the zero; take all load off", WAIT_S
            )
        for side, track in self.tracks.items():
            self.rest[side] = (track.now_s - QUIET_S, track.now_s)
            track.base = track.last(QUIET_S).mean(axis=0)

    async def stance(self, stance: Stance) -> None:
        """Wait until the person stands so, quietly for three seconds."""
        self.tell(stance.told)
        seen = None
        for _ in range(round(WAIT_S / POLL_S)):
            await self.clock.sleep(POLL_S)
            seen = self.seen()
            if self._fits(stance.name, seen):
                for side, track in self.tracks.items():
                    self.stances[side][stance.name] = (track.now_s - QUIET_S, track.now_s)
                if stance.name == "both":
                    self._first_along = seen.along
                return
        state = "nothing arrived" if seen is None else _words(seen)
        raise RequestTimeoutError(f"calibrate: stance {stance.name!r} ({state})", WAIT_S)

    def seen(self) -> Seen:
        """Return what the last three seconds show."""
        load, moment, sway = {}, 0.0, []
        for side, track in self.tracks.items():
            frames = track.last(QUIET_S)
            total = frames.sum(axis=1) if len(frames) else np.zeros(1)
            load[side] = float(total.mean())
            sway.append(float(total.std()))
            if len(frames):
                moment += float(frames.mean(axis=0) @ track.layout.y_mm) / track.layout.length_mm
        both = max(sum(load.values()), 1.0)
        cells = sum(track.info.n_cells for track in self.tracks.values())
        return Seen(both / cells, load["left"] / both, moment / both, max(sway) / both)

    def _fits(self, name: str, seen: Seen) -> bool:
        if seen.mean_counts < MIN_LOADED or seen.sway > MAX_SWAY:
            return False
        if name == "left":
            return seen.share_left > ONE_FOOT
        if name == "right":
            return seen.share_left < 1 - ONE_FOOT
        if not 1 - ONE_FOOT < seen.share_left < ONE_FOOT:
            return False
        lean = seen.along - self._first_along
        return name == "both" or (lean > LEAN if name == "toes" else lean < -LEAN)

    def session(self, side: str) -> Session:
        """Return what ``side`` read from its rest on."""
        track = self.tracks[side]
        counts, t_s = track.all()
        kept = t_s >= self.rest[side][0]
        # Gains of an insole tell its cells apart, if not newtons; an area tells them in any case.
        gain = track.info.gain / 65536.0
        lsb_n = track.info.force_lsb_n or 1.0
        kpa = gain * lsb_n / (track.layout.area_mm2 * 1e-3)
        return Session(
            track.info.serial,
            side,
            track.layout.area_mm2,
            counts[kept],
            t_s[kept],
            self.rest[side],
            list(self.stances[side].values()),
            kpa_per_count=np.maximum(kpa, 1e-9),
            readout=tuple(map(int, track.info.readout)),
            grid=(track.layout.rows, track.layout.cols),
        )


def _is_at_zero(track: Track) -> bool:
    """Return whether the last seconds are the zero that the insole has found."""
    frames = track.last(QUIET_S)
    if len(frames) < 0.8 * QUIET_S * track.info.rate_hz:
        return False
    off = np.abs(frames - track.insole.known.base.astype(float)).mean(axis=1)
    return bool(off.max() < MAX_OFF_ZERO)


def _words(seen: Seen) -> str:
    return (
        f"last seen: {100 * seen.share_left:.0f} % on the left foot, load at "
        f"{100 * seen.along:.0f} % of the sole, sway {100 * seen.sway:.1f} %"
    )
