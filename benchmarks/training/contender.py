"""What a contender is: something that trains one network, and can be asked for labels."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, ClassVar

from training.cases import Array, Case


class Contender:
    """One network on one set of rows. Making it is part of what a fit from nothing costs.

    Attributes
    ----------
    needs : tuple of str
        Packages without which it is shown as not installed.
    kinds : tuple of str
        Networks that it has.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    kinds: ClassVar[tuple[str, ...]] = ("mlp", "cnn", "lstm")

    def __init__(self, case: Case, X: Array, y: Array, rate: float = 1e-3) -> None:
        self.case, self.X, self.y, self.rate = case, X, y, rate

    def fit(self, epochs: int) -> None:
        """Train for some epochs, from new weights or where the last call ended.

        What can be kept between two fits of the same network is kept.
        """
        raise NotImplementedError

    def predict(self, X: Array) -> Array:
        """Return a label for each row."""
        raise NotImplementedError

    def estimator(self, epochs: int) -> Any:
        """Return an estimator for scikit-learn to cross-validate; None: it is done by hand."""
        return None

    @classmethod
    def missing(cls) -> list[str]:
        return [name for name in cls.needs if find_spec(name) is None]


def decided(outputs: Array) -> Array:
    """Return the label that outputs (n, width) speak for."""
    if outputs.shape[-1] == 1:
        return (outputs.reshape(-1) > 0).astype(int)
    return outputs.argmax(axis=-1)
