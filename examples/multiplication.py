"""A product by a multiplication node (pykan's Interp_1): of five sums and two products, training and pruning leave one product.

Sums alone can only approximate x₁x₂, for example as ((x₁ + x₂)² - (x₁ - x₂)²)/4. Run it with
``python examples/multiplication.py``.
"""

from swiftkan import KAN, create_dataset


def find_the_product():
    dataset = create_dataset(lambda x: x[:, 0] * x[:, 1], n_var=2)
    sums = KAN([2, 5, 1]).fit(dataset, steps=20, lamb=0.001)

    model = KAN([2, [5, 2], 1], base_fun="identity")  # a hidden level of 5 sums and 2 products of two factors each
    sparse = model.fit(dataset, steps=20, lamb=0.01, lamb_coef=1.0)
    model = model.prune()
    pruned = model.fit(dataset, steps=20)
    functions = model.auto_symbolic()
    symbolic = model.fit(dataset, steps=20)
    best = model.symbolic_search(dataset, lib=["x"], structures=False).best  # which recognises the constants
    return {
        "test losses": {
            "sums only": sums["test_loss"][-1],
            "sums and products, sparse": sparse["test_loss"][-1],
            "pruned": pruned["test_loss"][-1],
            "symbolic": symbolic["test_loss"][-1],
        },
        "width": model.width,
        "functions": {edge: name for edge, (name, r2, complexity) in functions.items()},
        "formula": best.formula,
    }


def main():
    figures = find_the_product()
    for name, loss in figures["test losses"].items():
        print(f"{name:26s} test RMSE {loss:.2e}")
    print("\nwidth after pruning (sums, products):", figures["width"])
    print("functions:", figures["functions"])
    print("formula:", figures["formula"])
    return figures


if __name__ == "__main__":
    main()
