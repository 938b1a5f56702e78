"""Everything a trader can do, by name, through one door: a click, a key, the command palette and a script all come in here.

The door is a boundary: what the trader can mend is told in a sentence; what nobody foresaw stops new risk first, then is told.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from engine.core.errors import InvalidOption, TradingError, UserError
from engine.core.registry import Registry
from terminal.keymap import Binding

if TYPE_CHECKING:
    from engine.tasks import Tasks
    from engine.trading_engine import TradingEngine
    from engine.view import EngineView
    from terminal.backtests import Backtests
    from terminal.connection import Connection
    from terminal.settings import Settings

log = logging.getLogger(__name__)

STOPS_RISK = ("order", "position", "strategy", "account")
"""Groups whose unforeseen failure halts new risk before anything else."""


class Window(Protocol):
    """What an action may ask of the window."""

    def open_ticket(self, key: str, side: int) -> None:
        """Open an order ticket for an instrument; side 0 leaves it open."""
        ...

    def open_chart(self, key: str) -> None:
        """Show the instrument on the chart."""
        ...

    def open_alert(self, given: dict[str, Any]) -> None:
        """Open the form of an alert, filled in with what is given."""
        ...

    def open_let_trade(self, owner: str) -> None:
        """Ask why an owner may trade again that its limits have stopped."""
        ...

    def show_panel(self, name: str) -> None:
        """Bring a panel to the front and give it the focus."""
        ...

    def show_dialog(self, name: str) -> None:
        """Open the settings, the command palette, the key sheet, the new strategy or the about dialog."""
        ...

    def change_layout(self, what: str) -> None:
        """Reset the panels, lock or unlock them, or change to and from the full screen."""
        ...

    def apply_settings(self, changed: dict[str, Any]) -> None:
        """Let changed settings act at once."""
        ...

    def ask_to_close(self) -> None:
        """Close the window, asking first when something is open."""
        ...

    def copy(self, text: str) -> None:
        """Put a text on the clipboard."""
        ...

    def restart(self) -> None:
        """Close the window and open it anew, on the market that the settings name now."""
        ...


class Context(Protocol):
    """What an action acts on."""

    view: EngineView
    settings: Settings
    connection: Connection
    backtests: Backtests

    @property
    def engine(self) -> TradingEngine:
        """The engine; raises UserError while it is still starting."""
        ...

    @property
    def window(self) -> Window:
        """The window; raises UserError when there is none."""
        ...

    def route_alerts(self) -> None:
        """Send alerts by the channels that the settings name now."""
        ...

    async def switch_api(self) -> None:
        """Let the REST API answer, or not, as the settings say now."""
        ...

    def api_token(self) -> str:
        """Return the token for paper trading over the REST API."""
        ...

    def revoke_tokens(self) -> None:
        """Let no token of the REST API be worth anything any more."""
        ...


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done. `guard` "hold" or "hold or twice" protects the key; `menu` lists it in that menu."""

    name: str
    title: str
    function: Callable[[Any, Any], Any]
    keys: tuple[str, ...] = ()
    scope: str = "window"
    guard: str = ""
    menu: str = ""


ACTIONS: Registry[Action] = Registry("action", InvalidOption, package="terminal.actions")

F = TypeVar("F", bound=Callable[..., Any])


def action(name: str, *, title: str, keys: str = "", scope: str = "window", guard: str = "", menu: str = "") -> Callable[[F], F]:
    """Make `function(context, payload)` an action; `keys` are its own keys with spaces between; a coroutine runs on its own."""

    def wrap(function: F) -> F:
        ACTIONS.add(name, Action(name, title, function, tuple(keys.split()), scope, guard, menu))
        return function

    return wrap


def bindings() -> list[Binding]:
    """List what every action answers to unless the trader changed it."""
    return [Binding(item.name, item.keys, item.scope) for _, item in ACTIONS.items()]


class Actions:
    """The one door."""

    def __init__(self, context: Context, tasks: Tasks, on_unforeseen: Callable[[str, BaseException], None] | None = None) -> None:
        """`on_unforeseen(where, error)` writes down what nobody foresaw; by default it is logged."""
        self.context = context
        self._tasks = tasks
        self._on_unforeseen = on_unforeseen

    def run(self, name: str, payload: Any = None) -> Any:
        """Do it and return its result, None when it was refused; never raises for what an action raised."""
        try:
            result = ACTIONS.get(name).function(self.context, payload)
        except Exception as error:  # noqa: BLE001  # the boundary of every click and key: told, and new risk halted
            self.on_failure(name, error)
            return None
        if inspect.iscoroutine(result):
            return self._tasks.spawn(result, name)
        return result

    def ask(self, name: str, payload: Any = None) -> Any:
        """Do it and return its result; raises TradingError for what is refused, and for what nobody foresaw after that was dealt with."""
        try:
            return ACTIONS.get(name).function(self.context, payload)
        except TradingError:
            raise
        except Exception as error:
            self.on_failure(name, error)
            raise TradingError(f"{name} failed: {type(error).__name__}; look at the log.") from error

    def on_failure(self, name: str, error: BaseException) -> None:
        """Tell what went wrong with an action, at once or in the coroutine it started."""
        if isinstance(error, TradingError):
            level = "warning" if isinstance(error, UserError) else "critical"
            log.info("%s refused: %s", name, error)
            self.context.view.notify(level, str(error))
            return
        halted = self._halt(name, error) if name.partition(".")[0] in STOPS_RISK else ""
        if self._on_unforeseen is not None:
            self._on_unforeseen(name, error)
        else:
            log.critical("%s failed", name, exc_info=error)
        self.context.view.notify("critical", f"{name} failed: {str(error) or type(error).__name__}.{halted}")

    def _halt(self, name: str, error: BaseException) -> str:
        try:
            self.context.engine.halt(f"{name} failed: {type(error).__name__}")
        except Exception as second:  # halting may fail for the same reason; the first failure must still be told
            log.critical("could not halt after %s", name, exc_info=second)
            return " New risk could NOT be halted: close the terminal or use your broker's own page."
        return " New risk is halted; look at the log, then resume in the risk panel."
