"""torch: the textbook loop, the fastest that we know, and libraries that bring one."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from sklearn.neural_network import MLPClassifier
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from training.cases import Array, Case, outputs
from training.contender import Contender, decided
from training.with_unifml import Unifml


class Last(nn.Module):
    """An LSTM whose last state goes through a dense layer."""

    def __init__(self, features: int, units: int, width: int) -> None:
        super().__init__()
        self.lstm, self.output = nn.LSTM(features, units, batch_first=True), nn.Linear(units, width)

    def forward(self, X: Tensor) -> Tensor:
        return self.output(self.lstm(X)[0][:, -1])  # type: ignore[no-any-return]


def module(kind: str, sizes: tuple[int, ...], shape: tuple[int, ...], width: int) -> nn.Module:
    if kind == "lstm":
        return Last(shape[-1], sizes[0], width)
    if kind == "mlp":
        sides = (shape[0], *sizes)
        dense = (nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(sides))
        return nn.Sequential(
            *(layer for pair in dense for layer in pair), nn.Linear(sides[-1], width)
        )
    layers: list[nn.Module] = []
    side, before = shape[0], 1
    for filters in sizes:
        layers += [nn.Conv2d(before, filters, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        side, before = side // 2, filters
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(side * side * before, width))


def first_channels(X: Array) -> Array:
    """Return images as torch wants them."""
    return np.ascontiguousarray(np.moveaxis(X, -1, 1)) if X.ndim == 4 else X


def objective(width: int) -> Callable[[Tensor, Tensor], Tensor]:
    if width > 1:
        return nn.functional.cross_entropy
    binary = nn.functional.binary_cross_entropy_with_logits
    return lambda logits, y: binary(logits[:, 0], y)


class ByHand(Contender):
    """Tensors, a module, and an optimizer: what every loop by hand has."""

    needs = ("torch",)

    def __init__(self, case: Case, X: Array, y: Array, rate: float = 1e-3) -> None:
        super().__init__(case, X, y, rate)
        self.width = outputs(y)
        self.tensors = torch.from_numpy(first_channels(X)), self.targets(y)
        self.module = module(case.kind, case.sizes, X.shape[1:], self.width)
        self.loss = objective(self.width)
        self.optimizer = self.adam()

    def targets(self, y: Array) -> Tensor:
        return torch.from_numpy(y).float() if self.width == 1 else torch.from_numpy(y)

    def adam(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.module.parameters(), lr=self.rate)

    def predict(self, X: Array) -> Array:
        self.module.eval()
        with torch.inference_mode():
            return decided(self.module(torch.from_numpy(first_channels(X))).numpy())


class Textbook(ByHand):
    name = "DataLoader loop"

    def fit(self, epochs: int) -> None:
        loader = DataLoader(TensorDataset(*self.tensors), self.case.batch, shuffle=True)
        self.module.train()
        for _ in range(epochs):
            total = 0.0
            for X, y in loader:
                self.optimizer.zero_grad()
                loss = self.loss(self.module(X), y)
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(X)


class Indexed(ByHand):
    name = "index batching"

    def fit(self, epochs: int) -> None:
        X, y = self.tensors
        self.module.train()
        for _ in range(epochs):
            losses = []
            for rows in torch.randperm(len(X)).split(self.case.batch):
                self.optimizer.zero_grad()
                loss = self.loss(self.module(X[rows]), y[rows])
                loss.backward()
                self.optimizer.step()
                losses.append(loss.detach())
            torch.stack(losses).mean().item()


class Flat(ByHand):
    """Rows permuted once an epoch, parameters as views of one tensor, a fused step."""

    name = "flat, fused"

    def adam(self) -> torch.optim.Optimizer:
        members = list(self.module.parameters())
        self.flat = nn.Parameter(torch.cat([p.detach().reshape(-1) for p in members]))
        self.flat.grad, at = torch.zeros_like(self.flat), 0
        for p in members:
            place = slice(at, at + p.numel())
            p.data = self.flat.data[place].view(p.shape)
            p.grad = self.flat.grad[place].view(p.shape)
            at = place.stop
        return torch.optim.Adam([self.flat], lr=self.rate, fused=True)

    def fit(self, epochs: int) -> None:
        X, y = self.tensors
        self.module.train()
        for _ in range(epochs):
            order = torch.randperm(len(X))
            parts = (part[order].split(self.case.batch) for part in (X, y))
            losses = [self.step(*batch) for batch in zip(*parts, strict=True)]
            torch.stack(losses).mean().item()

    def step(self, X: Tensor, y: Tensor) -> Tensor:
        self.optimizer.zero_grad(set_to_none=False)
        loss = self.loss(self.module(X), y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


class OwnBackward(Flat):
    """The same for dense layers, with the chain rule written out: no graph is recorded."""

    name = "own backward"
    kinds = ("mlp",)

    def __init__(self, case: Case, X: Array, y: Array, rate: float = 1e-3) -> None:
        super().__init__(case, X, y, rate)
        self.layers = [layer for layer in self.module if isinstance(layer, nn.Linear)]

    @torch.no_grad()
    def fit(self, epochs: int) -> None:
        super().fit(epochs)

    def step(self, X: Tensor, y: Tensor) -> Tensor:
        inside = [X]
        for layer in self.layers[:-1]:
            inside.append(torch.addmm(layer.bias, inside[-1], layer.weight.t()).relu_())
        last = self.layers[-1]
        logits = torch.addmm(last.bias, inside[-1], last.weight.t())
        loss, slope = self.slope(logits, y)
        for layer, values in zip(reversed(self.layers), reversed(inside), strict=True):
            torch.mm(slope.t(), values, out=layer.weight.grad)
            torch.sum(slope, 0, out=layer.bias.grad)
            if values is not X:
                slope = slope.mm(layer.weight).mul_(values > 0)
        self.optimizer.step()
        return loss

    def slope(self, logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss, and how it changes with the logits."""
        if self.width == 1:
            y = y[:, None]
            loss = nn.functional.binary_cross_entropy_with_logits(logits, y)
            return loss, logits.sigmoid().sub_(y).div_(len(y))
        logs = logits.log_softmax(1)
        slope = logs.exp()
        slope[torch.arange(len(y)), y] -= 1
        return nn.functional.nll_loss(logs, y), slope.div_(len(y))


