"""What a limit, and whatever else may hold an order back, is called on the screen; and figures in the unit of their rule."""

from __future__ import annotations

from engine.core.registry import RULES
from widgets.base import numbers

TITLES = {
    "armed": "Armed for real money",
    "broker_rejects": "Refused by the broker in a minute",
    "cash": "Capital in use",
    "duplicate_order": "Same order again after",
    "entries_without_exit": "Entries without an exit",
    "entry_hours": "Entries at their hours only",
    "first_session_lots": "Lots on a strategy's first live day",
    "gross_exposure": "Gross exposure",
    "listed": "On today's list only",
    "loss_streak": "Losing stops in a row",
    "margin_use": "The broker's margin in use",
    "market_hours": "Market hours only",
    "market_protection": "Market orders protected",
    "max_daily_loss": "Loss of the day",
    "max_drawdown": "Drawdown",
    "max_open_orders": "Open orders",
    "max_open_orders_symbol": "Open orders of a symbol",
    "max_open_value": "Value of open orders",
    "max_order_lots": "Lots of an order",
    "max_order_quantity": "Quantity of an order",
    "max_order_share": "An order's part of equity",
    "max_order_value": "Value of an order",
    "max_position_lots": "Lots of a position",
    "max_position_size": "Largest position",
    "max_positions": "Open positions",
    "message_rate": "Orders a second",
    "messages_a_day": "Messages a day",
    "messages_a_minute": "Messages a minute",
    "opposing_owners": "No owners against each other",
    "own_orders": "No trades with oneself",
    "price_collar": "Distance from the last price",
    "profit_giveback": "Day's profit given back",
    "quote_age": "Age of the quote",
    "reduce_only": "Exits only reduce",
    "restricted": "Restricted list",
    "short_option": "No naked short options",
    "short_selling": "No short selling of shares",
    "sound_order": "Sound orders only",
    "spread": "Between bid and offer",
    "square_off_time": "No entries after square-off",
    "strategy_loss": "Day's loss of a strategy",
    "strategy_orders": "Day's orders of a strategy",
    "strategy_quantity": "Day's quantity of a strategy",
    "tick_and_lot": "Tick, lot and freeze quantity",
    "trading_state": "Trading state",
    "unclear": "Not clear yet",
    "unusual_order": "Unusual order by hand",
}
"""Rules as a trader says them."""

CAUSES = {
    "clock": "This machine's clock",
    "disk": "Disk nearly full",
    "failure": "A failure",
    "hand": "Stopped by hand",
    "kill": "Kill switch",
    "lag": "The terminal stood still",
    "lease": "Another terminal",
    "link": "No connection",
    "memory": "What was kept of the day",
    "opening": "Books not compared yet",
    "reconcile": "Differs from the broker",
    "safe mode": "Safe mode",
    "store": "Database",
}
"""What else holds somebody back."""


def title_of(name: str) -> str:
    """Return how a rule, or another cause of a stop, is called; one that is not known goes by its name."""
    return TITLES.get(name) or CAUSES.get(name) or name.replace("_", " ").capitalize()


def in_unit(rule: str, value: float) -> str:
    """Write a limit, or how much of it is used, in the rule's unit."""
    unit = "%" if rule == "cash" else RULES.get(rule).unit if rule in RULES.names() else ""
    if unit == "rupees":
        return numbers.decimal(value, 0)
    if unit == "on":
        return "on" if value else "off"
    if unit.startswith("%"):
        return f"{numbers.decimal(value, 1)}%"
    text = numbers.decimal(value, 0 if value == int(value) else 1)
    return f"{text} s" if unit == "seconds" else text
