"""Running out of a device's memory, told as what to try next."""

from __future__ import annotations

from types import TracebackType

from unifml.errors import DeviceMemoryError


class guarded:  # noqa: N801 - a context manager, used as one
    """Turn a framework's way to run out of memory into a `DeviceMemoryError` inside a block.

    Parameters
    ----------
    rows : int
        Rows of the largest batch in the block.
    kinds : tuple of type
        Exceptions that mean it.
    words : tuple of str
        Texts that mean it in any exception, where the framework has no type for it.
    training : bool
        Whether the rows are those of a training batch, or are predicted.

    Examples
    --------
    >>> from unifml.core.memory import guarded
    >>> with guarded(256):
    ...     raise MemoryError("no more")
    Traceback (most recent call last):
    ...
    unifml.errors.DeviceMemoryError: a step over 256 rows: not enough memory (no more). set \
Training(batch_size=128).
    """

    def __init__(
        self,
        rows: int,
        kinds: tuple[type[BaseException], ...] = (MemoryError,),
        words: tuple[str, ...] = (),
        *,
        training: bool = True,
    ) -> None:
        self.rows, self.kinds, self.words, self.training = rows, kinds, words, training

    def __enter__(self) -> None:
        """Enter the block."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Raise a `DeviceMemoryError` in place of what means one."""
        if error is None or isinstance(error, DeviceMemoryError) or not self._means(error):
            return
        raise out_of_memory(self.rows, str(error), training=self.training) from error

    def _means(self, error: BaseException) -> bool:
        if isinstance(error, self.kinds):
            return True
        return isinstance(error, Exception) and any(word in str(error) for word in self.words)


def out_of_memory(rows: int, found: str, *, training: bool) -> DeviceMemoryError:
    """Return the error for a batch of `rows` that did not fit; it names the next size to try."""
    half, cause = rows // 2, found.strip().partition("\n")[0].rstrip(".")
    step = f"Training(batch_size={half})" if training else f"at most {half} rows at once"
    if not half:
        step = "a smaller model, or a device with more memory"
    verb = "use" if not half else "set" if training else "predict"
    return DeviceMemoryError(
        f"a step over {rows} rows" if training else f"predicting {rows} rows",
        found=f"not enough memory ({cause})" if cause else "not enough memory",
        fix=f"{verb} {step}",
    )
