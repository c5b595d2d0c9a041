"""What is learned, never how: one file a model."""

from unifml.models.base import Model
from unifml.models.linear import Linear
from unifml.models.mlp import MLP
from unifml.models.native import Native
from unifml.models.random_forest import RandomForest

__all__ = ["MLP", "Linear", "Model", "Native", "RandomForest"]
