"""The public class: all rooms of the house together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from . import _check
from ._expand import Expanding
from ._formula import Formula
from ._plot import Plotting
from ._prune import Pruning
from ._rearrange import Rearranging
from ._references import UnknownFunction
from ._search import Search
from ._suggest import Suggestions
from ._versions import Versions


class KAN(Search, Formula, Suggestions, Rearranging, Expanding, Plotting, Pruning, Versions):
    """A Kolmogorov-Arnold network: learnable functions of one variable on edges, sums and products on nodes.

    Node values of level l + 1 are made from those of level l. Every edge from node i to subnode j applies

        φ(x) = mask·(scale_base·b(x) + scale_sp·Σ_m coef_m·B_m(x))  +  symbolic mask·(c·f(a·x + d₀) + d)

    with B-splines B_m of degree k, a base function b, and a symbolic function f; subnodes add their edges, nodes take
    a subnode or the product of several (Liu et al. 2024, arXiv 2404.19756, eqs. 2.7 and 2.10; MultKAN: arXiv
    2408.10205, section 2). The arguments, their defaults and the numbers that a seed gives are pykan's
    (kan/MultKAN.py), but ``auto_save`` is off and ``dtype`` is new. ``MultKAN`` is the same class.

    Parameters
    ----------
    width : list
        Nodes of each level from inputs to outputs: a number, or ``[n_sum, n_mult]``. The list is not changed.
    grid : int or list
        Grid intervals G of the splines, for all layers or one a layer.
    k : int or list
        Spline degree, 0 to 20.
    mult_arity : int or list of lists
        Factors of each multiplication node; as lists level by level, inputs and outputs too: ``[[], [2, 3], []]``.
    noise_scale : float
        Size of the initial splines.
    scale_base_mu, scale_base_sigma : float
        The initial ``scale_base`` is (mu + sigma·uniform(-1, 1))/√inputs.
    base_fun : 'silu', 'identity' or 'zero'
    symbolic_enabled : bool
        Are symbolic edges evaluated.
    affine_trainable : bool
        Are scales and biases of nodes and subnodes trained.
    grid_eps : float
        Grids from samples: 1 uniform, 0 quantiles, between a mixture.
    grid_range : (low, high)
        The initial grid.
    sp_trainable, sb_trainable : bool
        Are ``scale_sp`` and ``scale_base`` trained.
    seed : int
        The same seed gives the same network. No global generator is used.
    sparse_init : bool
        Join each node to its nearest neighbours only.
    init : 'pykan', 'glorot' or 'power'
        The initial numbers: pykan's, or the Glorot-inspired or the power-law ones of arXiv 2509.03417 (section 3), which keep
        variances alike from layer to layer; see ``swiftkan/_initialization.py``. With the latter ``scale_sp`` begins at 1, and
        ``noise_scale``, ``scale_base_mu`` and ``scale_base_sigma`` are not used.
    auto_save : bool
        Is every version saved in ``ckpt_path``, with a history: see :meth:`log_history`, :meth:`rewind`, :meth:`history`.
    ckpt_path : str or path-like
        The folder of versions. It is made if needed; a history that is there already is begun anew.
    state_id, round, first_init
        The model is version ``round.state_id``. ``first_init=False`` neither makes the folder nor saves the first version.
    device : 'cpu'
    dtype : 'float64' or 'float32'
    save_act
        Kept as an attribute for pykan's scripts, without effect.

    Raises
    ------
    ValueError, TypeError
        For an argument that is not allowed; the message says what is.
    OSError
        With ``auto_save``, if the first version cannot be written.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftkan import KAN, create_dataset
    >>> dataset = create_dataset(lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2)
    >>> model = KAN(width=[2, 5, 1], grid=3, k=3, seed=42)
    >>> model
    KAN(width=[2, 5, 1], grid=3, k=3, dtype=float64)
    >>> result = model.fit(dataset, opt="LBFGS", steps=20)
    >>> bool(result["test_loss"][-1] < 0.05)
    True
    """

    @classmethod
    def from_pykan(cls, path: Any) -> Self:
        """Reads a checkpoint that pykan wrote, without torch and without executing anything in it.

        Parameters
        ----------
        path : str, bytes or path-like
            As given to pykan's ``saveckpt``: the files are ``{path}_config.yml`` and ``{path}_state``.

        Returns
        -------
        KAN
            With the checkpoint's dtype. pykan does not store the seed, ``input_id`` and the scales of initial noise;
            of a model whose inputs were pruned set ``input_id`` and ``input_width``.

        Raises
        ------
        FileNotFoundError
            If one of the files is missing.
        ValueError
            If a file is damaged or holds anything that a checkpoint has no use for (it is named, and not executed),
            or if the model has functions that must be added first (:func:`swiftkan.add_symbolic`).
        """
        from ._pykan import read_checkpoint  # zipfile and pickle take time to import

        path = _check.path("path", path)
        arguments, state, names = read_checkpoint(path)
        try:
            model = cls.__new__(cls)
            model._plain_attributes()
            model._restore(arguments, state, names)
        except UnknownFunction as error:
            raise ValueError(f"path: the checkpoint {path} cannot be loaded yet: {error}") from None
        except (TypeError, ValueError) as error:
            raise ValueError(f"path: the checkpoint {path} cannot be read: {error}") from None
        return model

    def parameters(self) -> Iterator[np.ndarray]:
        """The arrays of :meth:`get_params` one after the other, grids and masks included, as pykan's; they have no gradients of their own,
        see :meth:`value_and_grad`."""
        return iter(self.get_params())

    def train(self, mode: bool = True) -> Self:
        """Returns the model itself, as ``eval()`` does: it computes the same in training and outside (torch's words, so that its
        scripts run). To train it call :meth:`fit`."""
        if _check.is_list(mode):
            raise TypeError(f"mode: must be True or False, not {_check.named(type(mode))}; to train the model call fit(dataset, ...)")
        _check.flag("mode", mode)
        return self

    def eval(self) -> Self:
        """Returns the model itself, see :meth:`train`."""
        return self


MultKAN = KAN
