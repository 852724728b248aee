"""The network in plain NumPy, written from the formulas and for reading, to hold the engine to.

What it must get right: it is independent of the engine (nothing here calls it) and so plain that it can be checked by
eye. Formulas: KAN paper, arXiv 2404.19756, eqs. 2.7 and 2.10; B-splines by the recursion of Cox and de Boor (de Boor,
A Practical Guide to Splines, 1978, ch. X, eq. 4).
"""

import numpy as np

FUNCTIONS = {
    "x": lambda x: x,
    "x^2": lambda x: x**2,
    "x^3": lambda x: x**3,
    "x^4": lambda x: x**4,
    "x^5": lambda x: x**5,
    "1/x": lambda x: 1 / x,
    "1/x^2": lambda x: 1 / x**2,
    "1/x^3": lambda x: 1 / x**3,
    "1/x^4": lambda x: 1 / x**4,
    "1/x^5": lambda x: 1 / x**5,
    "sqrt": np.sqrt,
    "x^0.5": np.sqrt,
    "x^1.5": lambda x: np.sqrt(x) ** 3,
    "1/sqrt(x)": lambda x: 1 / np.sqrt(x),
    "1/x^0.5": lambda x: 1 / np.sqrt(x),
    "exp": np.exp,
    "log": np.log,
    "abs": np.abs,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "sgn": np.sign,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan": np.arctan,
    "arctanh": np.arctanh,
    "0": lambda x: 0 * x,
    "gaussian": lambda x: np.exp(-(x**2)),
}

BASE = {"silu": lambda x: x / (1 + np.exp(-x)), "identity": lambda x: x, "zero": lambda x: 0 * x}


def basis(x, knots, k):
    """(n, in, G + k) B-splines of degree k at x (n, in), with knots (in, G + 1 + 2k)."""
    x, g = x[:, :, None], knots[None]
    b = ((g[..., :-1] <= x) & (x < g[..., 1:])).astype(float)

    def ratio(top, bottom):  # 0/0 is 0
        return np.divide(top, bottom, out=np.zeros(np.broadcast_shapes(top.shape, bottom.shape)), where=bottom != 0)

    for p in range(1, k + 1):
        left = ratio(x - g[..., : -p - 1], g[..., p:-1] - g[..., : -p - 1])
        right = ratio(g[..., p + 1 :] - x, g[..., p + 1 :] - g[..., 1:-p])
        b = left * b[..., :-1] + right * b[..., 1:]
    return b


def forward(model, x, state=None):
    """Output and everything inside, in pykan's names and shapes, from a model's settings and its state_dict."""
    s = model.state_dict() if state is None else state
    x = np.asarray(x, float)
    inside = {key: [] for key in ("acts", "acts_premult", "spline_postacts", "numerical", "spline_postsplines", "sums")}
    inside["acts"].append(x)
    degrees = [layer.k for layer in model.act_fun]
    arity = model.mult_arity
    for l in range(model.depth):
        spline = np.einsum("nib,iob->noi", basis(x, s[f"act_fun.{l}.grid"], degrees[l]), s[f"act_fun.{l}.coef"])
        base = BASE[model.base_fun](x)[:, None, :]
        part = {name: s[f"act_fun.{l}.{name}"].T[None] for name in ("mask", "scale_base", "scale_sp")}
        numerical = part["mask"] * (part["scale_base"] * base + part["scale_sp"] * spline)
        symbolic = np.zeros_like(numerical)
        mask, affine = s[f"symbolic_fun.{l}.mask"], s[f"symbolic_fun.{l}.affine"]
        names = model.symbolic_fun[l].funs_name
        for o, i in np.argwhere(mask != 0) if model.symbolic_enabled else []:
            a, b, c, d = affine[o, i]
            symbolic[:, o, i] = mask[o, i] * (c * FUNCTIONS[names[o][i]](a * x[:, i] + b) + d)
        z = (numerical + symbolic).sum(axis=2)
        premult = s[f"subnode_scale_{l}"] * z + s[f"subnode_bias_{l}"]
        n_sum, n_mult = model.width[l + 1]
        sizes = [arity] * n_mult if isinstance(arity, int) else arity[l + 1]
        nodes, at = [premult[:, :n_sum]], n_sum
        for size in sizes:
            nodes.append(premult[:, at : at + size].prod(axis=1, keepdims=True))
            at += size
        x = s[f"node_scale_{l}"] * np.concatenate(nodes, axis=1) + s[f"node_bias_{l}"]
        inside["acts"].append(x)
        inside["acts_premult"].append(premult)
        inside["spline_postacts"].append(numerical + symbolic)
        inside["numerical"].append(numerical)
        inside["spline_postsplines"].append(spline)
        inside["sums"].append(z)
    return x, inside
