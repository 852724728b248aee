"""The search for a formula: candidates judged by what the whole network makes of the data.

What it must get right first: every argument is checked before the search, and functions that were added are looked at only where the
library's own give no exact formula. How it searches: _searcher.py; what it returns: _search_table.py.
"""

from __future__ import annotations

import itertools
import time
from typing import Any

from . import _check, _data, _functions
from ._optional import need
from ._search_table import SymbolicSearch
from ._searcher import Searcher


class Search:
    """The method that looks for a formula."""

    def symbolic_search(
        self, dataset: Any, lib: Any = None, *, a_range: Any = (-10, 10), b_range: Any = (-10, 10), topk: int = 4,
        steps: int = 10, max_evaluations: int = 60, structures: bool = True, recognise: bool = True, verbose: int = 0,
    ) -> SymbolicSearch:  # fmt: skip
        """Looks for formulas of the trained model, and returns the best of each complexity. The model is not changed.

        Networks on trial make no versions (``auto_save``), and evaluate symbolic edges whether or not the model does (``speed()``).

        Parameters
        ----------
        dataset : dict or tuple
            As for :meth:`fit`: constants are fitted on the training data, the table's losses are those of the test data if
            there are any.
        lib : list of names
            The functions to choose from; all of ``SYMBOLIC_LIB`` if not given, with those that were added by ``add_symbolic`` only if
            the library's own give no exact formula.
        a_range, b_range : (low, high)
            As in :meth:`fix_symbolic`.
        topk : int
            Functions tried for each edge.
        steps : int
            L-BFGS steps (of 20 iterations) in which a candidate's constants are fitted anew.
        max_evaluations : int
            Candidates tried at most, for each network that is looked at.
        structures : bool
            Look also at networks from which hidden nodes were taken one after the other, trained anew, as long as the error
            allows.
        recognise : bool
            Replace constants by π, e, √2, small rationals and simple multiples where the loss does not suffer.
        verbose : int
            1: print each candidate that is an improvement.

        Returns
        -------
        SymbolicSearch
            A list of :class:`SymbolicRow`, each with an error on the training data at least 1 % below those of all simpler ones;
            ``.best`` is the one to take.

        Raises
        ------
        ValueError, TypeError
            For an argument or data that is not allowed.
        ImportError
            If SymPy is not installed.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN, create_dataset
        >>> dataset = create_dataset(lambda x: np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2, n_var=2, train_num=300, test_num=100)
        >>> model = KAN([2, 1], grid=5, seed=1)
        >>> _ = model.fit(dataset, steps=20)
        >>> result = model.symbolic_search(dataset, lib=["x", "x^2", "sin", "exp"])
        >>> result.best.formula
        x_2**2 + sin(pi*x_1)
        """
        need("sympy", "symbolic_search()")
        start = time.perf_counter()
        names, dataset = _functions.library(lib), _data.unpack(dataset)[0]
        search = Searcher(self, dataset, names, a_range, b_range, _check.integer("topk", topk, 1),
                           _check.integer("steps", steps, 1), _check.integer("max_evaluations", max_evaluations, 1),
                           _check.verbosity(verbose, 1))  # fmt: skip
        found = list(search.structures() if _check.flag("structures", structures) else [search.copy()])
        rounds = _functions.rounds(names) if lib is None else [names]
        for search.names, model in itertools.product(rounds, reversed(found)):  # the smallest network first
            search.explore(model)
            if search.is_exact():
                break
        search.simplify()
        result = search.table(_check.flag("recognise", recognise))
        result.evaluations, result.seconds = search.evaluations, time.perf_counter() - start
        return result
