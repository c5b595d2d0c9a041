"""Probabilities of many classes by those of pairs, as libsvm couples them."""

from __future__ import annotations

import numpy as np

from unifml.export.algebra import Algebra
from unifml.export.graph import Graph

_LEAST = 1e-7  # libsvm keeps probabilities of pairs this far from 0 and 1


def coupled(a: Algebra, pairs: str, count: int) -> str:
    """Write probabilities (n, classes) that agree best with those of pairs.

    Wu, Lin and Weng (2004), second method, iterated as libsvm does: until no row changes, at most
    100 times. A row that is done stays as it is, whatever rows stand beside it.

    Parameters
    ----------
    a : Algebra
        Writes the nodes.
    pairs : str
        For each i < j, how probable class i is against class j (n, pairs).
    count : int
        Number of classes.
    """
    kept = a.op("Clip", pairs, _LEAST, 1 - _LEAST)
    start = a.filled(kept, np.full(count, 1.0 / count))
    matrix = _matrix(a, kept, count)
    most = a.g.constant("most", max(100, count), np.int64)
    going = a.g.constant("going", True, np.bool_)
    body = _step(a, matrix, count)
    return a.g.op("Loop", _scalar(a, most), _scalar(a, going), start, body=body, name="coupled")


def _scalar(a: Algebra, name: str) -> str:
    return a.g.op("Squeeze", name)


def _matrix(a: Algebra, pairs: str, count: int) -> str:
    """Write the quadratic form (n, classes, classes) that is to be smallest."""
    against = _square(a, pairs, count)  # r[i, j]: how probable i is against j
    turned = a.g.op("Transpose", against, perm=[0, 2, 1])
    own = a.g.op("ReduceSumSquare", against, a.ints(1), keepdims=1)  # over j: r[j, i]^2
    return a.sub(a.mul(own, np.eye(count)), a.mul(against, turned))


def _square(a: Algebra, pairs: str, count: int) -> str:
    """Write the table (n, classes, classes) of pairs both ways, 0 on its diagonal."""
    first = np.triu_indices(count, 1)
    yes, bias = np.zeros((len(first[0]), count, count)), np.zeros((count, count))
    for k, (i, j) in enumerate(zip(*first, strict=True)):
        yes[k, i, j], yes[k, j, i], bias[j, i] = 1.0, -1.0, 1.0
    flat = a.affine(pairs, yes.reshape(len(yes), -1), bias.ravel())
    return a.g.op("Reshape", flat, a.ints(-1, count, count))


def _step(a: Algebra, matrix: str, count: int) -> object:
    """Return one round over all classes as the body of a loop."""
    from onnx import helper

    prefix = f"{a.g.unique('round')}/"
    ends = [f"{prefix}{name}" for name in ("number", "going", "shares")]
    body = Graph(prefix, tuple(ends))
    b = Algebra(body)
    gains, total, far = _gradient(b, matrix, ends[2])
    moving = body.op("GreaterOrEqual", far, b.of(0.005 / count))
    shares = ends[2]
    for t in range(count):
        gains, total, shares = _turn(b, matrix, (gains, total, shares), t, count)
    out = body.op("Where", moving, shares, ends[2])
    more = body.op("ReduceMax", body.op("Cast", moving, to=6), keepdims=0)
    again = body.op("Cast", more, to=9)
    types = [(ends[0], 7, []), (ends[1], 9, []), (ends[2], 11, ["n", count])]
    return helper.make_graph(
        body.nodes,
        f"{prefix}body",
        [helper.make_tensor_value_info(*each) for each in types],
        [
            helper.make_tensor_value_info(again, 9, []),
            helper.make_tensor_value_info(out, 11, ["n", count]),
        ],
        body.initializers,
    )


def _gradient(b: Algebra, matrix: str, shares: str) -> tuple[str, str, str]:
    """Write Q p (n, classes), p Q p (n, 1), and how far rows are from the best (n, 1)."""
    deep = b.g.op("Unsqueeze", shares, b.ints(2))
    gains = b.g.op("Squeeze", b.g.op("MatMul", matrix, deep), b.ints(2))
    total = b.sum(b.mul(gains, shares), keep=True)
    far = b.sum(b.op("Abs", b.sub(gains, total)), keep=True, kind="ReduceMax")
    return gains, total, far


def _turn(
    b: Algebra, matrix: str, state: tuple[str, str, str], t: int, count: int
) -> tuple[str, str, str]:
    """Move the share of one class, and keep the sum at 1."""
    gains, total, shares = state
    row = b.g.op("Squeeze", b.g.op("Gather", matrix, b.ints(t), axis=1), b.ints(1))
    own, gain = (b.g.op("Gather", each, b.ints(t), axis=1) for each in (row, gains))
    step = b.div(b.sub(total, gain), own)
    scale = b.add(step, 1.0)
    grown = b.mul(step, b.add(b.mul(step, own), b.mul(gain, 2.0)))
    total = b.div(b.div(b.add(total, grown), scale), scale)
    gains = b.div(b.add(gains, b.mul(step, row)), scale)
    unit = (np.arange(count) == t).astype(np.float64)
    return gains, total, b.div(b.add(shares, b.mul(step, unit)), scale)
