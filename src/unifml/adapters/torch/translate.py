"""What a plan means in torch's words."""

from __future__ import annotations

from typing import Any

import torch

from unifml.core.plan import Plan
from unifml.training import SGD, Adagrad, Adam, CustomOptimizer, RMSprop


def translate(plan: Plan) -> str:
    """Return the construction and the training of a plan as torch code to read."""
    if plan.network is None:
        model = f"# model: yours, {plan.model!r}, copied or built under the seed"
    else:
        model = _module(plan)
    return "\n".join(["import torch", "from torch import nn", "", model, "", *_training(plan)])


def _module(plan: Plan) -> str:
    from unifml.adapters.torch.layers import assemble

    module = assemble(plan.graph, plan.signature.dtype)
    notes = ["# initial weights are drawn in NumPy from the seed"]
    if plan.graph.standardized:
        statistics = plan.graph.statistics
        notes.append(f"# standardize: {statistics} of the training rows, computed before the start")
    kinds = {node.layer.kind for node in plan.graph.nodes}
    notes += [f"# {kind}: {note}" for kind, note in _NOTES.items() if kind in kinds]
    notes += ["# images and signals are channels-last: the module turns them once"] * (
        "permute(" in getattr(module, "code", "")
    )
    dtype = f".to(torch.{plan.signature.dtype})"
    if isinstance(module, torch.nn.Sequential):
        lines = [f'    ("{name}", nn.{child!r}),' for name, child in module.named_children()]
        head = ["from collections import OrderedDict", "", "model = nn.Sequential(OrderedDict(["]
        return "\n".join([*notes, *head, *lines, f"])){dtype}"])
    return "\n".join([*notes, *_class(module), "", f"model = Network(){dtype}"])


def _class(module: Any) -> list[str]:
    """Write a woven module as a class that builds the same."""
    parts = [_part(name, child) for name, child in module.named_modules() if name]
    tensors = [
        *(_tensor(name, value, "parameter") for name, value in module.named_parameters()),
        *(_tensor(name, value, "buffer") for name, value in module.named_buffers()),
    ]
    own = [line for line in tensors if _plain_owner(module, line[0])]
    code = [line.partition(";  ")[0] for line in module.code.splitlines() if line.strip()]
    imports = ["from math import inf", ""] if "inf" in module.code else []
    start = ["class Network(nn.Module):", "    def __init__(self):", "        super().__init__()"]
    body = [f"        {line}" for line in (*parts, *(text for _, text in own))]
    return [*imports, *start, *body, "", *(f"    {line}" for line in code)]


def _part(name: str, child: Any) -> str:
    owner, _, short = name.rpartition(".")
    made = f"nn.{child!r}" if type(child) is not torch.nn.Module else "nn.Module()"
    if not owner:
        return f"self.{short} = {made}"
    return f"self.get_submodule({owner!r}).add_module({short!r}, {made})"


def _tensor(name: str, value: Any, kind: str) -> tuple[str, str]:
    owner, _, short = name.rpartition(".")
    made = f"torch.empty({tuple(value.shape)}, dtype={value.dtype})"
    made = f"nn.Parameter({made})" if kind == "parameter" else made
    return owner, f"self.get_submodule({owner!r}).register_{kind}({short!r}, {made})"


def _plain_owner(module: Any, owner: str) -> bool:
    """Whether nobody but the class makes a tensor: its owner is a bare module."""
    found = module.get_submodule(owner)
    return type(found) in (torch.nn.Module, type(module))


_NOTES = {
    "batch_norm": "momentum=0.1 here keeps 0.9; the running variance is the biased one of a batch",
    "lstm": "bias_hh stays 0 and is not trained: one bias, that of the forget gate starts at 1",
    "gru": "both biases are trained; gates r, z, n",
    "simple_rnn": "bias_hh stays 0 and is not trained",
    "attention": "query, key, value and output are linear maps of their own",
    "embedding": "starts N(0, 0.02); torch's default is N(0, 1)",
}


