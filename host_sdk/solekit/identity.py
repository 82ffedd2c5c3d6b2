"""What an insole says of itself: identity, layout, rates, calibration."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solecore.wire import messages as m
from solecore.wire import names
from solekit import layouts
from solekit.errors import DataError
from solekit.layouts import Layout


@dataclass(frozen=True, eq=False)
class InsoleInfo:
    """One insole, as HELLO and its tables describe it.

    ``base`` and ``gain`` have shape (n_cells,); ``force_lsb_n`` is the force of one calibrated
    count in newtons, 0 if the insole is uncalibrated. ``readout`` says how the cells are read
    (``names.READOUT_WORDS``).
    """

    hello: dict[str, Any]
    geometry: NDArray[np.uint16]
    calibration: NDArray[np.uint16]
    readout: NDArray[np.uint16] = field(
        default_factory=lambda: np.zeros(len(names.READOUT_WORDS), "<u2")
    )

    @property
    def side(self) -> str:
        """Return ``left`` or ``right``."""
        return m.SIDES[self.hello["side"]]

    @property
    def _texts(self) -> list[str]:
        texts = bytes(self.hello["text"]).decode("utf-8", "replace").split("\0")
        return [*texts, "", "", "", ""][:4]

    @property
    def serial(self) -> str:
        """Serial number."""
        return self._texts[0]

    @property
    def layout_name(self) -> str:
        """Name of the layout."""
        return self._texts[1]

    @property
    def firmware(self) -> str:
        """Version of the firmware."""
        return self._texts[2]

    @property
    def kernels(self) -> str:
        """Which kernels run: viper, plain or numpy."""
        return self._texts[3]

    @property
    def boot(self) -> int:
        """Boot id: which start of the insole this is."""
        return self.hello["boot"]

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return self.hello["n_cells"]

    @property
    def period_us(self) -> int:
        """Frame period in microseconds."""
        return self.hello["period"]

    @property
    def rate_hz(self) -> float:
        """Frame rate."""
        return 1e6 / self.hello["period"]

    @property
    def imu_axes(self) -> int:
        """Words of one IMU sample: 6, 3 (acceleration only) or 0."""
        return self.hello["imu_axes"]

    @property
    def imu_rate_hz(self) -> float:
        """IMU rate; 0 without an IMU."""
        return 1e6 / self.hello["imu_period"] if self.hello["imu_period"] else 0.0

    @property
    def features(self) -> tuple[str, ...]:
        """What this firmware can do beside streaming."""
        bits = self.hello["features"]
        return tuple(name for i, name in enumerate(names.FEATURES) if bits >> i & 1)

    @property
    def failed(self) -> tuple[str, ...]:
        """What its own test found broken."""
        bits = self.hello["self_test"]
        return tuple(name for i, name in enumerate(names.FAILED) if bits >> i & 1)

    @property
    def form(self) -> str:
        """Name of the default form."""
        return m.FORM_NAMES.get(self.hello["form"], str(self.hello["form"]))

    @property
    def is_calibrated(self) -> bool:
        """Whether counts can be turned into newtons."""
        return self.hello["calibration"] != 0

    @property
    def force_lsb_n(self) -> float:
        """Newtons of one calibrated count."""
        return self.hello["force_lsb"] * 1e-6

    @property
    def base(self) -> NDArray[np.uint16]:
        """Raw counts without load."""
        return self.calibration[: self.n_cells]

    @property
    def gain(self) -> NDArray[np.uint16]:
        """Calibrated counts per raw count, times 65536."""
        return self.calibration[self.n_cells : 2 * self.n_cells]

    @property
    def layout(self) -> Layout:
        """Where the cells are."""
        h = self.hello
        return layouts.from_table(
            self.layout_name,
            self.geometry,
            rows=h["rows"],
            cols=h["cols"],
            length=h["length"],
            width=h["width"],
        )

    def force_n(self, values: NDArray[Any], form: int) -> NDArray[np.float64]:
        """Return newtons per cell, shape (n, n_cells); DataError for an uncalibrated insole."""
        if not self.is_calibrated:
            raise DataError(
                f"insole {self.serial} is uncalibrated: its counts are not newtons; "
                "calibrate it first"
            )
        if form != m.RAW12:
            return values * self.force_lsb_n
        above = np.maximum(values.astype(np.float64) - self.base, 0.0)
        return above * (self.gain / 65536.0) * self.force_lsb_n

    def to_json(self) -> dict[str, Any]:
        """Return what the recording keeps."""
        hello = {**self.hello, "text": base64.b64encode(bytes(self.hello["text"])).decode()}
        tables = {
            "geometry": base64.b64encode(self.geometry.astype("<u2").tobytes()).decode(),
            "calibration": base64.b64encode(self.calibration.astype("<u2").tobytes()).decode(),
            "readout": base64.b64encode(self.readout.astype("<u2").tobytes()).decode(),
        }
        return {"hello": hello, **tables}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> InsoleInfo:
        """Return what ``to_json`` kept."""
        hello = {**data["hello"], "text": base64.b64decode(data["hello"]["text"])}
        tables = (
            np.frombuffer(base64.b64decode(data[k]), "<u2")
            for k in ("geometry", "calibration", "readout")
        )
        info = cls(hello, *tables)
        absent = {field.name for field in m.HELLO_REPLY.fixed} - set(hello)
        n = hello.get("n_cells", 0)
        if absent or len(info.geometry) != 3 * n or len(info.calibration) < 2 * n:
            raise DataError(f"not an insole: {sorted(absent) or 'tables of another size'}")
        return info
