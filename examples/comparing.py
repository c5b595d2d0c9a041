"""
Compare models, and know which differences are real
===================================================

All models get the same folds; a ranking comes with intervals, with tests that heed that folds share
rows, and with what each model costs.
"""

# %%
# Models by short names
# ---------------------
# A text may name its backend; an estimator is taken as it is. Breast cancer has 569 rows.

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.neighbors import KNeighborsClassifier

import unifml
from unifml import Classifier, Training
from unifml.models import MLP

X, y = load_breast_cancer(return_X_y=True)
network = Classifier(MLP(hidden=(32,)), training=Training(epochs=20), random_state=0)
models = {
    "line": "linear/sklearn",
    "forest": "random_forest",
    "neighbours": KNeighborsClassifier(),
    "network": network,
}
found = unifml.compare(
    models, X, y, cv=5, metrics=["roc_auc", "accuracy", "log_loss"], random_state=0
)
print(found)

# %%
# Is it more than chance?
# -----------------------
# Each model minus the best one. An interval that holds zero says that the rows do not tell.

found.plot("differences")
plt.show()

# %%
# Every pair is tested, and p-values are corrected for their number.

for pair, test in found.tests.items():
    print(f"{' - '.join(pair):22} {test.difference:+.4f}  p = {test.adjusted:.3f}")

# %%
# What does it cost?
# ------------------
# The line joins the models that no other beats in quality and time at once.

print(found.pareto)
found.plot("pareto")
plt.show()

# %%
# Models times backends
# ---------------------
# ``"mlp/*"`` is the model on every backend that can fit it, and ``backends=`` does the same for
# several. The same words and the same seed give the same model, so what differs is the time.

print(unifml.compare({"network": network}, X, y, backends="*", cv=3, random_state=0))

# %%
# Number by number
# ----------------
# One network, one seed: how far are the backends apart, from the first loss to the last?

backends = unifml.compare_backends(network, X, y)
print(backends)
backends.plot()
plt.show()

# %%
# Several data sets
# -----------------
# Scores of different data sets are not of one scale; their ranks are.

names = ["linear/sklearn", "random_forest", KNeighborsClassifier()]
rows = {"cancer": (X, y), "iris": load_iris(return_X_y=True), "wine": load_wine(return_X_y=True)}
each = {name: unifml.compare(names, *data, cv=3, random_state=0) for name, data in rows.items()}
print(unifml.rank_over(each))
