"""The insole's own detector, run again on the host: the same file, the same integers."""

from __future__ import annotations

from array import array

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from solecore import _plain
from solecore.gait.contacts import ContactDetector
from solecore.layouts import Geometry
from solecore.wire import messages as m
from solekit import numpy_kernels
from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.identity import InsoleInfo


class FootContacts(Algorithm):
    """Gait events from recorded frames by the detector that runs on the foot.

    On frames without gaps, and with the settings that the insole had, it gives the insole's events
    to the microsecond.

    Parameters
    ----------
    body_weight
        Body weight in counts of the summed calibrated cells; 0: thresholds adapt to the walk.
    noise
        SD of the unloaded sum in counts.

    Attributes
    ----------
    events_
        Table with ``kind`` ('ic', 'to', 'heel_on', 'forefoot_on', 'heel_off') and ``foot_us``,
        microseconds of the foot's unwrapped clock, in the order in which they were found.
    """

    events_: pd.DataFrame

    def __init__(self, *, body_weight: int = 0, noise: int = 4) -> None:
        self.body_weight = body_weight
        self.noise = noise

    def detect(
        self,
        counts: NDArray[np.integer],
        *,
        foot_us: NDArray[np.int64],
        info: InsoleInfo,
        form: str,
    ) -> FootContacts:
        """Find the events of frames ``counts`` (n, n_cells) taken at ``foot_us`` (n,).

        ``form`` tells what the counts are: raw12 before base and gain, else calibrated. DataError
        if the shapes do not fit the insole.
        """
        n = info.n_cells
        if counts.ndim != 2 or counts.shape != (foot_us.shape[0], n):
            raise DataError(
                f"counts of shape {counts.shape} for {foot_us.shape[0]} times and {n} cells; "
                "give one row per frame"
            )
        detector = ContactDetector(info.period_us, self.body_weight, self.noise)
        zones = _geometry(info).zones()
        table = array("H", info.calibration.tobytes())
        cells = bytearray(n)
        sums = array("I", bytes(4 * _plain.N_SUMS))
        rows = []
        for frame, us in zip(counts, foot_us.tolist(), strict=True):
            if form == m.FORM_NAMES[m.RAW12]:
                numpy_kernels.calibrate(frame.astype("<u2"), table, cells, n)
            else:
                cells[:] = frame.astype(np.uint8).tobytes()
            numpy_kernels.sums(cells, zones, sums, n)
            force, heel, fore = sums[_plain.SUM_F], sums[_plain.SUM_HEEL], sums[_plain.SUM_FORE]
            bits = detector.step(force, heel, fore, us & m.TICKS_MASK, us >> 30)
            for kind, name in m.EVENT_NAMES.items():
                if bits >> kind & 1:
                    rows.append((name, (detector.wraps_of[kind] << 30) + detector.ticks_of[kind]))
        self.events_ = pd.DataFrame(rows, columns=["kind", "foot_us"])
        return self


def _geometry(info: InsoleInfo) -> Geometry:
    h = info.hello
    table = array("H", info.geometry.tobytes())
    return Geometry(info.layout_name, h["rows"], h["cols"], h["length"], h["width"], table)
