"""One process of the benchmark: the contenders of one framework. It prints JSON lines."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from typing import Any

WORLDS = {
    "torch": ("with_torch", "with_torch", None),
    "keras": ("with_tensorflow", "with_keras", "tensorflow"),
    "jax": ("with_jax", "with_keras", "jax"),
    "keras-torch": ("with_keras_torch", "with_keras", "torch"),
}


def limit(threads: int) -> None:
    """Say how many threads to compute with, before a framework counts the cores."""
    for name in ("OMP", "MKL", "OPENBLAS", "TF", "TF_NUM_INTRAOP", "TF_NUM_INTEROP"):
        tail = "_THREADS" if name.startswith("TF_") else "_NUM_THREADS"
        os.environ[name + tail] = str(threads)
    os.environ["NPROC"] = str(threads)  # JAX
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def world(name: str, args: argparse.Namespace) -> Any:
    contenders, hand, engine = WORLDS[name]
    if engine is not None:
        os.environ["KERAS_BACKEND"] = engine
    if name != "jax":
        import torch  # before TensorFlow, where a process holds both

        torch.set_num_threads(args.threads)
    from training.tables import World

    found = importlib.import_module(f"training.{contenders}")
    written = importlib.import_module(f"training.{hand}").HAND
    return World(found.CONTENDERS, written, found.calls, args.repeats, args.quick)


def say(**record: Any) -> None:
    print(json.dumps(record), file=sys.__stdout__, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("world", choices=WORLDS)
    parser.add_argument("--tables", nargs="*", default=[])
    parser.add_argument("--memory", help="measure the memory of this contender, and nothing else")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, required=True)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    limit(args.threads)
    sys.stdout = sys.stderr  # whatever a library prints is not a result
    here = world(args.world, args)
    if args.memory:
        from training.memory import peak

        kind = next(c for c in here.contenders if c.name == args.memory)
        say(name=args.memory, **peak(kind))
        return
    from training.tables import TABLES

    say(contenders=[(c.name, not c.missing(), c.kinds) for c in here.contenders])
    for table in (table for table in args.tables if table in TABLES):
        for row, found in TABLES[table](here):
            say(table=table, row=row, found=found)


if __name__ == "__main__":
    main()
