"""Relativistic addition of velocities (pykan's Example_10): (u + v)/(1 + uv) turns out to be tanh(artanh u + artanh v).

The artanh of a velocity is its rapidity; rapidities simply add, which is what a network of one sum can learn. Run it with
``python examples/velocity_addition.py``.
"""

from swiftkan import KAN, create_dataset


def velocities():
    """Pairs of velocities up to 0.9 c, and what they add up to."""
    return create_dataset(lambda x: x.sum(axis=1) / (1 + x.prod(axis=1)), n_var=2, ranges=(-0.9, 0.9))


def by_hand():
    """Looks at one edge after the other and fixes what fits best."""
    dataset = velocities()
    model = KAN([2, 1, 1], grid=10, k=3)
    numeric = model.fit(dataset, steps=20)
    inner = model.suggest_symbolic(0, 1, 0, weight_simple=0.0)[0]
    r2 = [model.fix_symbolic(0, i, 0, inner) for i in range(2)]
    half = model.fit(dataset, steps=20, update_grid=False)
    outer = model.suggest_symbolic(1, 0, 0, weight_simple=0.0)[0]
    r2.append(model.fix_symbolic(1, 0, 0, outer))
    symbolic = model.fit(dataset, steps=20, update_grid=False)
    return {
        "test losses": {
            "numeric": numeric["test_loss"][-1],
            f"{inner} fixed": half["test_loss"][-1],
            f"{outer} fixed": symbolic["test_loss"][-1],
        },
        "functions": [inner, outer],
        "r2": r2,
    }


def by_search():
    """Leaves the choice to the search, which also recognises the constants."""
    dataset = velocities()
    model = KAN([2, 1, 1], grid=10, k=3)
    model.fit(dataset, steps=20)
    return model.symbolic_search(dataset, structures=False)


def main():
    figures = by_hand()
    for name, loss in figures["test losses"].items():
        print(f"{name:14s} test RMSE {loss:.2e}")
    table = by_search()
    print(f"\n{table}")
    return figures, table


if __name__ == "__main__":
    main()
