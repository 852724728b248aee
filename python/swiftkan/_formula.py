"""The network as a formula.

What it must get right first:
  1. the formula's value is the model's, to rounding, for every network: products of any arity, masks, scales and biases of
     nodes, edges with a numeric and a symbolic part, and NaN and infinities of nodes that read no input;
  2. what is no formula (a spline) is never left out in silence;
  3. rounding for the eye changes no constant by more than the digits asked for, and none to zero that multiplies anything.

The formula of a layer is at the head of Sources/SwiftKAN/Network/KAN.swift. SymPy is imported inside functions only.
"""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy as np

from . import _check, _functions
from ._formula_values import to_numpy
from ._optional import need

# Functions whose inner factor is an outer one, so that the constants of a formula are what they seem.
POWERS = {"x^2": 2, "x^3": 3, "x^4": 4, "x^5": 5, "1/x": -1, "1/x^2": -2, "1/x^3": -3, "1/x^4": -4, "1/x^5": -5, "abs": 1}

MOST_TAKEN_OUT = 20  # of a constant in the exponent of exp


class Formula:
    """Methods that write the network down."""

    def symbolic_formula(
        self, var: Any = None, normalizer: Any = None, output_normalizer: Any = None, simplify: bool = False,
        numeric: str = "error",
    ) -> tuple[list[Any], list[Any]]:  # fmt: skip
        """SymPy expressions of the outputs, exact to rounding.

        Parameters
        ----------
        var : list of str or sympy expressions, optional
            The inputs' names: one for each input of the network, or one for each column of x. Without it x_1, x_2, … by
            column.
        normalizer : (mean, std), optional
            Numbers or arrays, with an entry for each input of the network or for each column of x: the network was trained on
            (x - mean)/std, and the formula is to take x.
        output_normalizer : (mean, std), optional
            The network was trained on (y - mean)/std, and the formula is to give y.
        simplify : bool
            Apply ``sympy.simplify``.
        numeric : 'error' or 'function'
            What to do with edges whose numeric part is on: refuse and list them, or write each as a function phi_l_i_j of one
            argument that has the spline's value when evaluated.

        Returns
        -------
        expressions : list with one an output
        variables : list of symbols, or of the expressions in ``var``

        Raises
        ------
        ValueError
            For numeric edges, unless ``numeric='function'``.
        ImportError
            If SymPy is not installed.

        Notes
        -----
        SymPy takes sqrt(x)**2 and exp(log(x)) for x, and 0*log(x) for 0: where functions cancel, the formula has values also for those x at
        which the model is NaN.

        Examples
        --------
        >>> from swiftkan import KAN, ex_round
        >>> model = KAN([2, 1])
        >>> for i, (name, affine) in enumerate([("sin", (3, 0, 2, 0)), ("x^2", (1, 0, 1, 0.5))]):
        ...     _ = model.fix_symbolic(0, i, 0, name, fit_params_bool=False)
        ...     model.symbolic_fun[0].affine[0, i] = affine
        >>> model.symbolic_formula()[0][0]
        1.0*x_2**2 + 2.0*sin(3.0*x_1) + 0.5
        """
        sympy = need("sympy", "symbolic_formula()")
        _check.choice("numeric", numeric, ("error", "function"))
        splines = self._numeric_edges()
        if splines and numeric == "error":
            shown = ", ".join(map(str, splines[:10])) + (f", … ({len(splines)} in all)" if len(splines) > 10 else "")
            raise ValueError(
                f"symbolic_formula: the edges (l, i, j) {shown} are numeric; make them functions with fix_symbolic or auto_symbolic, "
                "or write them as spline functions with numeric='function'"
            )
        variables = self._variables(var)
        level = list(variables)
        if normalizer is not None:
            level = [(v - m) / s for v, m, s in zip(level, *_normalizer("normalizer", normalizer, len(level), self._read_entries))]
        for l in range(self.depth):
            level = self._next_level(l, level)
        if output_normalizer is not None:
            level = [y * s + m for y, m, s in zip(level, *_normalizer("output_normalizer", output_normalizer, len(level)))]
        if _check.flag("simplify", simplify):
            level = [sympy.simplify(expression) for expression in level]
        return level, variables

    def formula_function(self, **arguments: Any) -> Callable[[Any], np.ndarray]:
        """The formula as a NumPy function of x, (samples, inputs) → (samples, outputs).

        Takes the arguments of :meth:`symbolic_formula`; with ``var`` each column of x that is read needs a name or symbol of its
        own, and expressions are refused. The function does not refer to the model.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model, x = KAN([2, 3, 1], seed=1), np.random.RandomState(0).rand(50, 2)
        >>> _ = model.auto_symbolic(x=x)
        >>> f = model.formula_function()
        >>> bool(np.allclose(f(x), model(x), rtol=0, atol=1e-12))
        True
        """
        expressions, variables = self.symbolic_formula(**arguments)
        return to_numpy(expressions, variables, columns=self._input_id, width=self._input_width)

    def formula_latex(self, n_digit: int = 4, **arguments: Any) -> list[str]:
        """The formula of each output in LaTeX, constants rounded by :func:`swiftkan.ex_round`.

        Examples
        --------
        >>> from swiftkan import KAN
        >>> model = KAN([1, 1])
        >>> _ = model.fix_symbolic(0, 0, 0, "exp", fit_params_bool=False)
        >>> model.formula_latex()
        ['1.0 e^{1.0 x_{1}}']
        """
        sympy = need("sympy", "formula_latex()")
        return [sympy.latex(ex_round(expression, n_digit)) for expression in self.symbolic_formula(**arguments)[0]]

    # ---- Pieces --------------------------------------------------------------------------------------------------

    def _numeric_edges(self) -> list[tuple[int, int, int]]:
        """(l, i, j) of the edges whose spline counts."""
        return [(l, i, j) for l, layer in enumerate(self._act_fun) for i, j in np.argwhere(layer.mask != 0).tolist()]

    def _variables(self, var: Any) -> list[Any]:
        import sympy

        columns = self._input_id.tolist()
        if var is None:
            return [sympy.Symbol(f"x_{column + 1}") for column in columns]
        if isinstance(var, (dict, set, frozenset)) or not _check.is_list(var):
            raise TypeError(f"var: must be a list of names or sympy expressions, not {_check.shown(var)}")
        var = self._read_entries([_variable(each) for each in var])
        if len(var) != len(columns):
            raise ValueError(f"var: has {len(var)} entries; it must have {len(columns)}, one an input")
        return var

    def _next_level(self, l: int, level: list[Any]) -> list[Any]:
        """The nodes of level l + 1 as expressions."""
        import sympy

        n_sum, n_mult = self._settings.width[l + 1]
        subnodes = []
        for j in range(self.width_out[l + 1]):
            terms = [self._edge_formula(l, i, j, x) for i, x in enumerate(level)]
            subnodes.append(_number(self.subnode_scale[l][j]) * sympy.Add(*terms) + _number(self.subnode_bias[l][j]))
        nodes, at = subnodes[:n_sum], n_sum
        for arity in self._settings.arities[l + 1]:
            nodes.append(sympy.Mul(*subnodes[at : at + arity]))
            at += arity
        return [_number(s) * node + _number(b) for node, s, b in zip(nodes, self.node_scale[l], self.node_bias[l])]

    def _edge_formula(self, l: int, i: int, j: int, x: Any) -> Any:
        import sympy

        numeric, symbolic = self._act_fun[l], self._symbolic_fun[l]
        result = sympy.Integer(0)
        if numeric.mask[i, j] != 0:
            result += self._spline_function(l, i, j)(x)
        mask = symbolic.mask[j, i]
        if mask != 0 and self.symbolic_enabled:
            a, b, c, d = (float(value) for value in symbolic.affine[j, i])
            number = self._core.symbolic_get(l, i, j)
            name, mask, function = _functions.name(number), float(mask), _functions.entry(number).sympy_fun
            at = sympy.Integer(0) if a == 0 and not x.is_number else x
            if at.is_Number or at.is_number and at.is_extended_real and not sympy.sympify(function(_number(a) * at + _number(b))).is_real:
                # No input counts, so the engine can say the value: SymPy would make complex numbers of what is NaN, and keep floating-point
                # numbers that are infinite. What SymPy has exactly, as sin(π) with ``var``, stays as long as it is real.
                value = float(_functions.evaluate(number, [a * float(at) + b])[0])
                return result + _number(mask * (c * value + d))
            factor, power = mask * c, POWERS.get(name)
            if power is not None and a != 0 and 1e-200 < abs(a) ** abs(power) < 1e200:  # c·(a·x + b)ᵖ = c·aᵖ·(x + b/a)ᵖ
                factor, a, b = factor * (abs(a) if name == "abs" else a) ** power, 1.0, b / a
            argument = _number(a) * x + _number(b)
            if name == "exp":
                factor, argument = _exponent(factor, argument)
            if name == "0":
                return result + _number(mask * d)
            result += _number(factor) * function(argument) + _number(mask * d)
        return result

    def _spline_function(self, l: int, i: int, j: int) -> Any:
        """The numeric part of an edge as a SymPy function that can be evaluated."""
        from sympy.utilities.lambdify import implemented_function

        layer = self._act_fun[l]
        edge = type(self)([1, 1], grid=layer.num, k=layer.k, base_fun=self.base_fun, dtype=self.dtype)
        for part in ("coef", "scale_base", "scale_sp", "mask"):
            getattr(edge.act_fun[0], part)[0, 0] = getattr(layer, part)[i, j]
        edge.act_fun[0].grid[0] = layer.grid[i]
        return implemented_function(f"phi_{l}_{i}_{j}", lambda t: edge.predict(np.asarray(t)[..., None])[..., 0])


