"""The torch backend; importing this package does not import torch."""

from unifml.adapters.torch.adapter import TorchAdapter

adapter = TorchAdapter()

__all__ = ["TorchAdapter", "adapter"]
