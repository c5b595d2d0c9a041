"""Fully connected layers."""

from __future__ import annotations

from unifml.export.emit.step import Rule, Step


def _dense(s: Step) -> str:
    bias = [s.weight("bias")] if s.layer.bias else []
    if s.rank == 1:
        return s.op("Gemm", s.x, s.weight("kernel"), *bias)
    if not bias:
        return s.op("MatMul", s.x, s.weight("kernel"))
    return s.op("Add", s.op("MatMul", s.x, s.weight("kernel"), part="product"), *bias)


def _feature_dense(s: Step) -> str:
    """Multiply feature by feature: a batch of matrices (n, values) @ (values, units)."""
    rows = s.op("Transpose", s.x, part="by_feature", perm=[1, 0, 2])
    y = s.op("MatMul", rows, s.weight("kernel"), part="product")
    if not s.layer.bias:
        return s.op("Transpose", y, perm=[1, 0, 2])
    y = s.op("Transpose", y, part="by_row", perm=[1, 0, 2])
    return s.op("Add", y, s.weight("bias"))


RULES: dict[str, Rule] = {"dense": _dense, "feature_dense": _feature_dense}
