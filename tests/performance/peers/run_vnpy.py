"""vnpy's CTA backtester. `incremental`: two averages kept in Python, the engine's cost; else as shipped, with its ArrayManager."""

import os
import tempfile
from datetime import datetime, timedelta
from importlib.metadata import version

os.chdir(tempfile.mkdtemp())  # it keeps settings and a database where it is started, else in the home folder
os.mkdir(".vntrader")
with open(".vntrader/vt_setting.json", "w") as file:
    file.write('{"database.timezone": "Asia/Kolkata", "database.name": "sqlite", "database.database": "database.db"}')

from measure import CAPITAL, FAST, IST_NS, SLOW, TICK, WARMUP, load, net, peak_mb, tell, timed, variant  # noqa: E402
from vnpy.trader.constant import Exchange, Interval  # noqa: E402
from vnpy.trader.database import DB_TZ  # noqa: E402
from vnpy.trader.object import BarData  # noqa: E402
from vnpy_ctastrategy import ArrayManager, CtaTemplate  # noqa: E402
from vnpy_ctastrategy.backtesting import BacktestingEngine  # noqa: E402


class Base(CtaTemplate):
    def on_init(self) -> None:
        self.count, self.is_above = -1, False
        self.manager = ArrayManager(100)

    def turn(self, is_above: bool, bar: BarData) -> None:
        """Send a limit through the market, which fills at the next open: it knows no order at market."""
        price = bar.close_price * (1.1 if is_above else 0.9)
        if is_above:
            if self.pos < 0:
                self.cover(price, 1)
            self.buy(price, 1)
        else:
            if self.pos > 0:
                self.sell(price, 1)
            self.short(price, 1)


class Incremental(Base):
    def on_bar(self, bar: BarData) -> None:
        self.cancel_all()
        close = bar.close_price
        self.count += 1
        if self.count == 0:
            self.fast = self.slow = close
            return
        self.fast += (close - self.fast) * 2 / (FAST + 1)
        self.slow += (close - self.slow) * 2 / (SLOW + 1)
        is_above = self.fast > self.slow
        if is_above != self.is_above:
            self.is_above = is_above
            if self.count >= WARMUP:
                self.turn(is_above, bar)
        self.put_event()


class AsShipped(Base):
    def on_bar(self, bar: BarData) -> None:
        self.cancel_all()
        self.manager.update_bar(bar)
        self.count += 1
        if not self.manager.inited:
            return
        fast, slow = self.manager.ema(FAST, array=True), self.manager.ema(SLOW, array=True)
        if self.count >= WARMUP and (fast[-1] > slow[-1]) != (fast[-2] > slow[-2]):
            self.turn(fast[-1] > slow[-1], bar)
        self.put_event()


bars = load()
epoch = datetime(1970, 1, 1)  # noqa: DTZ001
times = [(epoch + timedelta(seconds=second)).replace(tzinfo=DB_TZ) for second in ((bars["time_ns"] + IST_NS) // 10**9).tolist()]
columns = (bars[name].tolist() for name in ("open", "high", "low", "close", "volume"))
history = [
    BarData("DB", "SYN", Exchange.LOCAL, time, Interval.MINUTE, volume=v, open_price=o, high_price=h, low_price=low, close_price=c)
    for time, o, h, low, c, v in zip(times, *columns, strict=True)
]
engine = BacktestingEngine()
engine.output = lambda message: None
end = times[-1].replace(tzinfo=None)
engine.set_parameters("SYN.LOCAL", "1m", epoch, rate=0, slippage=0, size=1, pricetick=TICK, capital=CAPITAL, end=end)
engine.add_strategy(Incremental if variant() == "incremental" else AsShipped, {})
engine.history_data = history
before = peak_mb()
run_s, _ = timed(engine.run_backtesting)
places = {time: number for number, time in enumerate(times)}
fills = [(places[one.datetime], (1 if one.direction.name == "LONG" else -1) * one.volume, one.price) for one in engine.get_all_trades()]
count, profit = net(fills, bars["close"][-1])
tell(run_s=run_s, fills=count, profit=profit, before_mb=before, version=version("vnpy"))
