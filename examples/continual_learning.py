"""Continual learning (pykan's Example_8): five peaks shown one after the other; learning one does not forget the others.

A B-spline coefficient acts near its knots only. A network of one edge, without base function and with fixed scales, is
therefore changed only where it is shown samples; with pykan's usual edge, which has both, what was learnt is lost. Run it with
``python examples/continual_learning.py``.
"""

import numpy as np

from swiftkan import KAN

CENTRES = np.array([-0.8, -0.4, 0.0, 0.4, 0.8])


def peaks(x):
    """Five Gaussian peaks, e^(-300 (x - c)²)."""
    return np.exp(-300 * (x - CENTRES) ** 2).sum(axis=1, keepdims=True)


def rmse(model, x):
    return float(np.sqrt(np.mean((model.predict(x) - peaks(x)) ** 2)))


def learn(**settings):
    """Shows the peaks in turn, 100 samples each, and says what is known after each."""
    parts = [np.linspace(centre - 0.2, centre + 0.2, 100)[:, None] for centre in CENTRES]
    model = KAN([1, 1], grid=200, k=3, noise_scale=0.1, **settings)
    learnt, kept = [], []
    for i, x in enumerate(parts):
        model.fit((x, peaks(x)), steps=100, update_grid=False)
        learnt.append(rmse(model, x))
        kept.append(rmse(model, np.concatenate(parts[: i + 1])))
    return {"learnt": learnt, "kept": kept, "model": model}


def main():
    local = learn(base_fun="zero", sp_trainable=False, sb_trainable=False)
    usual = learn()
    for title, figures in (("only the spline learns", local), ("base function and scales learn too", usual)):
        print(f"{title}\npeak  RMSE on this peak  on all peaks so far")
        for number, (new, all_so_far) in enumerate(zip(figures["learnt"], figures["kept"]), 1):
            print(f"{number:4d}  {new:.2e}           {all_so_far:.2e}")
    return local, usual


if __name__ == "__main__":
    main()
