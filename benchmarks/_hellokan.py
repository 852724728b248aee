"""The sequence of pykan's first notebook, from data to formula, as swiftkan's and pykan's sides of symbolic.py run it.

What it must get right: both sides make the very same calls, on the KAN class that they bring, and the clock stands where it stands for
the other. Nothing of either library is imported here.
"""

import time


def numeric(KAN, data, seed):
    """The network after the steps before the symbolic one."""
    model = KAN(width=[2, 5, 1], grid=3, k=3, seed=seed)
    model.fit(data, opt="LBFGS", steps=50, lamb=0.001)
    model = model.prune()
    model.fit(data, opt="LBFGS", steps=50)
    model = model.refine(10)
    model.fit(data, opt="LBFGS", steps=50)
    return model


def timed(KAN, data, seed, lib):
    """Seconds of auto_symbolic and of the whole sequence, and the test error at its end."""
    began = time.perf_counter()
    model = numeric(KAN, data, seed)
    middle = time.perf_counter()
    model.auto_symbolic(lib=lib)
    end = time.perf_counter()
    result = model.fit(data, opt="LBFGS", steps=50)
    model.symbolic_formula()
    whole = time.perf_counter() - began
    return dict(auto_symbolic=end - middle, whole=whole, test_rmse=float(result["test_loss"][-1]))
