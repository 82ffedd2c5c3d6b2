"""The shipped models, one folder each: a card, the files of every mode, golden vectors.

A laboratory's own model is a folder of the same form; its path stands where a name does.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from solekit.errors import DataError
from solekit.inference.runtime import Model

_FOLDER = Path(__file__).parent
CARD = "card.json"
GOLDEN = "golden.npz"


@dataclass(frozen=True)
class Card:
    """What a model is, what it takes and gives, where it comes from and where it fails.

    ``tensors`` names our outputs in every mode's file; ``files`` maps a file to its mode, sha256
    and bytes; ``ops`` counts the operators of each ``.tflite`` file by what they put out.
    """

    name: str
    version: str
    task: str
    what: str
    layout: str
    inputs: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Mapping[str, Any]]
    tensors: Mapping[str, Mapping[str, str]]
    default: str
    files: Mapping[str, Mapping[str, Any]]
    trained_on: Mapping[str, Any]
    licence: str
    rate_hz: float = 14.0
    n_frames: int = 40
    actions: tuple[str, ...] = ()
    keypoints: tuple[str, ...] = ()
    seed: int | None = None
    preset: str = ""
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    ops: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    parity: Mapping[str, Any] = field(default_factory=dict)
    drift: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = field(default=_FOLDER, compare=False)

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes that the runtime can open, such as float16 and int8."""
        return tuple(sorted(self.tensors))

    def path(self, mode: str | None = None) -> Path:
        """Return the ``.tflite`` file of ``mode``, of the default one where None."""
        wanted = mode or self.default
        for file, about in self.files.items():
            if about["mode"] == wanted and wanted in self.tensors:
                return self.folder / file
        raise DataError(
            f"model {self.name!r} has no mode {wanted!r}, it has {', '.join(self.modes)}"
        )


def names() -> list[str]:
    """Return the names of the shipped models."""
    return sorted(path.parent.name for path in _FOLDER.glob(f"*/{CARD}"))


def card(name: str | Path) -> Card:
    """Return the card of a shipped model, or of the model in the folder ``name``."""
    folder = _folder(name)
    path = folder / CARD
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{path} is no JSON ({error}); get the model anew") from error
    known = {one.name for one in dataclasses.fields(Card)} - {"folder"}
    chosen = {key: value for key, value in fields.items() if key in known}
    for key in ("actions", "keypoints", "limits"):
        chosen[key] = tuple(chosen.get(key, ()))
    try:
        return Card(**chosen, folder=folder)
    except TypeError as error:
        raise DataError(f"{path} is incomplete: {str(error).split('__init__() ')[-1]}") from error


def open_zoo_model(
    name: str | Path,
    mode: str | None = None,
    *,
    threads: int = 1,
    backend: str | None = None,
) -> tuple[Card, Model]:
    """Return card and opened model, its inputs and outputs under the names of the card.

    DataError for a file that is not the one of the card: by its sha256, and by its inputs.
    """
    found = card(name)
    path = found.path(mode)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    about = found.files[path.name]
    if hashlib.sha256(content).hexdigest() != about["sha256"]:
        raise DataError(
            f"{path} is not the file of its card: {len(content)} bytes with another sha256, "
            f"{about['bytes']} expected; get the model anew"
        )
    model = Model(content, threads=threads, backend=backend, outputs=found.tensors[about["mode"]])
    for what, inside, told in (
        ("inputs", model.inputs, found.inputs),
        ("outputs", model.outputs, found.outputs),
    ):
        shapes = {one: spec.shape for one, spec in inside.items()}
        expected = {one: tuple(spec["shape"]) for one, spec in told.items()}
        if shapes != expected:
            raise DataError(f"{path} has the {what} {shapes}, its card tells {expected}")
    return found, model


def _folder(name: str | Path) -> Path:
    shipped = names()
    if isinstance(name, str) and name in shipped:
        return _FOLDER / name
    if Path(name).is_dir():
        return Path(name)
    raise DataError(
        f"no model {str(name)!r}: it is neither a folder nor one of the shipped models "
        f"({', '.join(shipped) or 'none'})"
    )
