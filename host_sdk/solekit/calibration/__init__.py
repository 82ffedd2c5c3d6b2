"""Counts to newtons on the host, each step with its error, or an honest "uncalibrated".

counts -> curves (each cell) -> creep taken off -> hysteresis undone -> factor from body weight.
"""

from solekit.calibration.body_weight import BodyWeightFit, fit_body_weight
from solekit.calibration.closure import Closure, walking_closure
from solekit.calibration.creep import Creep, fit_creep
from solekit.calibration.curves import Curves, assumed_curves, fit_curves
from solekit.calibration.hysteresis import Hysteresis, fit_hysteresis
from solekit.calibration.model import Calibration
from solekit.calibration.press import Press, fit_press
from solekit.calibration.recorded import raw_counts, use
from solekit.calibration.store import load, save

__all__ = [
    "BodyWeightFit",
    "Calibration",
    "Closure",
    "Creep",
    "Curves",
    "Hysteresis",
    "Press",
    "assumed_curves",
    "fit_body_weight",
    "fit_creep",
    "fit_curves",
    "fit_hysteresis",
    "fit_press",
    "load",
    "raw_counts",
    "save",
    "use",
    "walking_closure",
]
