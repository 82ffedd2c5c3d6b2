"""The way of a foot from its IMU: axes, rest, path, and what they say of each stride."""

from solekit.trajectory.axes import FootAxes
from solekit.trajectory.path import FootPath
from solekit.trajectory.rest import FootRest
from solekit.trajectory.stride_geometry import StrideGeometry

__all__ = ["FootAxes", "FootPath", "FootRest", "StrideGeometry"]
