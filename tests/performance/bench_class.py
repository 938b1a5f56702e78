"""Bars a second of a plain-Python strategy in a backtest on one core, full model, beside the compiled template of the same logic.

Two classes: one that remembers on which side it is, and one that asks at every bar what it holds. Both trade what the template trades.
"""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

from bench_replay import made_up_bars

from engine.authored.files import template_of
from engine.backtest import run_backtest
from engine.core.model import Exchange, Instrument, Product

REMEMBERS = """
from engine import Parameter, Strategy

class Crossover(Strategy):
    fast = Parameter(9, 2, 200)
    slow = Parameter(21, 5, 400)

    def on_start(self):
        self.quick = self.indicator("ema", period=self.fast)
        self.calm = self.indicator("ema", period=self.slow)
        self.was_above, self.seen = False, 0

    def on_bar(self, bar):
        is_above = self.quick.value > self.calm.value
        if is_above != self.was_above and self.seen >= 500:
            self.target = 1 if is_above else -1
        self.was_above = is_above
        self.seen += 1
"""
ASKS = REMEMBERS.replace(
    """        if is_above != self.was_above and self.seen >= 500:
            self.target = 1 if is_above else -1
""",
    """        if is_above != self.was_above and self.seen >= 500 and (self.position <= 0 if is_above else self.position >= 0):
            self.target = 1 if is_above else -1
""",
).replace("        is_above =", "        held = self.position\n        is_above =")

COUNT = 1_000_000
TIMES = 3


def main() -> None:
    """Print the figures."""
    bars = {Instrument(Exchange.NSE, "MADEUP", 1, tick_size=Decimal("0.05")): made_up_bars(COUNT)}
    terms = {"sizing": "fixed:1", "product": Product.NRML, "capital_units": 10**11}
    compiled = [run_backtest(template_of("ema_crossover"), bars, {"warmup": 500}, **terms) for _ in range(TIMES)]
    fastest, fills = COUNT / min(each.run_s for each in compiled), len(compiled[0].outcome.fills)
    print(f"compiled template              {fastest:14,.0f} bars/s, {fills:,} fills")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("class that remembers its side", REMEMBERS), ("class that asks its position", ASKS)):
            path = Path(folder) / f"{name.split()[2]}.py"
            path.write_text(text, encoding="utf-8")
            made = [run_backtest(template_of(str(path)), bars, **terms) for _ in range(TIMES)]
            assert made[0].outcome.fills.tolist() == compiled[0].outcome.fills.tolist()
            assert (made[0].outcome.equity == compiled[0].outcome.equity).all()
            print(f"{name:<30} {COUNT / min(each.run_s for each in made):14,.0f} bars/s, the same fills and equity to the last bit")


if __name__ == "__main__":
    main()
