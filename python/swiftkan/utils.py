"""Functions beside the model, where pykan's users look for them: ``from swiftkan.utils import ex_round``.

They are those of ``swiftkan`` itself; this module keeps scripts and notebooks that import from ``kan.utils`` the same but for
the package's name.

>>> from swiftkan.utils import SYMBOLIC_LIB, create_dataset, ex_round
>>> create_dataset(lambda x: x[:, [0]] * x[:, [1]], n_var=2, train_num=10)["train_label"].shape
(10, 1)
"""

from ._augment import augment_input as augment_input
from ._datasets import create_dataset as create_dataset
from ._datasets import create_dataset_from_data as create_dataset_from_data
from ._formula import ex_round as ex_round
from ._functions import SYMBOLIC_LIB as SYMBOLIC_LIB
from ._functions import add_symbolic as add_symbolic
from ._symbolic import fit_params as fit_params
from ._tools import batch_jacobian as batch_jacobian
from ._tools import sparse_mask as sparse_mask

__all__ = [
    "SYMBOLIC_LIB", "add_symbolic", "augment_input", "batch_jacobian", "create_dataset", "create_dataset_from_data", "ex_round", "fit_params",
    "sparse_mask",
]  # fmt: skip
