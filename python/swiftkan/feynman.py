"""``from swiftkan.feynman import get_feynman_dataset``, as pykan's scripts import it from ``kan.feynman``; it is that of ``swiftkan``."""

from ._feynman import get_feynman_dataset as get_feynman_dataset

__all__ = ["get_feynman_dataset"]
