"""What a plan means in torch's words."""

from __future__ import annotations

from unifml.core.plan import Plan
from unifml.training import SGD, Adam, RMSprop


def translate(plan: Plan) -> str:
    """Return the construction and the training of a plan as torch code to read."""
    if plan.network is None:
        model = f"# model: yours, {plan.model!r}, copied or built under the seed"
    else:
        model = _module(plan)
    return "\n".join(["import torch", "from torch import nn", "", model, "", *_training(plan)])


def _module(plan: Plan) -> str:
    from unifml.adapters.torch.layers import assemble

    assert plan.network is not None
    steps = list(plan.network.walk(plan.signature.input_shape))
    module = assemble(steps, plan.signature.dtype)
    lines = [f'    ("{name}", nn.{child!r}),' for name, child in module.named_children()]
    notes = ["# initial weights are drawn in NumPy from the seed: glorot-uniform, biases 0"]
    if plan.network.standardize:
        notes.append("# standardize: mean and variance of the training rows; keep it in eval mode")
    body = ["from collections import OrderedDict", "", "model = nn.Sequential(OrderedDict(["]
    return "\n".join([*notes, *body, *lines, f"])).to(torch.{plan.signature.dtype})"])


def _training(plan: Plan) -> list[str]:
    settings = plan.settings
    if plan.procedure == "exact":
        return [
            "# solved exactly: SciPy's L-BFGS-B over loss and gradient of all rows, in float64",
            f"# objective: {settings.loss} + {settings.l2:g} / 2 * sum(kernel ** 2)",
        ]
    loss = _LOSSES[settings.loss]
    if settings.loss == "cross_entropy" and (plan.task.multilabel or plan.task.binary):
        loss = "nn.functional.binary_cross_entropy_with_logits"
    return [
        f"optimizer = {_optimizer(plan)}",
        f"# l2: {settings.l2:g} * kernel and l1: {settings.l1:g} * sign(kernel) added to gradients",
        f"# schedule: {settings.schedule!r}; loss = sum(w * loss) / sum(w) in each batch",
        f"for epoch in range({settings.epochs}):",
        f"    for rows in order(seed, epoch, batch_size={settings.batch_size}):  # drawn in NumPy",
        f"        loss = {loss}(model(X[rows]), y[rows])",
        "        optimizer.zero_grad(); loss.backward(); optimizer.step()",
    ]


def _optimizer(plan: Plan) -> str:
    optimizer, rate = plan.settings.optimizer, plan.settings.learning_rate
    if isinstance(optimizer, Adam):
        betas = f"betas=({optimizer.beta_1}, {optimizer.beta_2}), eps={optimizer.epsilon}"
        if not optimizer.decays:
            return f"torch.optim.Adam(model.parameters(), lr={rate}, {betas})"
        decay = f"weight_decay={plan.settings.weight_decay:g}"
        call = f"torch.optim.AdamW(model.parameters(), lr={rate}, {betas}, {decay})"
        return f"{call}  # the decay: kernels only"
    if isinstance(optimizer, SGD):
        rest = f"momentum={optimizer.momentum}, nesterov={optimizer.nesterov}"
        return f"torch.optim.SGD(model.parameters(), lr={rate}, {rest})"
    assert isinstance(optimizer, RMSprop)
    rest = f"alpha={optimizer.rho}, eps={optimizer.epsilon}"
    return f"torch.optim.RMSprop(model.parameters(), lr={rate}, {rest})  # rho -> alpha"


_LOSSES = {
    "cross_entropy": "nn.functional.cross_entropy",
    "mse": "0.5 * nn.functional.mse_loss",
    "mae": "nn.functional.l1_loss",
    "huber": "nn.functional.huber_loss",
}
