"""What a broker really has, and what was sent to it: the truth that a session is held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.brokers.simulated.orders import ExchangeOrder
from engine.core.model import Product

Place = tuple[str, Product]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of ours, as it came to the broker."""

    time_ns: int
    """By the broker's clock."""
    order_id: str
    is_new_risk: bool
    """It opens something, or makes an entry larger or likelier to fill."""
    is_place: bool = True
    """It is an order, not the change or the cancel of one."""


@dataclass(slots=True)
class Kill:
    """One use of the kill switch, until a person took it back."""

    from_ns: int
    until_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Real:
    """An order as the broker has it."""

    number: str
    tag: str
    quantity: int
    filled: int
    is_over: bool
    traded: int
    """Sum of its trades."""


def real_order(order: ExchangeOrder) -> Real:
    """Return an order of the simulated exchange."""
    traded = sum(fill.quantity for fill in order.fills)
    return Real(order.id, order.tag, order.quantity, order.filled, order.status.is_terminal, traded)


@dataclass(slots=True)
class Ledger:
    """What the broker really has, and what it was sent."""

    orders: Sequence[Real] = ()
    net: dict[Place, int] = field(default_factory=dict)
    messages: Sequence[Message] = ()
    """Of ours, in the order in which they came; of a paper account those that came to the broker it has its quotes from."""
    kills: Sequence[Kill] = ()
    """When the kill switch was used."""
    starts_ns: Sequence[int] = ()
    """When a process began."""
    blind_ns: Sequence[int] = ()
    """When a process began whose clock had been set since the one before it."""
    now_ns: int = 0
    """By the broker's clock."""
    jitter_ns: int = 0
    """By so much messages may come nearer to each other on their way."""
    faults: list[str] = field(default_factory=list)
    """What was wrong with a message at the moment when it came."""
