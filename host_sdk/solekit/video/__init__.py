"""A walk seen from the side by one camera: points, angles, variables."""

from solekit.video.aliases import aliases
from solekit.video.landmarks import Landmarks
from solekit.video.tracking import track
from solekit.video.variables import VideoVariables, measure_walk

__all__ = ["Landmarks", "VideoVariables", "aliases", "measure_walk", "track"]
