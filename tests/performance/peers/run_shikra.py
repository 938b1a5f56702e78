"""Shikra: `canonical` trades what all others trade; `full` has charges, slippage, stops, limits and square-off besides; `class` is the
canonical strategy as a plain Python class, `class full` the same with all of that.
"""

import tomllib
from pathlib import Path

import numpy as np
from measure import CAPITAL, WARMUP, load, net, peak_mb, tell, variant

from engine.authored.files import template_of
from engine.backtest import run_backtest
from engine.calendar import Calendar
from engine.core.friction import Friction
from engine.core.model import UNITS, Exchange, Instrument, Product
from engine.core.records import BAR
from engine.tariffs import Tariff

version = tomllib.loads((Path(__file__).resolve().parents[3] / "pyproject.toml").read_text())["project"]["version"]
columns = load()
bars = np.zeros(len(columns["close"]), BAR)
for name, column in columns.items():
    bars[name] = column
bars["session_minute"] = np.arange(len(bars)) % 375
share = Instrument(Exchange.NSE, "RELIANCE", 738561)
is_class, is_full = variant().startswith("class"), variant().endswith("full")
template = template_of(str(Path(__file__).with_name("crossover.py"))) if is_class else template_of("ema_crossover")
parameters = {"warmup": WARMUP} | ({"stop": 0.005, "target": 0.01} if is_full and not is_class else {})
options = (
    {
        "product": Product.MIS,
        "calendar": Calendar.load(),
        "tariff": Tariff.load(),
        "friction": Friction(slippage_bps=1.0),
        "limits": {"max_daily_loss": 3_000.0, "max_order_value": 1_000_000.0, "max_positions": 3.0, "max_drawdown": 50.0},
    }
    if is_full
    else {}
)
before = peak_mb()
runs = [
    run_backtest(template, {share: bars}, parameters, sizing="fixed:1", capital_units=CAPITAL * UNITS, **options)
    for _ in range(3 if is_class else 5)
]
made = min(runs, key=lambda run: run.run_s)
rows = made.outcome.fills
fills = [(int(time), int(quantity), price / UNITS) for time, _, quantity, price, _, _ in rows.tolist()]
count, profit = net(fills, bars["close"][-1])
profit = made.net_units / UNITS if is_full else profit
tell(run_s=made.run_s, fills=len(rows), profit=profit, before_mb=before, version=version)
