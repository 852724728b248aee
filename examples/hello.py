"""A first tour: a function, two measured data sets against linear models, and a formula found. Run it with ``make hello``.

Needs scikit-learn for the measured data and the baselines, SymPy for the formula and matplotlib for the picture, which it
writes to hello.svg beside this file (pip install 'swiftkan[all]'). Every held-out figure is
of samples that neither the model nor its early stopping has seen; the settings were chosen on other splits than the
one shown. Both measured data sets are nearly linear in their features, so a tie with the linear model is what an
honest model should reach.
"""

import time
from pathlib import Path

import numpy as np

from swiftkan import KAN, create_dataset


def formula():
    """exp(sin πx₁ + x₂²), pykan's first example: a coarse grid, then finer ones that go on from what was learnt."""
    print("1. A formula: exp(sin πx₁ + x₂²), 1000 samples, network [2, 5, 1]\n")
    dataset = create_dataset(lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2, seed=0)
    model = KAN(width=[2, 5, 1], grid=3, k=3, seed=42)
    print("   grid  steps  train RMSE   test RMSE   seconds")
    for grid in (3, 6, 12, 24):
        if grid > 3:
            model = model.refine(grid)  # more knots, the same function
        result = model.fit(dataset, opt="LBFGS", steps=30, stop_grid_update_step=20)
        print(
            f"   {grid:4d}  {result.steps:5d}    {result['train_loss'][-1]:.2e}    {result['test_loss'][-1]:.2e}"
            f"    {result.seconds:6.2f}"
        )
    print(f"\n   At x = (0.5, 0.5): {model.predict([0.5, 0.5])[0]:.6f}, exactly {np.exp(1.25):.6f}\n")


def folds(x, y, count=5):
    """Cross-validation: (training, test) parts so that every sample is tested once, by a model that has not seen it."""
    parts = np.array_split(np.random.RandomState(0).permutation(len(x)), count)
    for i, test in enumerate(parts):
        train = np.concatenate(parts[:i] + parts[i + 1 :])
        mean, std = x[train].mean(axis=0), x[train].std(axis=0)
        yield (x[train] - mean) / std, y[train], (x[test] - mean) / std, y[test]


def regression():
    """Diabetes progression from ten measurements of 442 patients (Efron et al. 2004)."""
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import LinearRegression

    x, y = load_diabetes(return_X_y=True, scaled=False)
    print(
        f"2. Measured data, regression: diabetes, {len(x)} patients, {x.shape[1]} measurements;"
        " 5-fold cross-validation\n"
    )
    errors = {"linear regression": [], "KAN [10, 1]": []}
    start = time.perf_counter()
    for x_train, y_train, x_test, y_test in folds(x, y):
        linear = LinearRegression().fit(x_train, y_train)
        errors["linear regression"].append(y_test - linear.predict(x_test))
        centre, spread = y_train.mean(), y_train.std()
        model = KAN([x.shape[1], 1], grid=2, k=2, base_fun="identity", noise_scale=0.0)
        model.fit(
            (x_train, (y_train[:, None] - centre) / spread), steps=20, lamb=0.01, lamb_entropy=0.0, lamb_coefdiff=3.0,
            validation_split=0.2, patience=3,
        )  # fmt: skip
        errors["KAN [10, 1]"].append(y_test - (model.predict(x_test)[:, 0] * spread + centre))
    for name, parts in errors.items():
        error = np.concatenate(parts)
        print(
            f"   {name:20s} held-out RMSE {np.sqrt(np.mean(error**2)):6.2f}   R² {1 - np.mean(error**2) / y.var():.3f}"
        )
    print(f"   ({time.perf_counter() - start:.2f} s)\n")


def classification():
    """Malignant or benign from thirty measurements of 569 tumours (Street, Wolberg and Mangasarian 1993)."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression

    x, y = load_breast_cancer(return_X_y=True)
    print(
        f"3. Measured data, classification: breast cancer, {len(x)} tumours, {x.shape[1]} measurements;"
        " 5-fold cross-validation\n"
    )
    right = {"logistic regression": [], "KAN [30, 2]": []}
    start = time.perf_counter()
    for x_train, y_train, x_test, y_test in folds(x, y):
        linear = LogisticRegression(max_iter=1000).fit(x_train, y_train)
        right["logistic regression"].append(linear.predict(x_test) == y_test)
        model = KAN([x.shape[1], 2], grid=2, k=2, base_fun="identity", noise_scale=0.0)
        model.fit(
            (x_train, y_train), loss_fn="cross_entropy", steps=20, lamb=0.003, lamb_entropy=0.0, lamb_coefdiff=1.0,
            validation_split=0.2, patience=3,
        )  # fmt: skip
        right["KAN [30, 2]"].append(model.predict(x_test).argmax(axis=1) == y_test)
    for name, parts in right.items():
        hits = np.concatenate(parts)
        print(f"   {name:20s} held-out accuracy {hits.mean():.3f}   ({np.count_nonzero(~hits)} of {hits.size} wrong)")
    print(f"   ({time.perf_counter() - start:.2f} s)")


def discovery():
    """pykan's tutorial in one go: train sparsely, prune, refine, and read the formula off."""
    print("\n4. From data to formula: the function of part 1, sparsely trained, pruned, refined, symbolised\n")
    dataset = create_dataset(lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2, seed=0)
    start = time.perf_counter()
    model = KAN(width=[2, 5, 1], grid=3, k=3, seed=42)
    model.fit(dataset, opt="LBFGS", steps=50, lamb=0.001)
    model = model.prune()
    print(f"   pruned to {[n_sum for n_sum, _ in model.width]}")
    model.fit(dataset, opt="LBFGS", steps=50)
    model = model.refine(10)
    model.fit(dataset, opt="LBFGS", steps=50)
    table = model.symbolic_search(dataset)
    print("   " + str(table).replace("\n", "\n   "))
    print(f"   ({time.perf_counter() - start:.2f} s)")
    picture = Path(__file__).with_name("hello.svg")
    table.best.model.plot(in_vars=["x_1", "x_2"], out_vars=["y"]).savefig(picture)
    print(f"   The network as a picture: {picture}")


if __name__ == "__main__":
    formula()
    regression()
    classification()
    discovery()
