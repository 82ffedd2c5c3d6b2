"""The one version of firmware and host."""

__version__ = "0.1.0"
