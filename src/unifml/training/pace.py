"""How fast a fit goes: its learning rates, step by step."""

from __future__ import annotations

from typing import Any

from unifml.core.table import FloatArray
from unifml.training.settings import Settings


class Pace:
    """The learning rates of one fit: the schedule, times what happened to it on the way.

    Parameters
    ----------
    settings : Settings
        Rate, schedule and warm-up.
    updates : int
        Optimizer steps of an epoch.
    """

    def __init__(self, settings: Settings, updates: int) -> None:
        self.settings, self.total = settings, updates * settings.epochs
        self.tracker: Any = settings.schedule.tracker()
        self._watched: str | None = getattr(settings.schedule, "monitor", None)
        self.scale = 1.0  # what a callback made of it
        self.done = 0
        self.last = settings.learning_rate  # the rate of the last step

    def rates(self, steps: int) -> FloatArray:
        """Return the rates of the next steps, without taking them."""
        planned = self.settings.rates(self.done, steps, self.total)
        return planned * (self.scale * self.factor)

    def go(self, steps: int) -> FloatArray:
        """Take the next steps and return their rates."""
        rates = self.rates(steps)
        self.done += steps
        self.last = float(rates[-1])
        return rates

    @property
    def factor(self) -> float:
        """What a schedule that watches a metric has made of the rate."""
        return 1.0 if self.tracker is None else float(self.tracker.factor)

    @property
    def rate(self) -> float:
        """The rate of the next step; setting it rescales all that follow."""
        return float(self.rates(1)[0])

    @rate.setter
    def rate(self, value: float) -> None:
        # A schedule may be at 0 just now: then the rate that it starts from is the measure.
        now = self.rate or self.settings.learning_rate * self.scale * self.factor
        self.scale *= float(value) / now

    @property
    def monitor(self) -> str | None:
        """The metric that the schedule watches."""
        return None if self.tracker is None else self._watched

    def towards(self, greater: bool | None) -> None:
        """Say whether more of what the schedule watches is better."""
        mode = getattr(self.settings.schedule, "mode", "auto")
        if self.tracker is not None:
            up = mode == "max" or (mode == "auto" and bool(greater))
            self.tracker = self.settings.schedule.tracker(-1.0 if up else 1.0)

    def watch(self, record: dict[str, float]) -> None:
        """Tell the schedule how an epoch ended."""
        if self.monitor is not None:
            self.tracker.update(record[self.monitor])

    def state(self) -> dict[str, Any]:
        """Return what a resumed fit needs, as plain numbers."""
        tracked = {} if self.tracker is None else dict(self.tracker.state())
        return {"done": self.done, "scale": self.scale, "tracker": tracked}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.done, self.scale = int(state["done"]), float(state["scale"])
        if self.tracker is not None:
            self.tracker.restore(state["tracker"])
