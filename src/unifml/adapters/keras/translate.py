"""What a plan means in Keras's words."""

from __future__ import annotations

from unifml.adapters.keras.layers import build
from unifml.adapters.keras.losses import is_keras_loss, loss_call
from unifml.adapters.keras.optimizers import CLASSES, arguments
from unifml.adapters.keras.rng import seeded
from unifml.adapters.keras.source import construction
from unifml.core.plan import Plan
from unifml.training import Settings


def translate(plan: Plan) -> str:
    """Return the construction and the training of a plan as Keras code to read."""
    if plan.network is None:
        model = [f"# model: yours, {plan.model!r}, copied or built under the seed"]
    else:
        model = _network(plan)
    return "\n".join(["import keras", "", *model, "", *_training(plan)])


def _network(plan: Plan) -> list[str]:
    graph = plan.graph
    model = build(graph, None, plan.signature.dtype, "network")
    notes = ["# initial weights are drawn in NumPy from the seed and written into the model"]
    if graph.standardized:
        notes.append(f"# standardize: {graph.statistics} of the training rows, the latter squared")
    with seeded(0, fresh=False):  # to see Keras's defaults, layers without a seed are made
        return [*notes, *construction(model)]


def _training(plan: Plan) -> list[str]:
    settings = plan.settings
    if plan.procedure == "exact":
        return [
            "# solved exactly: SciPy's L-BFGS-B over loss and gradient of all rows, in float64",
            f"# objective: {settings.loss.kind} + {settings.l2:g} / 2 * sum(kernel ** 2)",
        ]
    fit = [
        "# not called: unifml runs each epoch in one compiled call, in an order from the seed",
        f"model.fit(X, y, epochs={settings.epochs}, batch_size={settings.batch_size})",
    ]
    if plan.network is None and getattr(plan.model.factory, "compiled", False):
        return ["# optimizer, loss and metrics: those that it was compiled with", *fit]
    return [
        *_notes(settings),
        "model.compile(",
        f"    optimizer={_optimizer(settings)}",
        f"    loss={_loss(plan)}",
        ")",
        *fit,
    ]


def _loss(plan: Plan) -> str:
    """Write the loss and, behind it, a note."""
    loss = plan.settings.loss
    if loss.kind == "custom":
        return "loss_of_yours,  # row by row, its reduction left out"
    name, arguments = loss_call(loss, plan.task, from_logits=plan.output == "logits")
    if not name:
        return f"None,  # Keras has no such loss: unifml trains with {loss!r}"
    note = "  # unifml: half of it" if loss.kind == "mse" else ""
    note = note if is_keras_loss(loss, plan.task) else f"  # unifml: {loss!r}"
    given = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    return f"keras.losses.{name}({given}),{note}"


def _optimizer(settings: Settings) -> str:
    if settings.optimizer.kind == "custom":
        return "optimizer_of_yours,  # a copy"
    given = ", ".join(f"{name}={value!r}" for name, value in arguments(settings).items())
    return f"keras.optimizers.{CLASSES[settings.optimizer.kind]}({given}),"


def _notes(settings: Settings) -> list[str]:
    kind = settings.optimizer.kind
    notes = {
        "adam": "epsilon stands after the bias correction (Keras: before), in float64",
        "adamw": "epsilon stands after the bias correction (Keras: before), in float64",
        "rmsprop": "epsilon stands outside the root (Keras: inside)",
        "adagrad": "epsilon stands outside the root (Keras: inside)",
    }
    lines = [f"# {kind}: {notes[kind]}"] if kind in notes else []
    if settings.optimizer.decays:
        lines.append("# weight_decay: kernels only; Keras's default is 0.004 on all variables")
    if settings.l2:
        lines.append(
            f"# l2={settings.l2:g} -> keras.regularizers.L2({settings.l2 / 2:g}) on kernels"
        )
    if settings.l1:
        lines.append(f"# l1={settings.l1:g} -> keras.regularizers.L1({settings.l1:g}) on kernels")
    if settings.schedule.kind != "constant":
        lines.append(f"# learning_rate follows {settings.schedule!r}, a step at a time")
    return [
        *lines,
        "# losses are sum(w * loss) / sum(w) in each batch (Keras: / rows of the batch)",
    ]
