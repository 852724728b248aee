"""The names of pykan's module ``kan.utils`` that swiftkan has, so that scripts find them in their place.

>>> from swiftkan.utils import ex_round
"""

from ._datasets import create_dataset as create_dataset
from ._datasets import create_dataset_from_data as create_dataset_from_data
from ._formula import ex_round as ex_round
from ._functions import SYMBOLIC_LIB as SYMBOLIC_LIB
from ._functions import add_symbolic as add_symbolic
from ._symbolic import fit_params as fit_params

__all__ = ["SYMBOLIC_LIB", "add_symbolic", "create_dataset", "create_dataset_from_data", "ex_round", "fit_params"]
