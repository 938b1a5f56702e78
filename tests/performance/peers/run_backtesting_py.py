"""backtesting.py: the indicator in pandas, orders in `next`. Its table of statistics, which no run is without, is left out of the time."""

import time
import warnings
from importlib.metadata import version

import pandas as pd

warnings.simplefilter("ignore")

import backtesting.backtesting as inner  # noqa: E402
from backtesting import Backtest, Strategy  # noqa: E402
from backtesting.lib import crossover  # noqa: E402
from measure import CAPITAL, FAST, IST_NS, SLOW, WARMUP, load, net, peak_mb, tell, timed  # noqa: E402


def ema(prices: object, span: int) -> object:
    return pd.Series(prices).ewm(span=span, adjust=False).mean().to_numpy()


class Crossover(Strategy):
    def init(self) -> None:
        self.fast = self.I(ema, self.data.Close, FAST)
        self.slow = self.I(ema, self.data.Close, SLOW)

    def next(self) -> None:
        if len(self.data) - 1 < WARMUP:
            return
        if crossover(self.fast, self.slow):
            self.buy(size=1)
        elif crossover(self.slow, self.fast):
            self.sell(size=1)


bars = load()
frame = pd.DataFrame({name.capitalize(): bars[name] for name in ("open", "high", "low", "close", "volume")})
frame.index = pd.to_datetime(bars["time_ns"] + IST_NS)
test = Backtest(frame, Crossover, cash=CAPITAL, exclusive_orders=True)
before = peak_mb()
plain, in_statistics = inner.compute_stats, [0.0]


def compute_stats(*args: object, **kwargs: object) -> object:
    began = time.perf_counter()
    result = plain(*args, **kwargs)
    in_statistics[0] += time.perf_counter() - began
    return result


inner.compute_stats = compute_stats
run_s, made = timed(test.run)
fills = []
for size, begin, end, entry, leave in made["_trades"][["Size", "EntryBar", "ExitBar", "EntryPrice", "ExitPrice"]].itertuples(index=False):
    fills += [(int(begin), float(size), float(entry)), (int(end), -float(size), float(leave))]
fills += [(int(one.entry_bar), float(one.size), float(one.entry_price)) for one in made["_strategy"].trades]
count, profit = net(fills, bars["close"][-1])
tell(run_s=run_s - in_statistics[0], fills=count, profit=profit, before_mb=before, version=version("backtesting"))
