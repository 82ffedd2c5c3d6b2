"""The house form of an algorithm: untouched parameters, one action, results ending in ``_``."""

from __future__ import annotations

import inspect
import json
from typing import Any, Self


class Algorithm:
    """Base of every algorithm.

    A subclass takes keyword-only parameters in ``__init__`` and stores each under its own name,
    untouched. Its one action method validates, computes, sets attributes that end in ``_`` and
    returns ``self``. Inputs are never modified.
    """

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def params(self) -> dict[str, Any]:
        """Return the parameters by name."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def with_params(self, **changes: Any) -> Self:
        """Return a new, unused instance with ``changes``; ValueError on an unknown name."""
        unknown = sorted(set(changes) - set(self._parameter_names()))
        if unknown:
            known = ", ".join(self._parameter_names())
            raise ValueError(
                f"{type(self).__name__} has no parameter {unknown[0]!r}; it has {known}"
            )
        return type(self)(**{**self.params(), **changes})

    def clone(self) -> Self:
        """Return a new, unused instance with the same parameters."""
        return self.with_params()

    def to_json(self) -> str:
        """Return name and parameters as JSON, for the record that goes with a result."""
        return json.dumps({"algorithm": type(self).__name__, "params": self.params()}, default=str)

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.params().items())
        return f"{type(self).__name__}({inside})"
