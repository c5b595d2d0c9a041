"""What is learned, never how: one file a model."""

from unifml.models.autoencoder import Autoencoder
from unifml.models.base import Model
from unifml.models.cnn import CNN
from unifml.models.linear import Linear
from unifml.models.mlp import MLP
from unifml.models.native import Native
from unifml.models.random_forest import RandomForest
from unifml.models.rnn import RNN
from unifml.models.tabular import Tabular
from unifml.models.transformer import TransformerEncoder

__all__ = [
    "CNN",
    "MLP",
    "RNN",
    "Autoencoder",
    "Linear",
    "Model",
    "Native",
    "RandomForest",
    "Tabular",
    "TransformerEncoder",
]
