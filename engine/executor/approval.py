"""Remembers which text of a strategy's file was armed: changed code never trades real money before a person has looked at it.

On paper a changed file is simply taken up at the next start, and told.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.authored.files import code_of
from engine.core.errors import UserError
from engine.executor.config import StrategyConfig

SHOWN = 12
"""Characters of a fingerprint that people compare."""

DAY_NS = 86_400 * 1_000_000_000


class Approval:
    """What was armed of one strategy."""

    def __init__(self, parse: Callable[[], StrategyConfig]) -> None:
        """`parse` makes the config, of the file as it is then; raises whatever it raises."""
        self._parse = parse
        self.config = parse()
        self.sha256 = self.config.sha256
        """Fingerprint of the text that was armed; "" for what comes from no file."""
        self._day = 0

    def approve(self) -> StrategyConfig:
        """Arm the file as it is now; raises UserError for what is wrong in it, or with the parameters it is given."""
        self.config = self._parse()
        self.sha256 = self.config.sha256
        return self.config

    def config_for(self, mode: str) -> tuple[StrategyConfig, str]:
        """Return what to start with, and what to tell of it; may wait for a process that reads the file.

        Raises UserError when real money would meet code that was not armed, or the parameters do not fit the code any more.
        """
        if mode == "live":
            self.require()
            return self.config, ""
        armed, config = self.sha256, self.approve()
        if armed == self.sha256:
            return config, ""
        return config, f"{config.name} runs changed code: its file has SHA-256 {self.sha256[:SHOWN]}, was {armed[:SHOWN]}."

    def require(self) -> None:
        """Raise UserError when the file is not the one that was armed."""
        if said := self.why_not():
            raise UserError(said)

    def changed_by(self, time_ns: int) -> str:
        """Say at the first bar of each day whether the file is not the one that was armed any more; "" when it is, or on other bars."""
        day = time_ns // DAY_NS
        if day == self._day:
            return ""
        self._day = day
        return self.why_not()

    def why_not(self) -> str:
        """Say why real money must not meet this code; "" when nothing is against it."""
        config = self.config
        if config.code is None:
            return ""
        try:
            now = code_of(str(config.code.path)).sha256
        except (UserError, OSError) as error:
            return f"{config.name} is disarmed: {error}"
        if now == self.sha256:
            return ""
        return (
            f"{config.name} is disarmed: its file {config.code.path.name} has changed since it was armed "
            f"(SHA-256 {self.sha256[:SHOWN]}, now {now[:SHOWN]}); look at the change, stop the strategy, and approve its code."
        )
