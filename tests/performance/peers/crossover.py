"""The strategy of the comparison as a user writes it: a plain Python class."""

from engine import Parameter, Strategy


class Crossover(Strategy):
    fast = Parameter(9, 2, 200)
    slow = Parameter(21, 5, 400)
    warmup = Parameter(500, 0, 100_000)

    def on_start(self) -> None:
        self.quick = self.indicator("ema", period=self.fast)
        self.calm = self.indicator("ema", period=self.slow)
        self.count, self.was_above = 0, False

    def on_bar(self, bar: object) -> None:
        is_above = self.quick.value > self.calm.value
        if is_above != self.was_above and self.count >= self.warmup:
            if is_above:
                self.buy()
            else:
                self.sell()
        self.was_above = is_above
        self.count += 1
