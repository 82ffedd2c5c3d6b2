"""Both insoles of a person: what most people use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from solekit import known_pairs
from solekit.backfill import Progress
from solekit.errors import DataError, SolekitError, TransportSpecError
from solekit.foot_state import FootState, foot_state
from solekit.insole import Insole
from solekit.live_access import GaitEvent
from solekit.live_streams import merged
from solekit.loss import StreamLoss
from solekit.protocols import person_code
from solekit.recording.writer import RecordingWriter
from solekit.transports import open_transports

if TYPE_CHECKING:
    from solekit.inference.live import Pose
    from solekit.inference.windows import PoseNetwork
    from solekit.strides.live import LiveStride


def connect(uri: str) -> Insole:
    """Return the one insole behind ``uri``, to be used as ``async with``.

    A remembered name will do if it stands for one insole. TransportSpecError if ``uri`` names a
    pair: add ``side=left`` or use ``connect_pair``.
    """
    if known_pairs.is_name(uri):
        known = known_pairs.find(uri)
        if len(known.uris) > 1:
            raise TransportSpecError(
                f"{uri} is a pair; connect the pair, or one of {' and '.join(known.uris)}"
            )
        uri = known.uris[0]
    transports = open_transports(uri)
    if len(transports) != 1:
        raise TransportSpecError(
            f"{uri} is a pair; add side=left or side=right, or connect the pair"
        )
    return Insole(next(iter(transports.values())))


def connect_pair(
    uri: str | None = None, *, left: str | None = None, right: str | None = None
) -> Pair:
    """Return the insoles behind one URI or remembered name, or behind ``left`` and ``right``.

    A recording of one foot gives a pair with that foot only.
    """
    if (uri is None) == (left is None and right is None):
        raise TransportSpecError("name a pair by one URI, or its feet by left and right, not both")
    name = ""
    if uri is not None and known_pairs.is_name(uri):
        name, known = uri, known_pairs.find(uri)
        uri, left, right = known.uri or None, known.feet.get("left"), known.feet.get("right")
    if uri is not None:
        return Pair([Insole(transport) for transport in open_transports(uri).values()])
    insoles: list[Insole] = []
    asked: list[str] = []
    for side, foot_uri in (("left", left), ("right", right)):
        if foot_uri is not None:
            found = open_transports(foot_uri)
            transport = found[side] if len(found) > 1 else next(iter(found.values()))
            insoles.append(Insole(transport))
            asked.append(side)
    return Pair(insoles, asked=asked, name=name)


class Pair:
    """One or two insoles on the same host clock; ``feet`` maps side to insole once connected.

    ``asked`` are the sides that the insoles were named as, ``name`` what they are remembered as.
    """

    def __init__(
        self, insoles: list[Insole], *, asked: Sequence[str] = (), name: str = ""
    ) -> None:
        self._insoles = insoles
        self._name = name
        self._asked = asked or [""] * len(insoles)  # the side each was named as
        self._stack = AsyncExitStack()
        self.feet: dict[str, Insole] = {}
        self.writer: RecordingWriter | None = None
        self.clock = insoles[0].clock
        self.losses: dict[str, dict[str, StreamLoss]] = {}

    @property
    def duration_s(self) -> float:
        """How long the pair can stream: infinite for what is live."""
        return max(insole.transport.duration_s for insole in self._insoles)

    @property
    def is_broken(self) -> bool:
        """Whether the link to a foot has gone."""
        return any(insole.error is not None for insole in self.feet.values())

    def ended(self) -> list[asyncio.Task[None]]:
        """Return tasks that are done when the link to a foot ends."""
        return [insole.reading for insole in self.feet.values()]

    def status(self) -> str:
        """Return one short line: link, frames and share missing of each foot."""
        return "; ".join(f"{side} {state}" for side, state in self.states().items())

    def states(self) -> dict[str, FootState]:
        """Return how each foot is at this moment, by side."""
        return {side: foot_state(insole) for side, insole in self.feet.items()}

    async def __aenter__(self) -> Self:
        try:
            for insole, asked in zip(self._insoles, self._asked, strict=True):
                await self._stack.enter_async_context(insole)
                if asked and asked != insole.side:
                    raise TransportSpecError(self._wrong_side(insole, asked))
                if insole.side in self.feet:
                    other = self.feet[insole.side].uri
                    raise TransportSpecError(
                        f"{insole.uri} and {other} both say they are the {insole.side} foot"
                    )
                self.feet[insole.side] = insole
            clocks = [insole.clock for insole in self._insoles]
            if len({id(clock) if clock.is_virtual else 0 for clock in clocks}) > 1:
                raise TransportSpecError(
                    f"{' and '.join(insole.uri for insole in self._insoles)} live in times of "
                    "their own; name a virtual pair by one URI, for example sim:walk"
                )
        except BaseException:
            self.feet.clear()
            await self._stack.aclose()
            raise
        return self

    def _wrong_side(self, insole: Insole, asked: str) -> str:
        if not self._name:
            return (
                f"{insole.uri} was named as the {asked} foot but says it is the {insole.side} "
                "one; swap --left and --right"
            )
        return (
            f"{insole.uri} is remembered as the {asked} foot of {self._name} but says it is the "
            f"{insole.side} one; 'solekit pair {self._name} --swap' exchanges what is remembered "
            "(an insole that is wrong about itself is flashed anew with its side)"
        )

    async def __aexit__(self, *_: object) -> None:
        try:
            if any(insole.is_streaming for insole in self.feet.values()):
                with suppress(SolekitError):
                    await self.stop()
        finally:
            self.close_recording()
            await self._stack.aclose()

    def record_to(
        self,
        path: Path,
        *,
        protocol: str = "free",
        person: str = "",
        note: str = "",
        passphrase: str | None = None,
    ) -> None:
        """Record everything from the next start on into ``path``, which must not exist.

        ``person`` is a code, never a name; a ``passphrase`` seals the file
        (``solekit.recording.sealed``).
        """
        person = person_code(person)
        if any(insole.is_streaming for insole in self.feet.values()):
            raise DataError(f"{path}: the insoles stream already; call record_to before start")
        self.close_recording()
        self.writer = RecordingWriter(path, passphrase=passphrase)
        uris = {side: insole.uri for side, insole in self.feet.items()}
        self.writer.add_session(
            self.clock.now_s(), "about", protocol=protocol, person=person, note=note, uris=uris
        )
        for insole in self.feet.values():
            insole.writer = self.writer

    def mark(self, name: str) -> None:
        """Put a mark at this moment into the recording."""
        if self.writer is not None and self.writer.is_open:
            self.writer.add_session(self.clock.now_s(), "mark", name=name)

    async def start(self, form: str | None = None) -> None:
        """Begin streaming on every foot."""
        for insole in self.feet.values():
            await insole.start(form)

    async def stop(self, progress: Progress | None = None) -> dict[str, dict[str, StreamLoss]]:
        """End streaming; return the account of every stream by side.

        ``progress`` hears of each foot how far the log has filled its gaps.

        The account of a foot that has gone is kept all the same; its error is raised at the end.
        """
        results = await asyncio.gather(
            *(insole.stop(progress) for insole in self.feet.values()), return_exceptions=True
        )
        problem: BaseException | None = None
        for side, result in zip(self.feet, results, strict=True):
            if isinstance(result, BaseException):
                problem = result
                self.losses[side] = self.feet[side].losses
            else:
                self.losses[side] = result
        self.close_recording()
        if problem is not None:
            raise problem
        return self.losses

    def close_recording(self) -> None:
        """Finish the recording file; safe to call again."""
        if self.writer is not None and self.writer.is_open:
            self.writer.add_session(self.clock.now_s(), "closed")
            self.writer.close()
            for insole in self.feet.values():
                insole.writer = None

    async def events(self) -> AsyncIterator[GaitEvent]:
        """Yield the gait events of all feet as they are found."""
        sources = [insole.events() for insole in self.feet.values()]
        async with aclosing(merged(sources, name="solekit events")) as batches:
            async for events in batches:
                for event in events:
                    yield event

    def strides(self, *, max_clock_interval_s: float = 0.010) -> AsyncIterator[LiveStride]:
        """Yield the strides of all feet, each as soon as it has ended, with its biomarkers.

        Double support is None, and the stride says why, where one foot is alone or the clocks of
        the feet agree less closely than ``max_clock_interval_s``. Strides at the edge of a bout,
        in turns and out of the ordinary count here: nobody knows yet.
        """
        from solekit.strides.live import strides

        return strides(self, max_clock_interval_s=max_clock_interval_s)

    def poses(
        self,
        *,
        model: str | Path | PoseNetwork = "auto",
        stature_m: float | None = None,
        rate_hz: float = 30.0,
        mode: str | None = None,
    ) -> AsyncIterator[Pose]:
        """Yield poses of the whole body as the feet stream; parameters as for PoseEstimator.

        Each shows the body at the newest moment that both feet tell of. A network that cannot
        follow leaves poses out, and so does a gap of more than 0.25 s until its window is whole
        again; a virtual pair waits for the network. A motion sensor counts as mounted with x
        ahead, y left and z up.
        """
        from solekit.inference.live import poses

        return poses(self, model=model, stature_m=stature_m, rate_hz=rate_hz, mode=mode)
