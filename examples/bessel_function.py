"""A function that the library lacks (pykan's Example_5): exp(J₀(20x) + y²), with the Bessel function J₀ added by the user.

Needs SciPy for J₀. Run it with ``python examples/bessel_function.py``.
"""

import numpy as np
import sympy
from scipy.special import j0, j1

from swiftkan import FUNCTIONS, KAN, add_symbolic, create_dataset


def data():
    return create_dataset(lambda x: np.exp(j0(20 * x[:, 0]) + x[:, 1] ** 2), n_var=2)


def train(dataset):
    """The network, and its training with 3 intervals and with 20."""
    model = KAN([2, 1, 1], grid=3, k=3, seed=2)
    # Three intervals are too few for the waves of J₀(20x). The hidden node then has every reason to leave its grid, where the
    # second function can be bent as is needed, and from such a function most fits with 20 intervals end at an error of 0.3:
    # its grid gets room at either end.
    coarse = model.fit(dataset, steps=20, grid_margin=0.2)
    model = model.refine(20)
    return model, coarse, model.fit(dataset, steps=20)


def find_the_bessel_function():
    dataset = data()
    model, coarse, fine = train(dataset)

    nearest, _, nearest_r2, _ = model.suggest_symbolic(0, 0, 0, lib=FUNCTIONS, weight_simple=0.0)  # of the library's own
    # The last two can be left out: then derivatives are differences, and J0 in formulas is a function that SymPy can only evaluate.
    add_symbolic("J0", j0, c=1, derivative=lambda x: -j1(x), sympy=lambda x: sympy.besselj(0, x))
    name, _, r2, _ = model.suggest_symbolic(0, 0, 0, a_range=(-40, 40))

    model.fix_symbolic(0, 0, 0, name, a_range=(-40, 40))
    model.fix_symbolic(0, 1, 0, "x^2")
    model.fix_symbolic(1, 0, 0, "exp")
    symbolic = model.fit(dataset, steps=20)
    best = model.symbolic_search(dataset, lib=["x^2", "exp", "J0"]).best
    return {
        "test losses": {
            "3 intervals": coarse["test_loss"][-1],
            "20 intervals": fine["test_loss"][-1],
            "symbolic": symbolic["test_loss"][-1],
        },
        "nearest": nearest,
        "r2 of the nearest": nearest_r2,
        "suggested": name,
        "r2": r2,
        "formula": best.formula,
        "loss of the formula": best.loss,
    }


def main():
    figures = find_the_bessel_function()
    for name, loss in figures["test losses"].items():
        print(f"{name:12s} test RMSE {loss:.2e}")
    print(f"\nnearest function of the library to the first edge: {figures['nearest']}, r² = {figures['r2 of the nearest']:.3f}")
    print(f"with J0 added: {figures['suggested']}, r² = {figures['r2']:.5f}")
    print(f"formula: {figures['formula']}, test RMSE {figures['loss of the formula']:.1e}")
    return figures


if __name__ == "__main__":
    main()
