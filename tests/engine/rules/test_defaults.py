"""What each control refuses at unless the trader says otherwise: a default that moves, moves the risk of everybody who never set it."""

from __future__ import annotations

import pytest

from engine.core.registry import RULES
from engine.rules import messages_a_day, spread

CONTROLS = {
    # rule: the number of its refusal, and its default
    "cash": (1, 1.0),
    "max_positions": (2, 10.0),
    "max_position_size": (3, 30.0),
    "max_daily_loss": (4, 3_000.0),
    "max_drawdown": (5, 0.0),
    "max_order_value": (6, 200_000.0),
    "max_order_quantity": (7, 1_000.0),
    "tick_and_lot": (8, 1.0),
    "trading_state": (9, 1.0),
    "reduce_only": (10, 1.0),
    "short_selling": (11, 1.0),
    "square_off_time": (12, 1.0),
    "market_hours": (13, 1.0),
    "message_rate": (14, 8.0),
    "duplicate_order": (15, 3.0),
    "quote_age": (16, 5.0),
    "price_collar": (17, 3.0),
    "sound_order": (18, 1.0),
    "listed": (19, 1.0),
    "max_order_share": (20, 20.0),
    "max_order_lots": (21, 10.0),
    "max_position_lots": (22, 20.0),
    "gross_exposure": (23, 2.0),
    "margin_use": (24, 70.0),
    "market_protection": (25, 1.0),
    "messages_a_minute": (26, 200.0),
    "messages_a_day": (27, 3_000.0),
    "max_open_orders": (28, 20.0),
    "max_open_orders_symbol": (29, 5.0),
    "max_open_value": (30, 500_000.0),
    "short_option": (31, 1.0),
    "own_orders": (32, 1.0),
    "opposing_owners": (33, 1.0),
    "entry_hours": (34, 1.0),
    "unusual_order": (35, 5.0),
    "restricted": (36, 1.0),
    "spread": (37, 5.0),
    "unclear": (60, 1.0),
    "entries_without_exit": (70, 5.0),
    "broker_rejects": (71, 3.0),
    "strategy_orders": (72, 100.0),
    "strategy_loss": (73, 1.0),
    "loss_streak": (74, 4.0),
    "profit_giveback": (75, 40.0),
    "first_session_lots": (76, 1.0),
    "armed": (77, 1.0),
    "strategy_quantity": (78, 100_000.0),
}


@pytest.mark.parametrize("name", RULES.names())
def test_a_rule_keeps_its_number_and_its_default(name: str) -> None:
    rule = RULES.get(name)
    assert (rule.code, rule.limit) == CONTROLS[name]


def test_what_is_told_before_it_is_refused() -> None:
    assert spread.WARN_PART * RULES.get("spread").limit == pytest.approx(2.0), "percent between bid and offer"
    assert messages_a_day.WARN_PART * RULES.get("messages_a_day").limit == pytest.approx(1_000.0)
