"""Pictures: what they show, that they are vectors, and that nothing else happens while they are made."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import NETWORKS, random_network, samples

import swiftkan
from swiftkan import KAN, _plot_edges, _plot_layout, _plot_names

matplotlib = pytest.importorskip("matplotlib")
import matplotlib.figure  # noqa: E402
from matplotlib.colors import to_rgb  # noqa: E402


def part(figure, name):
    """The collection called ``name``, or None."""
    return next((c for c in figure.axes[0].collections if c.get_gid() == name), None)


def texts(figure, name=""):
    return [t.get_text() for t in figure.axes[0].texts if (t.get_gid() or "").startswith(name)]


@pytest.fixture
def model():
    model = KAN([2, 3, 1], seed=3)
    model.get_act(samples(model, 100)[0])
    return model


@pytest.fixture(autouse=True)
def nothing_is_written(tmp_path, monkeypatch):
    """Every test runs in an empty folder, and leaves it empty unless it clears it up."""
    monkeypatch.chdir(tmp_path)
    before = dict(matplotlib.rcParams)
    yield
    assert not list(tmp_path.iterdir())
    assert dict(matplotlib.rcParams) == before


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
    for curve in _plot_edges.curves(model, "forward_u", samples=50):
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


def test_poles_do_not_flatten_a_curve():
    model = KAN([1, 1])
    layer = model.symbolic_fun[0]
    layer.set_function(0, 0, "1/x")
    layer.affine[0, 0], layer.mask[0, 0], model.act_fun[0].mask[0, 0] = (1, 0, 1, 0), 1, 0
    model.get_act(np.concatenate([np.linspace(-2, -0.5, 30), np.linspace(0.5, 2, 30)])[:, None] + 1e-3)
    (curve,) = _plot_edges.curves(model, "backward", 0)
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


@pytest.mark.parametrize("edges", [1, 2, 5, 10, 47, 48, 49, 100, 1000, 5000])
def test_boxes_have_room(edges):
    layout = _plot_layout.arrange([edges, 1], [edges, 1], [edges])
    (boxes,), (half,) = layout.boxes, layout.half
    assert len(boxes) == edges
    assert (boxes[:, 0] - half >= 0).all() and (boxes[:, 0] + half <= 1).all()
    assert (boxes[:, 1] - half > layout.node_radius[0]).all()
    assert (boxes[:, 1] + half < layout.subnodes[0][0, 1] - layout.subnode_radius[0]).all()
    apart = np.abs(boxes[:, None] - boxes[None]).max(axis=2) + 10 * np.eye(edges) if edges <= 1000 else np.array([10.0])
    assert apart.min() > 2.2 * half
    if edges < 48:  # pykan's places
        np.testing.assert_allclose(boxes[:, 0], (np.arange(edges) + 0.5) / edges)
        np.testing.assert_allclose(boxes[:, 1], 0.15)
        assert layout.level == pytest.approx([0, 0.4])


def test_nodes_have_pykans_places():
    model = random_network(dict(width=[3, [1, 2], 2], mult_arity=[[], [2, 3], []]), symbolic=False)
    model.get_act(samples(model, 20)[0])
    figure = model.plot(beta=100)
    np.testing.assert_allclose(part(figure, "nodes").get_offsets(), [[1 / 6, 0], [0.5, 0], [5 / 6, 0], [1 / 6, 0.4], [0.25, 0.8], [0.75, 0.8]])
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


# ---- Words -------------------------------------------------------------------------------------------------------


def test_names_and_title(model):
    sympy = pytest.importorskip("sympy")
    theta = sympy.Symbol("theta")
    figure = model.plot(in_vars=[r"$\alpha$", sympy.sin(theta) / 2], out_vars=["mass"], title="My KAN, $n=3$")
    assert texts(figure, "in_vars") == [r"$\alpha$", r"$\frac{\sin{\left(\theta \right)}}{2}$"]
    assert texts(figure, "out_vars") == ["mass"] and texts(figure, "title") == ["My KAN, $n=3$"]
    assert texts(model.plot()) == []
    assert figure.get_size_inches()[1] > model.plot().get_size_inches()[1]


def test_everything_written_is_inside_the_figure(model):
    names = dict(in_vars=[r"$\frac{\frac{a}{b}}{c}$", "a rather long name of a variable, longer than the picture"], out_vars=["$y_g$"], title="KAN")
    figure = model.plot(**names, varscale=1.5, tick=True)
    renderer = figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else figure._get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    for box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    named = [b for b, t in zip(boxes, figure.axes[0].texts) if t.get_gid()]
    assert not any(a.overlaps(b) for i, a in enumerate(named) for b in named[:i])


@pytest.mark.parametrize(
    "name, shown",
    [("x", "$x$"), ("x_1", "$x_{1}$"), ("x_12", "$x_{12}$"), ("x_{12}", "$x_{12}$"), ("sepal_length", "sepal_length"), (r"\beta^2", r"$\beta^2$"),
     ("$x^2$", "$x^2$"), ("price in $", r"price in \$"), (r"$\nosuchthing{x}$", r"\$\nosuchthing{x}\$"), ("", ""), (3, "3")],
)  # fmt: skip
def test_typesetting(name, shown):
    assert _plot_names.typeset(name) == shown


def test_ranges(model):
    assert texts(model.plot(tick=False)) == []
    model.get_act(np.array([[-1.0, 0.0], [2.0, 1e6]]))
    written = [t.get_text() for t in model.plot(tick=True, beta=1e9).axes[0].texts]
    assert len(written) == 4 * 9 and written[:2] == ["−1", "2"] and written[12:14] == ["0", "1e+06"]


@pytest.mark.parametrize("value, span, text", [(3.7e-5, 1, "0"), (-1e-9, 1, "0"), (0.35123, 1, "0.35"), (-12.3456, 2, "−12.3"), (7, 0, "7")])
def test_numbers_have_the_digits_that_the_range_allows(value, span, text):
    from swiftkan._plot_draw import number

    assert number(value, span) == text


def test_samples(model):
    figure = model.plot(sample=True)
    first, second = (part(figure, f"samples-{l}") for l in (0, 1))
    assert len(first.get_offsets()) == 6 * 100 and len(second.get_offsets()) == 3 * 100
    curve = part(figure, "curves").get_segments()[0]
    dots = first.get_offsets()[:100]
    assert np.abs(np.interp(dots[:, 0], curve[:, 0], curve[:, 1]) - dots[:, 1]).max() < 1e-4
    model.get_act(samples(model, 5000)[0])
    assert len(part(model.plot(sample=True), "samples-0").get_offsets()) == 6 * 250


# ---- Vectors, files, figures ------------------------------------------------------------------------------------


def test_vectors_only(model):
    import io

    figure = model.plot(in_vars=["x", "y"], sample=True, tick=True)
    svg = figure.to_svg()
    assert "<image" not in svg and svg == figure.to_svg()
    ids = re.findall(r' id="([^"]*)"', svg)
    assert {"edges", "boxes", "curves", "samples-0", "nodes", "sums", "in_vars-0"} <= set(ids) and len(ids) == len(set(ids))
    pdf = io.BytesIO()
    figure.savefig(pdf, format="pdf")
    assert b"/Subtype /Image" not in pdf.getvalue()


def test_a_folder_receives_one_file(model, tmp_path):
    figure = model.plot(folder=tmp_path / "a" / "b")
    assert [p.name for p in (tmp_path / "a" / "b").iterdir()] == ["plot.svg"]
    assert isinstance(figure, matplotlib.figure.Figure)
    assert (tmp_path / "a" / "b" / "plot.svg").read_text().lstrip().startswith("<?xml")
    (tmp_path / "a" / "b" / "plot.svg").unlink()
    (tmp_path / "a" / "b").rmdir()
    (tmp_path / "a").rmdir()


def test_size_and_proportions(model):
    small, large = model.plot(scale=0.5), model.plot(scale=1.0)
    np.testing.assert_allclose(large.get_size_inches(), 2 * small.get_size_inches())
    assert small.get_size_inches()[0] == 5
    for name in ("edges", "curves", "boxes", "sums"):
        np.testing.assert_allclose(part(large, name).get_linewidths(), 2 * np.array(part(small, name).get_linewidths()))


def test_into_an_axes_of_ones_own(model):
    figure = matplotlib.figure.Figure(figsize=(10, 5))
    axes = figure.subplots(1, 2)
    assert model.plot(ax=axes[1]) is figure
    assert not axes[0].collections and len(axes[1].collections) > 4
    whole, half = model.plot(scale=1.0), axes[1].collections[0].get_linewidths()[0]
    assert 0.2 < half / part(whole, "edges").get_linewidths()[0] < 0.5
    left, right = matplotlib.figure.Figure(figsize=(10, 5)).subfigures(1, 2)
    whole = model.plot(ax=right.subplots())
    assert type(whole) is matplotlib.figure.Figure
    narrow = right.axes[0].collections[0].get_linewidths()[0]
    assert narrow == pytest.approx(half, rel=0.2)


def test_pyplot_is_left_alone():
    code = (
        "import sys, numpy as np\nfrom swiftkan import KAN\nassert 'matplotlib' not in sys.modules\n"
        "model = KAN([2, 3, 1]); model.get_act(np.random.rand(50, 2)); model.plot().to_svg(); model._repr_html_()\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
    )
    package = str(Path(swiftkan.__file__).parents[1])
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": package})


def test_without_matplotlib(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        model.plot()
    x, y = samples(model, 10)
    with pytest.raises(ImportError, match="save_fig=True needs matplotlib"):
        model.fit((x, y), steps=1, save_fig=True)
    assert model._repr_html_() is None


@pytest.mark.parametrize(
    "arguments, error, message",
    [(dict(metric="both"), ValueError, "metric: must be one of 'backward'"), (dict(beta=-1), ValueError, "beta"), (dict(scale=0), ValueError, "scale"),
     (dict(in_vars=["a"]), ValueError, "in_vars: has 1 names, but the model has 2 inputs"), (dict(out_vars="y"), TypeError, "out_vars: must be a list"),
     (dict(ax=3), TypeError, "ax: must be a matplotlib Axes"), (dict(tick="yes"), TypeError, "tick"), (dict(varscale=-1), ValueError, "varscale")],
)  # fmt: skip
def test_refusals(model, arguments, error, message):
    with pytest.raises(error, match=message):
        model.plot(**arguments)


def test_data_is_needed(model):
    with pytest.raises(RuntimeError, match=r"plot\(\) needs data.*get_act"):
        KAN([2, 1]).plot()
    model.get_act(np.ones((1, 2)))
    with pytest.raises(ValueError, match="at least 2 samples"):
        model.plot()


# ---- Notebooks ---------------------------------------------------------------------------------------------------


def test_a_model_shows_itself(model, monkeypatch):
    page = model._repr_html_()
    assert page.startswith("<div><svg") and "<pre>KAN(width=[2, 3, 1], grid=3, k=3, dtype=float64)</pre>" in page and "<?xml" not in page
    assert KAN([2, 1])._repr_html_() is None
    model.get_act(np.ones((1, 2)))
    assert model._repr_html_() is None
    model.get_act(np.ones((2, 2)))
    monkeypatch.setattr("swiftkan._plot.SHOWN", 8)
    assert model._repr_html_() is None


def test_a_figure_shows_itself(model, monkeypatch):
    figure = model.plot()
    assert figure._repr_mimebundle_() == {"image/svg+xml": figure.to_svg()}
    monkeypatch.setattr("swiftkan._plot_figure.LIMIT", 8)
    assert figure._repr_mimebundle_()["image/png"].startswith(b"\x89PNG")


# ---- Frames ------------------------------------------------------------------------------------------------------


def test_frames_of_training(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    x, y = np.random.RandomState(0).rand(2, 60, 2)
    models = [KAN([2, 3, 1], seed=0) for _ in range(2)]
    seen = []
    result = models[0].fit((x, y[:, :1]), steps=5, save_fig=True, save_fig_freq=2, img_folder=tmp_path / "video", in_vars=["a", "b"],
                           callbacks=lambda step: seen.append(step.step))  # fmt: skip
    other = models[1].fit((x, y[:, :1]), steps=5)
    np.testing.assert_array_equal(result["train_loss"], other["train_loss"])
    assert seen == [1, 2, 3, 4, 5]
    files = sorted((tmp_path / "video").iterdir())
    assert [file.name for file in files] == ["0.jpg", "2.jpg", "4.jpg"]
    sizes = {Image.open(file).size for file in files}
    assert len(sizes) == 1 and sizes.pop()[0] == 1000
    for file in files:
        file.unlink()
    (tmp_path / "video").rmdir()


def test_frames_keep_every_edge_in_its_place():
    model = KAN([60, 1], seed=0)
    model.get_act(np.random.RandomState(0).rand(20, 60))
    model.act_fun[0].coef[3:], model.act_fun[0].scale_base[3:] = 0, 0
    assert model._picture(beta=3, steady=True, title="Step 0").curves == 60
    assert model.plot().curves == 3


@pytest.mark.parametrize(
    "arguments, message",
    [(dict(save_fig_freq=0), "save_fig_freq"), (dict(in_vars=["a"]), "in_vars: has 1 names"), (dict(out_vars=["a", "b"]), "out_vars"),
     (dict(beta=-1), "beta"), (dict(img_folder=3), "img_folder: must be a path")],
)  # fmt: skip
def test_frames_are_refused_before_training(arguments, message, model):
    x, y = samples(model, 10)
    before = model.state_dict()
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit((x, y), steps=2, save_fig=True, **arguments)
    assert all((value == before[key]).all() for key, value in model.state_dict().items())
    with pytest.raises(ValueError, match="save_fig: a picture needs at least 2 training samples"):
        model.fit((x[:1], y[:1]), steps=2, save_fig=True)
