"""Removing edges and nodes from a model in place.

What it must show: the edges that are meant go, numeric and symbolic part, and no others; their means stay; the model itself is
returned; and after an error it is as it was.
"""

import numpy as np
import pytest
from helpers import random_network, relative, samples

from swiftkan import KAN

PRODUCTS = dict(width=[3, [2, 3], [2, 2], [1, 1]], mult_arity=[[], [2, 3, 1], [3, 2], [2]])


@pytest.fixture
def model():
    result = random_network(PRODUCTS, seed=4)
    result.get_act(samples(result, n=40)[0])
    return result


def on(model):
    """[l] (out, in): which edges are on."""
    return [(a.mask.T != 0) | (s.mask != 0) for a, s in zip(model.act_fun, model.symbolic_fun)]


def parts_agree(model, before):
    """No edge is half off that was not so before."""
    for edges, a, s, (old_a, old_s) in zip(on(model), model.act_fun, model.symbolic_fun, before):
        for j, i in np.argwhere(edges):
            assert a.mask[i, j] == old_a[i, j] and s.mask[j, i] == old_s[j, i]


def masks(model):
    return [(a.mask.copy(), s.mask.copy()) for a, s in zip(model.act_fun, model.symbolic_fun)]


def test_remove_edge(model):
    before, halves = on(model), masks(model)
    assert model.symbolic_fun[1].mask[2].any()  # symbolic parts are among them
    for i in range(5):
        assert model.remove_edge(1, i, 2) is model
    before[1][2] = False
    for ours, expected in zip(on(model), before):
        assert (ours == expected).all()
    parts_agree(model, halves)
    assert model.spline_postacts[1][:, 2].any() == False  # noqa: E712
    assert np.ptp(model.acts_premult[1][:, 2]) == 0  # a constant is left


def test_prune_edge(model):
    scores, before, halves = model.edge_scores, on(model), masks(model)
    threshold = float(np.quantile(np.concatenate([layer.ravel() for layer in scores]), 0.3))
    mean = model.acts_premult[0].mean(axis=0)
    assert model.prune_edge(threshold) is model
    for ours, old, layer in zip(on(model), before, scores):
        assert (ours == (old & (layer > threshold))).all()
    parts_agree(model, halves)
    assert sum(edges.sum() for edges in on(model)) < sum(edges.sum() for edges in before)
    np.testing.assert_allclose(model.acts_premult[0].mean(axis=0), mean, rtol=1e-12)


def test_prune_edge_uses_the_outputs_that_count(model):
    model.attribute(out_score=[0, 1])
    scores = model.edge_scores[2]
    assert not scores[0].any() and scores[1:].all()
    threshold = min(layer.max() for layer in model.edge_scores) / 2
    twin = model.clone()
    model.prune_edge(threshold)
    assert not on(model)[2][0].any() and on(model)[2][1:].any()
    twin.prune_edge(threshold)
    assert on(twin)[2][0].any()
    model.attribute(1)  # a question about a level is none about the outputs
    before = [edges.copy() for edges in on(twin)]
    twin.attribute(1)
    twin.prune_edge(-1)
    assert all((a == b).all() for a, b in zip(before, on(twin)))


def test_constant_edges_go_without_a_trace():
    model = random_network(PRODUCTS, seed=1)
    x, _ = samples(model, n=30)
    model.get_act(x)
    for l, i, j in ((0, 0, 0), (1, 2, 3), (2, 3, 2)):  # c·0 + d
        model.act_fun[l].mask[i, j] = 0
        model.symbolic_fun[l].set_function(i, j, "0")
        model.symbolic_fun[l].mask[j, i] = 1
        model.symbolic_fun[l].affine[j, i] = 1, 0, 1, 0.8
    whole, edges = model(x), model.n_edge
    assert relative(model.prune_edge(1e-9)(x), whole) <= 1e-12
    assert model.n_edge == edges - 3


