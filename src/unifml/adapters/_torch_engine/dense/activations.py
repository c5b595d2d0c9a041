"""Activations and their derivatives, written into buffers that are there already."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unifml.layers.activation import FAR, LEAKY_SLOPE

_aten = torch.ops.aten
_ALPHA, _SCALE = 1.6732632423543772, 1.0507009873554805  # of selu
_REACH = 3.0  # of smooth_clip


class Function(NamedTuple):
    """One activation.

    Attributes
    ----------
    forward : callable
        ``forward(x, out=y)`` writes the values of x to y.
    backward : callable
        ``backward(g, kept, out)`` turns the gradient of the output into that of the input; `out`
        may be g itself. It returns where it wrote.
    keeps_output : bool
        Whether the way back looks at the output, not at the input. Then y may be x itself.
    """

    forward: Callable[..., Any]
    backward: Callable[[Tensor, Tensor, Tensor], Tensor]
    keeps_output: bool


def _from_output(forward: Callable[..., Any], backward: Any, *options: Any) -> Function:
    return Function(forward, _written(backward, options), True)


def _from_input(forward: Callable[..., Any], backward: Any, *options: Any) -> Function:
    return Function(forward, _written(backward, options), False)


def _written(backward: Any, options: tuple[Any, ...]) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    def way_back(g: Tensor, kept: Tensor, out: Tensor) -> Tensor:
        backward(g, kept, *options, grad_input=out)
        return out

    return way_back


def _elu_back(scale: float, alpha: float) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    backward = _aten.elu_backward.grad_input

    def way_back(g: Tensor, y: Tensor, out: Tensor) -> Tensor:
        backward(g, alpha, scale, 1.0, True, y, grad_input=out)
        return out

    return way_back


def _softmax_back(g: Tensor, y: Tensor, out: Tensor) -> Tensor:
    _aten._softmax_backward_data.out(g, y, -1, g.dtype, grad_input=out)
    return out


def _mish_back(g: Tensor, x: Tensor, out: Tensor) -> Tensor:
    return _aten.mish_backward(g, x)


def _hard_silu_back(g: Tensor, x: Tensor, out: Tensor) -> Tensor:
    return _aten.hardswish_backward(g, x)


def _smooth_clip(x: Tensor, out: Tensor) -> Tensor:
    near = x.clamp(-FAR, FAR)
    root = torch.square(near).div_(_REACH**2).add_(1.0).sqrt_()
    return torch.div(near, root, out=out)


def _smooth_clip_back(g: Tensor, x: Tensor, out: Tensor) -> Tensor:
    inner = torch.square(x).div_(_REACH**2).add_(1.0)
    return torch.mul(g, inner.pow_(-1.5), out=out)


FUNCTIONS: dict[str, Function] = {
    "relu": _from_output(
        lambda x, out: torch.clamp_min(x, 0.0, out=out), _aten.threshold_backward.grad_input, 0.0
    ),
    "leaky_relu": _from_output(
        partial(_aten.leaky_relu.out, negative_slope=LEAKY_SLOPE),
        _aten.leaky_relu_backward.grad_input,
        *(LEAKY_SLOPE, True),
    ),
    "elu": Function(_aten.elu.out, _elu_back(1.0, 1.0), True),
    "selu": Function(
        partial(_aten.elu.out, alpha=_ALPHA, scale=_SCALE), _elu_back(_SCALE, _ALPHA), True
    ),
    "gelu": _from_input(_aten.gelu.out, _aten.gelu_backward.grad_input),
    "silu": _from_input(_aten.silu.out, _aten.silu_backward.grad_input),
    "tanh": _from_output(torch.tanh, _aten.tanh_backward.grad_input),
    "sigmoid": _from_output(torch.sigmoid, _aten.sigmoid_backward.grad_input),
    "softmax": Function(partial(torch.softmax, dim=-1), _softmax_back, True),
    "mish": Function(_aten.mish.out, _mish_back, False),
    "softplus": _from_input(_aten.softplus.out, _aten.softplus_backward.grad_input, 1.0, 20.0),
    "relu6": _from_output(
        partial(_aten.hardtanh.out, min_val=0.0, max_val=6.0),
        _aten.hardtanh_backward.grad_input,
        *(0.0, 6.0),
    ),
    "hard_sigmoid": _from_input(_aten.hardsigmoid.out, _aten.hardsigmoid_backward.grad_input),
    "hard_silu": Function(_aten.hardswish.out, _hard_silu_back, False),
    "hard_tanh": _from_output(
        partial(_aten.hardtanh.out, min_val=-1.0, max_val=1.0),
        _aten.hardtanh_backward.grad_input,
        *(-1.0, 1.0),
    ),
    "smooth_clip": Function(_smooth_clip, _smooth_clip_back, False),
}
"""By name; ``identity`` needs none."""
