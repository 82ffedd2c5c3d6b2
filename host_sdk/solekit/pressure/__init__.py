"""Plantar pressure on any layout: centre of pressure, regions, descriptors, cell defects."""

from solekit.pressure.butterfly import Butterfly
from solekit.pressure.cells import CellCheck, carried_by_interpolation, interpolate
from solekit.pressure.cop import CentreOfPressure, GaitLine
from solekit.pressure.descriptors import PlantarPressure
from solekit.pressure.regions import region_mask, region_masks

__all__ = [
    "Butterfly",
    "CellCheck",
    "CentreOfPressure",
    "GaitLine",
    "PlantarPressure",
    "carried_by_interpolation",
    "interpolate",
    "region_mask",
    "region_masks",
]
