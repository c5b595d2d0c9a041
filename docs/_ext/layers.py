"""A page for each family of layers: formulas, sources, weights and backends, from the code."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from models import row
from numpydoc.docscrape import NumpyDocString

from unifml import layers
from unifml.core import registry
from unifml.layers import Layer, Network


@dataclass(frozen=True)
class Family:
    """Layers that belong together, each with a row to show it on."""

    title: str
    about: str
    members: tuple[tuple[Layer, tuple[int, ...]], ...]


FAMILIES = {
    "dense": Family(
        "Dense layers",
        "Every output sees every input of its row.",
        ((layers.Dense(8), (4,)), (layers.FeatureDense(8), (4, 2))),
    ),
    "activations": Family(
        "Activations",
        "What bends a network. Each name has one meaning, whatever a framework calls it.",
        ((layers.Activation("relu"), (4,)), (layers.LearnedActivation("selu"), (4,))),
    ),
    "dropout": Family(
        "Dropout",
        "Active in training only. What is dropped follows the seed of the fit, on every backend by "
        "a generator of its own: dropout is the one thing that differs between them.",
        ((layers.Dropout(0.1), (4,)), (layers.SpatialDropout(0.1), (6, 4))),
    ),
    "normalisation": Family(
        "Normalisation",
        "Features are the last axis. Every epsilon is 1e-5.",
        (
            (layers.Standardize(), (4,)),
            (layers.BatchNorm(), (4,)),
            (layers.LayerNorm(), (6, 4)),
            (layers.GroupNorm(2), (8, 8, 4)),
            (layers.RMSNorm(), (6, 4)),
        ),
    ),
    "convolutions": Family(
        "Convolutions",
        "Rows are channels-last: `(steps, features)`, `(height, width, features)` or `(depth, "
        'height, width, features)`. `padding="same"` pads more at the end where the number is odd.',
        (
            (layers.Conv1D(8, 3), (20, 4)),
            (layers.Conv2D(8, 3), (28, 28, 4)),
            (layers.Conv3D(8, 3), (8, 8, 8, 4)),
            (layers.DepthwiseConv1D(3), (20, 4)),
            (layers.DepthwiseConv2D(3), (28, 28, 4)),
            (layers.SeparableConv1D(8, 3), (20, 4)),
            (layers.SeparableConv2D(8, 3), (28, 28, 4)),
            (layers.ConvTranspose1D(8, 3, strides=2), (10, 4)),
            (layers.ConvTranspose2D(8, 3, strides=2), (14, 14, 4)),
            (layers.ConvTranspose3D(8, 3, strides=2), (4, 4, 4, 4)),
        ),
    ),
    "pooling": Family(
        "Pooling and upsampling",
        "Fewer places, or more. What is padded never counts.",
        (
            (layers.MaxPool(2), (28, 28, 4)),
            (layers.AvgPool(2), (28, 28, 4)),
            (layers.GlobalAvgPool(), (28, 28, 4)),
            (layers.GlobalMaxPool(), (28, 28, 4)),
            (layers.UpSample(2), (14, 14, 4)),
        ),
    ),
    "shape": Family(
        "Shape",
        "Values move, and stay what they are.",
        (
            (layers.Flatten(), (7, 7, 4)),
            (layers.Reshape((4, 2)), (8,)),
            (layers.Permute((1, 0)), (7, 3)),
            (layers.Columns((0, 2)), (4,)),
            (layers.Patchify(2), (8, 8, 1)),
        ),
    ),
    "recurrent": Family(
        "Recurrent layers",
        "One bias, an orthogonal recurrent kernel, and gates in one order on every backend. Of "
        "sequences of unequal length only the steps that are there are read.",
        (
            (layers.LSTM(8), (20, 4)),
            (layers.GRU(8), (20, 4)),
            (layers.SimpleRNN(8), (20, 4)),
        ),
    ),
    "attention": Family(
        "Attention",
        "Padded steps are never looked at.",
        (
            (layers.MultiHeadAttention(2), (20, 8)),
            (layers.TransformerBlock(2), (20, 8)),
            (layers.LearnedPositions(), (20, 8)),
            (layers.SinusoidalPositions(), (20, 8)),
        ),
    ),
    "embeddings": Family(
        "Embeddings",
        "Whole numbers, and numbers, become vectors.",
        (
            (layers.Embedding(100, 8), (20,)),
            (layers.CategoricalEmbedding((1,), (5,), dim=3), (4,)),
            (layers.PeriodicFeatures(4), (3,)),
            (layers.PiecewiseLinear(4), (3,)),
        ),
    ),
    "combinators": Family(
        "Combinators",
        "Layers put together. They have no weights of their own, and every backend has them.",
        (
            (layers.Sequential((layers.Dense(4),)), (8,)),
            (layers.Residual((layers.Dense(4),)), (8,)),
            (layers.Parallel((layers.Dense(4), layers.Dense(2))), (8,)),
            (layers.Repeat(layers.Dense(4), 2), (8,)),
            (layers.Input("X"), (8,)),
            (layers.Skip("X"), (8,)),
        ),
    ),
}


def pages() -> dict[str, str]:
    """The text of each page, by its path."""
    return {f"layers/{name}.md": page(name) for name in FAMILIES} | {"layers/index.md": index()}


def index() -> str:
    names = "\n".join(FAMILIES)
    return f"{(Path(__file__).parent / 'layers_index.md').read_text('utf-8')}\n{names}\n```\n"


def page(name: str) -> str:
    family = FAMILIES[name]
    head = [f"# {family.title}", "", family.about, "", "This page is made from the code.", ""]
    text = "\n".join([*head, *(line for one in family.members for line in section(*one))])
    return text.replace("``", "`")


def section(layer: Layer, shape: tuple[int, ...]) -> Iterator[str]:
    cls = type(layer)
    doc = NumpyDocString(inspect.getdoc(cls) or "")
    yield f"## {cls.__name__}\n"
    yield f"{{py:class}}`unifml.layers.{cls.__name__}`. {' '.join(doc['Summary'])}\n"
    yield from (f"{line}" for line in doc["Extended Summary"])
    base = NumpyDocString(inspect.getdoc(cls.__mro__[1]) or "")
    yield from (f"{line}" for line in base["Extended Summary"] if not doc["Parameters"])
    yield ""
    params = doc["Parameters"] or base["Parameters"]
    if params:
        yield "| parameter | type | what it means |\n| --- | --- | --- |"
        for entry in params:
            yield row(f"`{entry.name}`", entry.type.replace("|", "\\|"), " ".join(entry.desc))
        yield ""
    if cls.__name__ not in ("Input", "Skip"):
        yield from example(layer, shape)
    sources = doc["References"] or base["References"]
    if sources:
        yield f"\nSource: {' '.join(sources)}\n"


def example(layer: Layer, shape: tuple[int, ...]) -> Iterator[str]:
    graph = Network((layer.with_params(name="layer"),)).graph(shape)
    yield f"`{layer!r}` on rows of shape `{shape}` gives rows of shape `{graph.result.shape}`.\n"
    specs = graph.weight_specs()
    if specs:
        yield "| weight | shape | starts as | role |\n| --- | --- | --- | --- |"
        for name, spec in specs.items():
            yield row(f"`{name}`", f"`{spec.shape}`", spec.initial, spec.role)
        yield ""
    kinds = {node.layer.kind for node in graph.nodes}
    able = [a.name for a in registry.adapters() if kinds <= a.capabilities.layers]
    yield f"Backends: {', '.join(able)}."
