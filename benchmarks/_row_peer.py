"""The peers' side of single_row.py: pykan and, given its file, efficient-kan; one JSON request a line, one answer a line.

What it must get right: the peers at their best: no gradients, pykan with speed(), one thread, tensors made outside the clock.
"""

import torch

import _measure
from _peer_side import load, serve


class Side:
    """The same network in each library, and one row."""

    def setup(self, width, grid, k, row, path):
        import kan

        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(1)
        self.x = torch.tensor(row)
        model = kan.KAN(width=list(width), grid=grid, k=k, seed=0, auto_save=False)
        model.speed()
        self.models = {"pykan": model}
        if path:
            self.models["efficient-kan"] = load(path).KAN(width, grid_size=grid, spline_order=k)
        with torch.no_grad():
            value = float(model(self.x)[0, 0])
        versions = f"{_measure.versions('pykan')}, torch {torch.__version__}"
        return dict(versions=versions, libraries=list(self.models), pykan=value)

    def row(self, library):
        model, x = self.models[library], self.x
        with torch.no_grad():
            calls = _measure.calls_for(lambda: model(x), 0.05)
            return dict(seconds=_measure.seconds(lambda: model(x), calls))


if __name__ == "__main__":
    serve(Side())