def _training(plan: Plan) -> list[str]:
    settings = plan.settings
    if plan.procedure == "exact":
        return [
            "# solved exactly: SciPy's L-BFGS-B over loss and gradient of all rows, in float64",
            f"# objective: {settings.loss.kind} + {settings.l2:g} / 2 * sum(kernel ** 2)",
        ]
    return [
        f"optimizer = {_optimizer(plan)}",
        f"# l2: {settings.l2:g} * kernel and l1: {settings.l1:g} * sign(kernel) added to gradients",
        f"# schedule: {settings.schedule!r}; loss = sum(w * loss) / sum(w) in each batch",
        f"for epoch in range({settings.epochs}):",
        f"    for rows in order(seed, epoch, batch_size={settings.batch_size}):  # drawn in NumPy",
        *_step(plan),
    ]


def _step(plan: Plan) -> list[str]:
    settings, change = plan.settings, "torch.nn.utils.clip_grad_"
    lines = [f"loss = {_loss(plan)}", "optimizer.zero_grad(); loss.backward()"]
    if settings.precision in _CONTEXTS:
        lines[0] = f"with {_CONTEXTS[settings.precision].format(plan.device)}: {lines[0]}"
    if settings.precision == "tf32":
        lines.insert(0, "# TF32 is on in this step, and as it was after each epoch")
    if settings.accumulate > 1:
        lines[1] += f"  # of {settings.accumulate} batches, each by its share of the weights"
    if settings.clip_value is not None:
        lines.append(f"{change}value_(model.parameters(), {settings.clip_value:g})")
    if settings.clip_norm is not None:
        lines.append(f"{change}norm_(model.parameters(), {settings.clip_norm:g})")
    lines.append("optimizer.step()")
    if settings.ema is not None:
        keep = f"min({settings.ema:g}, (1 + t) / (10 + t))"
        lines.append(f"# average = keep * average + (1 - keep) * weights, keep = {keep} at step t")
    if settings.compile is True:
        lines.insert(0, "# model is torch.compile(model) in this step")
    if settings.deterministic:
        lines.insert(0, "# torch.use_deterministic_algorithms(True) in each epoch, and back")
    return [f"        {line}" for line in lines]


_CONTEXTS = {
    "bf16": 'torch.autocast("{}", dtype=torch.bfloat16)',
    "fp16": 'torch.autocast("{}", dtype=torch.float16)',
}


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
    if isinstance(optimizer, RMSprop):
        rest = f"alpha={optimizer.rho}, eps={optimizer.epsilon}"
        return f"torch.optim.RMSprop(model.parameters(), lr={rate}, {rest})  # rho -> alpha"
    if isinstance(optimizer, Adagrad):
        return f"torch.optim.Adagrad(model.parameters(), lr={rate}, eps={optimizer.epsilon})"
    if isinstance(optimizer, CustomOptimizer):
        return "your_optimizer(model.parameters())  # its rates are multiplied by the schedule's"
    return f"{optimizer!r}  # torch has none: unifml's rule, learning rate {rate}"


def _loss(plan: Plan) -> str:
    loss = plan.settings.loss
    on_off = plan.task.multilabel or plan.task.binary
    if loss.kind not in _LOSSES:
        return f"{loss.kind}(model(X[rows]), y[rows])  # torch has none: unifml's {loss!r}"
    if loss.kind == "cross_entropy" and on_off:
        share = getattr(loss, "label_smoothing", 0.0)
        y = f"{1 - share:g} * y[rows] + {share / 2:g}" if share else "y[rows]"
        return f"nn.functional.binary_cross_entropy_with_logits(model(X[rows]), {y})"
    fields = "".join(f", {k}={v!r}" for k, v in loss.get_params(deep=False).items() if v)
    return f"{_LOSSES[loss.kind]}(model(X[rows]), y[rows]{fields if loss.kind != 'custom' else ''})"


_LOSSES = {
    "cross_entropy": "nn.functional.cross_entropy",
    "mse": "0.5 * nn.functional.mse_loss",
    "mae": "nn.functional.l1_loss",
    "huber": "nn.functional.huber_loss",
    "poisson": "nn.functional.poisson_nll_loss",
    "custom": "loss_of_yours",
}
