"""From gait events to strides, steps, gait phases and walking bouts."""

from solekit.strides.segmentation import EventStrides

__all__ = ["EventStrides"]
