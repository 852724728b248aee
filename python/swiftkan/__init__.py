"""Kolmogorov-Arnold networks on NumPy arrays, with pykan's interface and an engine in Swift.

>>> import numpy as np
>>> from swiftkan import KAN, create_dataset
>>> dataset = create_dataset(lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2)
>>> model = KAN([2, 5, 1], grid=5, seed=0)
>>> result = model.fit(dataset, steps=20)
>>> model.predict([[0.5, 0.5]]).shape
(1, 1)
"""

import numpy as np

from swiftkan._cpu import cpu_info as cpu_info  # isort: skip  (first: it loads the engine)
from swiftkan._augment import augment_input as augment_input
from swiftkan._compiled import CompiledKAN as CompiledKAN
from swiftkan._datasets import create_dataset as create_dataset
from swiftkan._datasets import create_dataset_from_data as create_dataset_from_data
from swiftkan._kan import KAN as KAN
from swiftkan.MultKAN import MultKAN as MultKAN  # after this the name is the class, not the module
from swiftkan._feynman import get_feynman_dataset as get_feynman_dataset
from swiftkan._formula import ex_round as ex_round
from swiftkan._gam import fit_gam as fit_gam
from swiftkan._functions import FUNCTIONS as FUNCTIONS
from swiftkan._functions import SYMBOLIC_LIB as SYMBOLIC_LIB
from swiftkan._functions import add_symbolic as add_symbolic
from swiftkan._layers import KANLayer as KANLayer
from swiftkan._layers import SymbolicLayer as SymbolicLayer
from swiftkan._progress import Step as Step
from swiftkan._result import FitResult as FitResult
from swiftkan._search_table import SymbolicSearch as SymbolicSearch
from swiftkan._structure_search import StructureSearch as StructureSearch
from swiftkan._structure_search import search_structure as search_structure
from swiftkan._symbolic import fit_params as fit_params
from swiftkan._tools import batch_jacobian as batch_jacobian
from swiftkan._tools import sparse_mask as sparse_mask
from swiftkan._threads import get_num_threads as get_num_threads
from swiftkan._threads import set_num_threads as set_num_threads

# np: what is written after pykan's ``from kan import *`` uses it without importing it.
__all__ = [
    "CompiledKAN", "FUNCTIONS", "FitResult", "KAN", "KANLayer", "MultKAN", "SYMBOLIC_LIB", "Step", "StructureSearch",
    "SymbolicLayer", "SymbolicSearch", "add_symbolic", "augment_input", "batch_jacobian", "cpu_info", "create_dataset", "create_dataset_from_data", "ex_round",
    "fit_gam", "fit_params", "get_feynman_dataset", "get_num_threads", "np", "search_structure", "set_num_threads", "sparse_mask",
]  # fmt: skip
ESTIMATORS = ("KANClassifier", "KANRegressor")  # not in __all__: ``from swiftkan import *`` works without scikit-learn


def __getattr__(name: str):
    if name == "__version__":  # read when asked for: importlib.metadata takes milliseconds to import
        from importlib.metadata import version

        return version("swiftkan")
    if name in ESTIMATORS:  # they need scikit-learn, which takes a second to import
        from swiftkan import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module 'swiftkan' has no attribute {name!r}")
