"""The framework-free vocabulary of networks: what a layer means, its shapes, its weights."""

from unifml.layers.activation import ACTIVATIONS, Activation, LearnedActivation
from unifml.layers.attention import MultiHeadAttention, TransformerBlock
from unifml.layers.base import Layer, WeightSpec
from unifml.layers.combinators import Input, Join, Parallel, Repeat, Residual, Sequential, Skip
from unifml.layers.convolution import Conv1D, Conv2D, Conv3D
from unifml.layers.dense import Dense, FeatureDense
from unifml.layers.depthwise import (
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from unifml.layers.dropout import Dropout, SpatialDropout
from unifml.layers.embedding import CategoricalEmbedding, Embedding
from unifml.layers.graph import Graph, Node, Value
from unifml.layers.initial import draw
from unifml.layers.network import Network, initial_weights
from unifml.layers.norm import BatchNorm, GroupNorm, LayerNorm, RMSNorm
from unifml.layers.numeric import PeriodicFeatures, PiecewiseLinear
from unifml.layers.pooling import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool, UpSample
from unifml.layers.positions import LearnedPositions, SinusoidalPositions
from unifml.layers.recurrent import GRU, LSTM, SimpleRNN
from unifml.layers.shape import Columns, Flatten, Patchify, Permute, Reshape
from unifml.layers.standardize import Standardize
from unifml.layers.transposed import ConvTranspose1D, ConvTranspose2D, ConvTranspose3D

_PRIMITIVES = (
    *(Activation, AvgPool, BatchNorm, Columns, Conv1D, Conv2D, Conv3D, ConvTranspose1D),
    *(ConvTranspose2D, ConvTranspose3D, Dense, DepthwiseConv1D, DepthwiseConv2D, Dropout),
    *(Embedding, FeatureDense, Flatten, GlobalAvgPool, GlobalMaxPool, GroupNorm, GRU, Join),
    *(LayerNorm, LearnedActivation, LearnedPositions, LSTM, MaxPool, MultiHeadAttention),
    *(PeriodicFeatures, Permute, PiecewiseLinear, Reshape, RMSNorm, SimpleRNN),
    *(SinusoidalPositions, SpatialDropout, Standardize, UpSample),
)
_COMPOSITES = (
    *(CategoricalEmbedding, Input, Network, Parallel, Patchify, Repeat, Residual),
    *(SeparableConv1D, SeparableConv2D, Sequential, Skip, TransformerBlock),
)
PRIMITIVES = frozenset(layer.kind for layer in _PRIMITIVES)
"""Kinds of layers that adapters build; all others are made of them."""
VOCABULARY: dict[str, type[Layer]] = {cls.kind: cls for cls in (*_PRIMITIVES, *_COMPOSITES)}
"""Every layer by its kind: what a file may name."""

__all__ = [
    "ACTIVATIONS",
    "GRU",
    "LSTM",
    "PRIMITIVES",
    "VOCABULARY",
    "Activation",
    "AvgPool",
    "BatchNorm",
    "CategoricalEmbedding",
    "Columns",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "ConvTranspose1D",
    "ConvTranspose2D",
    "ConvTranspose3D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dropout",
    "Embedding",
    "FeatureDense",
    "Flatten",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "Graph",
    "GroupNorm",
    "Input",
    "Join",
    "Layer",
    "LayerNorm",
    "LearnedActivation",
    "LearnedPositions",
    "MaxPool",
    "MultiHeadAttention",
    "Network",
    "Node",
    "Parallel",
    "Patchify",
    "PeriodicFeatures",
    "Permute",
    "PiecewiseLinear",
    "RMSNorm",
    "Repeat",
    "Reshape",
    "Residual",
    "SeparableConv1D",
    "SeparableConv2D",
    "Sequential",
    "SimpleRNN",
    "SinusoidalPositions",
    "Skip",
    "SpatialDropout",
    "Standardize",
    "TransformerBlock",
    "UpSample",
    "Value",
    "WeightSpec",
    "draw",
    "initial_weights",
]
