"""Two moons (pykan's Example_4): classes as a regression and as a classification, each ending with a formula that classifies.

The network can separate the moons it is trained on without an error, so its best cross-entropy lies at infinite weights; a
penalty (``lamb``) keeps them finite and their shape simple enough for formulas. Needs scikit-learn. Run it with
``python examples/two_moons.py``.
"""

import numpy as np
from sklearn.datasets import make_moons

from swiftkan import KAN, ex_round

LIB = ["x", "x^2", "x^3", "x^4", "exp", "log", "sqrt", "tanh", "sin", "tan", "abs"]


def moons(seed=0):
    """1000 samples to train on and 1000 to test, with their classes 0 and 1."""
    x, label = make_moons(2000, noise=0.1, random_state=seed)
    return x[:1000], label[:1000], x[1000:], label[1000:]


def result_and_formula(model, result, classes, seed):
    """The accuracies of the network and of its formula, (on training data, on test data); ``classes`` reads them from outputs."""
    x, label, x_test, label_test = moons(seed)

    def accuracies(f):
        return float(np.mean(classes(f(x)) == label)), float(np.mean(classes(f(x_test)) == label_test))

    network = accuracies(model.predict)
    model.auto_symbolic(lib=LIB)
    return {
        "test_loss": result["test_loss"][-1],
        "network": network,
        "formula": accuracies(model.formula_function()),
        "expressions": [ex_round(expression, 4) for expression in model.symbolic_formula()[0]],
    }


def regression(seed=0):
    """One output, near 0 for one moon and near 1 for the other."""
    x, label, x_test, label_test = moons(seed)
    model = KAN([2, 1], grid=3, k=3)
    result = model.fit((x, label[:, None], x_test, label_test[:, None]), steps=20)

    return result_and_formula(model, result, lambda y: y[:, 0] > 0.5, seed)


def classification(seed=0):
    """Two outputs, a logit for each moon."""
    x, label, x_test, label_test = moons(seed)
    model = KAN([2, 2], grid=3, k=3, seed=2024)
    result = model.fit((x, label, x_test, label_test), steps=20, loss_fn="cross_entropy", lamb=0.01)

    return result_and_formula(model, result, lambda y: y.argmax(axis=1), seed)


def main():
    both = regression(), classification()
    for title, figures in zip(("regression", "classification (cross-entropy)"), both):
        print(f"{title}: test loss {figures['test_loss']:.3f}")
        for name in ("network", "formula"):
            train, test = figures[name]
            print(f"   accuracy of the {name}: {train:.3f}, on test data {test:.3f}")
        for number, expression in enumerate(figures["expressions"], 1):
            print(f"   y{number} = {expression}")
    return both


if __name__ == "__main__":
    main()
