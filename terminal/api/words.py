"""Orders, fills, positions, strategies and what was told, as JSON takes them: rupees, India's time, the words of the exchange."""

from __future__ import annotations

from typing import Any

from engine.clock import ist
from engine.core.alerts import AlertEvent
from engine.core.model import Fill, Order, Position, StrategyStatus, to_rupees


def rupees(units: int) -> float:
    """Return rupees, exact to 1/10,000."""
    return float(to_rupees(units))


def order_words(order: Order) -> dict[str, Any]:
    """Return an order as it stands."""
    request = order.request
    return {
        "id": order.id,
        "symbol": request.instrument.key,
        "side": "BUY" if request.side > 0 else "SELL",
        "quantity": order.quantity,
        "filled": order.filled,
        "order_type": str(request.order_type),
        "product": str(request.product),
        "price": order.price,
        "trigger_price": order.trigger_price,
        "average_price": order.average_price,
        "status": str(order.status),
        "owner": request.owner,
        "purpose": str(request.purpose),
        "message": order.message,
        "created_at": ist(order.created_ns).isoformat(),
    }


def fill_words(fill: Fill) -> dict[str, Any]:
    """Return one execution."""
    return {
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "symbol": fill.instrument.key,
        "side": "BUY" if fill.side > 0 else "SELL",
        "quantity": fill.quantity,
        "price": rupees(fill.price_units),
        "charges": rupees(fill.charges_units),
        "owner": fill.owner,
        "time": ist(fill.time_ns).isoformat(),
    }


def position_words(position: Position) -> dict[str, Any]:
    """Return a position at its last mark."""
    return {
        "symbol": position.instrument.key,
        "product": str(position.product),
        "quantity": position.quantity,
        "average_price": position.average_price,
        "last_price": rupees(position.last_price_units),
        "realised_pnl": rupees(position.realised_units),
        "unrealised_pnl": rupees(position.unrealised_units),
        "charges": rupees(position.charges_units),
    }


def strategy_words(status: StrategyStatus) -> dict[str, Any]:
    """Return how a strategy stands, without what it was made of."""
    return {
        "id": status.id,
        "name": status.name,
        "mode": "live" if status.mode == "live" else "paper",
        "state": str(status.state),
        "started_at": ist(status.started_ns).isoformat() if status.started_ns else None,
        "signals": status.signals,
        "orders": status.orders,
        "fills": status.fills,
        "open_positions": status.open_positions,
        "realised_pnl": rupees(status.realised_units),
        "unrealised_pnl": rupees(status.unrealised_units),
        "charges": rupees(status.charges_units),
        "net_pnl": rupees(status.net_units),
        "capital": rupees(status.capital_units),
        "drawdown_pct": status.drawdown_pct,
        "last_signal": status.last_signal,
        "last_error": status.last_error,
    }


def event_words(event: AlertEvent) -> dict[str, Any]:
    """Return a message as it stands."""
    return {
        "id": event.id,
        "time": ist(event.time_ns).isoformat(),
        "level": str(event.level),
        "text": event.text,
        "alert_id": event.alert_id,
        "count": event.count,
        "is_waiting": event.is_waiting,
        "acknowledged_by": event.acknowledged_by,
    }
