"""
A table with words and gaps, as one ONNX file
=============================================

Real tables have words, numbers and holes. The preparation is scikit-learn's, the network runs on
any backend, and both leave as a single file that was compared with the model before it was saved.
"""

# %%
# The table
# ---------
# Wine, with two columns told in words and some numbers missing by a seeded rule.

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_wine
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import unifml
from unifml import Classifier, Training

bunch = load_wine(as_frame=True)
table = bunch.data.rename(columns=lambda name: name.replace("/", "_per_"))
words = ["low", "middle", "high"]
for column in ("color_intensity", "ash"):
    table[column] = pd.cut(table[column], 3, labels=words).astype(str)
numbers = table.columns.difference(["color_intensity", "ash"]).tolist()
holes = np.random.default_rng(0).random((len(table), len(numbers))) < 0.05
table[numbers] = table[numbers].mask(holes)
label = bunch.target_names[bunch.target]
print(table.head(3).T)

# %%
# Preparation and network in one pipeline
# ---------------------------------------

prepare = make_column_transformer(
    (SimpleImputer(strategy="median"), numbers),
    (OneHotEncoder(handle_unknown="ignore"), ["color_intensity", "ash"]),
)
network = Classifier(
    "mlp",
    backend="torch",
    training=Training(epochs=100, batch_size=32, learning_rate=0.003),
    random_state=0,
)
train, test, y_train, y_test = train_test_split(table, label, stratify=label, random_state=0)
model = make_pipeline(prepare, network).fit(train, y_train)
print("accuracy on rows it has not seen:", round(model.score(test, y_test), 3))

# %%
# Or by itself
# ------------
# ``unifml.preprocess`` looks at each column, decides, and tells. A model that is given by its name
# gets such a preparation where a table has words or holes.

unifml.preprocess(train, y_train)

# %%

by_name = unifml.fit(
    "mlp",
    train,
    y_train,
    backend="torch",
    epochs=100,
    batch_size=32,
    learning_rate=0.003,
    random_state=0,
)
print("accuracy on rows it has not seen:", round(by_name.score(test, y_test), 3))

# %%
# One file, proven
# ----------------
# The rows given are run through both; were they to differ, no file would be left.

export = unifml.export_onnx(model, "wine.onnx", test)
print(export)

# %%
# How far file and model differ, row by row:

export.plot()

# %%
# The file needs onnxruntime and NumPy only. It takes the same frames and knows the labels.

loaded = unifml.load_onnx(export.path)
print(loaded.predict(test)[:4])
print((loaded.predict(test) == model.predict(test)).all())

# %%
# It refuses what the model would refuse, in the same words.

try:
    loaded.predict(test.drop(columns="ash"))
except ValueError as error:
    print(error)

Path("wine.onnx").unlink()  # the example leaves nothing behind
