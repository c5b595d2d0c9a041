"""The order of the examples."""

from __future__ import annotations

FIRST = (
    *("quickstart.py", "images_and_sequences.py", "own_model.py", "moving.py"),
    *("native_models.py", "evaluating.py", "comparing.py", "tuning.py", "watching.py"),
)


class TeachingOrder:
    """A key for sphinx-gallery: the first steps first, then by name."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, name: str) -> tuple[int, str]:
        return (FIRST.index(name) if name in FIRST else len(FIRST), name)
