"""The guided calibration behind ``solekit calibrate``: zero, body weight, weights, kept."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import numpy as np

from solekit import calibration, service
from solekit.calibration import report
from solekit.calibration.creep import MIN_STANDING_S
from solekit.calibration.guide import STANCES, Guide
from solekit.calibration.pair import Session, calibrate_pair, with_film
from solekit.errors import DataError, DeviceError
from solekit.layouts import SIDES
from solekit.pair import Pair

Ask = Callable[[str], Awaitable[None]]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Wish:
    """What the person asked for; ``stand_s`` 0: creep is not measured.

    ``shift_s`` is for how long the weight is shifted slowly where no press has told the film.
    """

    body_mass_kg: float
    stand_s: float = 0.0
    shift_s: float = 0.0
    weight_n: float = 0.0  # a known weight on the left insole, to check against
    keep_on_insole: bool = True


async def guided(pair: Pair, wish: Wish, *, ask: Ask, tell: Tell) -> list[dict[str, object]]:
    """Return the report of each side; the calibrations are kept on this computer."""
    if set(pair.feet) != set(SIDES):
        raise DataError(
            "body weight needs both insoles; connect the pair, or name a single step: "
            f"{', '.join(service.STEPS)}"
        )
    kept = {side: calibration.load(insole.known.serial) for side, insole in pair.feet.items()}
    await ask("take all load off both insoles")
    await pair.start("raw12")
    try:
        guide = Guide(pair.feet, pair.clock, tell)
        async with guide.listening():
            zeros = (service.calibrate(insole, "zero") for insole in pair.feet.values())
            await asyncio.gather(*zeros)
            await guide.unloaded()
            await ask("step on when you are told how to stand")
            for stance in STANCES:
                await guide.stance(stance)
            sessions = [_with_kept(guide.session(side), kept[side]) for side in SIDES]
            shift_s = 0.0 if all(one.curves for one in sessions) else wish.shift_s
            await _shift(guide, shift_s)
            await _stand(guide, wish.stand_s)
            sessions = [_with_kept(guide.session(side), kept[side]) for side in SIDES]
            if shift_s:
                sessions = with_film(*sessions, body_mass_kg=wish.body_mass_kg)
                creep_log = []
            else:
                sessions, creep_log = _with_creep(sessions, wish.stand_s)
            found, fit = calibrate_pair(*sessions, body_mass_kg=wish.body_mass_kg)
            rows = []
            for side in SIDES:
                done = found[side]
                log = [*done.log, *creep_log]
                if wish.keep_on_insole:
                    log.append(await _keep(pair, side, guide, done))
                done = replace(done, log=tuple(log))
                path = calibration.save(done)
                tell(report.to_text(done, fit))
                rows.append({**report.to_json(done, fit), "kept_as": path.name})
            if wish.weight_n:
                await ask(f"step off and put the weight of {wish.weight_n:g} N on the left insole")
                rows[0]["weight_check"] = await _weigh(guide, found["left"], wish.weight_n, tell)
    finally:
        with contextlib.suppress(DeviceError):
            await pair.stop()
    return rows


async def _shift(guide: Guide, shift_s: float) -> None:
    if not shift_s:
        return
    guide.tell(
        f"now for {shift_s:.0f} s shift your weight slowly from foot to foot, and on each foot "
        "roll slowly from the heel to the toes and back; both feet stay on their insoles, hands "
        "touch nothing"
    )
    await guide.clock.sleep(shift_s)


async def _stand(guide: Guide, stand_s: float) -> None:
    if not stand_s:
        return
    guide.tell(f"now stand quietly on both feet for {stand_s:.0f} s: the creep is measured")
    await guide.clock.sleep(stand_s)


def _with_kept(session: Session, kept: calibration.Calibration | None) -> Session:
    """Return the session with what a press has shown of this insole before."""
    if kept is None or len(kept.base) != len(session.area_mm2):
        return session
    curves = kept.curves if kept.curves.is_measured else None
    said = tuple(line for line in kept.log if line.startswith("press"))
    return replace(session, curves=curves, hysteresis=kept.hysteresis, creep=kept.creep, said=said)


def _with_creep(sessions: list[Session], stand_s: float) -> tuple[list[Session], list[str]]:
    """Return the sessions with the creep of the whole session, where that was long enough."""
    if stand_s < MIN_STANDING_S:
        return sessions, []
    loads = []
    for one in sessions:
        so_far = one.calibration()
        pressure = so_far.curves.pressure(so_far.readable(one.counts) - so_far.base)
        loads.append(pressure @ (one.area_mm2 * 1e-3))
    left, right = sessions
    since = [one.t_s - one.rest[0] for one in sessions]
    total = loads[0] + np.interp(since[0], since[1], loads[1])
    try:
        creep = calibration.fit_creep(total, since[0])
    except DataError as error:
        return sessions, [f"creep was not found: {error}"]
    return [replace(left, creep=creep), replace(right, creep=creep)], [
        f"creep from {creep.standing_s:.0f} s of standing"
    ]


async def _keep(pair: Pair, side: str, guide: Guide, done: calibration.Calibration) -> str:
    """Let the insole know its newtons as far as its straight gains can; say what came of it."""
    insole = pair.feet[side]
    info = insole.known
    track = guide.tracks[side]
    try:
        if not service.steps_done(info)[1]:
            return "the insole keeps its zero only: it has no gains yet (gain or equalise)"
        start, end = guide.stances[side]["both"]
        counts, t_s = track.all()
        part = (t_s >= start) & (t_s < end)
        pressure, _ = done.load(counts, t_s)
        newtons = done.factor * float((pressure[part] @ (done.area_mm2 * 1e-3)).mean())
        codes = float(((counts[part] - track.base) @ (info.gain / 65536.0)).mean())
        lsb_un = round(newtons / codes * 1e6)
        await service.calibrate(insole, "force", lsb_un)
        await service.calibrate(insole, "keep")
    except DeviceError as error:
        return f"not kept on the insole: {error.text}"
    return f"kept on the insole, {lsb_un * 1e-6:.4g} N per count"


async def _weigh(
    guide: Guide, done: calibration.Calibration, weight_n: float, tell: Tell
) -> dict[str, float]:
    await guide.clock.sleep(10.0)
    counts, t_s = guide.tracks["left"].all()
    force, half = done.force_n(counts, t_s, history="rested")
    last = t_s > t_s[-1] - 3.0
    found, error = float(force[last].mean()), float(half[last].mean())
    tell(f"the weight of {weight_n:g} N reads {found:.1f} N +- {error:.1f} N")
    return {"weight_n": weight_n, "found_n": found, "error_95_n": error}
