"""Makes snapshots of Zerodha's whole order list and trade list: one update an order, with all its fills.

Pure. An order of ours that the broker cut into several (legs of an iceberg, slices beyond the freeze quantity) is one order here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from engine.brokers.zerodha.orders import OUR_TAG, RawRow, is_slice, tag_of, time_of, to_update, whole
from engine.core.model import Instrument, OrderStatus, OrderUpdate, Pending

S = OrderStatus

InstrumentOf = Callable[[RawRow], Instrument]


def to_updates(
    rows: Iterable[RawRow], trades: Iterable[RawRow], instrument_of: InstrumentOf, totals: Mapping[str, int] | None = None
) -> list[OrderUpdate]:
    """Return a snapshot of every order, in order of the broker's times.

    `totals`: the quantity that the slices of an order come to, by our tag, where it is known better than by the slices listed so far.
    """
    traded: dict[str, list[RawRow]] = defaultdict(list)
    for trade in trades:
        traded[str(trade.get("order_id"))].append(trade)
    groups: dict[str, list[RawRow]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (time_of(row), str(row.get("order_id")))):
        groups[_group_of(row)].append(row)
    found = []
    for parts in groups.values():
        updates = [
            to_update(row, traded[str(row.get("order_id"))], instrument=instrument_of(row), is_snapshot=True)
            for row in sorted(parts, key=lambda row: str(row.get("order_id")))
        ]
        total = (totals or {}).get(updates[0].tag) or _total_of(parts)
        found.append(updates[0] if len(updates) == 1 and not total else join(updates, total))
    return found


def unmatched(rows: Iterable[RawRow], trades: Iterable[RawRow]) -> bool:
    """Tell whether the order list knows of fills that the trade list does not have yet."""
    sums: dict[str, int] = defaultdict(int)
    for trade in trades:
        sums[str(trade.get("order_id"))] += whole(trade.get("quantity"))
    return any(whole(row.get("filled_quantity")) > sums[str(row.get("order_id"))] for row in rows)


def join(parts: Sequence[OrderUpdate], total: int = 0) -> OrderUpdate:
    """Return one update for the parts of one order; `total` is the quantity of all of them, those not listed yet included."""
    quantity = total or _quantity(parts)
    filled = sum(part.filled for part in parts)
    request = parts[0].request
    value = sum(part.average_price * part.filled for part in parts)
    return replace(
        parts[0],
        status=_status(parts, filled, quantity),
        filled=filled,
        fills=tuple(fill for part in parts for fill in part.fills),
        pending=next((part.pending for part in parts if part.pending not in (None, Pending.NONE)), Pending.NONE),
        quantity=quantity or None,
        message=next((part.message for part in reversed(parts) if part.message), ""),
        raw_status=parts[-1].raw_status,
        time_ns=max(part.time_ns for part in parts),
        request=replace(request, quantity=quantity) if request is not None else None,
        parts=tuple(part.broker_order_id for part in parts),
        average_price=round(value / filled, 4) if filled else 0.0,
        raw=next((part.raw for part in parts if part.raw), ""),
    )


def _quantity(parts: Sequence[OrderUpdate]) -> int:
    """Return what the parts come to; of one that ended beside living ones only what it filled, for a change may have forked the order."""
    is_live = any(part.status is None or not part.status.is_terminal for part in parts)
    return sum(part.filled if is_live and part.status is not None and part.status.is_terminal else part.quantity or 0 for part in parts)


def _status(parts: Sequence[OrderUpdate], filled: int, quantity: int) -> OrderStatus | None:
    if quantity and filled >= quantity:
        return S.FILLED
    working = [part.status for part in parts if part.status is None or not part.status.is_terminal]
    if working:
        return S.PARTIAL if filled else S.OPEN if S.OPEN in working else working[0]
    if all(part.status is S.FILLED for part in parts):
        return S.PARTIAL  # the next leg is on its way
    if all(part.status is S.REJECTED for part in parts):
        return S.REJECTED
    return S.CANCELLED


def _group_of(row: RawRow) -> str:
    """Name the order that a row belongs to: other programs give all their orders the same tag, so only our own tags count."""
    tag = tag_of(row)
    return tag if OUR_TAG.match(tag) else f"#{row.get('order_id')}"


def _total_of(parts: Sequence[RawRow]) -> int:
    """Return the quantity of an iceberg, of which a row tells; 0 for anything else."""
    for row in parts:
        meta = row.get("meta")
        said = meta.get("iceberg") if isinstance(meta, dict) and is_slice(row) else None
        if isinstance(said, dict) and (total := whole(said.get("total_quantity"))):
            return total
    return 0
