"""A model for evaluating only: its numbers are taken over once, not anew in every call.

What it must get right first: the same bits as the model that it was made from; it never changes; a call costs little
more than the network itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class CompiledKAN:
    """A function of a network's inputs that does not change any more; made by :meth:`swiftkan.KAN.compile`.

    ``compiled(x)`` has the bits that ``model(x)`` had when it was made. A call leaves out what a model must do because its
    numbers may have been changed through views: multiplying masks, scales and coefficients. For large networks and few rows that
    is most of the time.

    It can be pickled and copied, and used by several threads (they wait for each other).

    Attributes
    ----------
    dtype : numpy.dtype
        Of the numbers, and of what a call returns.
    input_width : int
        Columns that x must have.
    """

    __slots__ = ("_model", "_core", "_forward", "dtype", "input_width", "_outputs", "_avoid", "_y_th")

    def __init__(self, model: Any, avoid: bool, y_th: float):
        self._model = model.clone()
        self._core = model._core.compile()
        self._forward = self._core.forward
        self.dtype, self.input_width, self._outputs = model._dtype, model._input_width, model._outputs
        self._avoid, self._y_th = avoid, y_th

    def __call__(self, x: Any) -> np.ndarray:
        """The network's outputs.

        Parameters
        ----------
        x : array-like, (…, inputs)
            C-contiguous arrays of the compiled dtype are read where they are; anything else is converted.

        Returns
        -------
        array of the dtype, (…, outputs)

        Raises
        ------
        ValueError, TypeError
            As :meth:`swiftkan.KAN.predict`.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model = KAN([2, 5, 1])
        >>> f = model.compile()
        >>> x = np.array([[0.1, 0.2]])
        >>> bool((f(x) == model(x)).all())
        True
        """
        model = self._model
        rows, lead = model._rows("x", x)
        y = np.empty((rows.shape[0], self._outputs), self.dtype)
        if rows.shape[0]:
            self._forward(model._chosen(rows) if model._selects else rows, y, self._avoid, self._y_th)
        return y if len(lead) == 1 else y.reshape(lead + (self._outputs,))

    def __reduce__(self) -> tuple:
        return CompiledKAN, (self._model, self._avoid, self._y_th)

    def __repr__(self) -> str:
        return f"Compiled{self._model!r}"
