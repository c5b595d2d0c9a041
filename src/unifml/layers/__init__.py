"""The framework-free vocabulary of networks: what a layer means, its shapes, its weights."""

from unifml.layers.activation import ACTIVATIONS, Activation
from unifml.layers.base import Layer, WeightSpec
from unifml.layers.dense import Dense
from unifml.layers.dropout import Dropout
from unifml.layers.initial import draw, initial_weights
from unifml.layers.network import Network, Sequential
from unifml.layers.norm import BatchNorm, LayerNorm
from unifml.layers.standardize import Standardize

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Layer",
    "LayerNorm",
    "Network",
    "Sequential",
    "Standardize",
    "WeightSpec",
    "draw",
    "initial_weights",
]
