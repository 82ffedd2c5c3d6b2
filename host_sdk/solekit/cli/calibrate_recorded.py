"""What ``solekit calibrate`` makes of recordings: a bench press, and a walk of known weight."""

from __future__ import annotations

import datetime
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from solekit import calibration
from solekit.calibration import report
from solekit.calibration.closure import Closure
from solekit.calibration.model import SATURATED, Calibration
from solekit.calibration.press import fit_press, join, read_applied
from solekit.calibration.recorded import raw_counts, use, without_crosstalk
from solekit.cli.output import say
from solekit.contacts import PressureContacts
from solekit.errors import DataError
from solekit.layouts import SIDES
from solekit.recording import Recording
from solekit.recording.foot import FootRecording

MAX_MISSING = 0.02  # frames of a walk: their load would be guessed
MAX_SATURATED = 0.02  # frames: their load is more than what they show


def pressed(recording: Path, applied: Path, side: str) -> dict[str, object]:
    """Return the report of the pressed insole; what was found is kept until it is weighed."""
    times = read_applied(applied)
    foot = _foot(Recording(recording), side)
    info = foot.info
    readout, grid = tuple(map(int, info.readout)), (info.layout.rows, info.layout.cols)
    raw = raw_counts(foot)
    if not len(raw):
        raise DataError(f"{recording.name} has no frame of the {foot.side} insole")
    kpa, late_s = join(raw, foot.t_s, times)
    readable = without_crosstalk(raw, readout, grid)
    # Beyond the scale nothing is known; the crosstalk of a saturated cell neither.
    readable = np.where(raw >= SATURATED, np.inf, readable)
    found = fit_press(readable, foot.t_s, kpa, max_counts=SATURATED - 1)
    quiet = found.curves.pressure(readable[kpa == 0] - found.base) @ (info.layout.area_mm2 * 1e-3)
    done = Calibration(
        info.serial,
        foot.side,
        found.base,
        info.layout.area_mm2,
        found.curves,
        zero_sd_n=float(np.std(quiet[: max(3, int(info.rate_hz))])),
        creep=found.creep,
        hysteresis=found.hysteresis,
        made=_now(),
        log=(*found.said, f"press: its clock was {late_s:+.2f} s off and shifted"),
        readout=readout,
        grid=grid,
    )
    path = calibration.save(done)
    say(report.to_text(done))
    return {**report.to_json(done), "kept_as": path.name}


def walked(recording: Path, body_mass_kg: float) -> list[dict[str, object]]:
    """Return the report of each side after closure against the body weight of a walk."""
    walk = Recording(recording)
    for note in use(walk):
        say(f"note: {note}")
    feet = [_calibrated(walk, side) for side in SIDES]
    kept = [foot.calibration for foot in feet if foot.calibration is not None]
    mass_kg = body_mass_kg or kept[0].body_mass_kg
    if not math.isfinite(mass_kg):
        raise DataError("no body mass is known; give --body-mass-kg")
    for foot in feet:
        loss = foot.loss["pressure"]
        missing = loss.missing / max(loss.sampled, 1)
        if missing > MAX_MISSING:
            raise DataError(
                f"{100 * missing:.0f} % of the {foot.side} frames are missing, "
                f"at most {100 * MAX_MISSING:.0f} %; record the walk again"
            )
        saturated = float(np.isinf(foot.force_error_n).mean())
        if saturated > MAX_SATURATED:
            raise DataError(
                f"the {foot.side} sole is saturated in {100 * saturated:.0f} % of the frames, at "
                f"most {100 * MAX_SATURATED:.0f} %; its readout is too sensitive for this person"
            )
    closure = _closure(feet, mass_kg)
    say(str(closure))
    rows = []
    for one in [one.closed(closure) for one in kept]:  # both or none
        done = replace(one, body_mass_kg=mass_kg, made=_now())
        path = calibration.save(done)
        say(report.to_text(done))
        rows.append({**report.to_json(done), "closure": closure.ratio, "kept_as": path.name})
    return rows


def _closure(feet: list[FootRecording], mass_kg: float) -> Closure:
    left = feet[0]
    start_s = max(foot.t_s[0] for foot in feet)
    stop_s = min(foot.t_s[-1] for foot in feet)
    t_s = left.t_s[(left.t_s >= start_s) & (left.t_s <= stop_s)]
    t_s = t_s[np.concatenate(([True], np.diff(t_s) > 0))]
    left_n, right_n = (np.interp(t_s, foot.t_s, foot.load) for foot in feet)
    found = PressureContacts().detect(left_n, t_s=t_s).events_
    ic_s = found.loc[found["kind"] == "ic", "t_s"].to_numpy(dtype=float)
    return calibration.walking_closure(left_n, right_n, t_s, ic_s, body_mass_kg=mass_kg)


def _foot(recording: Recording, side: str) -> FootRecording:
    feet = recording.feet
    if not side and len(feet) == 1:
        return next(iter(feet.values()))
    for name, foot in feet.items():
        if name == side:
            return foot
    have = " and ".join(feet) or "no foot"
    raise DataError(f"the recording has {have}; say with --side which one was under the press")


def _calibrated(walk: Recording, side: str) -> FootRecording:
    for name, foot in walk.feet.items():
        if name == side and foot.calibration is not None and foot.t_s.size:
            return foot
    raise DataError(
        f"closure needs frames and a kept calibration of both insoles; the {side} one has none: "
        "run 'solekit calibrate' with --body-mass-kg first"
    )


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
