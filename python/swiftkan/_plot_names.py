"""Names of variables as matplotlib's text: SymPy expressions and LaTeX strings become formulas.

What it must get right first: a name never makes a picture fail. What matplotlib cannot typeset is shown as it was written.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, NamedTuple

SYMBOL = re.compile(r"[A-Za-z]|[A-Za-z]_\w+|[A-Za-z]_\{[^{}]*\}")  # x, x_1, x_max, x_{12}


def typeset(name: Any) -> str:
    """A string for matplotlib.

    With ``$`` it is taken as it is; LaTeX without ``$``, single letters and letters with an index become formulas; any other
    string is a plain word; a SymPy expression becomes its LaTeX form.

    >>> typeset("x_12"), typeset("mass"), typeset(r"\\alpha"), typeset("$x^2$"), typeset("cost in $")
    ('$x_{12}$', 'mass', '$\\\\alpha$', '$x^2$', 'cost in \\\\$')
    """
    if hasattr(name, "free_symbols") and hasattr(name, "subs"):  # a SymPy expression
        from sympy import latex

        return _checked(f"${latex(name)}$", str(name))
    text = str(name)
    if text.count("$") >= 2:
        return _checked(text, text)
    if SYMBOL.fullmatch(text):
        letter, _, index = text.partition("_")
        index = index.strip("{}")
        return _checked(f"${letter}_{{{index}}}$" if index else f"${letter}$", text)
    if "\\" in text and "$" not in text:
        return _checked(f"${text}$", text)
    return text.replace("$", r"\$")


def title(text: Any) -> str:
    """A title for matplotlib: words, with formulas between dollars."""
    text = str(text)
    return _checked(text, text) if text.count("$") >= 2 else text.replace("$", r"\$")


def _checked(text: str, plain: str) -> str:
    """``text`` if matplotlib can typeset it, else the plain form with its dollars made harmless."""
    try:
        measure(text)
    except ValueError:
        return plain.replace("$", r"\$")
    return text


@functools.lru_cache(1000)  # formulas take matplotlib milliseconds
def measure(text: str) -> tuple[float, float, float]:
    """Width, height above and depth below the baseline of a text of size 1; ValueError for LaTeX that matplotlib cannot typeset."""
    from matplotlib.cbook import is_math_text
    from matplotlib.textpath import text_to_path

    large = font()
    large.set_size(100)
    width, height, depth = text_to_path.get_text_width_height_descent(text, large, is_math_text(text))
    return width / 100, (height - depth) / 100, depth / 100


def check(argument: str, names: Any, count: int, what: str, chosen: Callable[[list], list] = list) -> list[str] | None:
    """One typeset name for each of ``count`` variables, or None; ``chosen`` takes them out of a longer list.

    Raises
    ------
    ValueError
        If there are more or fewer names than variables.
    TypeError
        If ``names`` is not a list.
    """
    if names is None:
        return None
    if isinstance(names, (str, bytes)) or not hasattr(names, "__iter__"):
        raise TypeError(f"{argument}: must be a list of {count} names (strings or SymPy expressions), not {names!r}")
    names = chosen(list(names))
    if len(names) != count:
        raise ValueError(f"{argument}: has {len(names)} names, but the model has {count} {what}")
    return [typeset(name) for name in names]


class Row(NamedTuple):
    """Names side by side, all of one size: the wanted one, or smaller so that none touches the next. Sizes are parts of the
    width that the names are spread over."""

    names: list[str]
    size: float
    upright: bool  # turned by 90°, because side by side they would be illegible
    ascent: float  # above the common baseline; of upright names all of their length
    descent: float  # below it


def row(names: list[str], size: float) -> Row:
    """Fits names into a row."""
    sizes = [measure(name) for name in names]
    widest, high, low = (max(max(values), 1e-9) for values in zip(*sizes))
    lying, standing = 0.9 / len(names) / widest, 0.9 / len(names) / (high + low)
    if lying < min(0.4 * size, standing):
        size = min(0.6 * size, standing, 0.3 / widest)
        return Row(names, size, True, size * widest, 0.0)
    size = min(size, lying)
    return Row(names, size, False, size * high, size * low)


def font() -> object:
    """matplotlib's usual letters, and formulas in those of LaTeX."""
    from matplotlib.font_manager import FontProperties

    return FontProperties(math_fontfamily="cm")
