"""What a trader wants to be told of, when it was told, and who has seen it: the nouns of alerts, and when one is due.

An alert fires on a crossing: it must have been seen on the near side of its level before the far side counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

from engine.core.errors import InvalidOption
from engine.core.options import Option, parse

CLOSE_TO = 1e-6
"""Rupees (or percent) by which two levels must differ to be two: prices come as floats."""


class AlertKind(StrEnum):
    """What is watched."""

    PRICE = "price"
    CHANGE = "change"
    INDICATOR = "indicator"
    PNL = "pnl"
    RISK = "risk"
    CONNECTION = "connection"
    EVENT = "event"


class AlertState(StrEnum):
    """Whether an alert can fire: armed, told and waiting for the way back, told once and over, or paused by the trader."""

    ARMED = "armed"
    RESTING = "resting"
    FIRED = "fired"
    PAUSED = "paused"


class Level(StrEnum):
    """How loud it is; what is critical must be acknowledged."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


SUBJECTS: dict[AlertKind, tuple[str, ...]] = {
    AlertKind.PNL: ("account", "strategy", "position"),
    AlertKind.CONNECTION: ("link", "stale"),
    AlertKind.EVENT: ("rejected", "unknown", "fault", "difference"),
}
"""What can be watched of a kind; the subject of a risk alert is `state` or a rule, that of an indicator alert an indicator."""

K = AlertKind
NEEDS_SYMBOL = frozenset({K.PRICE, K.CHANGE, K.INDICATOR})
DAY_S = 86_400

