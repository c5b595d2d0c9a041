"""What is to be learned: classes or numbers, and how many of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["classification", "regression"]
Purpose = Literal["classification", "regression", "transformation"]


@dataclass(frozen=True)
class Task:
    """What is to be learned.

    Attributes
    ----------
    kind : {"classification", "regression"}
        Classes or numbers.
    n_targets : int
        Columns of y: labels of a multilabel problem, outputs of a regression, else 1.
    n_classes : int
        Number of classes; 0 in regression, 2 per label in multilabel problems.
    of_inputs : bool
        Whether the targets of a regression are the inputs themselves.
    """

    kind: Kind
    n_targets: int = 1
    n_classes: int = 0
    of_inputs: bool = False

    @property
    def purpose(self) -> Purpose:
        """What the model is for, as `Model.tasks` has it."""
        return "transformation" if self.of_inputs else self.kind

    @property
    def multilabel(self) -> bool:
        """Several labels per row, each on or off."""
        return self.kind == "classification" and self.n_targets > 1

    @property
    def binary(self) -> bool:
        """One label of two classes."""
        return self.n_classes == 2 and self.n_targets == 1

    @property
    def width(self) -> int:
        """Number of outputs of a network of ours: one logit for two classes."""
        if self.kind == "classification" and not self.multilabel:
            return 1 if self.n_classes == 2 else self.n_classes
        return self.n_targets
