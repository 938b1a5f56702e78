"""The oracle keeps its own laws, whatever is asked of it: quantities add up, money is conserved, nothing is over-filled."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kite_exchange.charges import charges_of
from tests.kite_exchange.errors import KiteError
from tests.kite_exchange.exchange import Exchange
from tests.kite_exchange.notes import contract_note
from tests.kite_exchange.options import Options

PRICES = st.integers(14_990, 15_010).map(lambda dimes: f"{dimes / 10:.1f}")
ORDERS = st.fixed_dictionaries(
    {
        "do": st.just("place"),
        "transaction_type": st.sampled_from(["BUY", "SELL"]),
        "order_type": st.sampled_from(["LIMIT", "MARKET", "SL", "SL-M"]),
        "quantity": st.integers(1, 40).map(str),
        "price": PRICES,
        "trigger_price": PRICES,
        "validity": st.sampled_from(["DAY", "IOC"]),
        "product": st.sampled_from(["MIS", "CNC"]),
    }
)
STEPS = st.lists(
    st.one_of(
        ORDERS,
        st.fixed_dictionaries({"do": st.just("move"), "price": PRICES}),
        st.fixed_dictionaries({"do": st.just("depth"), "price": PRICES, "quantity": st.integers(0, 15)}),
        st.fixed_dictionaries({"do": st.just("cancel"), "nth": st.integers(0, 30)}),
        st.fixed_dictionaries(
            {"do": st.just("modify"), "nth": st.integers(0, 30), "price": PRICES, "quantity": st.integers(1, 50).map(str)}
        ),
    ),
    max_size=30,
)


def step(exchange: Exchange, wish: dict[str, Any]) -> None:
    """Do one thing; a refusal is an answer too."""
    wish = dict(wish)
    what = wish.pop("do")
    ids = list(exchange.desk.orders)
    try:
        if what == "place":
            exchange.intake.place("regular", {"exchange": "NSE", "tradingsymbol": "INFY", "market_protection": "-1", **wish})
        elif what == "move":
            exchange.set_price("INFY", wish["price"])
        elif what == "depth":
            price = float(wish["price"])
            exchange.set_depth("INFY", [[price - 0.1, wish["quantity"]]], [[price, wish["quantity"]], [round(price + 0.2, 1), 5]])
        elif ids:
            order_id = ids[wish.pop("nth") % len(ids)]
            if what == "cancel":
                exchange.amendments.cancel("regular", order_id)
            else:
                exchange.amendments.modify("regular", order_id, wish)
    except KiteError:
        return


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(STEPS)
def test_whatever_is_asked_the_books_agree(wishes: list[dict[str, Any]]) -> None:
    exchange = Exchange(Options(scale=0.0, funds=10_000_000, margin_refusal="order_book"))
    exchange.account.hold(exchange.listing("INFY"), 100, 14_000_000)
    filled: dict[str, int] = {}
    for wish in wishes:
        step(exchange, wish)
        for order in exchange.desk.orders.values():
            assert filled.get(order.order_id, 0) <= order.filled <= order.quantity, "fills only grow, and never beyond the order"
            filled[order.order_id] = order.filled
            done = order.status == "COMPLETE"
            assert done == (order.filled == order.quantity)
            assert order.filled + order.remaining + order.cancelled == order.quantity or order.status == "REJECTED"
    by_order: dict[str, int] = defaultdict(int)
    cash: dict[str, int] = defaultdict(int)
    net: dict[str, int] = defaultdict(int)
    for trade in exchange.desk.trades:
        by_order[trade.order.order_id] += trade.quantity
        cash[trade.order.product] -= trade.order.side * trade.quantity * trade.price
        net[trade.order.product] += trade.order.side * trade.quantity
        limit = trade.order.limit
        assert (limit - trade.price) * trade.order.side >= 0 or trade.order.modifications, "no fill is worse than the limit"
    assert by_order == {order_id: count for order_id, count in filled.items() if count}
    last = int(exchange.board.last[exchange.listing("INFY").row])
    for position in exchange.account.positions.values():
        assert position.net == net[position.product]
        assert position.realised + position.net * last - position.cost == cash[position.product] + position.net * last
    working = {one.owner for one in exchange.desk.queue(exchange.listing("INFY").row).waiting()}
    assert working == {one.order_id for one in exchange.desk.orders.values() if one.status == "OPEN"}


def test_the_schedule_by_hand() -> None:
    exchange = Exchange(Options(scale=0.0))
    infy = exchange.listing("INFY")
    option = next(one for one in exchange.catalogue.listings if one.kind == "CE")
    crude = next(one for one in exchange.catalogue.listings if one.exchange == "MCX")
    lakh = 100_000 * 10_000
    # product, side: brokerage, tax, exchange, SEBI, stamp of one lakh of turnover
    for listing, product, side, heads in (
        (infy, "CNC", 1, ("0", "100", "3.07", "0.1", "15")),
        (infy, "CNC", -1, ("0", "100", "3.07", "0.1", "0")),
        (infy, "MIS", 1, ("20", "0", "3.07", "0.1", "3")),
        (infy, "MIS", -1, ("20", "25", "3.07", "0.1", "0")),
        (option, "NRML", -1, ("20", "150", "35.53", "0.1", "0")),
        (option, "NRML", 1, ("20", "0", "35.53", "0.1", "3")),
        (crude, "NRML", -1, ("20", "10", "2.1", "0.1", "0")),
    ):
        charges = charges_of(listing, product, side, lakh)
        told = (charges.brokerage, charges.tax, charges.exchange, charges.sebi, charges.stamp)
        assert told == tuple(Decimal(head) for head in heads), (listing.symbol, product, side)
        assert charges.gst == (charges.brokerage + charges.exchange + charges.sebi) * Decimal("0.18")
    assert charges_of(infy, "MIS", 1, lakh // 100).brokerage == Decimal("0.3"), "0.03 % below the cap of 20"
    assert charges_of(infy, "CNC", -1, lakh, is_intraday=True).tax == 25


def test_a_day_reckoned_by_hand() -> None:
    exchange = Exchange(Options(scale=0.0))
    form = {"exchange": "NSE", "tradingsymbol": "INFY", "order_type": "LIMIT", "product": "MIS"}
    for side, quantity, price in (("BUY", 30, "1500.1"), ("BUY", 20, "1500.1"), ("SELL", 40, "1500"), ("SELL", 40, "1500")):
        exchange.intake.place("regular", {**form, "transaction_type": side, "quantity": str(quantity), "price": price})
    exchange.set_price("INFY", "1499")
    ledger = exchange.account.ledger()
    (position,) = ledger["positions"]
    assert (position["net"], position["realised"], position["unrealised"]) == (-30, "-5", "30")
    charges = sum(Decimal(one["charges"]) for one in ledger["orders"])
    assert Decimal(ledger["net_pnl"]) == -5 + 30 - charges
    first = ledger["orders"][0]
    # 45,003 of turnover: brokerage 13.50, exchange 1.38, SEBI 0.05, stamp 1.35, GST 2.69
    assert (first["value"], first["charges"]) == ("45003", "18.97")


def test_the_contract_note_bills_shares_of_one_day_as_intraday() -> None:
    exchange = Exchange(Options(scale=0.0))
    exchange.account.hold(exchange.listing("TCS"), 5, 31_000_000)
    form = {"exchange": "NSE", "order_type": "LIMIT", "product": "CNC"}
    for symbol, side, quantity, price in (("INFY", "BUY", 30, "1500.1"), ("INFY", "SELL", 10, "1500"), ("TCS", "SELL", 5, "3100")):
        exchange.intake.place(
            "regular", {**form, "tradingsymbol": symbol, "transaction_type": side, "quantity": str(quantity), "price": price}
        )
    note = contract_note(exchange.desk.orders.values())
    # delivery: 20 INFY bought for 30,002 and 5 TCS sold for 15,500; intraday: 10 INFY bought for 15,001 and sold for 15,000
    assert note["tax"] == str(round(Decimal("30.002") + Decimal("15.5") + Decimal("3.75")))
    assert note["stamp"] == str(round(Decimal("4.5003") + Decimal("0.45003")))
    assert note["brokerage"] == "9.00", "0.03 % of the two intraday parts, nothing for delivery"
