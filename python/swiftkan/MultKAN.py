"""``from swiftkan.MultKAN import KAN``, as pykan's scripts import it from ``kan.MultKAN``; it is that of ``swiftkan``.

As in pykan, the attribute ``swiftkan.MultKAN`` is the class, not this module: ``swiftkan/__init__.py`` imports it from here.
"""

from ._kan import KAN as KAN
from ._kan import MultKAN as MultKAN

__all__ = ["KAN", "MultKAN"]
