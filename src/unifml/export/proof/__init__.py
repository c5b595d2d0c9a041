"""The proof: onnxruntime and the native model agree on real and on generated rows, or no file.

The policy.

- The native model is asked with the rows as they are given, in their own dtypes; the file through
  the feeding layer that ships with it. The model is asked twice, and once more after the export:
  what it says must stay the same.
- Rows: all that are given; batches of 1, 2, 7 and 64 of them; and up to 256 generated ones of each
  kind that the model takes (see `rows`). What the model refuses is no part of the proof, and is
  recorded.
- Probabilities agree within 1e-5, numbers within ``1e-5 * max(|y|, std(y)) + 1e-6``, where the
  spread is that of the answers to the rows given. Labels are equal wherever the two best classes
  of the native model are further apart than twice the tolerance; elsewhere either is right.
- Generated rows at which the native model itself jumps, when their numbers move by one step of
  float32, are left out and counted, if they are at most a tenth. Rows given are never left out.
- What differs is refused. The error shows the worst rows, the first part of the model in the
  order of the data whose answers differ, and what the difference looks like: another order of
  columns or classes, a factor, a shift, NaN.
"""

from unifml.export.proof.compare import ABSOLUTE, RELATIVE, Verdict, compare, tolerance
from unifml.export.proof.native import native_answers, takes_any_order, takes_nan
from unifml.export.proof.prove import Check, Proof, prove
from unifml.export.proof.rows import plain
from unifml.export.proof.said import Said, ask

__all__ = [
    "ABSOLUTE",
    "RELATIVE",
    "Check",
    "Proof",
    "Said",
    "Verdict",
    "ask",
    "compare",
    "native_answers",
    "plain",
    "prove",
    "takes_any_order",
    "takes_nan",
    "tolerance",
]
