"""Makes every picture in docs/figures: networks that are trained here, drawn by ``model.plot``.

    .venv/bin/python docs/make_figures.py [name ...]

What it must get right: each picture is of the network that its function describes, trained on the spot, and no file is
larger than 200 kB. The same machine makes the same bytes again.
"""

import sys
from pathlib import Path

import numpy as np

from swiftkan import KAN, create_dataset

FOLDER = Path(__file__).parent / "figures"
LIMIT = 200_000  # bytes


def hellokan():
    """exp(sin(πx₁) + x₂²), pykan's first example: one of five hidden nodes is enough, and the others fade."""
    dataset = create_dataset(lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2)
    model = KAN([2, 5, 1], grid=3, k=3, seed=42)
    model.fit(dataset, opt="LBFGS", steps=50, lamb=0.001)
    return model.plot(in_vars=["x_1", "x_2"], out_vars=[r"$e^{\,\sin \pi x_1 + x_2^2}$"])


def hellokan_symbolic():
    """The same function in the smallest network that can hold it, two edges being symbolic and one both."""
    dataset = create_dataset(lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2)
    model = KAN([2, 1, 1], grid=3, k=3, seed=0)
    for l, i, name, a in ((0, 0, "sin", np.pi), (0, 1, "x^2", 1.0), (1, 0, "exp", 1.0)):
        layer = model.symbolic_fun[l]
        layer.set_function(i, 0, name)
        layer.affine[0, i], layer.mask[0, i] = (a, 0, 1, 0), 1
        model.act_fun[l].mask[i, 0] = 0
    model.act_fun[1].mask[0, 0] = 1
    model.fit(dataset, opt="LBFGS", steps=20)
    return model.plot(tick=True, in_vars=["x_1", "x_2"], out_vars=["y"])


def multiplication():
    """x₁x₂ + x₃ with a multiplication node."""
    dataset = create_dataset(lambda x: x[:, [0]] * x[:, [1]] + x[:, [2]], n_var=3)
    model = KAN([3, [1, 1], 1], grid=3, k=3, seed=1)
    model.fit(dataset, opt="LBFGS", steps=50, lamb=0.01)
    return model.plot(in_vars=["x_1", "x_2", "x_3"], out_vars=["$x_1 x_2 + x_3$"])


def hundred_inputs():
    """Three of a hundred inputs matter: 1110 edges, of which one sees those that do something."""
    x = 2 * np.random.RandomState(0).rand(1000, 100) - 1
    y = np.sin(np.pi * x[:, [10]]) + 2 * x[:, [50]] + x[:, [90]] ** 2
    model = KAN([100, 10, 10, 1], grid=3, k=3, seed=0)
    model.fit((x, y), opt="LBFGS", steps=20, lamb=1e-3)
    return model.plot(in_vars=[f"x_{{{i}}}" for i in range(100)], out_vars=["y"])


FIGURES = (hellokan, hellokan_symbolic, multiplication, hundred_inputs)


def main():
    chosen = sys.argv[1:] or [figure.__name__ for figure in FIGURES]
    unknown = set(chosen) - {figure.__name__ for figure in FIGURES}
    if unknown:
        sys.exit(f"there is no figure {', '.join(sorted(unknown))}; there are {', '.join(f.__name__ for f in FIGURES)}")
    FOLDER.mkdir(exist_ok=True)
    for figure in FIGURES:
        if figure.__name__ in chosen:
            path = FOLDER / f"{figure.__name__}.svg"
            path.write_text(figure().to_svg(), encoding="utf-8")
            size = path.stat().st_size
            print(f"{path.name}: {size / 1000:.0f} kB")
            if size > LIMIT:
                sys.exit(f"{path} is larger than {LIMIT / 1000:.0f} kB")


if __name__ == "__main__":
    main()