OPTIONS = (
    Option("kind", "price", "What is watched", choices=tuple(K), is_required=True),
    Option("key", "", "Instrument, as NSE:RELIANCE"),
    Option("subject", "", "What of it: an indicator, account, strategy or position, state or a rule, link or stale, or an event"),
    Option("other", "", "Indicator to compare with instead of a value; for a strategy's profit its id"),
    Option("side", "above", "Which crossing counts", choices=("above", "below")),
    Option("value", 0.0, "Level, in rupees, percent or the indicator's own unit", low=-1e12, high=1e12),
    Option("unit", "rupees", "Of profit and loss", choices=("rupees", "percent")),
    Option("seconds", 300, "Over how long a change counts, or how long a silence may last", low=1, high=DAY_S),
    Option("interval_s", 60, "Bars of the indicator", low=60, high=DAY_S),
    Option("level", "warning", "How loud", choices=tuple(Level)),
    Option("is_repeating", False, "Armed again after it was told"),
    Option("hysteresis", 0.0, "How far it must go back before it is armed again", low=0.0, high=1e12),
    Option("cooldown_s", 60.0, "Crossings so soon after the last one told do not count", low=0.0, high=float(DAY_S)),
    Option("note", "", "Words of the trader's own"),
)
"""What an alert is made of, as a form or the REST API gives it."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to be told of, and how it stands."""

    id: str
    kind: AlertKind
    key: str = ""
    subject: str = ""
    other: str = ""
    side: str = "above"
    value: float = 0.0
    unit: str = "rupees"
    seconds: int = 300
    interval_s: int = 60
    level: Level = Level.WARNING
    is_repeating: bool = False
    hysteresis: float = 0.0
    cooldown_s: float = 60.0
    note: str = ""
    state: AlertState = AlertState.ARMED
    is_ready: bool = False
    """Seen on the near side, so that the next crossing counts."""
    fired: int = 0
    fired_ns: int = 0
    created_ns: int = 0

    @property
    def sign(self) -> int:
        """+1 when it waits for a rise, -1 for a fall."""
        return 1 if self.side == "above" else -1

    @property
    def symbol(self) -> str:
        """The symbol without its exchange."""
        return self.key.partition(":")[2]

    @property
    def is_watching(self) -> bool:
        """Tell whether it can fire, now or later."""
        return self.state in (AlertState.ARMED, AlertState.RESTING)

    def is_cooling(self, now_ns: int) -> bool:
        """Tell whether the last time is too short ago."""
        return self.fired > 0 and now_ns - self.fired_ns < self.cooldown_s * 1e9

    def is_far(self, value: float) -> bool:
        """Tell whether a figure is at the level or beyond; NaN never is."""
        return self.sign * (value - self.value) >= -CLOSE_TO

    def is_near(self, value: float) -> bool:
        """Tell whether a figure has gone back far enough for the next crossing to count."""
        return self.sign * (value - self.value) < -max(self.hysteresis, CLOSE_TO)


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One sentence that was told, how often, and who has acknowledged it."""

    id: str
    time_ns: int
    level: Level
    text: str
    alert_id: str = ""
    """Empty for what the terminal tells by itself."""
    count: int = 1
    acknowledged_ns: int = 0
    acknowledged_by: str = ""

    @property
    def is_waiting(self) -> bool:
        """Tell whether it is critical and nobody has acknowledged it."""
        return self.level is Level.CRITICAL and not self.acknowledged_ns


def parse_alert(alert_id: str, given: Mapping[str, object], created_ns: int = 0) -> Alert:
    """Make an alert of what a form or a script gives; raises InvalidOption with what was expected."""
    made = parse(OPTIONS, given, "the alert")
    made |= {"kind": K(made["kind"]), "level": Level(made["level"])}
    if made["kind"] is K.CONNECTION:
        made |= {"value": float(made["seconds"]), "side": "above"}
    elif made["kind"] is K.RISK:
        made |= {"side": "above"}
    alert = Alert(alert_id, created_ns=created_ns, **made)
    _check(alert)
    # A level of profit or of a limit that is passed already is told at once; a price has to cross.
    return Alert(**{**asdict(alert), "is_ready": alert.kind not in NEEDS_SYMBOL})


def _check(alert: Alert) -> None:
    subjects = SUBJECTS.get(alert.kind, ())
    if subjects and alert.subject not in subjects:
        raise InvalidOption(f'Expected the subject of a {alert.kind} alert to be {_or(subjects)}, was "{alert.subject}"; choose one.')
    if alert.kind in (K.RISK, K.INDICATOR) and not alert.subject:
        raise InvalidOption(f"Expected the subject of a {alert.kind} alert (state or a rule, or an indicator), was nothing; give it.")
    if not alert.key and (alert.kind in NEEDS_SYMBOL or alert.subject in ("position", "stale")):
        raise InvalidOption("Expected an instrument for this alert, such as NSE:RELIANCE, was none; give its key.")
    if alert.subject == "strategy" and not alert.other:
        raise InvalidOption("Expected the id of a strategy as other, was nothing; see the strategies panel.")
    if alert.kind in (K.PRICE, K.CHANGE) and alert.value <= 0.0:
        raise InvalidOption(f"Expected a level above 0, was {alert.value:g}; give a price, or a change in percent without a sign.")


def _or(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def restore_alert(kept: Mapping[str, object]) -> Alert:
    """Make an alert again of what `asdict` wrote; raises ValueError or TypeError for what is none."""
    known = {field.name for field in fields(Alert)}
    made: dict[str, object] = {name: value for name, value in kept.items() if name in known}
    made |= {"kind": K(str(made["kind"])), "level": Level(str(made["level"])), "state": AlertState(str(made["state"]))}
    return Alert(**made)  # type: ignore[arg-type]  # the fields are those that were written


def title_of(alert: Alert) -> str:
    """Say in a few words what an alert waits for."""
    figure = f"{alert.value:,.2f}"
    match alert.kind:
        case K.PRICE:
            return f"{alert.symbol} {alert.side} {figure}"
        case K.CHANGE:
            return f"{alert.symbol} {'up' if alert.sign > 0 else 'down'} {alert.value:g}% in {span(alert.seconds)}"
        case K.INDICATOR:
            return f"{alert.symbol} {alert.subject} {alert.side} {alert.other or f'{alert.value:g}'}, {span(alert.interval_s)} bars"
        case K.PNL:
            whose = {"account": "Account", "strategy": alert.other}.get(alert.subject, alert.symbol)
            return f"{whose}: profit {alert.side} {f'Rs {figure}' if alert.unit == 'rupees' else f'{alert.value:g}%'}"
        case K.RISK:
            return "Trading state changes" if alert.subject == "state" else f"{alert.subject}: {alert.value:g}% of the limit used"
        case K.CONNECTION:
            return (
                f"No connection for {span(alert.seconds)}"
                if alert.subject == "link"
                else f"{alert.symbol} silent for {span(alert.seconds)}"
            )
    told = {"rejected": "An order is rejected", "unknown": "An order of unknown fate", "fault": "A strategy fails"}
    return told.get(alert.subject, "The books differ from the broker's") + (f" ({alert.symbol})" if alert.key else "")


def span(seconds: float) -> str:
    """Write a length of time shortly: 45 s, 5 min, 1 h, 1 day."""
    for size, word in ((DAY_S, "day"), (3_600, "h"), (60, "min")):
        if seconds >= size and math.isclose(seconds % size, 0.0):
            return f"{seconds / size:g} {word}"
    return f"{seconds:g} s"
