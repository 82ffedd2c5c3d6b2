"""The recording file: everything an insole said, when it arrived, and proof of what is missing."""

from solekit.recording.reader import Recording
from solekit.recording.writer import RecordingWriter

__all__ = ["Recording", "RecordingWriter"]
