"""The covariance of a trained network's parameters, from the residuals of a least-squares fit.

Near the least-squares solution a network is linear in its parameters w, so that with J = ∂output/∂w at the training samples and
errors of variance s² (Seber and Wild, Nonlinear Regression, 1989, sections 2.1 and 5.1)

    cov(w) = s² A⁻¹,  A = JᵀJ + S,    s² = Σ (y - f)² / (N - tr(A⁻¹ JᵀJ)),    var f(x) = J(x) cov(w) J(x)ᵀ.

S is the penalty that the model was fitted with (Wahba's Bayesian view: JRSS B 45, 1983), at least 1e-8 of what samples say of an
edge, on its second differences. With sample weights u errors have variances σ²/u; A and s² are those of the weights that are 1 in the
mean, so that cov(w) does not depend on their unit, and an observation of weight 1 has the variance s²·Σu/N. Outputs have variances
of their own: with several, cov(w) = A⁻¹ (Σ_o s_o² J_oᵀJ_o + D S D) A⁻¹, D² the mean of s² over outputs, each counted by what a
parameter does to it. Directions that change no output (constants that edges share) are left out by an eigenvalue cut.

What it must get right first:
  1. directions that no sample determines have the variance of the prior, which is large, never 0;
  2. a unit of weights changes nothing but the error of an observation of weight 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import _check, _numbers, _penalty

PRIOR = 1e-8
CUT = 1e-13  # of the largest eigenvalue


class Covariance(NamedTuple):
    """cov(w) = root rootᵀ, and what was found on the way."""

    root: np.ndarray  # (P, rank)
    error: np.ndarray  # (outputs,) the standard deviation of an observation of weight 1
    freedom: np.ndarray  # (outputs,) N - tr H


class _System(NamedTuple):
    """A⁻¹ and the samples it is of."""

    samples: int
    unit: float  # of the weights that are 1 in the mean, in that of those given
    weight: np.ndarray | None  # those that are 1 in the mean
    prior: np.ndarray  # S
    root: np.ndarray  # A⁻¹ = root rootᵀ

    def used(self) -> float:
        """tr H, of all outputs."""
        return self.root.shape[1] - float(np.einsum("pr,pq,qr->", self.root, self.prior, self.root, optimize=True))


def _system(model: Any, chosen: Any, weight: Any, stand_for: int | None, layers: tuple, avoid: bool, y_th: float) -> _System | None:
    """None if derivatives are not finite."""
    n, index, unit = len(chosen), model._columns(), 1.0
    samples = n if stand_for is None else stand_for
    if weight is not None:
        unit = samples / weight.sum(dtype=np.float64)
        weight = _check.contiguous(weight * unit, model.dtype)
    normal = np.empty((index.size, index.size))
    model._core.normal_matrix(chosen, n, weight, index.size, normal, avoid, y_th)
    if not np.isfinite(normal).all():
        return None
    penalty = _penalty.bending(model, index)
    prior = _penalty.relative(penalty, normal, PRIOR).matrix(index.size)
    penalty.weigh(layers)
    penalty.add(prior, samples)
    return _System(samples, unit, weight, prior, _inverse_root(normal, prior))


def effective(model: Any, chosen: Any, weight: Any, layers: tuple, avoid: bool, y_th: float) -> float:
    """The effective number of parameters tr H, that of `estimate`; NaN if derivatives are not finite."""
    if not model._columns().size:
        return 0.0
    system = _system(model, chosen, weight, None, layers, avoid, y_th)
    return np.nan if system is None else system.used()


def estimate(
    model: Any, chosen: Any, y: Any, weight: Any, stand_for: int | None, layers: tuple, avoid: bool, y_th: float
) -> Covariance:  # fmt: skip
    """The covariance of a model's parameters from its residuals at the samples `chosen`.

    With ``stand_for`` their weights stand for so many samples, as those of equal samples that are one do. ``layers`` is the weight of the
    penalty that the model was fitted with, layer by layer.
    """
    n, outputs, index = len(chosen), model.width_in[-1], model._columns()
    if not index.size:
        raise ValueError("the model has no trained parameters: all its edges are masked")
    system = _system(model, chosen, weight, stand_for, layers, avoid, y_th)
    if system is None:
        raise ValueError("the network's derivatives are not finite at some of the samples; see singularity_avoiding")
    samples, unit, weight, prior, root = system
    residual = np.empty((n, outputs), model.dtype)
    model._core.forward(chosen, residual, avoid, y_th)
    residual, order = _numbers.order_one((y - residual).astype(np.float64))  # squares then neither overflow nor vanish
    squares = np.einsum("no,no,n->o", residual, residual, np.ones(n) if weight is None else weight)
    if outputs == 1:
        used = np.array([system.used()])
    else:
        parts, seen_by = np.zeros((outputs, root.shape[1], root.shape[1])), np.zeros((outputs, index.size))
        for part, jacobian in model._chunks(chosen, index.size, avoid, y_th):
            if weight is not None:
                jacobian *= np.sqrt(weight[part])[:, None, None]
            seen_by += np.einsum("nop,nop->op", jacobian, jacobian)
            seen = jacobian @ root
            parts += np.einsum("nor,noq->orq", seen, seen, optimize=True)
        used = np.einsum("orr->o", parts)
    freedom = samples - used
    if (freedom < 1).any():
        raise ValueError(
            f"the data has {samples} samples, but the model has {used.max():.1f} effective parameters an output: nothing is left "
            "to tell the size of errors from; use more samples, a smaller grid or width, or fit(smooth='gcv')"
        )
    variance = squares / freedom
    error = np.ldexp(np.sqrt(variance / unit), order)
    if outputs == 1:
        return Covariance(np.ldexp(root * np.sqrt(variance[0]), order), error, freedom)
    own = np.sqrt(variance @ seen_by / np.maximum(seen_by.sum(axis=0), 1e-300))  # the error of the outputs that a parameter serves
    middle = np.einsum("o,orq->rq", variance, parts) + root.T @ (prior * own * own[:, None]) @ root
    values, vectors = np.linalg.eigh(middle)
    return Covariance(np.ldexp(root @ (vectors * np.sqrt(np.maximum(values, 0))), order), error, freedom)


def _inverse_root(normal: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """R with R Rᵀ = (normal + prior)⁺, with as many columns as its rank; solved with a diagonal of 1."""
    matrix = normal + prior
    scale = np.sqrt(np.maximum(matrix.diagonal(), 1e-300))
    values, vectors = np.linalg.eigh(matrix / scale / scale[:, None])
    keep = values > CUT * values[-1]
    return (vectors[:, keep] / np.sqrt(values[keep])) / scale[:, None]
