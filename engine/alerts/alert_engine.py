"""All alerts of one account: kept, watched, told, armed again; they live on the loop of the session and cost a tick next to nothing.

What fires is told through `notices`. An alert never trades and never waits; whatever it needs of the past is fetched beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt

from engine.alerts.channels import WindowChannel
from engine.alerts.events import Events
from engine.alerts.figures import Figures
from engine.alerts.levels import PriceLevels
from engine.alerts.lines import IndicatorWatch
from engine.alerts.moves import Moves
from engine.alerts.notices import Notices
from engine.alerts.remote import RemoteChannel
from engine.core.alerts import Alert, AlertKind, AlertState, parse_alert, restore_alert, title_of
from engine.core.errors import BrokerError, UserError, did_you_mean
from engine.core.figures import decimal_in_lakhs
from engine.core.model import Instrument, LinkState, TradingState
from engine.core.records import Rows
from engine.session import TradingSession
from engine.store.rows import AlertRow
from engine.view import EngineView

log = logging.getLogger(__name__)

BarsOf = Callable[[Instrument, int], Awaitable[Rows]]

K = AlertKind
FIGURES = frozenset({K.PNL, K.RISK, K.CONNECTION})
AT_ONCE = frozenset({K.EVENT, K.CHANGE})
"""Kinds that need no way back before they count again."""

MOST = 20_000
"""Alerts that are kept; more would be a program's, not a trader's."""


class AlertEngine(QObject):
    """Everything the trader wants to be told of."""

    def __init__(self, session: TradingSession, view: EngineView, parent: QObject | None = None) -> None:
        """Take over what was kept, and hear all that is told until the session ends; instruments are watched from `open` on."""
        super().__init__(parent)
        self.alerts: dict[str, Alert] = {}
        self._session, self._view = session, view
        self._levels, self._moves, self._figures = PriceLevels(session.board), Moves(session.board), Figures(session)
        self._indicators: dict[str, IndicatorWatch] = {}
        self._unkept: set[str] = set()
        self._watching: dict[AlertKind, dict[str, None]] = {kind: {} for kind in AlertKind}
        """Ids of what can fire, by kind."""
        self._bars_of: BarsOf | None = None
        self.notices = Notices(session.wall, view.notice_given.emit, view.on_alert_event, session.life.keep, self._note)
        self.remote = RemoteChannel(session.tasks)
        self.notices.add_channel("window", WindowChannel(view.notice_given.emit))
        self.notices.add_channel("remote", self.remote)
        self._restore()
        self._wire()
        session.tasks.spawn(self._every_second(), "alerts", service=True)

    def _restore(self) -> None:
        store, account = self._session.store, self._session.account_id
        self.notices.restore(store.alerts(account, "event", 200))
        for row in store.alerts(account, "alert", MOST):
            try:
                self._put(restore_alert(row.data))
            except (KeyError, TypeError, ValueError) as error:
                log.warning("the alert %s cannot be read and is left out: %r", row.id, error)
        self._unkept.clear()
        for event in self.notices.events.values():
            self._view.on_alert_event(event)

    def _wire(self) -> None:
        session, direct = self._session, Qt.ConnectionType.DirectConnection
        session.market_data.ticks_received.connect(self._on_ticks, direct)
        session.market_data.bars_closed.connect(self._on_bars, direct)
        session.risk.trading_state_changed.connect(self._on_state, direct)
        self._view.link_changed.connect(lambda state, reason: self._figures.on_link(LinkState(state)), direct)
        self._events = Events(session, self._view, self._on_event, self)
        self._view.notice_desk = self.notices.say

    async def open(self, bars_of: BarsOf) -> None:
        """Begin to watch what was kept; `bars_of(instrument, interval)` gives the past of an indicator."""
        self._bars_of = bars_of
        for alert in list(self.alerts.values()):
            if alert.is_watching:
                await self._begin(alert.id)

    async def _every_second(self) -> None:
        try:
            while True:
                await self._session.wall.sleep(1.0)
                self.look()
        finally:
            self.close()

    def close(self) -> None:
        """Keep how every alert stands, as the session ends; what is told from now on goes to the window alone."""
        self._keep_changes()
        self._view.notice_desk = None

    # What the trader asks

    def add(self, given: Mapping[str, object]) -> str:
        """Add an alert as `engine.core.alerts.OPTIONS` describe it; returns its id. Raises UserError for what makes no sense."""
        if len(self.alerts) >= MOST:
            raise UserError(f"Expected at most {MOST:,} alerts, was one more; remove some that are over.")
        now_ns = self._session.clock.now_ns()
        number = next(n for n in range(len(self.alerts) + 1, 2 * MOST + 2) if f"alert-{n}" not in self.alerts)
        alert = self._checked(parse_alert(f"alert-{number}", given, now_ns))
        self._put(alert)
        self._keep_changes()
        self._start(alert)
        return alert.id

    def change(self, alert_id: str, given: Mapping[str, object]) -> None:
        """Put another alert in the place of one, armed anew; raises UserError for what makes no sense."""
        before = self._get(alert_id)
        alert = self._checked(parse_alert(alert_id, given, before.created_ns))
        self._stop(alert_id)
        self._put(alert)
        self._start(alert)

    def remove(self, alert_id: str) -> None:
        """Forget an alert; what it told stays."""
        alert = self._get(alert_id)
        self._stop(alert_id)
        del self.alerts[alert_id]
        self._watching[alert.kind].pop(alert_id, None)
        self._unkept.discard(alert_id)
        self._session.life.keep(AlertRow(alert_id, "alert", alert.created_ns))
        self._view.on_alert_removed(alert_id)

    def pause(self, alert_id: str) -> None:
        """Let an alert be silent until it is resumed."""
        self._stop(alert_id)
        self._put(replace(self._get(alert_id), state=AlertState.PAUSED))

    def resume(self, alert_id: str) -> None:
        """Arm an alert that was paused, or one that is over; a price has to cross anew."""
        alert = self._get(alert_id)
        self._put(replace(alert, state=AlertState.ARMED, is_ready=alert.kind in FIGURES))
        self._start(self.alerts[alert_id])

    @property
    def keys(self) -> set[str]:
        """The instruments that alerts watch."""
        return {alert.key for alert in self.alerts.values() if alert.key and alert.is_watching}

    def look(self) -> None:
        """Look at profit, limits and silences, keep what changed, repeat what is unseen: every second."""
        for alert in [each for kind in FIGURES for each in self._of(kind)]:
            value = self._figures.value(alert)
            if value is None:
                continue
            if alert.is_ready and alert.is_far(value):
                self._fire(alert, self._figures.words(alert, value))
            elif not alert.is_ready and alert.is_near(value):
                self._put(replace(alert, is_ready=True, state=AlertState.ARMED))
        self._keep_changes()
        self.notices.look()

    # What happens

    def _on_ticks(self, slots: NDArray[np.int64]) -> None:
        for alert_id, price, has_crossed in self._levels.take(slots):
            alert = self.alerts[alert_id]
            if has_crossed:
                self._fire(alert, f"{alert.symbol} is at {decimal_in_lakhs(price, 2)}, {alert.side} {decimal_in_lakhs(alert.value, 2)}")
            else:
                self._put(replace(alert, is_ready=True, state=AlertState.ARMED))
        if len(self._moves):
            for alert_id, price, moved in self._moves.take(self._session.clock.now_ns()):
                alert = self.alerts[alert_id]
                self._fire(alert, f"{alert.symbol} has moved {moved:+.2f}% to {decimal_in_lakhs(price, 2)}: {title_of(alert)}")

    def _on_bars(self, interval_s: int, rows: Rows) -> None:
        for watch in [each for each in self._indicators.values() if each.alert.interval_s == interval_s]:
            slot = self._session.board.slot(watch.alert.key)
            for bar in rows[rows["instrument"] == slot]:
                crossed = watch.take(bar)
                if crossed is not None and watch.alert.id in self.alerts:
                    figure, level = crossed
                    alert = self.alerts[watch.alert.id]
                    self._fire(alert, f"{alert.symbol}: {alert.subject} is {figure:,.2f}, {alert.side} {alert.other or ''} {level:,.2f}")

    def _on_event(self, subject: str, text: str, instrument: Instrument | None = None) -> None:
        for alert in self._of(K.EVENT, subject):
            if not alert.key or (instrument is not None and alert.key == instrument.key):
                self._fire(alert, text)

    def _on_state(self, state: TradingState) -> None:
        for alert in self._of(K.RISK, "state"):
            reason = self._session.risk.reason
            self._fire(alert, f"Trading is {state.value}{': ' + reason if reason else ''}")

    def _fire(self, alert: Alert, text: str) -> None:
        """Tell it, unless it was told just now; then it is over, or waits for the way back."""
        now_ns = self._session.clock.now_ns()
        needs_no_way_back = alert.kind in AT_ONCE or alert.subject == "state"
        rests = AlertState.ARMED if needs_no_way_back else AlertState.RESTING
        if alert.is_cooling(now_ns):
            self._put(replace(alert, is_ready=needs_no_way_back, state=rests))
            return
        state = rests if alert.is_repeating else AlertState.FIRED
        self._put(replace(alert, is_ready=needs_no_way_back, state=state, fired=alert.fired + 1, fired_ns=now_ns))
        if state is AlertState.FIRED:
            self._stop(alert.id)
        self.notices.say(alert.level, f"{text}.{' ' + alert.note if alert.note else ''}", alert.id)

    # Watching

    def _checked(self, alert: Alert) -> Alert:
        """Return the alert with the key of a known instrument; raises UserError for an unknown one, or an unknown indicator."""
        if alert.kind is K.INDICATOR:
            IndicatorWatch(alert)
        if alert.kind is K.RISK and alert.subject != "state":
            known = self._session.risk.status(self._session.account).used
            if alert.subject not in known:
                raise UserError(f'Expected state or a limit whose use is known, was "{alert.subject}"{did_you_mean(alert.subject, known)}')
        if not alert.key:
            return alert
        return replace(alert, key=self._instrument(alert.key).key)

    def _instrument(self, key: str) -> Instrument:
        known, wanted = self._view.catalogue, key if ":" in key else f"NSE:{key}"
        if wanted not in known:
            raise UserError(f'Expected a known instrument, was "{key}"{did_you_mean(wanted, list(known))}')
        return known[wanted]

    def _start(self, alert: Alert) -> None:
        self._session.tasks.spawn(self._begin(alert.id), f"watch for {alert.id}", service=True)

    async def _begin(self, alert_id: str) -> None:
        """Follow the instrument of an alert, and for an indicator its past; one that is not listed any more is paused."""
        alert = self.alerts[alert_id]
        if not alert.key:
            return
        try:
            instrument = self._instrument(alert.key)
            (slot,) = await self._session.subscribe([instrument])
            if alert.kind is K.INDICATOR:
                await self._seed(alert, instrument, slot)
        except (UserError, BrokerError) as error:
            self.pause(alert_id)
            self.notices.say("warning", f"The alert {title_of(alert)} is paused: {error}", alert_id)
            return
        now = self.alerts.get(alert_id)
        if now is not None and now.is_watching:
            if now.kind is K.PRICE:
                self._levels.put(now, slot)
            elif now.kind is K.CHANGE:
                self._moves.put(now, slot)

    async def _seed(self, alert: Alert, instrument: Instrument, slot: int) -> None:
        watch = self._indicators[alert.id] = IndicatorWatch(alert)
        self._session.market_data.want_interval(slot, alert.interval_s)
        if self._bars_of is not None:
            watch.seed(await self._bars_of(instrument, alert.interval_s))

    def _stop(self, alert_id: str) -> None:
        self._levels.remove(alert_id)
        self._moves.remove(alert_id)
        self._indicators.pop(alert_id, None)

    def _get(self, alert_id: str) -> Alert:
        if alert_id not in self.alerts:
            raise UserError(f'There is no alert "{alert_id}"{did_you_mean(alert_id, self.alerts)}')
        return self.alerts[alert_id]

    def _of(self, kind: AlertKind, subject: str = "") -> list[Alert]:
        """List what can fire of a kind, of one subject if given."""
        return [alert for each in self._watching[kind] if subject in ("", (alert := self.alerts[each]).subject)]

    # Keeping

    def _put(self, alert: Alert) -> None:
        self.alerts[alert.id] = alert
        self._unkept.add(alert.id)
        for ids in self._watching.values():
            ids.pop(alert.id, None)
        if alert.is_watching:
            self._watching[alert.kind][alert.id] = None
        self._view.on_alert(alert)

    def _keep_changes(self) -> None:
        unkept, self._unkept = self._unkept, set()
        rows = [AlertRow(alert.id, "alert", alert.created_ns, asdict(alert)) for alert_id in unkept if (alert := self.alerts.get(alert_id))]
        if rows:
            self._session.life.keep(*rows)

    def _note(self, kind: str, payload: Mapping[str, object]) -> None:
        self._session.orders.note(kind, **payload)
