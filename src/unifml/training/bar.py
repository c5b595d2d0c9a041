"""A progress bar as a callback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.training.builtin import BuiltIn
from unifml.training.callbacks import Run
from unifml.training.progress import progress


@dataclass(unsafe_hash=True, repr=False)
class ProgressBar(BuiltIn):
    """Show a bar from the first epoch on, in terminals and notebooks, whatever ``verbose`` says.

    Without it a bar appears where a fit takes longer than 1.5 seconds; see ``verbose`` of the
    estimators. rich draws it, where it is installed.

    Parameters
    ----------
    label : str, default="training"
        What stands before the bar.

    Examples
    --------
    >>> from unifml import Classifier, ProgressBar, Training
    >>> clf = Classifier("mlp", backend="sklearn", training=Training(callbacks=(ProgressBar(),)))
    """

    kind: ClassVar[str] = "progress_bar"
    label: str = "training"

    def on_fit_begin(self, run: Run) -> bool | None:
        """Put the bar on the screen; it leaves when the fit ends, even by an error."""
        self._bar = run.closing.enter_context(progress(run.epochs, self.label, 1))
        self._bar.advance(steps=run.history.resumed_at)
        run.closing.callback(self.__dict__.pop, "_bar")
        return None

    def on_epoch_end(self, run: Run) -> bool | None:
        """Move the bar."""
        words = (f"{name}={value:.4g}" for name, value in run.logs.items() if name != "seconds")
        self._bar.advance(" ".join(words))
        return None
