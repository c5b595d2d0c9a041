"""Twenty trials of one learning rate: by `unifml.tune`, and by Optuna and a loop by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
from sklearn.model_selection import StratifiedShuffleSplit

import unifml
from training.cases import Case
from training.contender import Contender
from training.measure import Work, clocked

TRIALS, EPOCHS = 20, 10
HELD_OUT = StratifiedShuffleSplit(1, test_size=0.25, random_state=0)


def tuned(case: Case, kind: type[Contender]) -> Work:
    X, y = case.load()

    def search() -> Any:
        return unifml.tune(
            kind(case, X, y).estimator(EPOCHS),
            X,
            y,
            space={"learning_rate": unifml.Float(1e-4, 1e-1, log=True)},
            metric="accuracy",
            cv=HELD_OUT,
            n_trials=TRIALS,
            pruner=optuna.pruners.NopPruner(),  # both do all the work
            random_state=0,
            verbose=0,
        )

    search()
    return lambda: clocked(search)


def by_hand(case: Case, kind: type[Contender]) -> Work:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    X, y = case.load()
    train, test = next(HELD_OUT.split(X, y))

    def score(trial: optuna.Trial) -> float:
        rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
        contender = kind(case, X[train], y[train], rate)
        contender.fit(EPOCHS)
        return float(np.mean(contender.predict(X[test]) == y[test]))

    def search() -> None:
        study = optuna.create_study(
            direction="maximize", sampler=optuna.samplers.TPESampler(seed=0)
        )
        study.optimize(score, TRIALS)
        kind(case, X, y, study.best_params["learning_rate"]).fit(EPOCHS)

    search()
    return lambda: clocked(search)
