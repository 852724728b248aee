"""Auxiliary variables (pykan's Interp_8): the relativistic mass m₀/√(1 - v²/c²), with v/c and the Lorentz factor as inputs too.

β = v/c and γ = 1/√(1 - β²) are what a physicist would think of. The network is a single product of two sums. A penalty and pruning
leave one input in each: γ and m₀. Run it with ``python examples/auxiliary_variables.py``.
"""

import numpy as np
import sympy

from swiftkan import KAN, augment_input, create_dataset


def mass(x):
    m0, v, c = x.T
    return m0 / np.sqrt(1 - (v / c) ** 2)


def choose():
    symbols = m0, v, c = sympy.symbols("m0 v c")
    beta = v / c
    gamma = 1 / sympy.sqrt(1 - beta**2)
    dataset = create_dataset(mass, n_var=3, ranges=[[0, 1], [0, 0.9], [1.1, 2]])
    dataset = augment_input(symbols, [beta, gamma], dataset)
    inputs = [beta, gamma, m0, v, c]

    model = KAN([5, [0, 1]], mult_arity=2, grid=3, k=3, seed=1)
    sparse = model.fit(dataset, steps=50, lamb=1e-5, lamb_coef=1.0)
    model = model.prune(edge_th=5e-2)
    pruned = model.fit(dataset, steps=100)
    mask = model.act_fun[0].mask  # (inputs, factors)
    factors = [[inputs[i] for i in np.flatnonzero(column)] for column in mask.T]
    functions = model.auto_symbolic()
    symbolic = model.fit(dataset, steps=20)
    best = model.symbolic_search(dataset, lib=["x"], structures=False).best  # which recognises the constants
    return {
        "test losses": {
            "sparse": sparse["test_loss"][-1],
            "pruned": pruned["test_loss"][-1],
            "symbolic": symbolic["test_loss"][-1],
        },
        "factors": factors,
        "functions": {edge: name for edge, (name, r2, complexity) in functions.items()},
        "formula": best.formula.subs(dict(zip(sympy.symbols("x_1:6"), inputs))),
    }


def main():
    figures = choose()
    for name, loss in figures["test losses"].items():
        print(f"{name:9s} test RMSE {loss:.2e}")
    print("\ninputs left in the two factors:", figures["factors"])
    print("formula:", figures["formula"])
    return figures


if __name__ == "__main__":
    main()
