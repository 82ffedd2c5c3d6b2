"""What can go wrong, as one tree; every error also is the builtin that fits it.

A message says what, with which value, and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class SolekitError(Exception):
    """Base of every error that Solekit raises on purpose."""


class TransportError(SolekitError):
    """A link could not be opened, or broke."""


class TransportSpecError(TransportError, ValueError):
    """A device URI that cannot be understood."""


class ConnectionLostError(TransportError, ConnectionError):
    """The link to ``uri`` ended while it was in use."""

    def __init__(self, uri: str, reason: str) -> None:
        super().__init__(f"lost {uri}: {reason}")
        self.uri = uri
        self.reason = reason


class RequestTimeoutError(SolekitError, TimeoutError):
    """The insole did not answer ``request`` within ``timeout_s``, all tries together."""

    def __init__(self, request: str, timeout_s: float) -> None:
        super().__init__(
            f"no answer to {request!r} within {timeout_s:g} s; "
            "is the insole on, in range, and not in use by another program?"
        )
        self.request = request
        self.timeout_s = timeout_s


class DeviceError(SolekitError):
    """The insole refused a request; ``code`` is a value of ``solecore.wire.messages``."""

    def __init__(self, request: str, code: int, text: str) -> None:
        super().__init__(f"the insole refused {request!r}: {text} (code {code})")
        self.request = request
        self.code = code
        self.text = text


class ProtocolMismatchError(SolekitError):
    """Insole and host speak different major versions of the protocol."""

    def __init__(self, device_version: int, host_version: int) -> None:
        older = "the firmware" if device_version < host_version else "Solekit on this computer"
        super().__init__(
            f"the insole speaks protocol {device_version}, this computer {host_version}; "
            f"update {older}"
        )
        self.device_version = device_version
        self.host_version = host_version


class DataError(SolekitError, ValueError):
    """An array, a file or a recording that breaks the data contract."""


class SealedError(DataError):
    """The sealed recording ``path`` does not open: no pass-phrase, or a wrong one."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.path = path


class MissingExtraError(SolekitError, ImportError):
    """An optional dependency is absent; the message names the extra to install."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra {extra!r}: pip install 'solekit[{extra}]'")
        self.extra = extra
