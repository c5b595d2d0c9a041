"""Modules as users write them, made when torch is there."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace


@cache
def modules() -> SimpleNamespace:
    """Return the classes and functions by name."""
    import torch
    from torch import nn

    def steps_of(X, lengths):
        """Return which steps are no padding, (n, T)."""
        return torch.arange(X.shape[1], device=X.device)[None] < lengths[:, None]

    def mean_over(h, steps):
        weight = steps.to(h.dtype)[..., None]
        return (h * weight).sum(1) / weight.sum(1)

    class Recurrent(nn.Module):
        def __init__(self, kind, **settings):
            super().__init__()
            self.body = kind(3, 4, batch_first=True, **settings)
            self.head = nn.Linear(8 if settings.get("bidirectional") else 4, 2)

        def forward(self, X, X_lengths):
            h, _ = self.body(X)
            last = (X_lengths - 1)[:, None, None].expand(-1, 1, h.shape[2])
            return self.head(h.gather(1, last)[:, 0])

    class LastState(nn.Module):
        """Reads the state after the last step: rows of one length."""

        def __init__(self):
            super().__init__()
            self.body, self.head = nn.RNN(3, 4, batch_first=True), nn.Linear(4, 2)

        def forward(self, X):
            return self.head(self.body(X)[1][-1])

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
            self.body, self.head = nn.TransformerEncoder(layer, 1), nn.Linear(4, 2)

        def forward(self, X, X_lengths):
            steps = steps_of(X, X_lengths)
            return self.head(mean_over(self.body(X, src_key_padding_mask=~steps), steps))

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.ask, self.head = nn.MultiheadAttention(4, 2, batch_first=True), nn.Linear(4, 2)

        def forward(self, X):
            return self.head(self.ask(X, X, X, need_weights=False)[0].mean(1))

    class Scaled(nn.Module):
        """Attention by hand, over any number of steps."""

        def __init__(self):
            super().__init__()
            self.qkv, self.head = nn.Linear(4, 12), nn.Linear(4, 2)

        def forward(self, X, X_lengths):
            q, k, v = self.qkv(X).chunk(3, -1)
            mask = steps_of(X, X_lengths)[:, None]
            h = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            return self.head(mean_over(h, mask[:, 0]))

    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.head = nn.Embedding(11, 4), nn.Linear(4, 2)

        def forward(self, X, X_lengths):
            return self.head(mean_over(self.table(X.long()), steps_of(X, X_lengths)))

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, X):
            return {"values": self.second(X + self.first(X).relu()), "other": X}

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Linear(4, 2), nn.Linear(6, 2)

        def forward(self, left, right):
            return self.left(left) + self.right(right.flatten(1))

    class OnlyOne(nn.Module):
        """Does not read all that it is given, and returns one number a row."""

        def __init__(self):
            super().__init__()
            self.head = nn.Linear(3, 1)

        def forward(self, X, X_lengths):
            return self.head(X).mean(1).squeeze(-1)

    class Branches(nn.Module):
        """Decides by values: neither exporter can follow."""

        def __init__(self):
            super().__init__()
            self.head = nn.Linear(4, 2)

        def forward(self, X):
            return self.head(X) if X.sum() > 0 else -self.head(X)

    class Counts(Branches):
        """Takes the number of rows as a number."""

        def forward(self, X):
            return self.head(X).reshape(len(X), 2)

    class Packed(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)

        def forward(self, X, X_lengths):
            packed = nn.utils.rnn.pack_padded_sequence(
                X, X_lengths.cpu(), batch_first=True, enforce_sorted=False
            )
            return self.head(self.body(packed)[1][0][-1])

    def mlp():
        return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))

    def cnn():
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, padding="same"),
            nn.BatchNorm2d(4),
            nn.SiLU(),
            nn.MaxPool2d(2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 2),
        )

    def norms():
        return nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 2)
        )

    def lstm():
        return Recurrent(nn.LSTM)

    def both_ways():
        return Recurrent(nn.LSTM, bidirectional=True)

    def gru():
        return Recurrent(nn.GRU, num_layers=2)

    def rnn():
        return Recurrent(nn.RNN)

    return SimpleNamespace(**locals())
