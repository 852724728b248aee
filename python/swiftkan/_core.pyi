"""The engine as python/_core.c presents it. All arrays are C-contiguous buffers of the model's dtype."""

from typing import Any
from collections.abc import Callable, Sequence

ABI: int

def functions() -> tuple[str, ...]: ...
def function_evaluate(function: int, x: Any, y: Any, dy: Any, avoid_singularities: bool, y_th: float) -> None: ...
def function_add(name: str, function: Callable[..., Any]) -> int: ...
def symbolic_fit(
    functions: Sequence[int], x: Any, y: Any, a_range: tuple[float, float], b_range: tuple[float, float]
) -> list[tuple[float, float, float, float, float]]: ...
def uniform(seed: int, skip: int, out: Any) -> None: ...
def set_num_threads(n: int) -> None: ...
def get_num_threads() -> int: ...

class Model:
    def __init__(
        self,
        *,
        dtype: int,
        base_fun: int,
        n_sum: Sequence[int],
        n_mult: Sequence[int],
        mult_arity: Sequence[int],
        grid: Sequence[int],
        k: Sequence[int],
        noise_scale: float,
        scale_base_mu: float,
        scale_base_sigma: float,
        grid_eps: float,
        grid_range: tuple[float, float],
        affine_trainable: bool,
        sp_trainable: bool,
        sb_trainable: bool,
        sparse_init: bool,
        symbolic_enabled: bool,
        seed: int,
    ) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def info(self) -> dict[str, int]: ...
    def blocks(self) -> list[tuple[str, int, tuple[int, ...], bool]]: ...
    def flags(self) -> dict[str, Any]: ...
    def set_flags(
        self, *, affine_trainable: bool, sp_trainable: bool, sb_trainable: bool, symbolic_enabled: bool, grid_eps: float
    ) -> None: ...
    def copy(self) -> Model: ...
    def compile(self) -> Model: ...
    def symbolic_get(self, l: int, i: int, j: int) -> int: ...
    def symbolic_set(self, l: int, i: int, j: int, function: int) -> None: ...
    def forward(self, x: Any, y: Any, avoid_singularities: bool, y_th: float) -> None: ...
    def activations(
        self, x: Any, n: int, kind: int, l: int, out: Any, avoid_singularities: bool, y_th: float
    ) -> None: ...
    def statistics(self, x: Any, n: int, avoid_singularities: bool, y_th: float, out: Any) -> None: ...
    def statistics_count(self) -> int: ...
    def loss_gradient(
        self,
        x: Any,
        n: int,
        y: Any,
        labels: Any,
        weight: Any,
        objective: tuple,
        grad: Any,
        grad_x: Any,
        avoid_singularities: bool,
        y_th: float,
    ) -> tuple[float, float]: ...
    def vjp(
        self, x: Any, n: int, grad_output: Any, grad: Any, grad_x: Any, avoid_singularities: bool, y_th: float
    ) -> None: ...
    def regularization(
        self, x: Any, n: int, objective: tuple, grad: Any, avoid_singularities: bool, y_th: float
    ) -> float: ...
    def update_grid(self, x: Any, n: int, avoid_singularities: bool, y_th: float) -> None: ...
    def refine(self, grid: Sequence[int], x: Any, n: int, avoid_singularities: bool, y_th: float) -> Model: ...
    def initialize_from(self, parent: Model, x: Any, n: int, avoid_singularities: bool, y_th: float) -> None: ...
    def fit(
        self,
        train: tuple,
        test: tuple | None,
        options: dict[str, Any],
        objective: tuple,
        avoid_singularities: bool,
        y_th: float,
        poll: Callable[[], Any] | None,
        step: Callable[[int, int, float, float, float], Any] | None,
        loss: Callable[..., float] | None,
        train_loss: Any,
        test_loss: Any,
        reg: Any,
    ) -> dict[str, Any]: ...
