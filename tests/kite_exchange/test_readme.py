"""The README names every command and every option that it speaks of exists."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from tests.kite_exchange import control_faults, control_market  # noqa: F401 -- they register their commands
from tests.kite_exchange.control import COMMANDS
from tests.kite_exchange.faults import HOW, Fault
from tests.kite_exchange.options import Options, parse_options, to_arguments

README = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")


def test_the_readme_has_every_command_with_its_arguments() -> None:
    table = README.partition("| command |")[2].partition("A fault takes")[0]
    told = {
        name: [one.strip(" *") for one in arguments.split(",")] if arguments else []
        for name, arguments in re.findall(r"`(\w+)(?:\(([^)]*)\))?`", table)
    }
    assert set(told) == set(COMMANDS)
    for name, arguments in told.items():
        if name != "fault":
            wanted = [one for one in inspect.signature(COMMANDS[name]).parameters if one != "server"]
            assert [one.replace("options", "changes") for one in arguments] == wanted, name


def test_the_readme_has_every_fault_and_its_fields() -> None:
    told = README.partition("A fault takes")[2]
    assert all(f"`{how}`" in told for how in HOW)
    assert all(f"`{one.name}`" in told or f"`{one.name}=" in told for one in fields(Fault) if one.name not in ("number", "acted"))


def test_options_survive_the_way_through_a_command_line() -> None:
    wanted: dict[str, Any] = {
        "port": 5,
        "hours": True,
        "rate_limits": False,
        "scale": 2.5,
        "replay": "a b.csv",
        "now": "2026-01-05 09:15:00",
    }
    assert parse_options(to_arguments(wanted)) == Options(**wanted, market="replay")
