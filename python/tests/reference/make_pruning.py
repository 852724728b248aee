"""Asks pykan 0.2.8 (torch, CPU) what it prunes and which inputs come together, and writes pruning.json beside itself.

Run it with an interpreter that has pykan and torch; the tests that read the file need neither:

    python make_pruning.py

What it must get right, in this order:
    1. Networks that every swiftkan makes from the same seed: untrained, with large weights, so that the nodes that go leave
       constants behind that shift the layers after them.
    2. Only what rounding does not decide is written: a score closer than 1e-6 of a threshold is an error.
    3. Only what pykan computes correctly: no lists of arities, which it mixes up with several outputs.

The samples of a case are RandomState(seed).uniform(-1, 1, (300, inputs)). Masks are written with a row for each input, one
character an edge.
"""
import contextlib
import io
import json
import os
import tempfile
import warnings

import numpy as np

warnings.filterwarnings("ignore")
import torch
from kan import KAN

SAMPLES = 300
WIDTHS = ([3, 8, 5, 2], [2, 12, 1], [4, 10, 6, 1], [2, 5, 4, 1], [5, 9, 7, 3, 1], [3, [4, 2], [3, 2], 2], [6, 20, 2], [4, 6, 6, 6, 3],
          [2, [0, 4], 5, 1], [8, 16, 8, 1])  # fmt: skip
INTERACTIONS = ((1e-2, 1e-2), (0.2, 0.5))  # neuron_th, feature_th
HERE = os.path.dirname(os.path.abspath(__file__))


def clear(scores, threshold):
    """The scores, if none of them is so near the threshold that rounding decides."""
    for each in scores:
        distance = np.abs(each.detach().numpy() / threshold - 1).min()
        assert distance > 1e-6, f"a score is within {distance:.1g} of the threshold"


def case(number, width):
    kan = dict(width=width, grid=3, k=3, seed=number, noise_scale=1.0, scale_base_mu=0.4, mult_arity=2)
    x = np.random.RandomState(number).uniform(-1, 1, (SAMPLES, width[0]))
    model = KAN(**json.loads(json.dumps(kan)), auto_save=True)
    model(torch.tensor(x))
    model.attribute()
    # Thresholds between scores: about a third of the hidden nodes and of the edges go.
    node_th = float(np.quantile(np.concatenate([s.detach().numpy() for s in model.node_scores[1:-1]]), 0.33))
    node_th = float(f"{node_th:.2g}")
    result = dict(kan=kan, node_th=node_th, edge_th=node_th / 2.5, interactions=[])
    clear(model.node_scores[1:-1], node_th)
    for thresholds in INTERACTIONS:
        for level in range(1, len(width)):
            found = model.feature_interaction(level, *thresholds)
            pairs = [[[int(i) for i in features], count] for features, count in found.items()]
            result["interactions"].append([level, *thresholds, pairs])
    model.attribute()
    pruned = model.prune(node_th, result["edge_th"])
    clear(pruned.edge_scores, result["edge_th"])
    result["pruned_width"] = [[int(n) for n in pair] for pair in pruned.width]
    result["masks"] = [["".join(str(int(m)) for m in row) for row in layer.mask] for layer in pruned.act_fun]
    return result


def main():
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    cases = []
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(folder)  # pykan writes its versions to the working directory
        os.mkdir("model")
        for number, width in enumerate(WIDTHS):
            cases.append(case(number, width))
    with open(os.path.join(HERE, "pruning.json"), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(each) for each in cases) + "\n]\n")


if __name__ == "__main__":
    main()
