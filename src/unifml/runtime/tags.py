"""What scikit-learn wants to know of an estimator. It is imported here, and only if it asks."""

from __future__ import annotations

from typing import Any

from unifml.runtime.schema import TRANSFORMED, Schema

_TYPES = {
    "classification": "classifier",
    "regression": "regressor",
    "clustering": "clusterer",
    "outliers": "outlier_detector",
}


def tags_of(schema: Schema) -> Any:
    """Return scikit-learn's tags of a loaded file.

    Parameters
    ----------
    schema : Schema
        Of the file.
    """
    from sklearn.utils import (
        ClassifierTags,
        InputTags,
        RegressorTags,
        Tags,
        TargetTags,
        TransformerTags,
    )

    return Tags(
        estimator_type=_TYPES.get(schema.task),
        target_tags=TargetTags(required=False, multi_output=schema.several or schema.multilabel),
        transformer_tags=TransformerTags() if TRANSFORMED in schema.outputs else None,
        classifier_tags=ClassifierTags(multi_label=schema.multilabel)
        if schema.task == "classification"
        else None,
        regressor_tags=RegressorTags() if schema.task == "regression" else None,
        input_tags=InputTags(
            one_d_array=schema.of_documents,
            two_d_array=not schema.of_tensors and not schema.of_documents,
            three_d_array=schema.of_tensors,
            allow_nan=schema.allow_nan,
            string=schema.by_column or schema.of_documents,
        ),
    )
