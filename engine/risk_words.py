"""How a refusal is worded: the rule's own sentence, with the figures of the order in it.

Words are made for what is refused and for nothing else; nothing is decided here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from engine.core.facts import Facts
from engine.core.model import UNITS, Account, TradingState
from engine.core.records import Row
from engine.core.registry import Rule
from engine.rules.messages_a_day import kept_of
from engine.rules.sound_order import unsound
from engine.rules.tick_and_lot import fault
from engine.rules.unusual_order import is_off


def explain(rule: Rule, limit: float, facts: Facts, account: Account | None = None, row: Row = None, free_units: int = 0) -> str:
    """Return the rule's sentence with the figures of this order in it."""
    words = {"limit": limit, "kept": f"{kept_of(limit):g}", **_words(facts), **_money(facts, account, row, free_units)}
    return rule.explain.format_map(words)


def _words(facts: Facts) -> Mapping[str, Any]:
    request, instrument = facts.request, facts.request.instrument
    ways_out = {TradingState.REDUCING: "only exits pass", TradingState.HALTED: "only cancels and your own exits pass"}
    return {
        "symbol": instrument.symbol,
        "product": request.product.value,
        "quantity": request.quantity,
        "held": max(0, facts.held),
        "reducible": max(0, abs(facts.held) - facts.closing - facts.elsewhere),
        "state": facts.state.value,
        "state_reason": facts.state_reason,
        "way_out": ways_out.get(facts.state, ""),
        "messages": facts.messages,
        "age": "none" if math.isinf(facts.quote_age_s) else f"{facts.quote_age_s:.0f} s",
        "last_price": facts.last_price,
        "price": request.price or 0.0,
        "fault": fault(facts),
        "unclear": facts.unclear,
        "stopped": facts.stopped,
        "owner": request.owner or "the owner",
        "rejects": facts.rejects,
        "quantity_today": facts.quantity_today,
        "lost_pct": facts.lost_pct,
        "cools_min": math.ceil(facts.cools_s / 60.0),
        "given_back_pct": facts.given_back_pct,
        "unsound": unsound(request),
        "lot": instrument.lot_size,
        "lots": request.quantity / instrument.lot_size,
        "messages_minute": facts.messages_minute,
        "messages_today": facts.messages_today,
        "open_value": (facts.open_units + request.quantity * facts.each_units) / UNITS,
        "uncovered": facts.uncovered,
        "crossed": facts.crossed,
        "opposed": facts.opposed,
        "entry_hours": facts.entry_hours,
        "unusual": _unusual(facts),
        "restricted": facts.restricted,
        "not_listed": facts.not_listed,
        "spread_pct": facts.spread_pct,
        "margin_pct": facts.margin_pct,
    }


def _unusual(facts: Facts) -> str:
    """Say what is unusual about an order by hand."""
    request = facts.request
    if is_off(facts):
        return f"{request.price:g} where the market is at {request.trigger_price or facts.last_price:g}"
    value = request.quantity * facts.each_units / UNITS
    return f"Rs {value:,.0f} where Rs {facts.usual_units / UNITS:,.0f} is usual"


def _money(facts: Facts, account: Account | None, row: Row, free_units: int) -> Mapping[str, Any]:
    if account is None:
        return {}
    request, price = facts.request, facts.each_units / UNITS
    after = abs(int(row.quantity) + request.signed_quantity)
    opened = max(0, after - abs(int(row.quantity))) * facts.each_units
    return {
        "value": f"{request.quantity * price:,.0f}",
        "after_value": f"{after * price:,.0f}",
        "after": after,
        "after_lots": after / request.instrument.lot_size,
        "equity": f"{account.equity_units / UNITS:,.0f}",
        "gross": f"{(account.equity_units - free_units + opened) / UNITS:,.0f}",
        "free": f"{max(0, free_units) / UNITS:,.0f}",
        "day_loss": f"{(account.day_start_units - account.equity_units) / UNITS:,.0f}",
        "drawdown": account.drawdown_pct,
    }
