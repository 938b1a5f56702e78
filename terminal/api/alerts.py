"""Alerts over the REST API: what is watched, what was told, and the acknowledging of alarms. None of it trades.

Whoever acknowledges by the API is journaled as such.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, Field

from engine.clock import Clock, ist
from engine.core.alerts import Alert, title_of
from terminal.api.backend import Backend
from terminal.api.gate import Refused
from terminal.api.requests import Requests
from terminal.api.schemas import Done, RequestId, Strict
from terminal.api.tokens import Tokens
from terminal.api.words import event_words

AlertId = Annotated[str, Path(min_length=1, max_length=40, pattern=r"^[a-z0-9-]+$")]
Figure = Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)]
Word = Annotated[str, Field(max_length=80, pattern=r"^[A-Za-z0-9_&:.,()\- ]*$")]
Seconds = Annotated[int, Field(ge=1, le=86_400)]

BY = "REST API"


class NewAlert(Strict):
    """What to be told of."""

    kind: Literal["price", "change", "indicator", "pnl", "risk", "connection", "event"] = "price"
    key: Word = Field(default="", description="Instrument, as NSE:RELIANCE.")
    subject: Word = Field(
        default="",
        description="Of an indicator alert ema(20) or close; of pnl account, strategy or position; of risk state or a rule; "
        "of connection link or stale; of event rejected, unknown, fault or difference.",
    )
    other: Word = Field(default="", description="Indicator to compare with instead of a value, or the id of a strategy.")
    side: Literal["above", "below"] = "above"
    value: Figure = 0.0
    unit: Literal["rupees", "percent"] = "rupees"
    seconds: Seconds = 300
    interval_s: Annotated[int, Field(ge=60, le=86_400)] = 60
    level: Literal["info", "warning", "critical"] = "warning"
    is_repeating: bool = False
    hysteresis: Annotated[float, Field(allow_inf_nan=False, ge=0.0, le=1e12)] = 0.0
    cooldown_s: Annotated[float, Field(allow_inf_nan=False, ge=0.0, le=86_400.0)] = 60.0
    note: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    client_request_id: RequestId | None = None


class AlertInfo(BaseModel):
    """One alert as it stands."""

    id: str
    title: str
    kind: str
    key: str
    level: str
    state: Literal["armed", "resting", "fired", "paused"]
    is_repeating: bool
    value: float
    side: str
    told: int
    last_told_at: str | None
    note: str


class AlertEventInfo(BaseModel):
    """One message that was told."""

    id: str
    time: str
    level: str
    text: str
    alert_id: str
    count: int
    is_waiting: bool = Field(description="It is critical, and nobody has acknowledged it.")
    acknowledged_by: str


class AlertList(BaseModel):
    """All alerts, and the newest of what was told."""

    alerts: list[AlertInfo]
    events: list[AlertEventInfo]


class AlertRoutes:
    """Handlers of /api/alerts."""

    def __init__(self, backend: Backend, tokens: Tokens, clock: Clock) -> None:
        self._backend = backend
        self._requests = Requests(backend, "api_alert_requests")

    async def list_all(self) -> AlertList:
        """List the alerts and what was told, the newest last."""
        view = self._backend.view
        return AlertList(
            alerts=[AlertInfo(**alert_words(alert)) for alert in view.alerts.values()],
            events=[AlertEventInfo(**event_words(event)) for event in view.alert_events.values()],
        )

    async def create(self, body: NewAlert) -> AlertInfo:
        """Add an alert; it watches from now on."""
        known = self._requests.answer_to(body.client_request_id, "alert", body)
        if known is None or known not in self._backend.view.alerts:
            known = str(self._backend.actions.ask("alert.add", body.model_dump(exclude={"client_request_id"})))
            self._requests.keep(body.client_request_id, "alert", body, known)
        return AlertInfo(**alert_words(self._backend.view.alerts[known]))

    async def delete(self, alert_id: AlertId) -> Done:
        """Forget an alert; what it told stays."""
        alert = self._backend.view.alerts.get(alert_id)
        if alert is None:
            raise Refused(404, "no_alert", f'Expected the id of an alert, was "{alert_id}"; GET /api/alerts lists them.')
        self._backend.actions.ask("alert.remove", alert_id)
        return Done(message=f"{title_of(alert)} is forgotten.")

    async def acknowledge(self, event_id: AlertId) -> AlertEventInfo:
        """Note that an alarm was seen; it is repeated no more."""
        if event_id not in self._backend.view.alert_events:
            raise Refused(404, "no_alarm", f'Expected the id of a message, was "{event_id}"; GET /api/alerts lists them.')
        self._backend.actions.ask("alert.acknowledge", {"ids": [event_id], "by": BY})
        return AlertEventInfo(**event_words(self._backend.view.alert_events[event_id]))


def alert_words(alert: Alert) -> dict[str, Any]:
    """Return an alert as it stands."""
    return {
        "id": alert.id,
        "title": title_of(alert),
        "kind": str(alert.kind),
        "key": alert.key,
        "level": str(alert.level),
        "state": str(alert.state),
        "is_repeating": alert.is_repeating,
        "value": alert.value,
        "side": alert.side,
        "told": alert.fired,
        "last_told_at": ist(alert.fired_ns).isoformat() if alert.fired_ns else None,
        "note": alert.note,
    }