def _variable(value: Any) -> Any:
    """An entry of ``var`` as a SymPy expression."""
    import sympy

    if isinstance(value, str):
        return sympy.Symbol(value)
    try:
        result = sympy.sympify(value, strict=True)  # strict: nothing is made from how it prints
    except sympy.SympifyError:
        result = None
    if not isinstance(result, sympy.Expr):
        raise TypeError(f"var: its entries must be names or sympy expressions, not {_check.shown(value)}")
    return result


def _number(value: Any) -> Any:
    """A SymPy number with all digits; 0 leaves no trace."""
    import sympy

    value = float(value)
    return sympy.Integer(0) if value == 0 else sympy.Float(value)


def _exponent(factor: float, argument: Any) -> tuple[float, Any]:
    """factor·exp(argument) with a constant in the exponent taken to the factor, as far as that stays a number for the eye.

    Beyond that the constant's integer stays in the exponent, as an Integer: SymPy takes floating-point numbers out of exponents by itself,
    and the factor of exp(x - 1000) is none that a double can hold.
    """
    constant, rest = argument.as_coeff_Add()
    if not constant.is_Float or not abs(constant) < 2.0**53:
        return factor, argument
    whole = 0 if abs(constant) <= MOST_TAKEN_OUT else round(float(constant))
    return factor * math.exp(float(constant) - whole), rest + whole


