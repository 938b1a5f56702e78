"""backtrader: library indicators, no observers; preloading of the bars is left out of the time."""

import time
from importlib.metadata import version

import backtrader
import pandas as pd
from measure import CAPITAL, FAST, IST_NS, SLOW, WARMUP, load, net, peak_mb, tell


class Crossover(backtrader.Strategy):
    def __init__(self) -> None:
        averages = (backtrader.ind.EMA(self.data.close, period=period) for period in (FAST, SLOW))
        self.cross = backtrader.ind.CrossOver(*averages)
        self.fills = []

    def start(self) -> None:
        self.began = time.perf_counter()

    def stop(self) -> None:
        self.took = time.perf_counter() - self.began

    def notify_order(self, order: object) -> None:
        if order.status == order.Completed:
            self.fills.append((len(self) - 1, order.executed.size, order.executed.price))

    def next(self) -> None:
        if len(self) - 1 >= WARMUP and self.cross[0] != 0:
            self.order_target_size(target=1 if self.cross[0] > 0 else -1)


bars = load()
frame = pd.DataFrame({name: bars[name] for name in ("open", "high", "low", "close", "volume")})
frame.index = pd.to_datetime(bars["time_ns"] + IST_NS)
engine = backtrader.Cerebro(stdstats=False)
engine.adddata(backtrader.feeds.PandasData(dataname=frame))
engine.addstrategy(Crossover)
engine.broker.setcash(CAPITAL)
before = peak_mb()
(made,) = engine.run()
count, profit = net(made.fills, bars["close"][-1])
tell(run_s=made.took, fills=count, profit=profit, before_mb=before, version=version("backtrader"))