@pytest.mark.parametrize("mode", ["all", "up", "down"])
@pytest.mark.parametrize("l, i", [(0, 1), (1, 0), (1, 3), (1, 4), (2, 2), (3, 0), (3, 1)])
def test_remove_node(model, mode, l, i):
    if (l, mode) in ((0, "down"), (3, "up")):
        with pytest.raises(ValueError, match="mode: no edge leads"):
            model.remove_node(l, i, mode)
        return
    subnodes = {0: {}, 1: {0: [0], 3: [4, 5, 6], 4: [7]}, 2: {2: [2, 3, 4]}, 3: {0: [0], 1: [1, 2]}}[l].get(i)
    expected, halves = on(model), masks(model)
    if mode != "down" and l < 3:
        expected[l][:, i] = False
    if mode != "up" and l > 0:
        expected[l - 1][subnodes] = False
    means = [model.acts_premult[m].mean(axis=0) for m in range(3)]
    assert model.remove_node(l, i, mode) is model
    for ours, edges in zip(on(model), expected):
        assert (ours == edges).all()
    parts_agree(model, halves)
    first = l - 1 if mode != "up" and l else l  # before any change the means are the same
    np.testing.assert_allclose(model.acts_premult[first].mean(axis=0), means[first], rtol=1e-11)


def test_fractional_masks_are_kept(model):
    model.act_fun[0].mask[0, 0] = 0.25
    assert model.prune_edge(-1).act_fun[0].mask[0, 0] == 0.25


def test_the_means_of_given_data(model):
    x = samples(model, n=33, seed=8)[0]
    known = model.cache_data
    edge = model.clone()
    edge.get_act(x)
    mean = edge.spline_postacts[0][:, 1, 2].mean()
    bias = model.subnode_bias[0][1]
    model.remove_edge(0, 2, 1, x=x)
    assert model.subnode_bias[0][1] == pytest.approx(bias + model.subnode_scale[0][1] * mean, rel=1e-12)
    assert model.cache_data is known


def test_without_data_the_constant_goes_too_and_that_is_said():
    model = KAN([2, 3, 1])
    with pytest.warns(UserWarning, match="remove_edge.*takes its mean with it") as caught:
        model.remove_edge(0, 0, 1)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="remove_node.*seen no data"):
        model.remove_node(1, 0)
    assert model.n_edge == 5 and not model.subnode_bias[0].any()
    with pytest.raises(RuntimeError, match="prune_edge.* needs data"):
        model.prune_edge()


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda m: m.prune_edge(99), ValueError, "threshold: none of the edges of layer 0 has a score above 99.*lower threshold"),
        (lambda m: m.prune_edge(max(s.max() for s in m.edge_scores[:2]) * 0.999), ValueError, "threshold: none of the edges of layer"),
        (lambda m: m.prune_edge("low"), TypeError, "threshold: "),
        (lambda m: m.prune_edge(log_history=2), TypeError, "log_history: "),
        (lambda m: m.remove_edge(3, 0, 0), ValueError, "l: must be from 0 to 2, not 3"),
        (lambda m: m.remove_edge(-1, 0, 0), ValueError, "l: "),
        (lambda m: m.remove_edge(1, 5, 0), ValueError, "i: must be from 0 to 4, not 5"),
        (lambda m: m.remove_edge(1, 0, 7), ValueError, "j: must be from 0 to 6, not 7"),
        (lambda m: m.remove_edge(0, 0, "a"), TypeError, "j: must be an integer"),
        (lambda m: m.remove_node(4, 0), ValueError, "l: must be from 0 to 3"),
        (lambda m: m.remove_node(1, 5), ValueError, "i: must be from 0 to 4"),
        (lambda m: m.remove_node(1, 0, "out"), ValueError, "mode: must be one of 'all', 'up', 'down'"),
        (lambda m: m.remove_node(1, 0, x=np.full((3, 3), np.nan)), ValueError, "x: row 0, column 0 is nan"),
        (lambda m: m.remove_edge(0, 0, 0, x=[[1.0, 2.0, 3.0]]), ValueError, "x: .*at least 2 samples"),
    ],
)
def test_refusals(model, call, error, words):
    before = {name: values.tobytes() for name, values in model.state_dict().items()}
    with pytest.raises(error, match=words):
        call(model)
    assert {name: values.tobytes() for name, values in model.state_dict().items()} == before