def _normalizer(name: str, value: Any, count: int, chosen: Callable[[Any], Any] = np.asarray) -> list[list[Any]]:
    """Numbers for ``count`` variables, from the entries that ``chosen`` takes out of a longer list."""
    if not _check.is_list(value) or len(value) != 2:
        raise ValueError(f"{name}: must be a pair (mean, std), not {value!r}")
    result = []
    for what, part in zip(("mean", "std"), value):
        given = np.asarray(chosen(np.ravel(_check.array(f"{name} ({what})", part))))
        if given.size not in (1, count):
            raise ValueError(f"{name}: {what} has {given.size} entries; it must have {count} or 1")
        result.append([_number(v) for v in np.broadcast_to(given, count)])
    return result


def ex_round(expr: Any, n_digit: int, *, smallest: float = 1e-12) -> Any:
    """A formula with rounded constants, to be read.

    Constants of size 1 and more keep ``n_digit`` decimals, smaller ones, and those beyond what a double holds, ``n_digit`` significant
    digits; none that multiplies something becomes zero. A constant term below half of the last decimal, and terms with factors smaller
    than ``smallest`` times the largest factor of a term with variables beside them, are left out.

    Parameters
    ----------
    expr : sympy expression, or list or tuple of them, as ``symbolic_formula`` returns
    n_digit : int
    smallest : float, 0 … 1

    Returns
    -------
    sympy expression, or a list or tuple as the given one

    Examples
    --------
    >>> import sympy
    >>> from swiftkan import ex_round
    >>> x = sympy.Symbol("x")
    >>> ex_round(100 * sympy.sin(3.14159265 * x) + 0.00999999999 * x + 1e-12, 4)
    0.01*x + 100*sin(3.1416*x)
    >>> ex_round(100 * sympy.sin(3.14159265 * x) + 0.00999999999 * x + 1e-12, 4, smallest=1e-3)
    100*sin(3.1416*x)
    """
    sympy = need("sympy", "ex_round()")
    digits, part = _check.integer("n_digit", n_digit, 0, 15), _check.real("smallest", smallest, 0.0, 1.0)
    if isinstance(expr, (list, tuple)):
        parts = [ex_round(each, digits, smallest=part) for each in expr]
        return parts if isinstance(expr, list) else tuple(parts)

    def rounded(number: float) -> float:
        if number == 0 or not math.isfinite(number):
            return number
        return round(number, max(digits, digits - 1 - math.floor(math.log10(abs(number)))))

    def fits(number: Any) -> bool:  # can a double hold it
        return number.is_finite is not True or number == 0 or 0 < abs(float(number)) < math.inf

    def size(term: Any) -> float:
        number = term.as_coeff_Mul()[0]
        if fits(number) or term.is_Float and abs(number) < 1:
            return abs(float(number))
        return math.inf  # as what is beyond all numbers, it stays

    def walk(node: Any) -> Any:
        if node.is_Float:
            return sympy.Float(rounded(float(node))) if fits(node) else node.n(max(digits, 1))
        if not node.args:
            return node
        if node.is_Add:
            terms = [(size(term), term) for term in node.args]
            finite = [pair for pair in terms if math.isfinite(pair[0])]  # beside infinity the rest stays, too
            largest = max((size for size, _ in finite), default=0.0)
            # x stays in 1e-10*x - 170, whatever the constant: it may have come from far away.
            varying = max((size for size, term in finite if not term.is_number), default=0.0)
            below = 0.5 * 10.0**-digits * min(1.0, largest)
            keep = [term for size, term in terms if (size > below if term.is_Float else size >= part * varying)]
            return sympy.Add(*map(walk, keep))
        if node.is_Pow and node.exp.is_Float and float(node.exp).is_integer():
            return walk(node.base) ** int(node.exp)
        return node.func(*map(walk, node.args))

    try:
        formula = sympy.sympify(expr)
    except sympy.SympifyError as error:
        if isinstance(expr, str):
            raise ValueError(f"expr: {_check.shown(expr)} is no formula: {error}") from None
        formula = None
    if not isinstance(formula, (sympy.Expr, sympy.Rel)):
        raise TypeError(f"expr: must be a sympy expression or a list of them, not {_check.shown(expr)}")
    # What rounding makes of constants within powers is rounded again.
    return walk(walk(formula))
