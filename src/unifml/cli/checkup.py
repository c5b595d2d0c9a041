"""``unifml doctor``."""

from __future__ import annotations

import argparse
from typing import Any

from unifml.cli.codes import OK, PROBLEM, remark


def add(commands: Any) -> None:
    """Add the command."""
    doctor = commands.add_parser(
        "doctor", help="show what is installed, which devices there are, and what is wrong"
    )
    doctor.set_defaults(run=_doctor)


def _doctor(args: argparse.Namespace) -> int:
    from unifml.tasks.doctor import checkup

    remark("loading each backend in a process of its own ...")
    report = checkup()
    print(report)
    return PROBLEM if report.problems else OK
