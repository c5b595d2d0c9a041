"""Checks of what an adapter says of itself, and of how it behaves in a process."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import fields
from functools import partial
from typing import Any, get_type_hints

import numpy as np

from unifml.core.adapter import Adapter, Program
from unifml.core.capabilities import Capabilities
from unifml.layers import (
    ACTIVATIONS,
    PRIMITIVES,
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Layer,
    LayerNorm,
)
from unifml.testing.lab import BINARY, NUMBERS, Lab, Probe, plain_layers, sharpest
from unifml.testing.rule import Rule, check, require
from unifml.training import LOSSES, OPTIMIZERS, Training

CHECKS: list[Rule] = []
_check = partial(check, CHECKS)

EXAMPLES: dict[str, Layer] = {
    "activation": Activation("relu"),
    "batch_norm": BatchNorm(),
    "dense": Dense(3),
    "dropout": Dropout(0.5),
    "layer_norm": LayerNorm(),
}
KNOWN: dict[str, frozenset[str]] = {
    "layers": PRIMITIVES,
    "activations": frozenset(ACTIVATIONS),
    "losses": frozenset(loss for group in LOSSES.values() for loss in group),
    "optimizers": frozenset(OPTIMIZERS),
    "penalties": frozenset({"l1", "l2", "weight_decay"}),
    "precisions": frozenset({"float32", "float64", "bf16", "fp16", "tf32"}),
}


@_check()
def protocol_is_complete(adapter: Adapter) -> None:
    """Check that all methods are there, and the name can be a name."""
    require(isinstance(adapter, Adapter), "it does not satisfy unifml.core.adapter.Adapter")
    require(
        isinstance(adapter.name, str) and adapter.name.isidentifier(),
        f"its name {adapter.name!r} cannot be an extra, an entry point and a marker",
    )


@_check()
def capabilities_have_their_types(adapter: Adapter) -> None:
    """Check that every field holds what its annotation says."""
    kinds = get_type_hints(Capabilities)
    for field in fields(Capabilities):
        value, wanted = getattr(adapter.capabilities, field.name), kinds[field.name]
        plain = getattr(wanted, "__origin__", wanted)
        require(isinstance(value, plain), f"capabilities.{field.name} is {value!r}, no {plain}")
        if plain is not bool and plain is not str:
            strange = [item for item in value if not isinstance(item, str)]
            require(not strange, f"capabilities.{field.name} holds {strange}, and must hold str")


@_check()
def claims_are_known_names(adapter: Adapter) -> None:
    """Check that nothing is claimed that the vocabulary does not have."""
    for field, known in KNOWN.items():
        strange = getattr(adapter.capabilities, field) - known
        require(not strange, f"capabilities.{field} claims {sorted(strange)}, known: {known}")
    if adapter.capabilities.epochs:
        for field in ("layers", "losses", "optimizers", "precisions"):
            require(getattr(adapter.capabilities, field), f"epochs without {field}")


@_check(needs="packages")
def import_is_light(adapter: Adapter) -> None:
    """Check that importing the adapter, and asking owns(), loads none of its packages."""
    module, packages = type(adapter).__module__, adapter.capabilities.packages
    code = (
        f"import sys, {module}\n"
        "from unifml.core import registry\n"
        f"found = registry.get_adapter({adapter.name!r}) "
        f"if {adapter.name!r} in registry.names() else None\n"
        "found and (found.capabilities, found.owns(object()), found.owns('mlp'))\n"
        f"print(*[name for name in {packages!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    require(done.returncode == 0, f"importing {module} fails: {done.stderr[-500:]}")
    loaded = done.stdout.split()
    require(not loaded, f"importing {module}, or asking owns(), loads {loaded}")


@_check()
def devices_are_claimed_kinds(adapter: Adapter) -> None:
    """Check that devices are named, and of the kinds claimed."""
    devices = adapter.devices()
    require(devices and isinstance(devices, tuple), f"devices() is {devices!r}")
    kinds = {name.partition(":")[0] for name in devices}
    strange = kinds - adapter.capabilities.devices
    require(not strange, f"devices() names {strange}, which capabilities.devices does not")


@_check()
def owns_nothing_foreign(adapter: Adapter) -> None:
    """Check that objects of Python and of unifml are not its native models."""
    for thing in (object(), "mlp", 1, None, dict, Probe(), Probe, len):
        require(adapter.owns(thing) is False, f"owns({thing!r}) must be False")


@_check()
def seeded_blocks_repeat_and_restore(adapter: Adapter) -> None:
    """Check that inside seeded() the global generators repeat; after it they are back."""
    before = global_state()
    drawn = []
    for _ in range(2):
        with adapter.seeded(3):
            drawn.append((random.random(), float(np.random.random())))
    require(drawn[0] == drawn[1], "two blocks of seeded(3) draw different numbers")
    require(global_state() == before, "a block of seeded(3) leaves a global generator changed")


@_check(needs="epochs")
def training_leaves_globals_alone(adapter: Adapter) -> None:
    """Check that building and training leave the global generators as they were."""
    lab = Lab(adapter, BINARY, plain_layers(adapter.capabilities), Training(), "float32")
    lab.run(lab.program())  # frameworks may draw while they are loaded
    before = global_state()
    adapter.build(lab.plan, lab.weights)
    program = lab.program()
    lab.run(program)
    program.forward(lab.table.X)
    require(global_state() == before, "Python's or NumPy's global generator was left changed")


@_check(needs="epochs")
def programs_are_complete(adapter: Adapter) -> None:
    """Check that programs have all methods, and a plan can be told as source code."""
    capabilities = adapter.capabilities
    lab = Lab(adapter, NUMBERS, plain_layers(capabilities), Training(), sharpest(capabilities))
    require(isinstance(lab.program(), Program), "program() does not satisfy Program")
    text = adapter.translate(lab.plan)
    require(isinstance(text, str) and text.strip(), f"translate() returns {text!r}")


def global_state() -> Any:
    """Return the state of Python's and NumPy's global generators."""
    legacy: Any = np.random.get_state()
    return random.getstate(), tuple(legacy[1]), legacy[2:]
