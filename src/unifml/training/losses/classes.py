"""Losses of classes. Each says what a row would cost if it were of a class, or were not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from unifml.core.plan import Output
from unifml.core.task import Kind, Task
from unifml.errors import ParameterError
from unifml.training.losses.base import Loss
from unifml.training.ops import TINY, Ops

_LEAST_LOG = -1e30  # in place of minus infinity, which times 0 is NaN


@dataclass(frozen=True, repr=False)
class CrossEntropy(Loss):
    """Minus the logarithm of the probability of the row's class; the loss of classes by default.

    The labels of a multilabel problem are averaged.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        Share of the target that is spread over all classes alike.

    References
    ----------
    Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016
    (label smoothing).

    Examples
    --------
    >>> from unifml import CrossEntropy, Training
    >>> Training(loss=CrossEntropy(label_smoothing=0.1))
    Training(loss=CrossEntropy(label_smoothing=0.1))
    """

    kind: ClassVar[str] = "cross_entropy"
    tasks: ClassVar[tuple[Kind, ...]] = ("classification",)
    output: ClassVar[Output] = "logits"
    label_smoothing: float = 0.0

    def values(self, ops: Ops, outputs: Any, y: Any, task: Task, output: Output) -> Any:
        if _is_on_off(outputs, task):
            on, off = _logs_on_off(ops, outputs, output)
            return _on_off(ops, -on, -off, y, self.label_smoothing)
        return _of_classes(ops, -_logs(ops, outputs, output), y, self.label_smoothing)


@dataclass(frozen=True, repr=False)
class Focal(Loss):
    """Cross-entropy in which rows that are right already count less.

    ``-alpha * (1 - p)^gamma * log(p)``, with p the probability of the row's class.

    Parameters
    ----------
    gamma : float, default=2.0
        How much less; 0 is cross-entropy.
    alpha : float or None, default=None
        For two classes, and labels: weight of class 1, ``1 - alpha`` of class 0.
    label_smoothing : float, default=0.0
        Share of the target that is spread over all classes alike.

    References
    ----------
    Lin et al., "Focal loss for dense object detection", ICCV 2017.

    Examples
    --------
    >>> from unifml import Focal, Training
    >>> Training(loss=Focal(gamma=1.0, alpha=0.25))
    Training(loss=Focal(gamma=1.0, alpha=0.25))
    """

    kind: ClassVar[str] = "focal"
    tasks: ClassVar[tuple[Kind, ...]] = ("classification",)
    output: ClassVar[Output] = "logits"
    gamma: float = 2.0
    alpha: float | None = None
    label_smoothing: float = 0.0

    def check(self, task: Task) -> Loss:
        super().check(task)
        if self.alpha is not None and not (task.binary or task.multilabel):
            raise ParameterError(
                f"loss={self!r} for {task.n_classes} classes",
                rule="alpha weighs class 1 against class 0",
                fix="leave alpha out, and use class_weight",
            )
        return self

    def values(self, ops: Ops, outputs: Any, y: Any, task: Task, output: Output) -> Any:
        of_0, of_1 = (1.0, 1.0) if self.alpha is None else (1.0 - self.alpha, self.alpha)
        if _is_on_off(outputs, task):
            on, off = _logs_on_off(ops, outputs, output)
            # The power of 1 - p is taken by its logarithm, which is exact near 1 as near 0.
            each = of_1 * ops.exp(self.gamma * off) * on, of_0 * ops.exp(self.gamma * on) * off
            return _on_off(ops, -each[0], -each[1], y, self.label_smoothing)
        logs = _logs(ops, outputs, output)
        others = ops.log(ops.floor_at(-ops.expm1(logs), TINY))
        losses = -ops.exp(self.gamma * others) * logs
        if self.alpha is not None:
            losses = ops.concat(of_0 * losses[:, :1], of_1 * losses[:, 1:])
        return _of_classes(ops, losses, y, self.label_smoothing)


@dataclass(frozen=True, repr=False)
class Hinge(Loss):
    """``max(0, 1 - t * score)``, t = 1 for the row's class and -1 for the others: their mean.

    Two classes have one score. The largest score wins; there are no probabilities.

    References
    ----------
    Cortes and Vapnik, "Support-vector networks", Machine Learning 20, 1995.

    Examples
    --------
    >>> from unifml import Hinge, Training
    >>> Training(loss=Hinge())
    Training(loss=Hinge())
    """

    kind: ClassVar[str] = "hinge"
    tasks: ClassVar[tuple[Kind, ...]] = ("classification",)
    output: ClassVar[Output] = "scores"

    def values(self, ops: Ops, outputs: Any, y: Any, task: Task, output: Output) -> Any:
        if output not in ("scores", "logits"):
            raise _no_loss_of(self.kind, output, "scores that no function has bent")
        on = self._margin(ops.floor_at(1.0 - outputs, 0.0))
        off = self._margin(ops.floor_at(1.0 + outputs, 0.0))
        if _is_on_off(outputs, task):
            return _on_off(ops, on, off, y, 0.0)
        return ops.mean(off) + _of_classes(ops, on - off, y, 0.0) / outputs.shape[1]

    def _margin(self, lack: Any) -> Any:
        return lack


@dataclass(frozen=True, repr=False)
class SquaredHinge(Hinge):
    """The square of what is lacking to the margin: ``max(0, 1 - t * score)^2``; see `Hinge`.

    Examples
    --------
    >>> from unifml import Training
    >>> Training(loss="squared_hinge")
    Training(loss='squared_hinge')
    """

    kind: ClassVar[str] = "squared_hinge"

    def _margin(self, lack: Any) -> Any:
        return lack * lack


def _is_on_off(outputs: Any, task: Task) -> bool:
    """Whether each column is a yes or no of its own, not one of the classes."""
    return bool(task.multilabel or outputs.shape[1] == 1)


def _logs(ops: Ops, outputs: Any, output: Output) -> Any:
    """Return the logarithm of the probability of each class."""
    if output == "logits":
        return ops.log_softmax(outputs)
    if output == "log_probabilities":
        return ops.floor_at(outputs, _LEAST_LOG)
    if output == "probabilities":
        return ops.log(ops.floor_at(outputs, TINY))
    raise _no_loss_of("cross_entropy", output, "logits or probabilities")


def _logs_on_off(ops: Ops, outputs: Any, output: Output) -> tuple[Any, Any]:
    """Return the logarithms of the probabilities of yes and of no."""
    if output == "logits":
        return -ops.softplus(-outputs), -ops.softplus(outputs)
    logs = _logs(ops, outputs, output)
    no = 1.0 - outputs if output == "probabilities" else -ops.expm1(logs)
    return logs, ops.log(ops.floor_at(no, TINY))


def _on_off(ops: Ops, on: Any, off: Any, y: Any, smoothing: float) -> Any:
    """Return the mean over columns of what yes and no cost, by their shares."""
    if len(y.shape) == 2 and y.shape[1] == 2 and on.shape[1] == 1:
        y = y[:, 1:]
    share = ops.shaped_like(ops.like(y, on), on)
    if smoothing:
        share = (1.0 - smoothing) * share + smoothing / 2
    return ops.mean(share * on + (1.0 - share) * off)


def _of_classes(ops: Ops, each: Any, y: Any, smoothing: float) -> Any:
    """Return what the row's class costs; `each` holds what each class would."""
    if ops.is_whole(y):
        loss = ops.pick(each, y)
    else:
        loss = ops.sum(each * ops.like(ops.concat(1.0 - y, y) if y.shape[1] == 1 else y, each))
    return (1.0 - smoothing) * loss + smoothing * ops.mean(each) if smoothing else loss


def _no_loss_of(kind: str, output: str, rule: str) -> ParameterError:
    return ParameterError(f"loss {kind!r} of {output}", rule=f"it is computed of {rule}")
