"""A first tour: a function, two measured data sets against linear models, and a formula found. Run it with ``make hello``.

Needs scikit-learn for the measured data and the baselines, SymPy for the formula and matplotlib for the picture, which it
writes to hello.svg beside this file (in a clone: pip install '.[all]'). Every held-out figure is of samples that the model, the choice of
its settings included, has not seen. Both measured data sets are nearly linear in their features, so a tie with the linear model is
what an honest model should reach.
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


def compare(models, x, y, folds):
    """{name: predictions of every sample by a model that has not seen it}, and the seconds of all fits."""
    from sklearn.model_selection import cross_val_predict

    start = time.perf_counter()
    return {name: cross_val_predict(model, x, y, cv=folds) for name, model in models.items()}, time.perf_counter() - start


def regression():
    """Diabetes progression from ten measurements of 442 patients (Efron et al. 2004)."""
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import KFold

    from swiftkan import KANRegressor

    x, y = load_diabetes(return_X_y=True, scaled=False)
    print(f"2. Measured data, regression: diabetes, {len(x)} patients, {x.shape[1]} measurements; 5-fold cross-validation\n")
    models = {"linear regression": LinearRegression(), "KANRegressor": KANRegressor(random_state=0)}
    predictions, seconds = compare(models, x, y, KFold(5, shuffle=True, random_state=0))
    for name, prediction in predictions.items():
        error = np.mean((y - prediction) ** 2)
        print(f"   {name:20s} held-out RMSE {np.sqrt(error):6.2f}   R² {1 - error / y.var():.3f}")
    print(f"   ({seconds:.2f} s)\n")


def classification():
    """Malignant or benign from thirty measurements of 569 tumours (Street, Wolberg and Mangasarian 1993)."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from swiftkan import KANClassifier

    x, y = load_breast_cancer(return_X_y=True)
    print(f"3. Measured data, classification: breast cancer, {len(x)} tumours, {x.shape[1]} measurements; 5-fold cross-validation\n")
    models = {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
        "KANClassifier": KANClassifier(random_state=0),
    }
    predictions, seconds = compare(models, x, y, StratifiedKFold(5, shuffle=True, random_state=0))
    for name, prediction in predictions.items():
        wrong = np.count_nonzero(prediction != y)
        print(f"   {name:20s} held-out accuracy {1 - wrong / y.size:.3f}   ({wrong} of {y.size} wrong)")
    print(f"   ({seconds:.2f} s)")


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
