"""``solekit record``: stream from a pair into a file that survives whatever happens."""

from __future__ import annotations

import asyncio
import math
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from solekit.cli import options
from solekit.cli.output import progress, say, show_json
from solekit.errors import ConnectionLostError
from solekit.loss import StreamLoss
from solekit.pair import Pair


@dataclass(frozen=True)
class Protocol:
    """A countdown, then the marked part; ``duration_s`` None lasts until stopped."""

    name: str
    countdown_s: int
    duration_s: float | None


PROTOCOLS = {
    "free": Protocol("free", 0, None),
    "walk-1min": Protocol("walk-1min", 3, 60.0),
}


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
    person: Annotated[str, typer.Option("--person", help="Code of the person; no names.")] = "",
    note: Annotated[str, typer.Option("--note", help="A remark to keep with the recording.")] = "",
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
        chosen = Protocol(chosen.name, chosen.countdown_s, duration_s)
    about = {"person": person, "note": note}
    pair = options.pair_of(device, left, right)
    losses = asyncio.run(record(pair, out, chosen, form=form, about=about, quiet=json))
    show_losses(out, losses, as_json=json)


async def record(
    pair: Pair,
    path: Path,
    protocol: Protocol,
    *,
    form: str | None = None,
    about: dict[str, str] | None = None,
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
            pair.record_to(path, protocol=protocol.name, **(about or {}))
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


async def _run(pair: Pair, protocol: Protocol, stop: asyncio.Event, *, quiet: bool) -> None:
    """Count down, mark, wait for the end of time, data, link or the user's patience."""
    clock = pair.clock
    until_s = protocol.duration_s if protocol.duration_s is not None else pair.duration_s
    for left in range(protocol.countdown_s, 0, -1):
        if not quiet:
            say(f"start in {left} ...")
        await _wait(pair, 1.0, stop)
    pair.mark("start")
    began_s = clock.now_s()
    with progress(quiet=quiet) as bar:
        total = until_s if math.isfinite(until_s) else None
        task = bar.add_task(f"recording {protocol.name}", total=total, live="")
        while not stop.is_set() and not pair.is_broken:
            elapsed_s = clock.now_s() - began_s
            if elapsed_s >= until_s:
                break
            bar.update(task, completed=elapsed_s, live=f"{elapsed_s:.0f} s, {pair.status()}")
            await _wait(pair, min(0.5, until_s - elapsed_s), stop)
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


def show_losses(path: Path, losses: dict[str, dict[str, StreamLoss]], *, as_json: bool) -> None:
    """Print what was sampled, received and missing of every stream."""
    if as_json:
        account = {
            side: {name: loss.to_json() for name, loss in streams.items()}
            for side, streams in losses.items()
        }
        show_json({"recording": str(path), "loss": account})
        return
    for side, streams in losses.items():
        frames = streams["pressure"]
        print(
            f"{side}: {frames.sampled} frames sampled = {frames.received} received "
            f"+ {frames.back_filled} back-filled + {frames.missing} missing"
        )
    print(f"recorded in {path}")
