"""What a backend can do, in typed fields that everybody asks instead of its name."""

from __future__ import annotations

from dataclasses import dataclass

_NONE: frozenset[str] = frozenset()
# What the program of a network may know beyond plain steps, by the word for it in `Training`;
# `soft_targets` are shares of classes, and the last three take objects of the framework.
TECHNIQUES = frozenset(
    {"clip_norm", "clip_value", "accumulate", "ema", "deterministic", "compile", "soft_targets"}
    | {"custom_loss", "custom_optimizer", "native_callbacks"}
)


@dataclass(frozen=True)
class Capabilities:
    """What a backend can do.

    Shared code reads these fields before any work starts. What is missing here is refused by an
    error that names the backends that have it, so a field that promises too much is a bug.

    Attributes
    ----------
    packages : tuple of str
        Importable packages that the adapter needs.
    extra : str
        The extra of unifml that installs them.
    natives : str
        What native objects it takes, in words for the documentation.
    layers : frozenset of str
        Kinds of layers that it can build.
    activations : frozenset of str
        Activations that it can build.
    one_activation : bool
        All hidden activations of a network must be the same.
    losses : frozenset of str
        Losses that it can train with.
    optimizers : frozenset of str
        Optimizers that it can step with.
    penalties : frozenset of str
        Of ``l1``, ``l2`` and ``weight_decay``, those that it can apply.
    dialects : frozenset of str
        Translations of models that it understands besides networks, such as ``sklearn``.
    epochs : bool
        Trains networks epoch by epoch.
    exact : bool
        Gives the loss and its gradient for exact solvers.
    partial_fit : bool
        Can go on training a network from a stored state.
    multilabel : bool
        Trains networks with several labels per row.
    untouched : bool
        Its native objects get X and y as the user passed them, and rule by their own tags.
    techniques : frozenset of str
        Of `TECHNIQUES`, those that its programs of networks know.
    stacks : bool
        Trains several networks at once, where that is faster.
    precisions : frozenset of str
        Dtypes that it computes in; ``bf16``, ``fp16`` and ``tf32`` are for training only.
    devices : frozenset of str
        Kinds of devices that it can use.
    callables : bool
        Takes a class or function that builds a native model.
    onnx : bool
        Exports native models to ONNX.
    """

    packages: tuple[str, ...] = ()
    extra: str = ""
    natives: str = "none"
    layers: frozenset[str] = _NONE
    activations: frozenset[str] = _NONE
    one_activation: bool = False
    losses: frozenset[str] = _NONE
    optimizers: frozenset[str] = _NONE
    penalties: frozenset[str] = _NONE
    dialects: frozenset[str] = _NONE
    epochs: bool = False
    exact: bool = False
    partial_fit: bool = False
    multilabel: bool = False
    untouched: bool = False
    techniques: frozenset[str] = _NONE
    stacks: bool = False
    precisions: frozenset[str] = frozenset({"float32"})
    devices: frozenset[str] = frozenset({"cpu"})
    callables: bool = False
    onnx: bool = False


@dataclass(frozen=True)
class NativeTraits:
    """What one native model of a user is like, as far as its adapter can tell before a fit.

    Attributes
    ----------
    output : str or None
        ``"logits"``, ``"probabilities"``, ``"log_probabilities"`` or ``"values"``; None if unknown.
    loss : str or None
        The loss that it brings with it (a compiled Keras model), by our name where we have one.
    optimizer : str or None
        The optimizer that it brings with it.
    steps : bool
        Can learn in steps, epoch by epoch.
    label_codes : bool
        Needs class labels as codes 0 to k - 1.
    dtype : str or None
        The dtype of its weights, where it has some.
    """

    output: str | None = None
    loss: str | None = None
    optimizer: str | None = None
    steps: bool = True
    label_codes: bool = False
    dtype: str | None = None
