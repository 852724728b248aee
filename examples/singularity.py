"""Functions with singularities (pykan's Example_9): sin(2(log x + log y)) and √(x² + y²).

The logarithm has its pole outside the data; the root has infinite slope at x = y = 0, which is inside. A step of training
that makes the argument of the root negative somewhere gives NaN there; ``singularity_avoiding=True`` continues log, sqrt, 1/x
and the like beyond their edges. The samples are float32, as torch draws them for pykan's tutorial, so errors end near 1e-8.
Run it with ``python examples/singularity.py``.
"""

import warnings

import numpy as np

from swiftkan import KAN, create_dataset, ex_round


def sine_of_logarithms():
    dataset = create_dataset(lambda x: np.sin(2 * np.log(x).sum(axis=1)), n_var=2, ranges=(0.2, 5), dtype="float32")
    model = KAN([2, 1, 1], grid=5, k=3, seed=1)
    numeric = model.fit(dataset, steps=20)
    r2 = [model.fix_symbolic(0, 0, 0, "log"), model.fix_symbolic(0, 1, 0, "log"), model.fix_symbolic(1, 0, 0, "sin")]
    symbolic = model.fit(dataset, steps=20)
    return {
        "test losses": {"numeric": numeric["test_loss"][-1], "symbolic": symbolic["test_loss"][-1]},
        "r2": r2,
        "formula": ex_round(model.symbolic_formula()[0][0], 3),
        "model": model,
    }


def distance():
    dataset = create_dataset(lambda x: np.hypot(x[:, 0], x[:, 1]), n_var=2, dtype="float32")
    model = KAN([2, 1, 1], grid=5, k=3, seed=0)
    numeric = model.fit(dataset, steps=20)
    r2 = [model.fix_symbolic(0, 0, 0, "x^2"), model.fix_symbolic(0, 1, 0, "x^2"), model.fix_symbolic(1, 0, 0, "sqrt")]
    losses = {"numeric": numeric["test_loss"][-1]}

    avoiding = model.clone()
    result = avoiding.fit(dataset, opt="Adam", steps=1000, lr=1e-3, update_grid=False, singularity_avoiding=True)
    losses["Adam, singularity avoided"] = result["test_loss"][-1]

    plain = model.clone()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # that the loss became NaN, and the last good model is kept
        failed = plain.fit(dataset, opt="Adam", steps=1000, lr=1e-3, update_grid=False)

    result = avoiding.fit(dataset, steps=20, update_grid=False)  # L-BFGS takes no step to NaN
    losses["then L-BFGS"] = result["test_loss"][-1]
    return {
        "test losses": losses,
        "r2": r2,
        "not avoided": failed.status,
        "left": float(np.sqrt(np.mean((plain.predict(dataset["test_input"]) - dataset["test_label"]) ** 2))),
        "formula": avoiding.symbolic_search(dataset, lib=["x^2", "sqrt"], structures=False).best.formula,
    }


def main():
    both = sine_of_logarithms(), distance()
    for title, figures in zip(("sin(2(log x + log y))", "√(x² + y²)"), both):
        print(title)
        for name, loss in figures["test losses"].items():
            print(f"   {name:26s} test RMSE {loss:.2e}")
        print("   r² of the functions:", ", ".join(f"{r2:.7f}" for r2 in figures["r2"]))
        print("   formula:", figures["formula"])
    print(f"   without singularity_avoiding: {both[1]['not avoided']}; the model is left with {both[1]['left']:.2e}")
    return both


if __name__ == "__main__":
    main()
