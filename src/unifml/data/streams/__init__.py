"""Rows that come in another way than one array: from disk, from datasets, in batches."""

from unifml.data.streams.batch import Batch, as_batch
from unifml.data.streams.batches import Batches, gathered
from unifml.data.streams.gate import StreamGate
from unifml.data.streams.kinds import Opened, open_stream, open_to_predict, to_validate
from unifml.data.streams.lazy import LazyRows, in_memory, is_lazy, pieces, sample_rows
from unifml.data.streams.memmaps import lazy_memmap
from unifml.data.streams.sources import Chunked, Streamed, read_rows
from unifml.data.streams.survey import Survey, survey

__all__ = [
    "Batch",
    "Batches",
    "Chunked",
    "LazyRows",
    "Opened",
    "StreamGate",
    "Streamed",
    "Survey",
    "as_batch",
    "gathered",
    "in_memory",
    "is_lazy",
    "lazy_memmap",
    "open_stream",
    "open_to_predict",
    "pieces",
    "read_rows",
    "sample_rows",
    "survey",
    "to_validate",
]
