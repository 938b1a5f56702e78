"""Orders that wait at Zerodha for a price, for up to a year: good till triggered, alone or as a pair of stop and target.

The broker gives them no tag: after a lost answer one is looked for by what it asks. Triggered is not placed, and placed is not filled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.brokers.triggers import Gtt, Leg
from engine.brokers.zerodha.limiter import Call
from engine.brokers.zerodha.orders import to_ns, whole
from engine.brokers.zerodha.placing import price_fault
from engine.brokers.zerodha.rest import KiteRest
from engine.core.errors import OrderRejected, OutcomeUnknown
from engine.core.model import Exchange, Instrument, Product, Side


class GttDesk:
    """The triggers of one account."""

    def __init__(self, rest: KiteRest, instrument_of: Callable[[Mapping[str, Any]], Instrument]) -> None:
        self._rest, self._instrument_of = rest, instrument_of

    async def place(self, gtt: Gtt) -> int:
        """Place a trigger; returns its number.

        After an answer that was lost it is looked for by what it asks; raises OrderRejected, or OutcomeUnknown when it is not found.
        """
        require_sense(gtt)
        known = {one.id for one in await self.all()}
        try:
            answer = await self._rest.write("place_gtt", gtt.kind, **to_parameters(gtt))
            return int(answer["trigger_id"])
        except (OutcomeUnknown, KeyError, TypeError, ValueError):
            for one in await self.all():
                if one.id not in known and one.is_same(gtt):
                    return one.id
            raise OutcomeUnknown("Nobody knows whether the trigger was placed, and the list does not have it; look in Kite.") from None

    async def modify(self, gtt: Gtt) -> None:
        """Replace all of a trigger by this one of the same number."""
        require_sense(gtt)
        await self._rest.write("modify_gtt", gtt.id, gtt.kind, **to_parameters(gtt))

    async def delete(self, number: int) -> None:
        """Take a trigger back."""
        await self._rest.write("delete_gtt", number, is_urgent=True)

    async def all(self) -> list[Gtt]:
        """List the triggers: the active ones, and those that ended within a week."""
        return [to_gtt(row, self._instrument_of(row["condition"])) for row in await self._rest.read(Call.OTHER, "get_gtts") or []]


def require_sense(gtt: Gtt) -> None:
    """Raise OrderRejected for a trigger that the broker would refuse."""
    fault = _fault(gtt)
    if fault:
        raise OrderRejected(fault)


def to_parameters(gtt: Gtt) -> dict[str, Any]:
    """Return the broker's fields, legs in order of their triggers."""
    legs = sorted(gtt.legs, key=lambda leg: leg.trigger_price)
    return {
        "tradingsymbol": gtt.instrument.symbol,
        "exchange": gtt.instrument.exchange.value,
        "trigger_values": [round(leg.trigger_price, 4) for leg in legs],
        "last_price": round(gtt.last_price, 4),
        "orders": [
            {
                "transaction_type": leg.side.name,
                "quantity": leg.quantity,
                "order_type": "LIMIT",
                "product": leg.product.value,
                "price": round(leg.price, 4),
            }
            for leg in legs
        ],
    }


def to_gtt(row: Mapping[str, Any], instrument: Instrument) -> Gtt:
    """Read a row of the broker's list."""
    condition = row["condition"]
    legs = tuple(_leg(order, trigger) for order, trigger in zip(row["orders"], condition["trigger_values"], strict=True))
    last_price = float(condition.get("last_price") or 0.0)
    return Gtt(instrument, legs, last_price, int(row["id"]), str(row.get("status") or ""), to_ns(row.get("created_at")))


def _leg(order: Mapping[str, Any], trigger: float) -> Leg:
    result = (order.get("result") or {}).get("order_result") or {}
    outcome = str(result.get("order_id") or result.get("rejection_reason") or "")
    side = Side.SELL if order.get("transaction_type") == "SELL" else Side.BUY
    return Leg(float(trigger), side, whole(order["quantity"]), float(order["price"]), Product(str(order["product"])), outcome)


def _fault(gtt: Gtt) -> str:
    instrument = gtt.instrument
    if len(gtt.legs) not in (1, 2):
        return f"Expected one leg or two, was {len(gtt.legs)}."
    for leg in gtt.legs:
        if leg.quantity <= 0 or leg.quantity % instrument.lot_size:
            return f"Expected a quantity in lots of {instrument.lot_size}, was {leg.quantity}."
        if leg.product is Product.MIS:
            return "Expected CNC, NRML or MTF for a trigger that outlives the day, was MIS."
        if wrong := price_fault(instrument, leg.side, (leg.trigger_price, leg.price)):
            return wrong
    return _pair_fault(gtt.legs, gtt.last_price, instrument) if len(gtt.legs) == 2 else ""


def _pair_fault(legs: Sequence[Leg], last_price: float, instrument: Instrument) -> str:
    low, high = sorted(leg.trigger_price for leg in legs)
    if not low < last_price < high:
        return f"Expected the last price of {last_price:g} between the two triggers, were {low:g} and {high:g}."
    is_buying = any(leg.side is Side.BUY for leg in legs)
    if is_buying and instrument.exchange in (Exchange.NSE, Exchange.BSE):
        return "Expected a pair of selling legs for shares, was a buying one; the broker takes those in futures and options only."
    return ""
