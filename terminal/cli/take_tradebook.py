"""`import` of a tradebook: keeps its trades in the database, and prints profit by symbol, charges by head, and the broker's own figures.

The trades lie under an account of their own; nothing that trades here is touched by them.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.figures import decimal_in_lakhs
from engine.core.model import UNITS

if TYPE_CHECKING:
    from engine.realised import Realised
    from engine.statement import Compared, Reconciliation
    from engine.tradebook import Tradebook


def take_tradebook(path: Path, database: str | Path, *, statement: Path | None = None, skip_bad: bool = False) -> dict[str, Any]:
    """Import one tradebook and return what became of it, as JSON can hold it; raises TradingErrors."""
    from engine.instruments import Instruments
    from engine.realised import realised
    from engine.statement import depository_units, read_statement, reconcile
    from engine.store import Store
    from engine.tariffs import Tariff
    from engine.tradebook import keep, read_tradebook

    tariff = Tariff.load()
    known = read_statement(statement) if statement else None
    book = read_tradebook(path, Instruments.load_bundled(), tariff, skip_bad=skip_bad)
    store = Store.open(database)
    try:
        fresh = keep(store, book)
    finally:
        store.close()
    told = _told(book, realised(book.fills), fresh) | {"depository": depository_units(book.fills, tariff) / UNITS}
    if known is not None:
        told["statement"] = _compared(reconcile(book, known, tariff))
    return told


def print_tradebook(told: dict[str, Any]) -> None:
    """Print what `take_tradebook` returned."""
    old = told["trades"] - told["new"]
    print(
        f"{told['source']}: {told['trades']:,} trades from {told['from']} to {told['to']}, {told['new']:,} new"
        f"{f', {old:,} kept already' if old else ''}, as {told['account']}"
    )
    for line, why in told["rejected"][:5]:
        print(f"  line {line}: {why}")
    print(f"  {'symbol':<24}{'closed':>10}{'realised':>16}{'open':>10}{'opened at':>16}{'charges':>12}")
    for row in told["symbols"]:
        print(
            f"  {row['symbol']:<24}{row['closed']:>10,}{_money(row['realised']):>16}{row['open_quantity']:>10,}"
            f"{_money(row['open_value']):>16}{_money(row['charges']):>12}"
        )
        if row["earlier"]:
            print(f"    and {row['earlier']:,} that were held before, sold for {_money(row['earlier_value'])}")
    charges = told["charges"]
    print(f"  realised {_money(told['realised'])}, charges {_money(charges['total'])} by the days' contract notes:")
    print("  " + ", ".join(f"{head} {_money(amount)}" for head, amount in charges.items() if head != "total"))
    if told["depository"]:
        print(f"  besides {_money(told['depository'])} to the depository for what left the holdings")
    if "statement" in told:
        _print_statement(told["statement"])


def _print_statement(compared: dict[str, Any]) -> None:
    rows = [*compared["charges"], *compared["symbols"]]
    equal = sum(row["is_equal"] for row in rows)
    print(f"  beside the broker's statement: {equal} of {len(rows)} figures agree")
    for row in compared["charges"]:
        print(f"    {row['what']:<12}{row['ours']:>16,.4f}{row['theirs']:>16,.4f}  {'agrees' if row['is_equal'] else 'differs'}")
    for row in rows:
        if not row["is_equal"]:
            cause = row["cause"] or "no cause is known"
            print(f"    {row['what']}: {row['ours']:,.4f} here, {row['theirs']:,.4f} there: {cause}")
    for note in compared["notes"]:
        print(f"    {note}")


def _told(book: Tradebook, results: dict[str, Realised], fresh: int) -> dict[str, Any]:
    charges = book.charges
    return {
        "kind": "tradebook",
        "source": book.source,
        "account": book.account,
        "trades": len(book.fills),
        "new": fresh,
        "repeated": book.repeated,
        "from": min(book.notes).isoformat(),
        "to": max(book.notes).isoformat(),
        "rejected": [list(row) for row in book.rejected],
        "charges": {head.name: getattr(charges, head.name) / UNITS for head in fields(charges)} | {"total": charges.total / UNITS},
        "realised": sum(row.pnl_units for row in results.values()) / UNITS,
        "symbols": [
            {
                "symbol": row.symbol,
                "closed": row.closed,
                "realised": row.pnl_units / UNITS,
                "open_quantity": row.open_quantity,
                "open_value": row.open_units / UNITS,
                "earlier": row.earlier,
                "earlier_value": row.earlier_units / UNITS,
                "charges": row.charges_units / UNITS,
            }
            for row in results.values()
        ],
    }


def _compared(made: Reconciliation) -> dict[str, Any]:
    def rows(of: list[Compared]) -> list[dict[str, Any]]:
        return [asdict(row) | {"is_equal": row.is_equal} for row in of]

    return {"charges": rows(made.charges), "symbols": rows(made.symbols), "notes": made.notes, "unexplained": len(made.unexplained)}


def _money(rupees: float) -> str:
    return decimal_in_lakhs(rupees, 2)
