"""Poses and actions of a person from what both insoles recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.inference.decode import KEYPOINTS, STATURE_M
from solekit.inference.frames import CENTRE, N_FRAMES, RATE_HZ, Float32
from solekit.inference.signals import FootSignal, aligned, signals_of
from solekit.inference.windows import (
    MAX_GAP_S,
    WINDOW_S,
    FootView,
    PoseNetwork,
    is_whole,
    open_network,
    window,
)
from solekit.layouts import BoolArray, FloatArray, Layout, Side

MAX_RATE_HZ = 30.0
_BLOCK = 256  # poses whose frames are in memory as the network sees them

Progress = Callable[[int, int], None]


class PoseEstimator(Algorithm):
    """Key points of the whole body and the action, from the load under both feet.

    A network looks at 40 frames at 14 Hz and tells the pose in their middle (Han et al., Smart
    Insole: Predicting 3D human pose from foot pressure). The origin of a pose is under the middle
    of the hips, x to the right along the shoulders, y ahead, z up from the floor. It is an
    estimate from simulated people unless the card of the model says otherwise.

    Parameters
    ----------
    model : str or Path or PoseNetwork
        A model of the zoo, the folder of an own one, or ``auto`` for what fits the layout.
    mode : str, optional
        Which file of the model (``float16``, ``int8``, ``dynamic``); the card's default otherwise.
    stature_m : float, optional
        Height of the person; 1.70 m is assumed without it. All lengths are in proportion to it.
    threads : int
        Threads of the network.

    Attributes
    ----------
    t_s_ : (n,)
        Times of the poses on the clock of the recording.
    keypoints_m_ : (n, 19, 3)
        Key points in the order of ``KEYPOINTS``, metres; NaN where frames are missing for longer
        than 0.25 s anywhere in the window.
    action_ : (n,)
        Name of the most likely action, '' where frames are missing.
    action_share_ : (n, n_actions)
        How likely each action is, NaN where frames are missing.
    actions_ : tuple of str
        Names of the actions.
    model_ : str
        Name and version of the model.
    warnings_ : list of str
        What to doubt, in plain sentences.
    """

    def __init__(
        self,
        *,
        model: str | Path | PoseNetwork = "auto",
        mode: str | None = None,
        stature_m: float | None = None,
        threads: int = 1,
    ) -> None:
        self.model = model
        self.mode = mode
        self.stature_m = stature_m
        self.threads = threads

    def estimate(
        self, feet: Any, *, rate_hz: float = RATE_HZ, progress: Progress | None = None
    ) -> Self:
        """Find poses at ``rate_hz`` in a recording, or in the feet of one.

        ``feet`` is a ``Recording``, one of another maker, or feet (``FootSignal`` or
        ``FootRecording``); ``progress(done, total)`` hears how far it is. DataError if a foot or
        what the model needs is missing, or less than a window was recorded.
        """
        stature_m = check_stature(self.stature_m)
        check_rate(rate_hz)
        signals, self.warnings_ = signals_of(feet)
        network = open_network(
            self.model,
            soles={side: foot.layout for side, foot in signals.items()},
            mode=self.mode,
            threads=self.threads,
        )
        views: dict[Side, FootView] = {
            side: FootView(network, foot.layout, side) for side, foot in signals.items()
        }
        _check_imu(views, signals)
        if any(view.n_axes for view in views.values()):
            signals = aligned(signals, self.warnings_)
        self.t_s_ = _pose_times(signals.values(), rate_hz)
        self.actions_ = network.actions
        self.model_ = f"{network.card.name} {network.card.version}"
        whole = np.ones(len(self.t_s_), dtype=bool)
        start_s = self.t_s_ - CENTRE / RATE_HZ
        end_s = start_s + WINDOW_S
        for side, foot in signals.items():
            whole &= is_whole(foot.t_s, start_s, end_s, slack_s=1e-6)
            if views[side].n_axes and foot.imu_t_s is not None:
                whole &= is_whole(foot.imu_t_s, start_s, end_s, slack_s=MAX_GAP_S)
        points, shares = _found(network, views, signals, self.t_s_, whole, progress)
        self.keypoints_m_ = points * np.float32(stature_m)
        self.action_share_ = shares
        best = np.argmax(np.where(whole[:, None], shares, 0.0), axis=1)
        self.action_ = np.where(whole, np.array(self.actions_)[best], "")
        if self.stature_m is None:
            self.warnings_.append(
                f"no stature was given: {STATURE_M:.2f} m is assumed, and all lengths go with it"
            )
        if not whole.all():
            self.warnings_.append(
                f"{np.count_nonzero(~whole)} of {len(whole)} poses are missing: samples are "
                f"missing in their windows for longer than {MAX_GAP_S:g} s"
            )
        return self


def check_rate(rate_hz: float) -> None:
    """Raise DataError for a rate that poses do not come at."""
    if not 0 < rate_hz <= MAX_RATE_HZ:
        raise DataError(
            f"rate_hz is {rate_hz:g}; a pose rate is above 0 and at most {MAX_RATE_HZ:g} Hz"
        )


def check_stature(stature_m: float | None) -> float:
    """Return the stature to scale by; DataError for one that no person has."""
    if stature_m is None:
        return STATURE_M
    if not 0.5 <= stature_m <= 2.6:
        raise DataError(f"stature_m is {stature_m:g}; give the person's height in metres")
    return stature_m


def _check_imu(views: Mapping[Side, FootView], signals: Mapping[Side, FootSignal]) -> None:
    for side, view in views.items():
        imu = signals[side].imu
        check_axes(view, 0 if imu is None else imu.shape[1], signals[side].layout)


def check_axes(view: FootView, n_axes: int, sole: Layout) -> None:
    """Raise DataError unless an IMU of ``n_axes`` is what the network wants."""
    if n_axes < view.n_axes:
        raise DataError(
            f"the {view.side} insole tells {n_axes} axes of motion, the model for layout "
            f"{sole.name!r} needs {view.n_axes}; choose another model or layout"
        )


def _pose_times(feet: Iterable[FootSignal], rate_hz: float) -> FloatArray:
    """Return the times whose windows lie within what both feet recorded."""
    feet = tuple(feet)
    start_s = max(float(foot.t_s[0]) for foot in feet)
    end_s = min(float(foot.t_s[-1]) for foot in feet)
    rest_s = end_s - start_s - WINDOW_S
    if rest_s < 0:
        raise DataError(
            f"both feet together recorded {max(end_s - start_s, 0.0):.1f} s; "
            f"a pose needs {WINDOW_S:.1f} s"
        )
    return start_s + CENTRE / RATE_HZ + np.arange(int(rest_s * rate_hz + 1e-6) + 1) / rate_hz


def _found(
    network: PoseNetwork,
    views: Mapping[Side, FootView],
    signals: Mapping[Side, FootSignal],
    t_s: FloatArray,
    whole: BoolArray,
    progress: Progress | None,
) -> tuple[Float32, Float32]:
    """Return poses in statures (n, 19, 3) and shares of actions (n, n_actions), NaN if not whole.

    A block of poses at a time, so that only its frames are in memory as images.
    """
    points = np.full((len(t_s), len(KEYPOINTS), 3), np.nan, dtype=np.float32)
    shares = np.full((len(t_s), len(network.actions)), np.nan, dtype=np.float32)
    offsets_s = (np.arange(N_FRAMES) - CENTRE) / RATE_HZ
    imus: dict[Side, tuple[FloatArray, FloatArray]] = {
        side: (foot.imu_t_s, foot.imu)
        for side, foot in signals.items()
        if foot.imu_t_s is not None and foot.imu is not None
    }
    for start in range(0, len(t_s), _BLOCK):
        block = slice(start, start + _BLOCK)
        rows = np.flatnonzero(whole[block]) + start
        if rows.size:
            span_s = t_s[rows[0]] + offsets_s[0], t_s[rows[-1]] + offsets_s[-1]
            loads: dict[Side, tuple[FloatArray, Float32]] = {
                side: _part(foot, views[side], *span_s) for side, foot in signals.items()
            }
            for row in rows:
                inputs = window(views, loads, imus, t_s[row] + offsets_s)
                found, share = network.look(*inputs)
                points[row], shares[row] = found[0], share
        if progress is not None:
            progress(min(start + _BLOCK, len(t_s)), len(t_s))
    return points, shares


def _part(
    foot: FootSignal, view: FootView, start_s: float, end_s: float
) -> tuple[FloatArray, Float32]:
    """Return times and loads as the network sees them, from before ``start_s`` to after it all."""
    first = max(int(np.searchsorted(foot.t_s, start_s, side="right")) - 1, 0)
    rows = slice(first, int(np.searchsorted(foot.t_s, end_s)) + 1)
    if len(foot.t_s[rows]) < 2:
        rows = slice(max(first - 1, 0), first + 2)
    return foot.t_s[rows], view.seen_load(foot.load[rows])
