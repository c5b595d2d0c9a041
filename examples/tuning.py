"""
Tune a network, and compare it with a forest
============================================

Every model brings its own search space, cut to what the backend can do. What you write yourself is
short, and a result is an estimator again.
"""

# %%
# The space of a model
# --------------------
# Diabetes has 442 rows; the target is a number. ``space=None`` would search what is printed here.

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

import unifml
from unifml import Categorical, Float, Regressor, Training
from unifml.models import MLP

X, y = load_diabetes(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

for name, dimension in MLP().space().items():
    print(f"{name:14} {dimension}")

# %%
# A space of your own
# -------------------
# Short names mean the one parameter that has them; ``backend`` is a parameter like any other, and
# one value alone is simply set. Every trial is scored on the same folds.

search = unifml.tune(
    Regressor("mlp", training=Training(batch_size=64), random_state=0),
    X_train,
    y_train,
    space={
        "hidden": Categorical(((8,), (32,), (32, 32))),
        "learning_rate": Float(1e-3, 3e-2, log=True),
        "l2": Float(1e-4, 1.0, log=True),
        "backend": ["torch", "sklearn"],
        "epochs": 40,
    },
    metric="rmse",
    cv=3,
    n_trials=10,
    random_state=0,
)
print(search)

# %%
# Each trial, and the best so far:

search.plot()

# %%
# All of them as a table; what Optuna knows besides is in ``search.study``.

print(search.trials.drop(columns=["error", "seconds"]).to_string(index=False))

# %%
# On rows that no trial has seen
# ------------------------------
# The result predicts with the best parameters, fitted again on all training rows.

models = {
    "tuned mlp": search,
    "mlp": Regressor("mlp", random_state=0).fit(X_train, y_train),
    "linear": Regressor("linear").fit(X_train, y_train),
    "random forest": Regressor("random_forest", random_state=0).fit(X_train, y_train),
}
figure, axes = plt.subplots(figsize=(6, 2.4), layout="constrained")
for place, (name, model) in enumerate(models.items()):
    report = unifml.evaluate(model, X_test, y_test, metrics="rmse", random_state=0)
    low, high = report.intervals["rmse"]
    axes.plot([low, high], [place, place], color="0.6")
    axes.plot(report.scores["rmse"], place, "o")
    print(f"{name:14} {report.scores['rmse']:.1f} ({low:.1f} to {high:.1f})")
axes.set_yticks(range(len(models)), models)
axes.invert_yaxis()
axes.set_xlabel("rmse on 111 new rows, with 95 % interval")
