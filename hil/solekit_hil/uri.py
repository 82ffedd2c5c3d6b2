"""What stands behind the scheme of a virtual insole: ``walk?seed=1&loss=0.01``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from solecore.codec.forms import misfit
from solecore.layouts import GRID_30X22, NAMES
from solecore.wire import messages as m
from solekit import layouts
from solekit.errors import TransportSpecError
from solekit_hil import defects
from solekit_hil.defects import Defects
from solekit_hil.electronics.film import OPTIONS as FILM_OPTIONS
from solekit_hil.radio.air import Faults
from solekit_hil.walker import MOTIONS as WALKER_MOTIONS

STANCES = "stances"  # somebody who calibrates: see ``solekit_hil.stances``
PRESS = "press"  # nobody, under a bench press: see ``solekit_hil.press``
JUMPS = "jumps"  # somebody who checks the clocks: see ``solekit_hil.jumps``
TUG = "tug"  # somebody who gets up, walks and sits down again: see ``solekit_hil.tug``
MOTIONS = (*WALKER_MOTIONS, STANCES, PRESS, JUMPS, TUG)
FORMS = {name: form for form, name in m.FORM_NAMES.items()}


@dataclass(frozen=True)
class VirtualSpec:
    """A virtual pair, fully described."""

    motion: str  # a motion of the walker; empty if ``path`` is given
    path: Path | None
    sides: tuple[str, ...] = ("left", "right")
    seed: int = 1
    layout: str = ""  # one of our layouts; empty: grid-30x22, or the recording's own
    rate_hz: float = 0.0  # 0: the profile's, or the recording's
    form: str = ""
    noise: float = 0.5  # SD in calibrated counts
    dead_band: int = 3
    body_weight: bool = True  # tell the insole the person's weight
    ppm: float = 15.0  # the left clock runs so much fast, the right one as much slow
    heap_kb: int = 0  # 0: 100, and more for layouts larger than our own
    bits: int = 32
    pty: bool = False
    ble: bool = False  # real time over a virtual BlueZ
    air: str = "stream"  # of ``sim:``; ble: the radio link over a modelled stack
    interval_ms: float = 30.0  # between two connection events of ``air=ble``
    mtu: int = 517  # that the computer asks for over ``ble``
    stack: str = "nimble"  # Bluetooth stack of the insole that is modelled
    flash: str = ""  # a folder that stands for the file system of the insoles: updates go there
    log: int = 6 << 20  # bytes of flash for the log, what an 8 MB board leaves; 0: none
    electronics: bool = False  # the real drivers over models of the parts
    film: tuple[tuple[str, float], ...] = ()  # what the film does, as ``Film`` takes it
    defects: Defects = field(default_factory=Defects)
    faults: Faults = field(default_factory=Faults)


_CHOICES = {
    "side": ("left", "right"),
    "layout": NAMES,
    "form": tuple(m.FORM_NAMES.values()),
    "body_weight": ("0", "1"),
    "pty": ("0", "1"),
    "electronics": ("0", "1"),
    "ble": ("0", "1"),
    "air": ("stream", "ble"),
    "stack": ("nimble", "btstack"),
    "bits": ("32", "64"),
}
# Smallest and largest value; the type of both is the type of the argument.
_RANGES = {
    "seed": (0, 2**32 - 1),
    "rate_hz": (1.0, 1000.0),
    "noise": (0.0, 20.0),
    "dead_band": (0, 255),
    "ppm": (-1000.0, 1000.0),
    "heap_kb": (16, 1 << 20),
    "mtu": (23, 517),
    "interval_ms": (7.5, 4000.0),
    "loss": (0.0, 1.0),
    "duplicate": (0.0, 1.0),
    "reorder": (0.0, 1.0),
    "corrupt": (0.0, 1.0),
    "latency_ms": (0.0, 60_000.0),
    "jitter_ms": (0.0, 60_000.0),
}
_FAULTS = ("loss", "duplicate", "reorder", "corrupt", "latency_ms", "jitter_ms", "cut")


def parse(scheme: str, rest: str) -> VirtualSpec:
    """Return the spec of ``scheme:rest``; TransportSpecError names what is wrong and known."""
    target, _, query = rest.partition("?")
    spec: dict[str, Any] = {}
    faults: dict[str, Any] = {}
    if target.startswith("file:"):
        path = Path(target[5:])
        if not path.is_file():
            raise TransportSpecError(f"{scheme}:file: there is no file {target[5:]!r}")
        spec |= {"motion": "", "path": path, "noise": 0.0, "dead_band": 2, "layout": ""}
    else:
        motion = target or "walk"
        if motion not in MOTIONS:
            raise TransportSpecError(
                f"{scheme}: unknown motion {motion!r}; use {scheme}:file:PATH "
                f"or {scheme}: with one of {', '.join(MOTIONS)}"
            )
        spec |= {"motion": motion, "path": None, "layout": GRID_30X22}
    broken: list[str] = []
    film: list[tuple[str, float]] = []
    for key, text in parse_qsl(query, keep_blank_values=True):
        try:
            if key == "fault":
                defects.parse([text])
                broken.append(text)
                continue
            if key == "film":
                film.append(_film(text))
                continue
            (faults if key in _FAULTS else spec)[key] = _value(key, text)
        except KeyError:
            known = ", ".join((*_CHOICES, *_RANGES, "cut", "flash", "log", "fault", "film"))
            raise TransportSpecError(
                f"{scheme}: unknown argument {key!r}; known are {known}"
            ) from None
        except ValueError as error:
            raise TransportSpecError(f"{scheme}: {key}={text!r} is not {error}") from None
    if broken:
        spec |= {"electronics": True, "defects": defects.parse(broken)}
    if film:
        spec |= {"electronics": True, "film": tuple(film)}
    if spec.get("electronics") and scheme != "sim":
        raise TransportSpecError(f"{scheme}: electronics and fault are for sim: only")
    if spec.get("air") == "ble" and (scheme != "sim" or {"pty", "electronics"} & set(spec)):
        raise TransportSpecError(f"{scheme}: air=ble is for sim: without pty and electronics")
    if "side" in spec:
        spec["sides"] = (spec.pop("side"),)
    if spec["layout"] and "form" in spec:
        reason = misfit(FORMS[spec["form"]], layouts.named(spec["layout"], "left").n_cells)
        if reason:
            raise TransportSpecError(f"{scheme}: form={spec['form']}: {reason}")
    return VirtualSpec(**spec, faults=Faults(**faults))


def _value(key: str, text: str) -> Any:
    """Return the value of an argument; ValueError says what it must be, KeyError: unknown."""
    if key == "cut":
        return _cut(text)
    if key == "log":
        return _size(text)
    if key == "flash":
        if not Path(text).is_dir():
            raise ValueError("a folder")
        return str(Path(text).absolute())  # a foot with a radio has a folder of its own
    if key in _CHOICES:
        if text not in _CHOICES[key]:
            raise ValueError(" or ".join(_CHOICES[key]))
        if key in ("body_weight", "pty", "ble"):
            return text == "1"
        return int(text) if key == "bits" else text
    low, high = _RANGES[key]
    try:
        value = type(low)(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        kind = "a whole number" if isinstance(low, int) else "a number"
        raise ValueError(f"{kind} from {low:g} to {high:.10g}")
    return value


def _film(text: str) -> tuple[str, float]:
    """Return one property of the film from ``creep:0.1``."""
    name, _, value = text.partition(":")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if name not in FILM_OPTIONS or not -100 <= number <= 1000:
        raise ValueError(f"NAME:VALUE with NAME of {', '.join(FILM_OPTIONS)}")
    return name, number


def _size(text: str) -> int:
    """Return bytes from a number with k or M behind it, or without."""
    factor = {"k": 1 << 10, "M": 1 << 20}.get(text[-1:], 1)
    try:
        size = float(text if factor == 1 else text[:-1]) * factor
    except ValueError:
        size = math.nan
    if not (size == 0 or 1 << 16 <= size <= 1 << 30):
        raise ValueError("0 (no log) or a size from 64k to 1024M")
    return round(size)


def _cut(text: str) -> tuple[float, float]:
    start, _, end = text.partition("-")
    try:
        cut = float(start), float(end) if end else math.inf
    except ValueError:
        cut = math.nan, math.nan
    if not (0 <= cut[0] < cut[1] and math.isfinite(cut[0])):
        raise ValueError("a start in seconds (for good) or START-END")
    return cut
