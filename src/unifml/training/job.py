"""Fits that are ready to run, one by one or several at once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from unifml.core.adapter import Adapter, Program, Stack
from unifml.core.history import History
from unifml.core.plan import Plan
from unifml.core.table import Table
from unifml.errors import told
from unifml.training.loop import Loop, drive
from unifml.training.source import Resident, Source

Result = TypeVar("Result")


class Trained(NamedTuple):
    """A program with the weights to keep, and what happened on the way to them."""

    program: Program
    history: History


@dataclass
class Job:
    """Everything is decided; what remains is to compute.

    Attributes
    ----------
    adapter : Adapter
        Who computes.
    model : mapping or native model
        What the program starts from: see `Adapter.program`.
    plan : Plan
        What is done.
    source : Source
        The training rows.
    held_out : Table or None
        Rows to validate on.
    options : dict
        Of `Loop`.
    look : callable or None
        Called with the program before it is trained, to refuse it.
    where : str
        What fit it is of, for errors.
    """

    adapter: Adapter
    model: Any
    plan: Plan
    source: Source
    held_out: Table | None = None
    options: dict[str, Any] = field(default_factory=dict)
    look: Callable[[Program], None] | None = None
    where: str = ""

    def loop(self) -> Loop:
        """Return the loop that will train it."""
        return Loop(self.plan, self.source, self.held_out, **self.options)

    def forget(self) -> None:
        """Remove the checkpoint: the fit that needed it has succeeded."""
        resume = self.options.get("resume")
        if resume is not None:
            resume.remove()

    def run(self) -> Trained:
        """Train by itself."""
        with told(self.where):
            loop = self.loop()
            program = self.adapter.program(self.model, self.plan, self.source.first)
            if self.look is not None:
                self.look(program)
            return Trained(program, drive(loop, program))


Steps = Generator[list[Job], list[Trained], Result]
"""A fit that yields the jobs it needs to have run, and is sent what came of them."""


def complete(steps: Steps[Result]) -> Result:
    """Bring one fit to its end."""
    return complete_all([steps], [""])[0]


def complete_all(fits: Sequence[Steps[Result]], names: Sequence[str]) -> list[Result]:
    """Bring several fits to their ends; jobs that can be run at once are.

    An error of one says by a note which of the `names` it was.
    """
    done: dict[int, Result] = {}
    waiting: dict[int, list[Job]] = {}
    ran: dict[int, list[Job]] = {i: [] for i in range(len(fits))}

    def go_on(i: int, trained: list[Trained] | None) -> None:
        try:
            with told(names[i]):
                waiting[i] = fits[i].send(trained)  # type: ignore[arg-type]
            for job in waiting[i]:
                job.where = names[i]
            ran[i] += waiting[i]
        except StopIteration as end:
            done[i] = end.value
            for job in ran[i]:
                job.forget()

    for i in range(len(fits)):
        go_on(i, None)
    while waiting:
        asked, waiting_before = dict(waiting), list(waiting)
        waiting.clear()
        trained = iter(run_jobs([job for i in waiting_before for job in asked[i]]))
        for i in waiting_before:
            go_on(i, [next(trained) for _ in asked[i]])
    return [done[i] for i in range(len(fits))]


def run_jobs(jobs: Sequence[Job]) -> list[Trained]:
    """Run jobs: those that one stack can train at once together, the others in turn."""
    found: dict[int, Trained] = {}
    for group in _groups(jobs):
        stack = _stack([jobs[i] for i in group])
        if stack is None:
            found |= {i: jobs[i].run() for i in group}
        else:
            found |= zip(group, _in_step(stack, [jobs[i] for i in group]), strict=True)
    return [found[i] for i in range(len(jobs))]


def _groups(jobs: Sequence[Job]) -> list[list[int]]:
    """Return the places of jobs that are alike enough to be trained at once."""
    groups: dict[Any, list[int]] = {}
    for i, job in enumerate(jobs):
        groups.setdefault(_kin(job) or i, []).append(i)
    return list(groups.values())


def _kin(job: Job) -> Any:
    """Return what jobs of one stack have in common; None for one that must run alone."""
    plan, options = job.plan, job.options
    alone = plan.network is None or not job.adapter.capabilities.stacks
    watched = options.get("callbacks") or options.get("resume")
    if alone or watched or not isinstance(job.source, Resident):
        return None
    return job.adapter.name, plan.graph.body(), plan.signature.dtype, plan.device


def _stack(jobs: list[Job]) -> Stack | None:
    if len(jobs) < 2:
        return None
    weights, plans = [job.model for job in jobs], [job.plan for job in jobs]
    return jobs[0].adapter.stack(weights, plans, [job.source.first for job in jobs])


def _in_step(stack: Stack, jobs: list[Job]) -> list[Trained]:
    """Run the loops of all jobs in step, an epoch of all at once."""
    courses = {
        i: job.loop().run(program)
        for i, (job, program) in enumerate(zip(jobs, stack.members, strict=True))
    }
    histories: dict[int, History] = {}
    asked: dict[int, Any] = {}
    try:
        losses: dict[int, Any] = dict.fromkeys(courses)
        while losses:
            asked = {}
            for i, found in losses.items():
                try:
                    with told(jobs[i].where):
                        asked[i] = courses[i].send(found)
                except StopIteration as end:
                    histories[i] = end.value
            losses = stack.run_epoch(asked) if asked else {}
    finally:
        for course in courses.values():
            course.close()
    return [Trained(program, histories[i]) for i, program in enumerate(stack.members)]
