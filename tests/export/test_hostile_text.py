"""Words of any alphabet, and neighbours among them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from unifml import export_onnx, load_onnx
from unifml.errors import ExportError

pytestmark = pytest.mark.sklearn
WORDS = ["good", "a", "bad", "I", "it's", "film", "x_y", "42", "."]
NEW = ["a GOOD, bad film", "naïve good a ñandú bad", "", "unheard of", "I x I"]


def texts(words=WORDS, n=60):
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(words, 7)) for _ in range(n)]


def check(steps, given, new, tmp_path):
    steps.fit(given)
    onnx = load_onnx(export_onnx(steps, tmp_path / "m.onnx", given).path)
    np.testing.assert_allclose(
        onnx.transform([*given, *new]), steps.transform([*given, *new]).toarray(), atol=1e-6
    )


@pytest.mark.parametrize(
    "steps",
    [
        TfidfVectorizer(ngram_range=(1, 2)),
        CountVectorizer(ngram_range=(2, 3)),
        CountVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b"),
        CountVectorizer(stop_words="english"),
    ],
    ids=["tfidf", "neighbours", "single letters", "stop words"],
)
def test_neighbours_of_short_words(steps, tmp_path):
    """Words of one letter are no words to scikit-learn: those beside them are neighbours."""
    check(steps, texts(), NEW, tmp_path)


def test_other_alphabets(tmp_path):
    words = ["好的", "电影", "не", "good", "é", "ça"]
    check(CountVectorizer(lowercase=False, ngram_range=(1, 2)), texts(words), NEW, tmp_path)
    check(CountVectorizer(), texts(["好的", "电影", "good"]), NEW, tmp_path)


@pytest.mark.parametrize(
    ("steps", "words", "found"),
    [
        (CountVectorizer(), ["ça", "va"], "beyond ASCII"),
        (CountVectorizer(lowercase=False, token_pattern=r"\S+"), ["ça", "va"], "beyond ASCII"),
        (CountVectorizer(ngram_range=(1, 2), stop_words=["bad"]), WORDS, "stop words"),
    ],
    ids=["letters that ONNX does not lower", "a pattern of one's own", "stop words"],
)
def test_what_would_be_wrong_for_other_rows_is_refused(steps, words, found, tmp_path):
    with pytest.raises(ExportError, match=found):
        export_onnx(steps.fit(texts(words)), tmp_path / "m.onnx", texts(words))
