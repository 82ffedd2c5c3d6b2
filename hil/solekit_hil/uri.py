"""What stands behind the scheme of a virtual insole: ``walk?seed=1&loss=0.01``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from solecore.layouts import GRID_30X22, NAMES
from solekit.errors import TransportSpecError
from solekit_hil.radio.air import Faults


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
    faults: Faults = Faults()


def parse(scheme: str, rest: str) -> VirtualSpec:
    """Return the spec of ``scheme:rest``; TransportSpecError names what is wrong and what is known."""
    target, _, query = rest.partition("?")
    values = dict(parse_qsl(query, keep_blank_values=True))
    if target.startswith("file:"):
        spec = {"motion": "", "path": Path(target[5:]), "noise": 0.0, "dead_band": 2, "layout": ""}
        if not spec["path"].is_file():  # type: ignore[union-attr]
            raise TransportSpecError(f"{scheme}:file: there is no file {target[5:]!r}")
    else:
        spec = {"motion": target or "walk", "path": None, "layout": GRID_30X22}
    faults: dict[str, object] = {}
    for key, text in values.items():
        try:
            if key in ("loss", "duplicate", "reorder", "corrupt", "latency_ms", "jitter_ms"):
                faults[key] = float(text)
            elif key == "cut":
                start, _, end = text.partition("-")
                faults["cut"] = (float(start), float(end) if end else math.inf)
            elif key == "side":
                if text not in ("left", "right"):
                    raise ValueError("left or right")
                spec["sides"] = (text,)
            elif key in ("seed", "dead_band", "heap_kb", "bits"):
                spec[key] = int(text)
            elif key in ("noise", "ppm", "rate_hz"):
                spec[key] = float(text)
            elif key in ("body_weight", "pty"):
                spec[key] = {"1": True, "0": False}[text]
            elif key == "layout":
                if text not in NAMES:
                    raise ValueError("one of " + ", ".join(NAMES))
                spec[key] = text
            elif key == "form":
                if text not in ("raw12", "raw8", "coded8"):
                    raise ValueError("raw12, raw8 or coded8")
                spec[key] = text
            else:
                known = "seed side layout rate_hz form noise dead_band body_weight ppm heap_kb bits pty"
                raise TransportSpecError(
                    f"{scheme}: unknown argument {key!r}; known are {known} "
                    "loss duplicate reorder corrupt cut latency_ms jitter_ms"
                )
        except (ValueError, KeyError) as error:
            if isinstance(error, TransportSpecError):
                raise
            raise TransportSpecError(f"{scheme}: {key}={text!r} is not valid: {error}") from error
    try:
        return VirtualSpec(**spec, faults=Faults(**faults))  # type: ignore[arg-type]
    except ValueError as error:
        raise TransportSpecError(f"{scheme}: {error}") from error
