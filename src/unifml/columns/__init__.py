"""Single columns of a table -> numbers: what scikit-learn's own transformers leave open.

`unifml.preprocess` uses them, and they stand in any ColumnTransformer. All can be exported.
"""

from unifml.columns.dates import Dates
from unifml.columns.texts import Texts
from unifml.columns.words import Words

__all__ = ["Dates", "Texts", "Words"]
