"""nautilus_trader's Rust engine with its own EmaCross, one quote a bar at the close. `no orders`: periods longer than the data.

It fills at the close that it decided on and trades 1 and 0 instead of turning, so its fills and profit are others; compare the time a bar.
"""

from importlib.metadata import version

from measure import CAPITAL, FAST, MINUTE_NS, SLOW, load, peak_mb, tell, timed, variant
from nautilus_trader.core import nautilus_pyo3 as nautilus

bars = load()
share, rupee = nautilus.InstrumentId.from_str("SYN.NSE"), nautilus.Currency.from_str("INR")
price, quantity = nautilus.Price, nautilus.Quantity
depth, one = quantity(1000, 0), quantity(1, 0)
quotes = [
    nautilus.QuoteTick(share, at, at, depth, depth, time, time)
    for at, time in zip((price(close, 2) for close in bars["close"].tolist()), (bars["time_ns"] + MINUTE_NS).tolist(), strict=True)
]
quiet = nautilus.LoggerConfig(bypass_logging=True, stdout_level=nautilus.LogLevel.OFF)
engine = nautilus.BacktestEngine(nautilus.BacktestEngineConfig(logging=quiet, bypass_logging=True, run_analysis=False))
engine.add_venue(
    venue=nautilus.Venue("NSE"),
    oms_type=nautilus.OmsType.NETTING,
    account_type=nautilus.AccountType.MARGIN,
    starting_balances=[nautilus.Money(float(CAPITAL), rupee)],
    base_currency=rupee,
)
engine.add_instrument(
    nautilus.Equity(
        instrument_id=share,
        raw_symbol=nautilus.Symbol("SYN"),
        currency=rupee,
        price_precision=2,
        price_increment=price(0.05, 2),
        lot_size=one,
        ts_event=0,
        ts_init=0,
    )
)
fast, slow = (10**8, 2 * 10**8) if variant() == "no orders" else (FAST, SLOW)
engine.add_builtin_strategy("EmaCross", nautilus.EmaCrossConfig(instrument_id=share, trade_size=one, fast_period=fast, slow_period=slow))
engine.add_data(quotes, None, True, True)
del quotes
before = peak_mb()
run_s, _ = timed(engine.run)
tell(run_s=run_s, fills=engine.get_result().total_orders, profit=None, before_mb=before, version=version("nautilus_trader"))
