"""The networks whose numbers pykan is asked for, beside the four of the main reference files.

What it must get right: each case is plain data (JSON), so that the file made from it can say how the model was
built and a test can build it again without pykan.

A case has
    kan        keyword arguments of the constructor, as pykan and swiftkan both take them
    n, seed    samples, and the seed of the data
    scale      inputs are uniform in [-scale, scale]; `shift` is added
    target     a name in TARGETS, applied to the inputs
    edges      [l, i, j, function, mode, mask_n, [a, b, c, d]]: symbolic edges, mode "s" (alone) or "ns" (added)
    masks      [l, i, j, value]: masks of the numeric part
    perturb    block name prefixes that get random numbers added after construction
    refine     new grid (number or one a layer) of a refinement that follows the grid update
    child      keyword arguments of a second model that is initialised from the first
    evaluate   keyword arguments of forward, for the singularity-avoiding forms
    skip       parts that make no sense for the case: "adam", "grid"
"""
import numpy as np

TARGETS = {
    "smooth": lambda x: np.sin(2 * x[:, :1]) + np.sum(x[:, 1:] ** 2, axis=1, keepdims=True) / 2,
    "product": lambda x: x[:, :1] * x[:, 1:2] + np.cos(x[:, -1:]),
    "two": lambda x: np.concatenate([np.tanh(2 * x[:, :1]) - x[:, 1:2], np.cos(x[:, :1] * x[:, 1:2])], axis=1),
    "steep": lambda x: np.arctan(4 * x[:, :1] + x[:, 1:2]),
}

# All functions of pykan's library, on arguments a·x + b in about [0.15, 0.85] for x in [-1, 1].
LIBRARY = ["x", "x^2", "x^3", "x^4", "x^5", "1/x", "1/x^2", "1/x^3", "1/x^4", "1/x^5", "sqrt", "x^0.5", "x^1.5",
           "1/sqrt(x)", "1/x^0.5", "exp", "log", "abs", "sin", "cos", "tan", "tanh", "sgn", "arcsin", "arccos",
           "arctan", "arctanh", "0", "gaussian"]


def _library_edges():
    edges = []
    for number, name in enumerate(LIBRARY):
        i, j = divmod(number, 10)
        a = 0.2 + 0.005 * number
        b = 0.05 if name == "sgn" else 0.5  # both signs
        edges.append([0, i, j, name, "ns" if number % 3 == 0 else "s", 1.0, [a, b, 0.3 - 0.01 * number, 0.1]])
    return edges


