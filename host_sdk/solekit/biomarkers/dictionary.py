"""The dictionary of variables: name, unit, definition, source and needs of each, as data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

SLOW_RATE_HZ = 50.0  # below it double and single support need more strides


@dataclass(frozen=True)
class Needs:
    """What a variable needs before it is reported.

    ``min_strides`` counts strides that carry it: of the foot for a variable per side, of each foot
    for one that compares them. ``one_clock``: the clocks of the feet must be joined closely.
    """

    data: str
    min_strides: int
    min_strides_below_50_hz: int
    min_rate_hz: float
    two_feet: bool
    one_clock: bool

    def strides_at(self, rate_hz: float) -> int:
        """Return the fewest strides at ``rate_hz``."""
        return self.min_strides if rate_hz >= SLOW_RATE_HZ else self.min_strides_below_50_hz


@dataclass(frozen=True)
class Variable:
    """One variable; ``kim2023`` maps a side ('' if not per side) to the name in Kim et al. 2023.

    ``plausible`` is the range seen over all cohorts, or None; a value outside it is marked.
    ``kind`` is 'timing' (from gait events), 'spatial' (from the way of the foot) or 'video' (from
    points of the body in a video). For the spatial ones
    ``error_sigma`` is the 1-sigma error of one stride in ``unit``, which shrinks with more, and
    ``error_share`` the share of the value by which all strides may be off, as ``tools.validate``
    measures them.
    """

    name: str
    unit: str
    per_side: bool
    definition: str
    formula: str
    source: str
    needs: Needs
    kim2023: dict[str, str]
    plausible: tuple[float, float] | None
    kind: str = "timing"
    error_sigma: float = 0.0
    error_share: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        return asdict(self)


@cache
def _load() -> tuple[Variable, ...]:
    rows = [
        row
        for name in ("variables.json", "spatial.json", "video.json")
        for row in json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))
    ]
    return tuple(
        Variable(
            **{
                **row,
                "needs": Needs(**row["needs"]),
                "kim2023": row.get("kim2023", {}),
                "plausible": tuple(row["plausible"]) if "plausible" in row else None,
            }
        )
        for row in rows
    )


def variables(kind: str | None = None) -> list[Variable]:
    """Return every variable of insoles, or those of one ``kind``, in the order of a report."""
    kinds = ("timing", "spatial") if kind is None else (kind,)
    return [variable for variable in _load() if variable.kind in kinds]


def variable(name: str) -> Variable:
    """Return the variable called ``name``; KeyError if there is none."""
    for candidate in _load():
        if candidate.name == name:
            return candidate
    raise KeyError(f"no variable {name!r}; `solekit variables` lists them")
