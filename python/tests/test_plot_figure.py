"""Pictures as figures and files: words, vectors, axes of one's own, notebooks, frames; and that nothing else happens."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import matplotlib.figure  # noqa: E402
from helpers import samples  # noqa: E402
from pictures import model, nothing_is_left_behind, part  # noqa: E402, F401

import swiftkan  # noqa: E402
from swiftkan import KAN, _plot_names  # noqa: E402


LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")


def texts(figure, name=""):
    return [t.get_text() for t in figure.axes[0].texts if (t.get_gid() or "").startswith(name)]


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
    names = dict(in_vars=[r"$\frac{\frac{a}{b}}{c}$", "a rather long name of a variable, longer than the picture"],
                 out_vars=["$y_g$"], title="KAN")  # fmt: skip
    figure = model.plot(**names, varscale=1.5, tick=True)
    renderer = figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else figure._get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    for box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    named = [b for b, t in zip(boxes, figure.axes[0].texts) if t.get_gid()]
    assert not any(a.overlaps(b) for i, a in enumerate(named) for b in named[:i])


def test_long_names_are_made_smaller():
    model = KAN([4, 1])
    model.get_act(np.random.RandomState(0).rand(10, 4))
    names = ["sepal length", "sepal width", "petal length", "petal width"]
    figure = model.plot(in_vars=names, varscale=1.3)
    boxes = [text.get_window_extent(figure._get_renderer()) for text in figure.axes[0].texts]
    assert {t.get_rotation() for t in figure.axes[0].texts} == {0.0}
    assert all(left.x1 < right.x0 for left, right in zip(boxes, boxes[1:])) and boxes[0].x0 > 0
    short = model.plot(in_vars=["a", "b", "c", "d"], varscale=1.3).axes[0].texts[0]
    assert short.get_fontsize() > 1.5 * figure.axes[0].texts[0].get_fontsize()


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


@pytest.mark.parametrize(
    "value, span, text",
    [(3.7e-5, 1, "0"), (-1e-9, 1, "0"), (0.35123, 1, "0.35"), (0.998, 0.99, "1"), (-12.3456, 2, "−12.3"), (7, 0, "7")],
)  # fmt: skip
def test_numbers_have_the_digits_that_the_range_allows(value, span, text):
    from swiftkan._plot_draw import number

    assert number(value, span) == text


def test_ranges_do_not_touch():
    model = KAN([3, 4, 1], seed=0)
    model.get_act(np.random.RandomState(0).rand(50, 3) * [0.0345, -1.23e-3, 98765.0] - [0.1, 0, 0])
    figure = model.plot(tick=True, beta=1e9, metric="forward_u")
    figure.set_dpi(300)  # letters of few pixels would be as wide as these allow
    renderer = figure._get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    assert len(boxes) >= 4 * 12  # of the edges that do anything
    for four in np.arange(len(boxes)).reshape(-1, 4):
        assert boxes[four[0]].x1 < boxes[four[1]].x0 and boxes[four[2]].y1 < boxes[four[3]].y0, four
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


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
    figure = model.plot(in_vars=["x", "y"], sample=True, tick=True)
    svg = figure.to_svg()
    assert "<image" not in svg and svg == figure.to_svg()
    ids = re.findall(r' id="([^"]*)"', svg)
    assert {"edges", "boxes", "curves", "samples-0", "nodes", "sums", "in_vars-0"} <= set(ids) and len(ids) == len(set(ids))
    pdf = io.BytesIO()
    figure.savefig(pdf, format="pdf")
    assert b"/Subtype /Image" not in pdf.getvalue()


@pytest.mark.parametrize("folder", [Path, str, os.fsencode])
def test_a_folder_receives_one_file(model, tmp_path, folder):
    figure = model.plot(folder=folder(tmp_path / "a" / "b"))
    assert [p.name for p in (tmp_path / "a" / "b").iterdir()] == ["plot.svg"]
    assert isinstance(figure, matplotlib.figure.Figure)
    assert (tmp_path / "a" / "b" / "plot.svg").read_text().lstrip().startswith("<?xml")
    (tmp_path / "a" / "b" / "plot.svg").unlink()
    (tmp_path / "a" / "b").rmdir()
    (tmp_path / "a").rmdir()


def test_a_folder_that_takes_no_files(model):
    with pytest.raises(NotADirectoryError, match="^folder: no files can be written into .*pictures"):
        model.plot(folder=f"{os.devnull}/pictures")


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
    result = models[0].fit((x, y[:, :1]), steps=5, save_fig=True, save_fig_freq=2, img_folder=os.fsencode(tmp_path / "video"), in_vars=["a", "b"],
                           callbacks=lambda step: seen.append(step.step))  # fmt: skip
    other = models[1].fit((x, y[:, :1]), steps=5)
    np.testing.assert_array_equal(result["train_loss"], other["train_loss"])
    assert seen == [1, 2, 3, 4, 5]
    files = sorted((tmp_path / "video").iterdir())
    assert [file.name for file in files] == ["0.jpg", "2.jpg", "4.jpg"]
    sizes = set()
    for file in files:
        with Image.open(file) as frame:
            sizes.add(frame.size)
        file.unlink()
    assert len(sizes) == 1 and sizes.pop()[0] == 1000
    (tmp_path / "video").rmdir()


def test_frames_keep_every_edge_in_its_place(tmp_path):
    class Observed(KAN):
        drawn = []

        def _picture(self, *arguments, **options):
            figure = super()._picture(*arguments, **options)
            self.drawn.append(figure.curves)
            return figure

    model = Observed([60, 1], seed=0)
    x = np.random.RandomState(0).rand(20, 60)
    model.act_fun[0].coef[3:], model.act_fun[0].scale_base[3:] = 0, 0
    model.fit((x, x[:, :1]), steps=1, lr=0.0001, opt="SGD", update_grid=False, save_fig=True, img_folder=tmp_path)
    (tmp_path / "0.jpg").unlink()
    model.act_fun[0].coef[3:], model.act_fun[0].scale_base[3:] = 0, 0
    model.plot()
    assert Observed.drawn == [60, 3]


@pytest.mark.parametrize(
    "arguments, message",
    [(dict(save_fig_freq=0), "save_fig_freq"), (dict(in_vars=["a"]), "in_vars: has 1 names"), (dict(out_vars=["a", "b"]), "out_vars"),
     (dict(beta=-1), "beta"), (dict(img_folder=3), "img_folder: must be a path"), (dict(img_folder=""), "img_folder: must be a path"),
     (dict(img_folder="a\0b"), "img_folder: must be a path"), (dict(img_folder=os.devnull), "img_folder: no files can be written into"),
     (dict(img_folder=f"{os.devnull}/video"), "img_folder: no files can be written into"),
     pytest.param(dict(img_folder="/proc"), "img_folder: no files can be written into", marks=LINUX)],
)  # fmt: skip
def test_frames_are_refused_before_training(arguments, message, model):
    x, y = samples(model, 10)
    before = model.state_dict()
    with pytest.raises((ValueError, TypeError, OSError), match=f"^{message}"):
        model.fit((x, y), steps=2, save_fig=True, **arguments)
    assert all((value == before[key]).all() for key, value in model.state_dict().items())
    with pytest.raises(ValueError, match="save_fig: a picture needs at least 2 training samples"):
        model.fit((x[:1], y[:1]), steps=2, save_fig=True)