def _singular_edges():
    # Without tan and x^1.5, whose bounded forms pykan does not evaluate correctly in a network.
    names = ["1/x", "1/x^2", "1/x^3", "1/x^4", "1/x^5", "1/sqrt(x)", "log", "arctan", "arctanh", "exp"]
    return [[0, n % 2, n // 2, name, "s", 1.0, [2.0 + 0.1 * n, 0.05, 0.2, -0.1]] for n, name in enumerate(names)]


CASES = {
    "deep": dict(kan=dict(width=[4, 6, 5, 3, 1], grid=5, k=3, seed=11), n=70, seed=1, target="smooth", refine=10),
    "wide": dict(kan=dict(width=[6, 12, 2], grid=4, k=3, seed=12), n=60, seed=2, target="two", refine=6),
    "k1": dict(kan=dict(width=[2, 4, 1], grid=6, k=1, seed=13), n=80, seed=3, target="smooth", refine=9),
    "k2": dict(kan=dict(width=[3, 3, 1], grid=7, k=2, seed=14), n=80, seed=4, target="product", refine=14),
    "k4": dict(kan=dict(width=[2, 3, 1], grid=5, k=4, seed=15, noise_scale=0.6), n=80, seed=5, target="steep", refine=8),
    "k5": dict(kan=dict(width=[2, 3, 2], grid=4, k=5, seed=16), n=80, seed=6, target="two", refine=5),
    "g1": dict(kan=dict(width=[2, 4, 1], grid=1, k=3, seed=17), n=60, seed=7, target="smooth", refine=3),
    "g20": dict(kan=dict(width=[2, 3, 1], grid=20, k=3, seed=18, noise_scale=1.0), n=100, seed=8, target="steep",
                refine=30),
    "g50": dict(kan=dict(width=[1, 2, 1], grid=50, k=3, seed=19, noise_scale=2.0, grid_eps=0.5), n=250, seed=9,
                target="smooth"),
    "eps0": dict(kan=dict(width=[2, 4, 1], grid=6, k=3, seed=20, grid_eps=0.0), n=90, seed=10, target="product",
                 refine=7),
    "eps_half": dict(kan=dict(width=[2, 4, 1], grid=5, k=3, seed=21, grid_eps=0.5, grid_range=[-1.5, 1.0]), n=80,
                     seed=11, target="product", refine=7),
    "eps1": dict(kan=dict(width=[2, 4, 1], grid=5, k=3, seed=22, grid_eps=1.0), n=80, seed=12, target="smooth",
                 refine=[7, 6]),
    "mult_lists": dict(kan=dict(width=[3, [2, 2], 2], grid=4, k=2, mult_arity=[[], [2, 3], []], seed=23), n=70,
                       seed=13, target="two", refine=6),
    "mult_lists_deep": dict(kan=dict(width=[3, [1, 2], [2, 1], 1], grid=3, k=3, mult_arity=[[], [3, 2], [4], []],
                                     seed=24, scale_base_mu=0.5), n=70, seed=14, target="product"),
    "mult_arity3": dict(kan=dict(width=[2, [2, 1], [0, 2]], grid=3, k=3, mult_arity=3, seed=25), n=70, seed=15,
                        target="two", refine=4),
    "identity": dict(kan=dict(width=[2, 4, 1], grid=5, k=3, base_fun="identity", seed=26), n=70, seed=16,
                     target="smooth", refine=7),
    "zero": dict(kan=dict(width=[2, 4, 1], grid=5, k=3, base_fun="zero", seed=27, noise_scale=0.8), n=70, seed=17,
                 target="product", refine=7),
    "affine": dict(kan=dict(width=[3, [2, 2], 1], grid=4, k=3, affine_trainable=True, seed=28), n=70, seed=18,
                   target="product", refine=5, perturb=["node_", "subnode_"]),
    "frozen": dict(kan=dict(width=[2, 3, 1], grid=4, k=3, sp_trainable=False, sb_trainable=False, seed=29), n=60,
                   seed=19, target="smooth"),
    "sparse": dict(kan=dict(width=[5, 7, 3, 1], grid=4, k=3, sparse_init=True, seed=30), n=70, seed=20,
                   target="smooth", refine=5),
    "masks": dict(kan=dict(width=[3, 4, 1], grid=5, k=3, seed=31), n=70, seed=21, target="product", refine=7,
                  masks=[[0, 0, 1, 0.0], [0, 2, 3, 0.0], [0, 1, 1, 0.0], [0, 1, 2, 0.25],
                         [1, 3, 0, 0.0]]),
    "symbolic": dict(kan=dict(width=[2, 3, 1], grid=5, k=3, seed=32), n=70, seed=22, target="smooth",
                     edges=[[0, 0, 0, "sin", "s", 1.0, [1.7, 0.2, 0.8, -0.1]],
                            [0, 1, 0, "x^2", "ns", 1.0, [0.9, -0.3, 0.5, 0.05]],
                            [0, 1, 2, "exp", "ns", 0.5, [0.6, 0.1, -0.4, 0.2]],
                            [1, 1, 0, "tanh", "s", 1.0, [1.2, 0.0, 1.1, 0.3]]],
                     masks=[[0, 0, 2, 0.0]], refine=7),
    "library": dict(kan=dict(width=[3, 10, 1], grid=3, k=3, seed=33), n=60, seed=23, target="smooth",
                    edges=_library_edges()),
    "singular": dict(kan=dict(width=[2, 5, 1], grid=3, k=3, seed=34), n=70, seed=24, target="smooth",
                     edges=_singular_edges(), evaluate=dict(singularity_avoiding=True, y_th=3.0),
                     skip=["adam", "grid"]),
    "layers": dict(kan=dict(width=[2, 4, 3, 1], grid=[3, 7, 5], k=[3, 2, 1], seed=35), n=80, seed=25,
                   target="product", refine=[5, 9, 6]),
    "outside": dict(kan=dict(width=[2, 4, 1], grid=5, k=3, seed=36), n=80, seed=26, scale=3.0, shift=0.5,
                    target="steep", refine=7),
    "child": dict(kan=dict(width=[2, [3, 1], 1], grid=4, k=3, seed=37), n=90, seed=27, target="product",
                  child=dict(width=[2, [3, 1], 1], grid=7, k=2, seed=99)),
    "child_same_k": dict(kan=dict(width=[2, 4, 2], grid=5, k=3, seed=38, noise_scale=0.8), n=90, seed=28, target="two",
                         child=dict(width=[2, 4, 2], grid=11, k=3, seed=98)),
    "float32": dict(kan=dict(width=[3, [3, 1], 1], grid=5, k=3, seed=39), n=70, seed=29, target="product",
                    dtype="float32", refine=8),
    "float32_wide": dict(kan=dict(width=[6, 10, 2], grid=4, k=2, seed=40), n=60, seed=30, target="two",
                         dtype="float32", skip=["grid"]),
}
