"""The virtual person: ``build("walk", seed=1, layouts=...).sample(t_s)``.

What is inside may change; ``Walker`` in interface.py is what others rely on.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from solekit.layouts import Layout, Side
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
    "Truth",
    "Walker",
    "build",
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
    shapes: dict[Side, FootShape] = {
        side: shape_of(person, layout) for side, layout in layouts.items()
    }
    return PlayedWalker(
        composed.motion,
        layouts=layouts,
        shapes=shapes,
        is_cyclic=True,
        elsewhere=composed.chair,
    )
