"""Finds out what a strategy file is without running a line of it here: a process of its own reads it and tells name and parameters.

A file is described once for each text that it has. A compiled template is then read here, for it trades in the replay's own loop.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from threading import Lock
from typing import Any

import numpy as np

from engine.authored.classes import StrategyFault
from engine.authored.files import StrategyCode, template_of
from engine.core.errors import UserError
from engine.core.records import fields
from engine.core.registry import Parameter, Template
from engine.core.script import on_bar as wants_nothing
from engine.host.answers import MOST_TEXT, plain_text, read_answer
from engine.host.limits import LIMITS
from engine.host.process import load_question
from engine.host.spawning import kill, spawn
from engine.host.wire import Frames, Garbled, pack

MOST_PARAMETERS = 200

_KNOWN: dict[str, tuple[bytes, Template | None]] = {}
_ASKING = Lock()


def class_template(code: StrategyCode, load_s: float = LIMITS.load_s) -> Template | None:
    """Describe the class in a file as a template that a process runs; None when the file holds a compiled template.

    Waits for a process, so do it off the loop where a moment matters; the answer is remembered for this text. Raises UserError with the
    line for a mistake in the file, and when it is not read within `load_s` seconds.
    """
    with _ASKING:
        known = _KNOWN.get(str(code.path))
        if known is None or known[0] != code.source:
            known = _KNOWN[str(code.path)] = (code.source, _template(_told(code, load_s)))
        return known[1]


def describe(code: StrategyCode) -> tuple[Template, bool]:
    """Return the template of a file, and whether it is a class, which runs in a process of its own."""
    made = class_template(code)
    return (template_of(str(code.path)), False) if made is None else (made, True)


def _told(code: StrategyCode, load_s: float) -> Mapping[str, Any]:
    """Let a process read the file and return what it says of it."""
    question = pack(load_question(code))
    try:
        process, line = spawn()
    except OSError as error:
        raise UserError(f"A process to read {code.path.name} in cannot be started: {error}; end what you do not need.") from error
    try:
        with line:
            line.settimeout(load_s)
            line.sendall(question)
            return _checked(code, _answer(line))
    except TimeoutError:
        raise UserError(f"Expected {code.path.name} to be read within {load_s:g} s, was not; look at what it does when imported.") from None
    except (Garbled, StrategyFault, OSError) as error:
        raise UserError(f"{code.path.name} cannot be read: {error}") from error
    finally:
        kill(process)
        process.wait()


def _answer(line: socket.socket) -> Mapping[str, Any]:
    frames = Frames()
    while data := line.recv(1 << 16):
        for message in frames.feed(data):
            return message
    raise StrategyFault("it ended its process while it was read.")


def _checked(code: StrategyCode, message: Mapping[str, Any]) -> Mapping[str, Any]:
    answer = read_answer(message)
    if answer.fault or answer.told is None:
        raise UserError(answer.fault or f"{code.path.name} cannot be read.")
    return answer.told


def _template(told: Mapping[str, Any]) -> Template | None:
    """Make a template of what a process says, which is looked at as a stranger's word."""
    if told.get("is_class") is not True:
        return None
    declared = told["parameters"]
    if not isinstance(declared, list) or len(declared) > MOST_PARAMETERS:
        raise UserError(f"Expected at most {MOST_PARAMETERS} parameters, was {str(declared)[:80]}.")
    parameters = tuple(_parameter(each) for each in declared)
    params = np.dtype([(parameter.name, "f8") for parameter in parameters])
    name, title = (plain_text(told.get(key))[:MOST_TEXT] for key in ("name", "title"))
    return Template(name, title, parameters, fields("seen", "next"), params, wants_nothing)


def _parameter(given: object) -> Parameter:
    if not isinstance(given, list) or len(given) != 4 or not isinstance(given[0], str) or not given[0].isidentifier():
        raise UserError(f"Expected a parameter's name, default, lowest and highest, was {str(given)[:80]}.")
    if any(isinstance(each, bool) or not isinstance(each, (int, float)) for each in given[1:]):
        raise UserError(f"Expected {given[0]} to have numbers as default, lowest and highest, was {str(given[1:])[:80]}.")
    return Parameter(*given)
