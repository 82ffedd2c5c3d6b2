"""Units as vendors write them."""

from __future__ import annotations

import re

from solekit.errors import DataError

KPA = {
    "kpa": 1.0,
    "pa": 1e-3,
    "n/cm2": 10.0,
    "psi": 6.894757,
    "mmhg": 0.1333224,
    "kg/cm2": 98.0665,
    "g/cm2": 0.0980665,
}
MM = {"mm": 1.0, "cm": 10.0, "centimeters": 10.0, "in": 25.4, "inches": 25.4}
MM2 = {"mm2": 1.0, "cm2": 100.0, "in2": 645.16}
KG = {"kg": 1.0, "kgs": 1.0, "lb": 0.45359237, "lbs": 0.45359237}


def factor(table: dict[str, float], unit: str, what: str) -> float:
    """Return the factor of ``unit``; DataError with the known units otherwise."""
    plain = re.sub(r"[\s^]", "", unit.lower()).replace("²", "2").replace("â2", "2")
    if plain not in table:
        raise DataError(f"{what} is in {unit!r}; known units: {', '.join(table)}")
    return table[plain]
