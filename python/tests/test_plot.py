"""What pictures show of a network: its edges, their kinds, scores and functions, and where all of it lies."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import matplotlib.figure  # noqa: E402
from helpers import NETWORKS, random_network, samples  # noqa: E402
from matplotlib.colors import to_rgb  # noqa: E402
from pictures import model, nothing_is_left_behind, part  # noqa: E402, F401

from swiftkan import KAN, _plot_edges, _plot_layout  # noqa: E402


# ---- Which edges -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_every_edge_that_is_on_is_drawn(name):
    model = random_network(NETWORKS[name])
    model.get_act(samples(model, 40)[0])
    figure = model.plot()
    assert isinstance(figure, matplotlib.figure.Figure)
    assert figure.curves == model.n_edge
    assert len(part(figure, "curves").get_segments()) == len(part(figure, "boxes").get_paths()) == model.n_edge
    assert len(part(figure, "edges").get_segments()) == 2 * model.n_edge
    assert len(part(figure, "sums").get_offsets()) == sum(model.width_out[1:])
    mults = sum(model.n_mult) + model.width[-1][1]
    products = part(figure, "products")
    assert (len(products.get_offsets()) if products else 0) == mults
    assert len(part(figure, "nodes").get_offsets()) == sum(model.width_in) - mults
    assert part(figure, "samples-0") is None


def test_colours_say_what_an_edge_is(model):
    symbolic = model.symbolic_fun[0]
    symbolic.mask[1, 0] = symbolic.mask[2, 0] = 0.5
    model.act_fun[0].mask[0, 1] = 0  # symbolic alone
    model.act_fun[0].mask[0, 2] = 0.3  # both
    model.act_fun[0].mask[1, 1] = 0  # off

    def colors(figure, name):
        return [tuple(c[:3]) for c in getattr(part(figure, name), "get_colors" if name != "boxes" else "get_edgecolors")()]

    black, red, purple = (to_rgb(c) for c in ("black", "red", "purple"))
    figure = model.plot()
    assert colors(figure, "curves") == colors(figure, "boxes") == [black, red, purple, black, black] + 3 * [black]
    assert colors(figure, "edges")[::2] == colors(figure, "edges")[1::2] == colors(figure, "curves")
    model.symbolic_enabled = False  # then the network has no symbolic parts
    assert colors(model.plot(), "curves") == 7 * [black]


@pytest.mark.parametrize("metric", ["backward", "forward_n", "forward_u"])
@pytest.mark.parametrize("beta", [0.0, 0.7, 3])
def test_opacity_is_tanh_of_beta_times_score(metric, beta):
    model = random_network(dict(width=[3, [1, 2], [1, 1]], mult_arity=[[], [2, 3], [2]]))
    model.get_act(samples(model, 50)[0])
    if metric == "forward_u":
        scores = model.edge_actscale
    elif metric == "forward_n":
        scores = model.acts_scale
    else:  # attribution in plain loops: a node's score goes to its subnodes, theirs to their edges
        node, scores = [0.5, 0.5], [None, None]
        for l, owner in ((1, [0, 1, 1]), (0, [0, 1, 1, 2, 2, 2])):
            before = [0.0] * model.width_in[l]
            scores[l] = np.zeros((model.width_out[l + 1], model.width_in[l]))
            for j in range(model.width_out[l + 1]):
                for i in range(model.width_in[l]):
                    share = model.edge_actscale[l][j, i] / (model.subnode_actscale[l][j] + 1e-4)
                    scores[l][j, i] = share * node[owner[j]]
                    before[i] += scores[l][j, i]
            node = before
    expected = np.concatenate([np.tanh(beta * score.T.ravel()) for score in scores])
    figure = model.plot(metric=metric, beta=beta)
    np.testing.assert_allclose(part(figure, "curves").get_colors()[:, 3], expected, atol=1e-12)
    np.testing.assert_allclose(part(figure, "edges").get_colors()[::2, 3], expected, atol=1e-12)


def test_nodes_that_do_not_matter_step_back(model):
    model.act_fun[1].mask[1, 0] = 0  # nothing follows from the second node
    nodes = part(model.plot(beta=100), "nodes")
    lightness = nodes.get_facecolors()[:, 0]
    assert lightness[3] == pytest.approx(0.75) and (np.delete(lightness, 3) < 1e-6).all()
    assert (nodes.get_facecolors()[:, 3] == 1).all()


# ---- Curves ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_curves_are_the_edges_functions(name, dtype):
    model = random_network(NETWORKS[name], dtype=dtype)
    model.get_act(samples(model, 300)[0])
    state = np.array(np.frombuffer(model._core, dtype=dtype))
    remembered = model.cache_data
    for curve in _plot_edges.curves(model, "forward_u", 3.0, samples=50):
        x, y = model.acts[curve.l][:, curve.i], model.spline_postacts[curve.l][:, curve.j, curve.i]
        assert curve.x_range == (x.min(), x.max()) == (curve.x[0], curve.x[-1])
        assert curve.y_range == (curve.y.min(), curve.y.max())
        far = np.ptp(y) if model.act_fun[curve.l].k else np.inf  # a step may lie anywhere between two points
        assert np.abs(np.interp(x, curve.x, curve.y) - y).max() < 0.02 * far + 1e-5
        assert np.median(np.abs(np.interp(x, curve.x, curve.y) - y)) < 1e-3 * np.ptp(y) + 1e-5
        assert len(curve.samples) == 50
        np.testing.assert_array_equal(curve.samples, np.stack([x, y], axis=1)[::6])
    assert (np.frombuffer(model._core, dtype=dtype) == state).all() and model.cache_data is remembered


def test_curves_fill_their_boxes():
    model = KAN([1, 1])
    layer = model.symbolic_fun[0]
    layer.set_function(0, 0, "x^2")
    layer.affine[0, 0], layer.mask[0, 0], model.act_fun[0].mask[0, 0] = (1, 0, 5, 7), 1, 0
    model.get_act(np.linspace(-1, 3, 20)[:, None])
    figure = model.plot()
    corners = part(figure, "boxes").get_paths()[0].vertices
    centre, half = corners[:4].mean(axis=0), np.ptp(corners[:, 0]) / 2
    points = (part(figure, "curves").get_segments()[0] - centre) / half / 0.84
    x = 1 + 2 * points[:, 0]
    assert points[:, 0].min() == pytest.approx(-1) and points[:, 0].max() == pytest.approx(1)
    low, high = (x**2).min(), 9
    np.testing.assert_allclose(points[:, 1], 2 * (x**2 - low) / (high - low) - 1, atol=1e-9)


def test_curves_follow_the_switch_of_symbolic_edges():
    model = KAN([1, 1], symbolic_enabled=False)
    layer = model.symbolic_fun[0]
    layer.set_function(0, 0, "sin")
    layer.affine[0, 0], layer.mask[0, 0], model.act_fun[0].mask[0, 0] = (1, 0, 1, 0), 1, 0
    model.get_act(np.linspace(-1, 1, 20)[:, None])
    assert _plot_edges.curves(model, "backward", 3.0, 0) == []
    model.symbolic_enabled = True
    (curve,) = _plot_edges.curves(model, "backward", 3.0, 0)
    np.testing.assert_allclose(curve.y, np.sin(curve.x), atol=1e-15)


def test_poles_do_not_flatten_a_curve():
    model = KAN([1, 1])
    layer = model.symbolic_fun[0]
    layer.set_function(0, 0, "1/x")
    layer.affine[0, 0], layer.mask[0, 0], model.act_fun[0].mask[0, 0] = (1, 0, 1, 0), 1, 0
    model.get_act(np.concatenate([np.linspace(-2, -0.5, 30), np.linspace(0.5, 2, 30)])[:, None] + 1e-3)
    (curve,) = _plot_edges.curves(model, "backward", 3.0, 0)
    finite = np.isfinite(curve.y)
    assert finite.sum() > 100 and curve.y_range[1] - curve.y_range[0] < 30
    np.testing.assert_allclose(curve.y[finite], 1 / curve.x[finite], rtol=1e-12)


def test_edges_without_shape(model):
    model.get_act(np.ones((10, 2)))  # nothing varies
    assert model.plot(metric="forward_u").curves == 9
    model.act_fun[0].coef[:] = 0
    model.act_fun[0].scale_base[:] = 0
    model.get_act(samples(model, 20)[0])
    segments = part(model.plot(), "curves").get_segments()
    assert all(np.ptp(segment[:, 1]) == 0 and np.ptp(segment[:, 0]) > 0 for segment in segments[:6])
    model.act_fun[0].coef[0, 0] = np.nan  # a network that diverged
    figure = model.plot()
    assert figure.curves == 9 and np.isfinite(part(figure, "curves").get_colors()).all()
    assert "<svg" in figure.to_svg()
    for layer in model.act_fun:
        layer.mask[:] = 0  # nothing is left
    assert model.plot().curves == 0


# ---- Arrangement -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edges", [1, 2, 5, 10, 20, 21, 30, 47, 48, 49, 100, 1000, 5000])
def test_boxes_have_room(edges):
    layout = _plot_layout.arrange([edges, 1], [edges, 1], [edges])
    (boxes,), (half,) = layout.boxes, layout.half
    assert len(boxes) == edges
    assert (boxes[:, 0] - half >= 0).all() and (boxes[:, 0] + half <= 1).all()
    assert (boxes[:, 1] - half > layout.node_radius[0]).all()
    assert (boxes[:, 1] + half < layout.subnodes[0][0, 1] - layout.subnode_radius[0]).all()
    apart = np.abs(boxes[:, None] - boxes[None]).max(axis=2) + 10 * np.eye(edges) if edges <= 1000 else np.array([10.0])
    assert apart.min() > 2.2 * half
    if 20 < edges < 100:  # more than a letter wide, in a picture of 5 inches
        assert 2 * half > 0.04
    if edges <= 20:  # pykan's places
        np.testing.assert_allclose(boxes[:, 0], (np.arange(edges) + 0.5) / edges)
        np.testing.assert_allclose(boxes[:, 1], 0.15)
        assert layout.level == pytest.approx([0, 0.4])


def test_nodes_have_pykans_places():
    model = random_network(dict(width=[3, [1, 2], 2], mult_arity=[[], [2, 3], []]), symbolic=False)
    model.get_act(samples(model, 20)[0])
    figure = model.plot(beta=100)
    nodes = [[1 / 6, 0], [0.5, 0], [5 / 6, 0], [1 / 6, 0.4], [0.25, 0.8], [0.75, 0.8]]
    np.testing.assert_allclose(part(figure, "nodes").get_offsets(), nodes)
    np.testing.assert_allclose(part(figure, "products").get_offsets(), [[0.5, 0.4], [5 / 6, 0.4]])
    joins = part(figure, "joins").get_segments()
    assert [round(float(end[0]) * 6) for _, end in joins[:6]] == [1, 3, 3, 5, 5, 5]  # the node of each subnode
    np.testing.assert_allclose([start for start, _ in joins[:6]], [[(j + 0.5) / 6, 0.3] for j in range(6)])
    edges = np.array(part(figure, "edges").get_segments()).reshape(-1, 4, 2)
    np.testing.assert_allclose(edges[7], [[0.5, 0], [7.5 / 18, 0.15 - 0.4 / 18], [7.5 / 18, 0.15 + 0.4 / 18], [1.5 / 6, 0.3]])


def test_a_hundred_inputs():
    model = KAN([100, 10, 10, 1], seed=0)
    x = np.random.RandomState(0).rand(200, 100)
    model.get_act(x)
    figure = model.plot(beta=1e9, in_vars=[f"x_{i}" for i in range(100)])
    assert figure.curves == model.n_edge == 1110
    assert len(figure.to_svg()) < 4e6
    assert {t.get_rotation() for t in figure.axes[0].texts} == {90.0}
    model.act_fun[0].coef[5:] = 0
    model.act_fun[0].scale_base[5:] = 0  # the other inputs have no effect: the edges of the first ones get the room
    figure = model.plot(beta=1e9)
    assert figure.curves == 50 + 110
    assert np.ptp(part(figure, "boxes").get_paths()[0].vertices[:, 0]) > 0.02
