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
    """In order of the slices; empty for one that was refused."""
    refusals: tuple[str, ...] = ()
    """Why those were refused."""

    @property
    def first(self) -> str:
        """Return the first order that stands."""
        return next(order_id for order_id in self.order_ids if order_id)

    def placed(self, quantity: int, most: int) -> int:
        """Return what of a quantity, cut into slices of at most `most`, stands; all of it when it was cut in another way."""
        sizes = [min(most, quantity - at) for at in range(0, quantity, most)] if most > 0 else [quantity]
        if len(sizes) != len(self.order_ids):
            return quantity
        return sum(size for size, order_id in zip(sizes, self.order_ids, strict=True) if order_id)


def to_slices(answer: Any) -> Sliced:
    """Read the answer; raises OrderRejected when every slice was refused, OutcomeUnknown when it says nothing of any."""
    children = answer.get("children") if isinstance(answer, dict) else answer
    if not children and isinstance(answer, dict) and answer.get("order_id"):
        return Sliced((str(answer["order_id"]),))  # it needed no slicing
    if not isinstance(children, list):
        raise OutcomeUnknown("Zerodha's answer does not say what became of the slices")
    order_ids, refusals = [], []
    for child in children:
        is_refusal = isinstance(child, dict) and bool(child.get("error"))
        order_id = str(child.get("order_id") or "") if isinstance(child, dict) and not is_refusal else ""
        if not is_refusal and not order_id:
            raise OutcomeUnknown("Zerodha's answer does not say what became of each slice")
        order_ids.append(order_id)
        if is_refusal:
            refusals.append(_reason(child))
    if not any(order_ids):
        raise OrderRejected(refusals[0]) if refusals else OutcomeUnknown("Zerodha's answer does not say what became of the slices")
    return Sliced(tuple(order_ids), tuple(refusals))


def _reason(child: dict[str, Any]) -> str:
    error = child["error"]
    said = error.get("message") if isinstance(error, dict) else error
    return str(said or "Refused without a reason.")
