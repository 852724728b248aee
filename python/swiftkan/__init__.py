"""Kolmogorov-Arnold networks. The package's face; the engine is ``swiftkan._core``."""

from swiftkan import _core as _core