class Skorch(Contender):
    name = "skorch"
    needs = ("skorch",)

    def __init__(self, case: Case, X: Array, y: Array, rate: float = 1e-3) -> None:
        numbers = y.astype(np.float32) if outputs(y) == 1 else y  # as its binary loss wants them
        super().__init__(case, first_channels(X), numbers, rate)
        self.sides = {"kind": case.kind, "sizes": case.sizes, "shape": X.shape[1:]}
        self.net = self.estimator(1)

    def estimator(self, epochs: int) -> Any:
        from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier

        width = outputs(self.y)
        kind = NeuralNetBinaryClassifier if width == 1 else NeuralNetClassifier
        criterion = nn.BCEWithLogitsLoss if width == 1 else nn.CrossEntropyLoss
        return kind(
            module,
            criterion=criterion,
            optimizer=torch.optim.Adam,
            lr=self.rate,
            max_epochs=epochs,
            batch_size=self.case.batch,
            train_split=None,
            iterator_train__shuffle=True,
            verbose=0,
            module__width=width,
            **{f"module__{name}": value for name, value in self.sides.items()},
        )

    def fit(self, epochs: int) -> None:
        self.net = self.estimator(epochs).fit(self.X, self.y)

    def predict(self, X: Array) -> Array:
        found: Array = self.net.predict(first_channels(X))
        return found


class Lightning(ByHand):
    name = "Lightning"
    needs = ("lightning",)

    def fit(self, epochs: int) -> None:
        from training.lightning_module import Task, trainer

        loader = DataLoader(TensorDataset(*self.tensors), self.case.batch, shuffle=True)
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer(epochs).fit(Task(self.module, self.loss, self.rate), loader)


class SklearnMLP(Contender):
    name = "scikit-learn MLP"
    kinds = ("mlp",)

    def __init__(self, case: Case, X: Array, y: Array, rate: float = 1e-3) -> None:
        super().__init__(case, X, y, rate)
        self.net = self.estimator(1)

    def estimator(self, epochs: int) -> Any:
        return MLPClassifier(
            self.case.sizes,
            alpha=0.0,
            batch_size=self.case.batch,
            learning_rate_init=self.rate,
            max_iter=epochs,
            n_iter_no_change=10**9,
            tol=0.0,
        )

    def fit(self, epochs: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it would go on
            self.net = self.estimator(epochs).fit(self.X, self.y)

    def predict(self, X: Array) -> Array:
        found: Array = self.net.predict(X)
        return found


CONTENDERS: tuple[type[Contender], ...] = (
    *(Unifml, Textbook, Indexed, Flat, OwnBackward, Skorch, Lightning, SklearnMLP),
)
HAND = Textbook


def calls(trained: dict[str, Contender]) -> dict[str, Callable[[Array], Any]]:
    """Return the ways to predict, by name; the plain module answers with logits."""
    net = trained[Indexed.name].module.eval()

    def inference(X: Array) -> Array:
        with torch.inference_mode():
            found: Array = net(torch.from_numpy(X)).numpy()
        return found

    found: dict[str, Callable[[Array], Any]] = {
        "unifml predict": trained["unifml"].predict,
        "unifml predict_proba": trained["unifml"].model.predict_proba,
        "inference_mode": inference,
    }
    others = {
        name: trained[name].predict for name in (Skorch.name, SklearnMLP.name) if name in trained
    }
    return found | others
