"""A network for tables whose defaults are strong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from unifml.core.signature import Signature
from unifml.core.space import Categorical, Float, Space
from unifml.core.task import Task
from unifml.layers import (
    Activation,
    Dense,
    FeatureDense,
    Flatten,
    Layer,
    LearnedActivation,
    Network,
    Parallel,
    PeriodicFeatures,
    Sequential,
    Standardize,
)
from unifml.models import pieces, rules
from unifml.models.tables import TableModel

WAVES = 8  # sines, and as many cosines, of each column


@dataclass(frozen=True, repr=False)
class Tabular(TableModel):
    """A network for tables that is good as it is: try it before boosted trees are tuned.

    Columns are scaled by median and quartiles, and pulled in smoothly where they are far out. Each
    then gets features of its own, made of sines and cosines of it, so that a column can matter in
    steps and bends, or not at all.
    Targets of a regression are standardised, and predictions stay within those of the training
    rows. It is trained by AdamW along a cosine after a short warm-up, with smoothed labels.

    Parameters
    ----------
    hidden : tuple of int, default=(128, 128)
        Units of each hidden layer.
    activation : str, default="selu"
        Activation of the hidden layers (see `unifml.layers.Activation`).
    learned : bool, default=True
        Whether each hidden unit learns how strong its activation is (see
        `unifml.layers.LearnedActivation`).
    dropout : float, default=0.1
        Share of hidden units dropped in training, after each hidden layer.
    members : int, default=1
        Networks that are trained side by side, each from its own start and in its own order of
        rows; the mean of their outputs predicts. A few make better predictions, at a cost that is
        less than theirs one by one.
    numeric : {"periodic", "piecewise"} or None, default="periodic"
        Make `numeric_dim` features of each column of numbers, behind its sines and cosines at
        learned frequencies (and keep the column beside them) or its place among quantiles of the
        training rows. None is faster where there are hundreds of columns.
    numeric_dim : int, default=16
        Features of each such column.
    categorical : tuple of int or str, default=()
        Columns that hold codes of categories, whole numbers from 0 on, by number or by name; each
        code gets a learned vector. Codes that the training rows did not have share one.
    categorical_dim : int, default=8
        Length of these vectors.

    See Also
    --------
    unifml.models.MLP : The textbook network, which scikit-learn has as well.

    References
    ----------
    Holzmüller et al., "Better by default: strong pre-tuned MLPs and boosted trees on tabular
    data", NeurIPS 2024. Gorishniy et al., "On embeddings for numerical features in tabular deep
    learning", NeurIPS 2022. Lakshminarayanan et al., "Simple and scalable predictive uncertainty
    estimation using deep ensembles", NeurIPS 2017.

    Examples
    --------
    >>> from unifml import Classifier
    >>> from unifml.models import Tabular
    >>> Classifier(Tabular(members=4), backend="torch")
    Classifier(model=Tabular(members=4), backend='torch')
    """

    kind: ClassVar[str] = "tabular"
    axes: ClassVar[tuple[int, ...] | None] = (1,)
    scales_target: ClassVar[bool] = True
    clips_target: ClassVar[bool] = True
    uses: ClassVar[frozenset[str]] = pieces.BY_EPOCHS
    hidden: tuple[int, ...] = (128, 128)
    activation: str = "selu"
    learned: bool = True
    dropout: float = 0.1
    members: int = 1
    numeric: str | None = "periodic"
    numeric_dim: int = 16
    categorical: tuple[int | str, ...] = ()
    categorical_dim: int = 8

    def network(self, task: Task, signature: Signature) -> Network:
        self._check()
        codes, others = self._parted(signature)
        scaled = Standardize(others if codes else None, statistic="quantiles", name="standardize")
        # Places among quantiles are bounded but for the two ends.
        near = () if self.numeric == "piecewise" else (Activation("smooth_clip", name="clip"),)
        first = (scaled, *(() if codes else near)) if others else ()
        body = (*self._features(signature, *(near if codes else ())), *self._hidden(task.width))
        if self.members == 1:
            return Network((*first, *body))
        each = tuple(Sequential(body, name=f"member{i}") for i in range(self.members))
        return Network((*first, Parallel(each, join="average", name="members")))

    def member(self) -> Tabular:
        """Return the model of one member."""
        return replace(self, members=1)

    def member_prefix(self, index: int) -> str:
        """Return what stands before the names of a member's weights in the whole network."""
        return f"members.member{index}."

    def training_defaults(self, task: Task, total_weight: float) -> Mapping[str, Any]:
        smooth = {"label_smoothing": 0.1} if task.kind == "classification" else {}
        return smooth | {
            "epochs": 100,
            "batch_size": 128,
            "optimizer": "adamw",
            "learning_rate": 2e-3,
            "weight_decay": 1e-2,
            "schedule": "cosine",
            "warmup": 0.05,
        }

    def space(self) -> Space:
        return {
            "hidden": Categorical(((64,), (128,), (64, 64), (128, 128), (256, 256), (256,) * 3)),
            "dropout": Float(0.0, 0.5),
            "numeric": Categorical(("periodic", "piecewise", None)),
            "learning_rate": Float(3e-4, 1e-2, log=True),
            "weight_decay": Float(1e-4, 1e-1, log=True),
            "batch_size": Categorical((32, 64, 128, 256)),
        }

    def _numeric(self) -> tuple[Layer, ...]:
        """Keep the columns beside their waves: few rows tell more of a line than of a curve."""
        if self.numeric != "periodic":
            return super()._numeric()
        waves = (
            PeriodicFeatures(WAVES, name="periodic"),
            FeatureDense(self.numeric_dim, name="dense"),
            Activation("relu", name="relu"),
            Flatten(name="flat"),
        )
        return (Parallel((Sequential(waves, name="waves"), Sequential(())), name="numbers"),)

    def _hidden(self, width: int) -> tuple[Layer, ...]:
        """Return the hidden layers, and the output."""
        blocks = (layer for i, n in enumerate(self.hidden) for layer in self._block(i, int(n)))
        return (*blocks, Dense(width, name="output"))

    def _block(self, index: int, units: int) -> tuple[Layer, ...]:
        bend = LearnedActivation if self.learned else Activation
        return (
            Dense(units, name=f"hidden_{index}"),
            bend(self.activation, name=f"activation_{index}"),
            *pieces.dropped(self.dropout, f"dropout_{index}"),
        )

    def _check(self) -> None:
        rules.wholes("hidden", self.hidden, "one layer of 64 units")
        rules.flag("learned", self.learned)
        rules.activation(self.activation)
        rules.share("dropout", self.dropout)
        rules.whole("members", self.members)
        super()._check()
