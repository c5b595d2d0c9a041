"""Smaller files: networks in float16 or int8."""

from unifml.export.shrink.half import fp16
from unifml.export.shrink.integers import int8, int8_static
from unifml.export.shrink.judge import Worth, judged
from unifml.export.shrink.reach import rows_reaching
from unifml.export.shrink.shrinker import PRECISIONS, Precision, Shrinker
from unifml.export.shrink.smaller import write_smaller

__all__ = [
    "PRECISIONS",
    "Precision",
    "Shrinker",
    "Worth",
    "fp16",
    "int8",
    "int8_static",
    "judged",
    "rows_reaching",
    "write_smaller",
]
