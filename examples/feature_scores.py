"""Which inputs matter (pykan's Interp_4): scores of the inputs of x₁² + 0.3 x₂ + 0.1 x₃³ + 0 x₄, and pruning of the idle one.

The terms of a sum share its variation in the ratio of their standard deviations, so the scores are known before training.
pykan scores on the test data: after ``fit`` these are what it saw last. swiftkan takes the training data, or what it is given.
Run it with ``python examples/feature_scores.py``.
"""

import numpy as np

from swiftkan import KAN, create_dataset


def terms(x):
    return np.stack([x[:, 0] ** 2, 0.3 * x[:, 1], 0.1 * x[:, 2] ** 3, 0 * x[:, 3]], axis=1)


def score():
    """Trains with a mild penalty, scores the inputs on the test data, and prunes them."""
    # torch draws float32 numbers if not told otherwise: with this dtype the samples are those of pykan's tutorial
    dataset = create_dataset(lambda x: terms(x).sum(axis=1), n_var=4, dtype="float32")
    model = KAN([4, 5, 1])
    result = model.fit(dataset, steps=40, lamb=0.001)
    on_training_data = model.feature_score
    model.attribute(x=dataset["test_input"])
    parts = terms(dataset["test_input"].astype(float))
    return {
        "train_loss": result["train_loss"][-1],
        "test_loss": result["test_loss"][-1],
        "scores": model.node_scores[0],
        "scores on training data": on_training_data,
        "expected": parts.std(axis=0) / parts.sum(axis=1).std(),
        "kept": model.prune_input().input_id.tolist(),
    }


def main():
    figures = score()
    print(f"RMSE {figures['train_loss']:.2e}, test {figures['test_loss']:.2e}\n")
    print("                            x1     x2     x3     x4")
    for name in ("expected", "scores", "scores on training data"):
        print(f"{name:24s}", *(f"{value:6.4f}" for value in figures[name]))
    print("\ninputs kept:", ", ".join(f"x{i + 1}" for i in figures["kept"]))
    return figures


if __name__ == "__main__":
    main()
