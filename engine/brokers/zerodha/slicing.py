"""Reads what became of an order that Zerodha cut into slices of the freeze quantity; some may stand while others were refused.

Pure. The broker answers in one of two shapes: an object with the children in it, or the plain list of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.core.errors import OrderRejected, OutcomeUnknown


@dataclass(frozen=True, slots=True)
class Sliced:
    """The slices of one order."""

    order_ids: tuple[str, ...]
    """Of those that stand."""
    refusals: tuple[str, ...] = ()
    """Why the others do not."""


def to_slices(answer: Any) -> Sliced:
    """Read the answer; raises OrderRejected when every slice was refused, OutcomeUnknown when it says nothing of any."""
    children = answer.get("children") if isinstance(answer, dict) else answer
    if not children and isinstance(answer, dict) and answer.get("order_id"):
        return Sliced((str(answer["order_id"]),))  # it needed no slicing
    if not isinstance(children, list):
        raise OutcomeUnknown("Zerodha's answer does not say what became of the slices")
    order_ids = tuple(str(child["order_id"]) for child in children if isinstance(child, dict) and child.get("order_id"))
    refusals = tuple(_reason(child) for child in children if isinstance(child, dict) and child.get("error"))
    if len(order_ids) + len(refusals) < max(1, len(children)):
        raise OutcomeUnknown("Zerodha's answer does not say what became of each slice")
    if not order_ids:
        raise OrderRejected(refusals[0])
    return Sliced(order_ids, refusals)


def _reason(child: dict[str, Any]) -> str:
    error = child["error"]
    said = error.get("message") if isinstance(error, dict) else error
    return str(said or "Refused without a reason.")
