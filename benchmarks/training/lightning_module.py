"""A LightningModule; apart, for Lightning may not be there."""

from __future__ import annotations

from typing import Any

import lightning
import torch


class Task(lightning.LightningModule):
    def __init__(self, module: torch.nn.Module, loss: Any, rate: float) -> None:
        super().__init__()
        self.module, self.loss, self.rate = module, loss, rate

    def training_step(self, batch: Any, index: int) -> Any:
        X, y = batch
        return self.loss(self.module(X), y)

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.module.parameters(), lr=self.rate)


def trainer(epochs: int) -> Any:
    return lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
