"""What one does with an insole on the bench: settings, self-test, calibration."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from solecore.wire import codes, names
from solecore.wire import messages as m
from solekit.errors import DeviceError, RequestTimeoutError
from solekit.identity import InsoleInfo
from solekit.insole import Insole

POLL_S = 0.5
WALK_S = 120.0  # so long a walk may take to load the sole often enough
REST_S = 30.0
_STEPS = {name: op for op, name in enumerate(names.CALIBRATE) if name}
STEPS = tuple(_STEPS)
_NEEDS_FRAMES = ("zero", "gain", "equalise")


@dataclass(frozen=True)
class Fault:
    """One fault that the insole found: ``kind`` of ``names.FAULTS`` and its two numbers."""

    kind: str
    first: int
    second: int

    def __str__(self) -> str:
        """Return the fault in words."""
        form = _WORDS.get(self.kind, f"{self.kind.replace('_', ' ')} ({{0}}, {{1}})")
        return form.format(self.first, self.second, ("row", "column")[self.first == 1])


_WORDS = {
    "dead_cell": "cell {0} is dead",
    "saturated_cell": "cell {0} is saturated",
    "broken_row": "row {0} is broken, from cell {1} of it on",
    "broken_column": "column {0} is broken, from cell {1} of it on",
    "swapped_rows": "rows {0} and {1} are swapped",
    "swapped_columns": "columns {0} and {1} are swapped",
    "stuck_mux": "address bit {1} of the {2} mux is stuck",
    "imu_absent": "the IMU does not answer",
    "imu_brown_out": "the IMU has lost its settings; it was restarted {0} times",
    "imu_no_data": "the IMU gives no samples",
    "i2c_nack": "the I2C bus has failed {0} times",
    "battery_absent": "the battery gauge does not answer",
    "noisy_cell": "cell {0} is noisy, {1} counts at rest",
}


@dataclass(frozen=True)
class SelfTest:
    """What a self-test found; ``n_unjudged`` cells had no load that could tell."""

    mode: str
    failed: tuple[str, ...]
    faults: tuple[Fault, ...]
    n_frames: int
    n_unjudged: int


@dataclass(frozen=True)
class CalibrationState:
    """Where a calibration stands.

    ``noise_counts`` is the SD of a raw cell without load, ``dead_band`` in calibrated counts,
    ``drift_mean`` and ``drift_max`` raw counts of the base since its zero, ``n_doubtful`` cells
    that have the gain of the others instead of their own. ``has_zero`` and ``has_gain`` say what
    has been done; newtons need both and a force per count.
    """

    calibration_id: int
    is_done: bool
    n_frames: int
    noise_counts: float
    dead_band: int
    drift_mean: int
    drift_max: int
    n_doubtful: int
    has_zero: bool
    has_gain: bool
    force_lsb_n: float


async def self_test(insole: Insole, *, walk: bool = False, timeout_s: float = WALK_S) -> SelfTest:
    """Let the insole test itself, unloaded and at rest or (``walk``) under somebody's steps.

    RequestTimeoutError if a walk does not load it often enough.
    """
    if not walk:
        reply = await insole.request(m.SELF_TEST, codes.TEST_REST)
        return _self_test("rest", reply.fields)
    async with _frames(insole):
        await insole.request(m.SELF_TEST, codes.TEST_WALK)
        for _ in range(round(timeout_s / POLL_S)):
            await insole.clock.sleep(POLL_S)
            try:
                reply = await insole.request(m.SELF_TEST, codes.TEST_REPORT)
            except DeviceError as error:
                if error.code != m.NOT_YET:
                    raise
            else:
                return _self_test("walk", reply.fields)
    raise RequestTimeoutError("self_test: a report of a walk", timeout_s)


def _self_test(mode: str, fields: dict[str, Any]) -> SelfTest:
    words = np.frombuffer(fields["faults"], "<u2")
    triples = words[: words.size // 3 * 3].reshape(-1, 3).tolist()
    faults = []
    n_unjudged = 0
    for kind, first, second in triples:
        if kind == codes.NOT_JUDGED:
            n_unjudged = first
        else:
            name = names.FAULTS[kind] if kind < len(names.FAULTS) else f"fault_{kind}"
            faults.append(Fault(name, first, second))
    failed = tuple(name for i, name in enumerate(names.FAILED) if fields["failed"] >> i & 1)
    return SelfTest(mode, failed, tuple(faults), fields["n_frames"], n_unjudged)


async def calibrate(
    insole: Insole, step: str, value: int = 0, *, timeout_s: float = 0.0
) -> CalibrationState:
    """Do one ``step`` of ``STEPS`` and wait until it is done; ``value`` as in ``codes``.

    DeviceError says why the insole found no sound result, RequestTimeoutError that the frames for
    it did not come (``timeout_s`` 0: a time that suits the step).
    """
    if step not in _STEPS:
        raise ValueError(f"step {step!r} is not one of {', '.join(_STEPS)}")
    timeout_s = timeout_s or (WALK_S if step == "equalise" else REST_S)
    if step not in _NEEDS_FRAMES:
        fields = (await insole.request(m.CALIBRATE, _STEPS[step], value)).fields
        return await _state(insole, fields)
    async with _frames(insole):
        await insole.request(m.CALIBRATE, _STEPS[step], value)
        for _ in range(round(timeout_s / POLL_S)):
            await insole.clock.sleep(POLL_S)
            fields = (await insole.request(m.CALIBRATE, codes.CALIBRATE_STATE, 0)).fields
            if fields["is_done"]:
                return await _state(insole, fields)
    raise RequestTimeoutError(f"calibrate: {step}", timeout_s)


async def _state(insole: Insole, fields: dict[str, Any]) -> CalibrationState:
    info = await insole.refresh()
    has_zero, has_gain = steps_done(info)
    return CalibrationState(
        calibration_id=fields["calibration"],
        is_done=bool(fields["is_done"]),
        n_frames=fields["n_frames"],
        noise_counts=fields["noise"] / 16,
        dead_band=fields["dead_band"],
        drift_mean=fields["drift_mean"],
        drift_max=fields["drift_max"],
        n_doubtful=fields["n_doubtful"],
        has_zero=has_zero,
        has_gain=has_gain,
        force_lsb_n=info.force_lsb_n,
    )


def steps_done(info: InsoleInfo) -> tuple[bool, bool]:
    """Return whether the tables show a zero and gains that differ from cell to cell."""
    return bool(info.base.any()), bool((info.gain != info.gain[:1]).any())


@contextlib.asynccontextmanager
async def _frames(insole: Insole) -> AsyncIterator[None]:
    """Let frames be taken: an insole samples only while it streams or logs."""
    if insole.is_streaming:
        yield
        return
    await insole.start()
    try:
        yield
    finally:
        if insole.error is None:
            await insole.stop()
