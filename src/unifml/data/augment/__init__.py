"""Random changes of rows, drawn anew in each epoch."""

from unifml.data.augment.base import About, Augmentation
from unifml.data.augment.images import Color, Crop, Cutout, Flip, Rotate
from unifml.data.augment.series import Jitter, Scale, TimeWarp
from unifml.data.augment.tables import Noise, Swap

AUGMENTATIONS: dict[str, type[Augmentation]] = {
    cls.kind: cls
    for cls in (Color, Crop, Cutout, Flip, Jitter, Noise, Rotate, Scale, Swap, TimeWarp)
}
"""Augmentations by name."""

__all__ = [
    "AUGMENTATIONS",
    "About",
    "Augmentation",
    "Color",
    "Crop",
    "Cutout",
    "Flip",
    "Jitter",
    "Noise",
    "Rotate",
    "Scale",
    "Swap",
    "TimeWarp",
]
