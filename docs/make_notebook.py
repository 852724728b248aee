"""Makes docs/hellokan.ipynb: the cells below, run by Jupyter, with what they show.

    pip install '.[docs]'
    python docs/make_notebook.py

What it must get right: the statements are those of pykan's first notebook, hellokan.ipynb, with swiftkan in place of kan and
NumPy in place of torch, in their order (python/tests/test_notebook.py runs them without Jupyter and checks what they find);
cells that it does not have are marked ``extra``. Nothing in the file depends on the time or the machine but the digits.
"""

import sys
from pathlib import Path

PATH = Path(__file__).parent / "hellokan.ipynb"
LIMIT = 400_000  # bytes

# (kind, text): kind is "text", "code", or "extra" for code that pykan's notebook does not have.
CELLS = [
    ("text", """# Hello, KAN

A Kolmogorov-Arnold network has functions on its edges, and adds at its nodes. This notebook trains one on samples of
$f(x_1, x_2) = e^{\\sin \\pi x_1 + x_2^2}$, looks at it, prunes it, and reads the formula off it. It has the statements of pykan's notebook of
the same name, with `swiftkan` in place of `kan` and NumPy (`np`) in place of torch. [make_notebook.py](make_notebook.py) made it."""),
    ("text", "## A network and its data\n\nTwo inputs, five hidden nodes, one output; cubic splines ($k = 3$) on 3 grid intervals."),
    ("code", """from swiftkan import *

device = 'cpu'
print(device)

model = KAN(width=[2,5,1], grid=3, k=3, seed=42, device=device)"""),
    ("code", """from swiftkan.utils import create_dataset

f = lambda x: np.exp(np.sin(np.pi*x[:,[0]]) + x[:,[1]]**2)
dataset = create_dataset(f, n_var=2, device=device)
dataset['train_input'].shape, dataset['train_label'].shape"""),
    ("text", "Inputs are below, the output is above, and every edge has its function in a box. At first these are nearly the base function silu."),
    ("code", """# plot KAN at initialization
model(dataset['train_input']);
model.plot()"""),
    ("text", "## Training\n\nL-BFGS, with a penalty (`lamb`) that lets go of edges that are not needed."),
    ("code", """# train the model
model.fit(dataset, opt="LBFGS", steps=50, lamb=0.001);"""),
    ("extra", "model.evaluate(dataset)  # the root-mean-square error on the test data"),
    ("text", "Edges are the fainter the less they matter to the output: one hidden node is enough."),
    ("code", "model.plot()"),
    ("text", """## Pruning

Nodes and edges below a threshold go. The constants that they gave stay, as biases, so that the network is as good as before."""),
    ("code", """model = model.prune()
model.plot()"""),
    ("extra", "model.evaluate(dataset)"),
    ("text", "Without the penalty, and with a finer grid, the splines come close to the functions behind them."),
    ("code", 'model.fit(dataset, opt="LBFGS", steps=50);'),
    ("code", "model = model.refine(10)"),
    ("code", 'model.fit(dataset, opt="LBFGS", steps=50);'),
    ("extra", "model.evaluate(dataset)"),
    ("text", """## Symbols

Which functions are these? By hand one says so, from the picture; `auto_symbolic` compares each edge with those of a list. An edge becomes
$c\\,g(ax + b) + d$ with the best $a, b, c, d$, and is drawn in red."""),
    ("code", """mode = "auto" # "manual"

if mode == "manual":
    # manual mode
    model.fix_symbolic(0,0,0,'sin');
    model.fix_symbolic(0,1,0,'x^2');
    model.fix_symbolic(1,0,0,'exp');
elif mode == "auto":
    # automatic mode
    lib = ['x','x^2','x^3','x^4','exp','log','sqrt','tanh','sin','abs']
    model.auto_symbolic(lib=lib)"""),
    ("extra", "model.plot(in_vars=['x_1', 'x_2'], out_vars=['y'])"),
    ("text", "Now only the constants are left to be trained, to machine precision."),
    ("code", 'model.fit(dataset, opt="LBFGS", steps=50);'),
    ("extra", "model.evaluate(dataset)"),
    ("code", """from swiftkan.utils import ex_round

ex_round(model.symbolic_formula()[0][0],4)"""),
    ("text", """## In one step

`symbolic_search` does all of that from a trained network: it tries functions by the error of the whole formula, drops nodes, recognises
constants, and gives the best formula of each complexity."""),
    ("extra", """model = KAN(width=[2,5,1], grid=3, k=3, seed=42)
model.fit(dataset, opt="LBFGS", steps=50, lamb=0.001)
table = model.symbolic_search(dataset)
table"""),
    ("extra", "table.best.formula"),
]  # fmt: skip


def notebook():
    """The cells, not run; their numbers are their ids."""
    from nbformat import v4

    cells = []
    for number, (kind, text) in enumerate(CELLS):
        new = v4.new_markdown_cell if kind == "text" else v4.new_code_cell
        cells.append(new(text, id=f"cell-{number}", metadata={"tags": ["extra"]} if kind == "extra" else {}))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def main():
    import nbformat
    from nbclient import NotebookClient

    made = notebook()
    NotebookClient(made, timeout=120, record_timing=False).execute()
    made.metadata.pop("language_info", None)  # the version of this Python
    nbformat.validate(made)
    text = nbformat.writes(made) + "\n"
    figures = sum("image/svg+xml" in output.get("data", {}) for cell in made.cells for output in cell.get("outputs", []))
    print(f"{PATH.name}: {len(made.cells)} cells, {figures} figures, {len(text) / 1000:.0f} kB")
    if len(text) > LIMIT:
        sys.exit(f"{PATH} would be larger than {LIMIT / 1000:.0f} kB")
    PATH.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
