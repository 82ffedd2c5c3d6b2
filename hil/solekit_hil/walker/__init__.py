"""The virtual person: ``build("walk", ...).sample(t_s)``; ``play(motion, ...)`` for captures.

What is inside may change; ``Walker`` in interface.py is what others rely on.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from solekit.errors import DataError
from solekit.layouts import Layout, Side
from solekit_hil.walker.body import Motion
from solekit_hil.walker.composed import POSES, compose
from solekit_hil.walker.foot_shape import FootShape
from solekit_hil.walker.interface import KINDS, Crossings, Event, Sample, Truth, Walker
from solekit_hil.walker.person import MOTIONS as STEPPING
from solekit_hil.walker.person import Person
from solekit_hil.walker.played import PlayedWalker
from solekit_hil.walker.seeded import SeededWalker, shape_of

__all__ = [
    "KINDS",
    "MOTIONS",
    "STEPPING",
    "Crossings",
    "Event",
    "Person",
    "Sample",
    "SeededWalker",
    "Truth",
    "Walker",
    "build",
    "play",
]

MOTIONS = (*STEPPING, *POSES)


def build(
    motion: str, *, seed: int, layouts: dict[Side, Layout], person: Person | None = None
) -> Walker:
    """Return the walker of a motion, for one foot or both; equal arguments share one.

    The person follows from the seed unless given; the seed then only varies the gait.
    """
    if motion not in MOTIONS:
        raise ValueError(f"unknown motion {motion!r}; use one of {', '.join(MOTIONS)}")
    if not layouts:
        raise ValueError("layouts is empty; give at least one side its layout")
    soles = tuple(_Sole(side, layouts[side]) for side in sorted(layouts))
    return _build(motion, seed, soles, person or Person.from_seed(seed))


def play(
    motion: Motion, *, layouts: dict[Side, Layout], person: Person | None = None
) -> PlayedWalker:
    """Return a captured motion (``solekit_hil.walker.capture``) as a walker on level ground.

    ``person`` says what feet it has. DataError asks for soles and for frames without gaps.
    """
    if not layouts:
        raise DataError("layouts is empty; give at least one side its layout")
    if not np.isfinite(motion.points_m).all():
        raise DataError("the motion has frames without a body; cut them off first")
    shapes = _shapes(layouts, person or Person())
    return PlayedWalker(motion, layouts=layouts, shapes=shapes)


def _shapes(layouts: dict[Side, Layout], person: Person) -> dict[Side, FootShape]:
    return {side: shape_of(person, layout) for side, layout in layouts.items()}


@dataclass(frozen=True)
class _Sole:
    """A layout on a side, equal when all its values are."""

    side: Side
    layout: Layout = field(compare=False)
    values: tuple[object, ...] = field(init=False)

    def __post_init__(self) -> None:
        at = self.layout
        arrays = (at.x_mm.tobytes(), at.y_mm.tobytes(), at.area_mm2.tobytes())
        size = (at.name, at.length_mm, at.width_mm, at.rows, at.cols)
        object.__setattr__(self, "values", (*size, *arrays))


@lru_cache(maxsize=16)
def _build(motion: str, seed: int, soles: tuple[_Sole, ...], person: Person) -> Walker:
    layouts: dict[Side, Layout] = {sole.side: sole.layout for sole in soles}
    if motion in STEPPING:
        return SeededWalker(motion, seed=seed, layouts=layouts, person=person)
    rng = np.random.default_rng([seed, zlib.crc32(motion.encode())])
    composed = compose(motion, person, rng)
    return PlayedWalker(
        composed.motion,
        layouts=layouts,
        shapes=_shapes(layouts, person),
        is_cyclic=True,
        elsewhere=composed.chair,
    )
