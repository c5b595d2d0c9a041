"""What `unifml.compare_backends` found out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from unifml.tasks.backend_runs import Run, draws
from unifml.tasks.table import html_table, number, seconds, text_table

PROMISED = 1e-6
_RUNS = ("backend", "device", "initial loss", "after one step", "final loss", "fit")
_COLUMNS = {
    "initial_loss": "initial loss",
    "one_step_loss": "loss, one step",
    "one_step_weights": "weights, one step",
    "one_step_predictions": "predictions, one step",
    "final_loss": "final loss",
    "final_weights": "final weights",
    "final_predictions": "final predictions",
    "moved": "moved",
}


class BackendComparison:
    """One network on several backends: what each computed, and how far they are apart.

    `unifml.compare_backends` makes it.

    Attributes
    ----------
    title : str
        What was done.
    runs : list of Run
        For each backend ``backend``, ``device``, ``initial_loss``, ``one_step_loss``, ``losses``,
        ``final_loss``, ``seconds`` and the fitted ``estimator``.
    differences : list of dict
        For each pair (``first``, ``second``) the largest absolute differences of losses (in shares
        of losses above 1), of weights and of predictions (shares of classes, or standard
        deviations of y), after one step and at the end; ``moved`` is how much predictions change
        when `to_backend` moves the first model to the other backend. None where there is nothing
        to compare: models that are solved take no steps.
    cannot : dict of str to str
        Backends that cannot fit the model, and why.
    random : bool
        Whether the network has dropout, which every framework draws by itself.
    kept : bool
        Whether initial losses (of networks without dropout) and moved models differ by at most
        1e-6, as is promised.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> found = unifml.compare_backends("mlp", X, y, backends=["sklearn"], random_state=0)
    >>> found.runs[0].initial_loss > found.runs[0].final_loss
    True
    """

    def __init__(
        self,
        title: str,
        runs: Sequence[Run],
        differences: Sequence[Mapping[str, Any]],
        cannot: Mapping[str, str],
    ) -> None:
        self.random = draws(runs[0].estimator)
        self.title, self.runs, self.cannot = title, list(runs), dict(cannot)
        self.differences = [dict(each) for each in differences]

    @property
    def kept(self) -> bool:
        """Whether the promise of 1e-6 is kept."""
        names = ("moved",) if self.random else ("initial_loss", "moved")
        found = [each[name] for each in self.differences for name in names]
        return all(value <= PROMISED for value in found if value is not None)

    def __str__(self) -> str:
        tables = [text_table(_RUNS, self._losses(), left=2)]
        if self.differences:
            tables += ["", text_table(*self._apart())]
        return "\n".join([self.title, *tables, *self._notes()])

    def __repr__(self) -> str:
        names = ", ".join(run.backend for run in self.runs)
        return f"BackendComparison({names}; kept={self.kept})"

    def _repr_html_(self) -> str:
        apart = html_table("", *self._apart()) if self.differences else ""
        below = "".join(f"<p><small>{escape(note)}</small></p>" for note in self._notes())
        return f"{html_table(self.title, _RUNS, self._losses())}{apart}{below}"

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with a line for each pair of backends."""
        import pandas as pd

        columns = ["first", "second", *_COLUMNS]
        return pd.DataFrame(self.differences, columns=columns).set_index(["first", "second"])

    def to_json(self) -> str:
        """Return runs, differences and refusals as JSON."""
        runs = [
            {
                "backend": run.backend,
                "device": run.device,
                "initial_loss": run.initial_loss,
                "one_step_loss": run.one_step_loss,
                "final_loss": run.final_loss,
                "losses": [float(loss) for loss in run.losses],
                "seconds": run.seconds,
            }
            for run in self.runs
        ]
        facts = {"title": self.title, "runs": runs, "differences": self.differences}
        return json.dumps(facts | {"cannot": self.cannot, "random": self.random, "kept": self.kept})

    def plot(self) -> Any:
        """Draw the losses of all backends over the epochs.

        Returns
        -------
        matplotlib Figure
        """
        from unifml.tasks.drawing_compare import draw_losses

        return draw_losses(self)

    def _losses(self) -> list[list[str]]:
        return [
            [
                run.backend,
                run.device,
                *(_loss(v) for v in (run.initial_loss, run.one_step_loss, run.final_loss)),
                seconds(run.seconds),
            ]
            for run in self.runs
        ]

    def _apart(self) -> tuple[list[str], list[list[str]]]:
        header = [
            "differences",
            *(f"{each['first']}, {each['second']}" for each in self.differences),
        ]
        rows = [
            [title, *(_small(each[name]) for each in self.differences)]
            for name, title in _COLUMNS.items()
        ]
        return header, rows

    def _notes(self) -> list[str]:
        said = []
        if self.differences:
            verdict = "kept" if self.kept else "BROKEN"
            of = "moved" if self.random else "initial loss and moved"
            said = [f"promised of {of}: at most {PROMISED:.0e}; {verdict}"]
        if self.random:
            said.append("dropout is drawn by each framework: losses and what follows differ")
        return [*said, *(f"{name} cannot: {why}" for name, why in self.cannot.items())]


def _loss(value: float | None) -> str:
    return "-" if value is None else number(value)


def _small(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"
