"""What is broken in a virtual insole, from the words of a URI: ``fault=dead_cell:200``."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce

from solekit_hil.electronics.faults import Faults

_ROWS, _COLUMNS = 0, 1
# name: numbers that it takes
_FORMS = {
    "dead_cell": "CELL",
    "saturated_cell": "CELL",
    "broken_row": "ROW or ROW-CELL (broken from that cell of it on)",
    "broken_column": "COLUMN or COLUMN-CELL",
    "swapped_rows": "ROW-ROW",
    "swapped_columns": "COLUMN-COLUMN",
    "stuck_mux": "0-BIT (rows) or 1-BIT (columns)",
    "imu_brown_out": "SECOND",
    "nack": "",
}
NAMES = tuple(_FORMS)


@dataclass(frozen=True)
class Defects:
    """Faults of cells and lines, when the IMU loses its supply (None: never), a broken bus."""

    faults: Faults = field(default_factory=Faults)
    brown_out_s: float | None = None
    has_nack: bool = False

    @property
    def any(self) -> bool:
        """Whether anything is broken."""
        return self != Defects()


def parse(texts: list[str]) -> Defects:
    """Return what ``texts`` name, each ``name:numbers``; ValueError says what there is."""
    faults = []
    brown_out_s = None
    has_nack = False
    for text in texts:
        name, _, rest = text.partition(":")
        if name not in _FORMS:
            raise ValueError(f"one of {', '.join(NAMES)}")
        try:
            numbers = [int(part) for part in rest.split("-")] if rest else []
            if name == "nack":
                has_nack = not numbers
                if numbers:
                    raise ValueError
            elif name == "imu_brown_out":
                (brown_out_s,) = map(float, numbers)
            else:
                faults.append(_fault(name, numbers))
        except ValueError:
            raise ValueError(f"{name}:{_FORMS[name]}".rstrip(":")) from None
    return Defects(reduce(Faults.__or__, faults, Faults()), brown_out_s, has_nack)


def _fault(name: str, numbers: list[int]) -> Faults:
    if name in ("dead_cell", "saturated_cell"):
        (cell,) = numbers
        return (
            Faults(dead_cells=(cell,)) if name == "dead_cell" else Faults(saturated_cells=(cell,))
        )
    if name in ("broken_row", "broken_column"):
        first, second = numbers if len(numbers) == 2 else (*numbers, 0)
        pairs = ((first, second),)
        return Faults(broken_rows=pairs) if name == "broken_row" else Faults(broken_cols=pairs)
    first, second = numbers
    if name == "stuck_mux":
        if first not in (_ROWS, _COLUMNS):
            raise ValueError
        bit = (second, 0)
        return Faults(stuck_row_bit=bit) if first == _ROWS else Faults(stuck_col_bit=bit)
    pairs = ((first, second),)
    return Faults(swapped_rows=pairs) if name == "swapped_rows" else Faults(swapped_cols=pairs)
