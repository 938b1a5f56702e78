"""What makes two searches the same, beside the bars: the strategy's code, the terms, the space and the way of searching.

A search that is taken up again on anything else would mix figures that cannot be compared.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from engine.backtest_terms import Prepared
from engine.core.records import Rows
from engine.core.registry import Template

LENGTH = 16
"""Hexadecimal digits of a fingerprint."""


def code_print(template: Template) -> str:
    """Return the fingerprint of the file that a strategy is written in."""
    module = sys.modules[template.plain.__module__ if template.plain is not None else template.on_bar.__module__]
    return sha256(Path(str(module.__file__)).read_bytes()).hexdigest()[:LENGTH]


def terms_print(prepared: Prepared) -> str:
    """Return the fingerprint of money, sizes, charges, limits and hours."""
    made = sha256(str(prepared.product).encode())
    for each in fields(prepared.terms):
        value = getattr(prepared.terms, each.name)
        made.update(each.name.encode())
        if isinstance(value, np.ndarray):
            _feed(made, value)
        else:
            made.update(repr(value).encode())
    return made.hexdigest()[:LENGTH]


def differences(asked: Mapping[str, object], found: Mapping[str, object]) -> list[str]:
    """Return the names of what is not the same."""
    return [name for name in asked if asked[name] != found.get(name)]


def _feed(made: Any, rows: Rows) -> None:
    """Take in the values, field by field: what lies between the fields of a record is nobody's."""
    if rows.dtype.names is None:
        made.update(np.ascontiguousarray(rows).tobytes())
    for name in rows.dtype.names or ():
        _feed(made, rows[name])
