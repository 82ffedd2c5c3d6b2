"""Pairs of insoles that this computer remembers, each by a short name.

They lie in ``pairs.json`` in the folder of ``home``, readable by their owner alone.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from solekit.errors import DataError, TransportSpecError
from solekit.home import home, write

FILE = "pairs.json"
MAX_NAME = 24
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{MAX_NAME - 1}}}")


@dataclass(frozen=True)
class KnownPair:
    """A remembered pair: ``feet`` maps side to URI, or ``uri`` stands for both.

    ``serials`` maps side to the serial number that answered when the pair was remembered.
    """

    name: str
    uri: str = ""
    feet: dict[str, str] = field(default_factory=dict)
    serials: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.name)
        if bool(self.uri) == bool(self.feet) or set(self.feet) - {"left", "right"}:
            raise DataError(
                f"pair {self.name!r}: it has one URI, or one for left and right; "
                f"got uri={self.uri!r}, feet={self.feet!r}"
            )

    @property
    def uris(self) -> list[str]:
        """Every URI of the pair."""
        return [self.uri] if self.uri else list(self.feet.values())

    def swapped(self) -> KnownPair:
        """Return the pair with left and right exchanged; DataError where nothing can be."""
        if set(self.feet) != {"left", "right"}:
            raise DataError(
                f"pair {self.name!r} is {self.uri or 'one foot'}: there is no left and right to "
                "exchange; pair again with --left URI --right URI"
            )
        other = {"left": "right", "right": "left"}
        return replace(
            self,
            feet={side: self.feet[other[side]] for side in self.feet},
            serials={other[side]: serial for side, serial in self.serials.items()},
        )


def is_name(text: str) -> bool:
    """Return whether ``text`` can be the name of a pair; a URI never can, as it has a colon."""
    return _NAME.fullmatch(text) is not None


def check_name(name: str) -> str:
    """Return ``name``; DataError unless it is a short word."""
    if not is_name(name):
        raise DataError(
            f"{name!r} cannot name a pair: use one word of letters, digits, _ and -, at most "
            f"{MAX_NAME} long, and no person's name"
        )
    return name


def known_pairs() -> dict[str, KnownPair]:
    """Return the remembered pairs by name; DataError for a file that cannot be read."""
    path = home() / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); remove it and pair again") from error
    try:
        return {name: KnownPair(name=name, **entry) for name, entry in content["pairs"].items()}
    except (AttributeError, KeyError, TypeError, DataError) as error:
        raise DataError(f"{path} is damaged ({error}); remove it and pair again") from error


def find(name: str) -> KnownPair:
    """Return the pair ``name``; TransportSpecError tells which ones there are."""
    known = known_pairs()
    if name not in known:
        from solekit.transports import FORMS

        there = ", ".join(sorted(known)) or "none yet"
        raise TransportSpecError(
            f"no pair is remembered as {name!r} (remembered: {there}); "
            f"'solekit pair {name}' finds and remembers one, or use a URI like {FORMS}"
        )
    return known[name]


def remember(pair: KnownPair) -> None:
    """Keep ``pair`` under its name, in the place of an older one."""
    _write({**known_pairs(), pair.name: pair})


def forget(name: str) -> None:
    """Drop the pair ``name``; TransportSpecError if there is none."""
    find(name)
    _write({key: pair for key, pair in known_pairs().items() if key != name})


def owners(uri: str, serial: str = "") -> list[str]:
    """Return the names under which the insole at ``uri`` or with ``serial`` is remembered."""
    return sorted(
        name
        for name, pair in known_pairs().items()
        if uri in pair.uris or (serial and serial in pair.serials.values())
    )


def _write(pairs: dict[str, KnownPair]) -> None:
    entries: dict[str, dict[str, Any]] = {}
    for name in sorted(pairs):
        entry = asdict(pairs[name])
        del entry["name"]
        entries[name] = entry
    write(home() / FILE, {"pairs": entries})
