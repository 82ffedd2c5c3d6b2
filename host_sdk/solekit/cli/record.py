"""``solekit record``: stream from a pair into a file that survives whatever happens."""

from __future__ import annotations

import asyncio
import math
import signal
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from solekit.cli import options
from solekit.cli.live_line import LiveLine
from solekit.cli.output import progress, say, show_json
from solekit.cli.passphrase import new_passphrase
from solekit.errors import ConnectionLostError, DataError
from solekit.loss import StreamLoss
from solekit.pair import Pair
from solekit.protocols import PROTOCOLS, Protocol, person_code

if TYPE_CHECKING:
    from solekit.verdict import Verdict


LOOK_S = 0.5


def run(
    device: options.Device = None,
    left: options.Left = None,
    right: options.Right = None,
    out: Annotated[Path, typer.Option("--out", help="File to write; must not exist.")] = Path(
        "walk.mcap"
    ),
    protocol: Annotated[
        str, typer.Option("--protocol", help=f"One of {', '.join(PROTOCOLS)}.")
    ] = "free",
    duration_s: Annotated[
        float | None, typer.Option("--duration-s", min=0.1, help="Length of the marked part.")
    ] = None,
    form: Annotated[str | None, typer.Option("--form", help="raw12, raw8 or coded8.")] = None,
    person: Annotated[
        str, typer.Option("--person", help="Code of the person, such as P017; never a name.")
    ] = "",
    note: Annotated[str, typer.Option("--note", help="A remark to keep with the recording.")] = "",
    seal: Annotated[
        bool,
        typer.Option("--seal", help="Encrypt the file behind a pass-phrase as it is written."),
    ] = False,
    lsl: Annotated[
        bool,
        typer.Option("--lsl", help="Note the clock of LSL, for 'solekit tie --lsl'."),
    ] = False,
    json: options.Json = False,
) -> None:
    """Record both insoles (Ctrl-C ends it; nothing is lost)."""
    if protocol not in PROTOCOLS:
        raise typer.BadParameter(f"{protocol!r} is not one of {', '.join(PROTOCOLS)}")
    if form not in (None, "raw12", "raw8", "coded8"):
        raise typer.BadParameter(
            f"{form!r} is not one of raw12, raw8, coded8", param_hint="--form"
        )
    chosen = PROTOCOLS[protocol]
    if duration_s is not None:
        chosen = replace(chosen, duration_s=duration_s)
    try:
        about = {"person": person_code(person), "note": note}
    except DataError as error:
        raise typer.BadParameter(str(error), param_hint="--person") from error
    secret = new_passphrase() if seal else None
    pair = options.pair_of(device, left, right)
    work = record(
        pair, out, chosen, form=form, about=about, passphrase=secret, lsl=lsl, quiet=json
    )
    try:
        losses = asyncio.run(work)
    except ConnectionLostError:
        if pair.losses:  # what came before the end may be enough all the same
            show_losses(out, pair.losses, verdict=_judged(out, secret), as_json=json)
        raise
    show_losses(out, losses, verdict=_judged(out, secret), as_json=json)


def _judged(path: Path, passphrase: str | None) -> Verdict:
    from solekit.recording import Recording
    from solekit.verdict import judge

    return judge(Recording(path, passphrase=passphrase))


async def record(
    pair: Pair,
    path: Path,
    protocol: Protocol,
    *,
    form: str | None = None,
    about: dict[str, str] | None = None,
    passphrase: str | None = None,
    lsl: bool = False,
    quiet: bool = False,
) -> dict[str, dict[str, StreamLoss]]:
    """Record ``pair`` into ``path``; return the account by side and stream.

    Ctrl-C stops as if the time were over. A link that breaks ends the recording, which stays.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
        loop.add_signal_handler(signal.SIGINT, stop.set)
        loop.add_signal_handler(signal.SIGTERM, stop.set)
    try:
        async with pair:
            pair.record_to(path, protocol=protocol.name, passphrase=passphrase, **(about or {}))
            async with _noting(pair) if lsl else nullcontext():
                await pair.start(form)
                await _run(pair, protocol, stop, quiet=quiet)
            try:
                return await pair.stop()
            except ConnectionLostError as error:
                say(f"solekit: {error}; what arrived before is in {path}")
                raise
    finally:
        with suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)
            loop.remove_signal_handler(signal.SIGTERM)


def _noting(pair: Pair) -> AbstractAsyncContextManager[None]:
    from solekit.sync.lsl import noting  # with all of the analysis of clocks

    return noting(pair)


async def _run(pair: Pair, protocol: Protocol, stop: asyncio.Event, *, quiet: bool) -> None:
    """Count down, mark, wait for the end of time, data, link or the user's patience."""
    clock = pair.clock
    asked_s = math.inf if protocol.duration_s is None else protocol.duration_s
    until_s = min(asked_s, pair.duration_s - protocol.countdown_s)  # of a file that is played
    if not quiet and protocol.content:
        say(f"{protocol.name}: {protocol.instruction} It ends: {protocol.ends}.")
    for left in range(protocol.countdown_s, 0, -1):
        if not quiet:
            say(f"start in {left} ...")
        await _wait(pair, 1.0, stop)
    pair.mark("start")
    began_s = clock.now_s()
    with progress(quiet=quiet) as bar:
        total = until_s if math.isfinite(until_s) else None
        task = bar.add_task(f"recording {protocol.name}", total=total, live="")
        async with LiveLine(pair, is_shown=not bar.disable) as line:
            while not stop.is_set() and not pair.is_broken:
                elapsed_s = clock.now_s() - began_s
                if elapsed_s >= until_s:
                    break
                for sentence in line.look():
                    bar.console.print(sentence, highlight=False)
                if not bar.disable:
                    bar.update(task, completed=elapsed_s, live=line.text(elapsed_s))
                await _wait(pair, min(LOOK_S, until_s - elapsed_s), stop)
    pair.mark("stop")


async def _wait(pair: Pair, duration_s: float, stop: asyncio.Event) -> None:
    """Wait ``duration_s`` of the pair's clock, or until ``stop``."""
    timer = asyncio.create_task(pair.clock.sleep(duration_s))
    stopper = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((timer, stopper, *pair.ended()), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (timer, stopper):
            task.cancel()
        await asyncio.gather(timer, stopper, return_exceptions=True)


def show_losses(
    path: Path,
    losses: dict[str, dict[str, StreamLoss]],
    *,
    verdict: Verdict | None = None,
    as_json: bool,
) -> None:
    """Print what was sampled, received and missing of every stream, and what to make of it."""
    if as_json:
        account = {
            side: {name: loss.to_json() for name, loss in streams.items()}
            for side, streams in losses.items()
        }
        judged = verdict.to_json() if verdict else {}
        show_json({"recording": str(path), "loss": account, **judged})
        return
    for side, streams in losses.items():
        frames = streams["pressure"]
        print(
            f"{side}: {frames.sampled} frames sampled = {frames.received} received "
            f"+ {frames.back_filled} back-filled + {frames.missing} missing"
        )
    print(f"recorded in {path}")
    if verdict is not None:
        show_verdict(verdict)


def show_verdict(verdict: Verdict) -> None:
    """Print what to do with a recording, and why."""
    print(f"verdict: {verdict.level}")
    for reason in verdict.reasons:
        print(f"  {reason}")
