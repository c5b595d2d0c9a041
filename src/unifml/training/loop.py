"""The one loop: every network, every backend, an epoch at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

import numpy as np

from unifml.core.adapter import Program, Stretch
from unifml.core.history import History
from unifml.core.plan import Plan
from unifml.core.table import FloatArray, Table
from unifml.errors import ParameterError, UnknownNameError
from unifml.training.callbacks import Calls, Run
from unifml.training.checkpoint import Resume, require_like
from unifml.training.early_stopping import Keeper
from unifml.training.epochs import Measures, Running, Tally, check_finite, run_part, validation
from unifml.training.pace import Pace
from unifml.training.progress import Bar, progress
from unifml.training.source import Source

Course = Generator[Stretch, FloatArray, History]


class Loop:
    """Trains a program epoch by epoch, and decides everything on the way.

    `run` is a generator: it yields what is to be run, and gets the losses; so one driver runs one
    program, and another several in step.

    Parameters
    ----------
    plan : Plan
        What was decided.
    source : Source
        The training rows.
    held_out : Table or None
        Rows to validate on.
    callbacks : sequence
        Objects with the moments of `Callback`.
    epochs : int or None
        Epochs to run; None takes the settings'.
    first_epoch : int
        Epochs that were run before, in earlier calls.
    verbose : int or None
        See `unifml.training.progress.progress`.
    measures : Measures or None
        Metrics to record.
    build : callable or None
        From a program to the native model, for callbacks that ask for it.
    resume : Resume or None
        The checkpoint of this fit.
    """

    def __init__(
        self,
        plan: Plan,
        source: Source,
        held_out: Table | None = None,
        *,
        callbacks: Any = (),
        epochs: int | None = None,
        first_epoch: int = 0,
        verbose: int | None = None,
        measures: Measures | None = None,
        build: Callable[[Program], Any] | None = None,
        resume: Resume | None = None,
    ) -> None:
        self.plan, self.source, self.held_out = plan, source, held_out
        self.measures, self.resume, self.verbose = measures, resume, verbose
        self.epochs = plan.settings.epochs if epochs is None else epochs
        self.first_epoch = first_epoch
        self.pace = Pace(plan.settings, source.updates)
        self.pace.done = first_epoch * source.updates
        self.history = History()
        self.run_seen = Run(self.epochs, history=self.history, plan=plan)
        self.run_seen.pace, self.run_seen.build = self.pace, build
        self.calls = Calls(callbacks, self.run_seen)
        self.greater = self.run_seen.greater = self._known_names()

    def run(self, program: Program) -> Course:
        """Train; the program is left at the weights to keep.

        Raises
        ------
        DivergedError
            When a loss is NaN or infinite.
        UnknownNameError
            For a metric to watch that is not recorded; before the first step.
        """
        self.run_seen.program = program
        stopping = self.plan.settings.early_stopping
        keeper = Keeper(program, stopping, self._check_monitors())
        begin = self._take_up(program, keeper)
        last = self.first_epoch + self.epochs
        with self.run_seen.closing, progress(self.epochs, "training", self.verbose) as bar:
            stop = self.calls.say("on_fit_begin")
            for epoch in range(begin, last):
                if stop or self.history.stopped_by:
                    break
                stop = yield from self._epoch(epoch, program, keeper, bar)
        if stop and not self.history.stopped_by:
            self.history.stopped_by = "callback"
        self.history.best_epoch = keeper.finish()
        self.history.own_order = self.source.own_order
        self.calls.say("on_fit_end")
        return self.history

    def _epoch(self, epoch: int, program: Program, keeper: Keeper, bar: Bar) -> Running:
        """Run one epoch; return whether a callback wants to stop."""
        started, run = time.perf_counter(), self.run_seen
        run.epoch, run.batch, run.batches, run.logs = epoch + 1, 0, self.source.updates, {}
        stop, tally = self.calls.say("on_epoch_begin"), Tally()
        ended = yield from self._parts(epoch, program, tally)
        record = self._record(epoch, program, tally)
        run.logs = dict(record)
        stop |= self.calls.say("on_validation_end") or ended
        record["learning_rate"] = self.pace.last
        record["seconds"] = time.perf_counter() - started
        self.history.records.append(record)
        self.pace.watch(record)
        run.logs = dict(record)
        bar.advance(" ".join(f"{k}={v:.4g}" for k, v in record.items() if k != "seconds"))
        if keeper.spent(epoch + 1, record):
            self.history.stopped_by = "early_stopping"
        stop |= self.calls.say("on_epoch_end")
        if stop and not self.history.stopped_by:
            self.history.stopped_by = "callback"
        self._put_down(epoch, program, keeper)  # the rate that a callback has set as well
        return stop

    def _parts(self, epoch: int, program: Program, tally: Tally) -> Running:
        seed: int | None = self.plan.seeds.integer("dropout", epoch)
        for rows, order in self.source.epoch(epoch):
            if rows is not None:
                program.take(rows)
            rows = self.source.first if rows is None else rows
            if (yield from run_part(rows, order, seed, self.pace, self.calls, tally)):
                return True
            seed = None
        return False

    def _record(self, epoch: int, program: Program, tally: Tally) -> dict[str, float]:
        rate = self.plan.settings.learning_rate
        check_finite(np.concatenate(tally.losses), epoch, rate)
        if epoch == 0:
            self.history.initial_loss = tally.first
        record = {"loss": tally.mean}
        record |= validation(program, self.plan, self.held_out, self.measures, self.source.whole)
        if "val_loss" in record:
            check_finite(np.array([record["val_loss"]]), epoch, rate, "validation ")
        return record

    def _known_names(self) -> dict[str, bool | None]:
        """Return the names of the logs, and whether more of each is better."""
        found: dict[str, bool | None] = {"loss": False}
        metrics = {} if self.measures is None else dict(self.measures.greater)
        if self.source.whole is not None:
            found |= metrics
        if self.held_out is not None:
            found |= {"val_loss": False} | {f"val_{name}": more for name, more in metrics.items()}
        return found

    def _check_monitors(self) -> bool | None:
        """Raise for names that will not be there; return which way early stopping looks."""
        settings = self.plan.settings
        asked = [(name, type(callback).__name__) for name, callback in self.calls.monitors]
        if settings.early_stopping is not None:
            asked.append((settings.early_stopping.monitor, "EarlyStopping"))
        if self.pace.monitor is not None:
            asked.append((self.pace.monitor, f"schedule {settings.schedule.kind!r}"))
        for name, who in asked:
            if name not in self.greater:
                raise self._unknown(name, who)
        if self.pace.monitor is not None:
            self.pace.towards(self.greater[self.pace.monitor])
        rule = settings.early_stopping
        return None if rule is None else self.greater[rule.monitor]

    def _unknown(self, name: str, who: str) -> Exception:
        if name.startswith("val_") and self.held_out is None:
            return ParameterError(
                f"{who} on {name!r}",
                found="no rows to validate on",
                fix="pass X_val and y_val, or Training(validation=0.1)",
            )
        error = UnknownNameError.among(f"metric for {who} to watch", name, self.greater)
        error.add_note("unifml: Training(metrics=(...)) says which metrics are recorded")
        return error

    def _take_up(self, program: Program, keeper: Keeper) -> int:
        """Go on from a checkpoint, if there is one; return the epoch to begin with."""
        found = self.resume.load() if self.resume else None
        if found is None:
            return self.first_epoch
        arrays, facts = found
        state = _under("program/", arrays)
        require_like(state, program.state())
        program.restore(state)
        keeper.restore({**facts["keeper"], **_under("keeper/", arrays)})
        self.pace.restore(facts["pace"])
        self.history.records[:] = facts["records"]
        self.history.initial_loss = facts["initial_loss"]
        self.history.stopped_by = facts["stopped_by"]
        self.history.resumed_at = len(self.history.records)
        return int(facts["epoch"]) + 1

    def _put_down(self, epoch: int, program: Program, keeper: Keeper) -> None:
        if self.resume is None:
            return
        kept = keeper.state()
        arrays = {f"program/{name}": value for name, value in program.state().items()}
        arrays |= {f"keeper/{k}": v for k, v in kept.items() if k.startswith("best/")}
        self.resume.save(
            arrays,
            {
                "epoch": epoch,
                "records": self.history.records,
                "initial_loss": self.history.initial_loss,
                "stopped_by": self.history.stopped_by,
                "pace": self.pace.state(),
                "keeper": {k: v for k, v in kept.items() if not k.startswith("best/")},
            },
        )


def drive(loop: Loop, program: Program) -> History:
    """Run a loop with one program."""
    with closing(loop.run(program)) as course:
        try:
            stretch = next(course)
            while True:
                stretch = course.send(program.run_epoch(*stretch))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def _under(prefix: str, arrays: dict[str, Any]) -> dict[str, Any]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
