"""Everything that is told, in one place: kept, counted, sent out by level, and when it is critical asked for until somebody has seen it.

The session's alarms come here, the trader's own alerts too. A storm becomes one message with a count. Nothing here waits for a channel.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from itertools import count

from engine.alerts.channels import Channel, Message
from engine.alerts.storm import Storm
from engine.clock import Clock
from engine.core.alerts import AlertEvent, Level
from engine.core.errors import InvalidOption, UserError, did_you_mean
from engine.store.rows import AlertRow

log = logging.getLogger(__name__)

STORM = (8, 10.0)
"""So many messages of a level pass within so many seconds; the rest is one message with a count."""

REMOTE_STORM = (5, 60.0)
"""What leaves this machine: phones and mail servers do not forgive more."""

SAME_NS = 60_000_000_000
"""The same sentence within this time is counted, not told again."""

KEPT = 500
"""So many events are in memory; the database has all."""

ROUTES: Mapping[Level, tuple[str, ...]] = {
    Level.INFO: ("window",),
    Level.WARNING: ("window", "sound"),
    Level.CRITICAL: ("window", "sound", "desktop", "remote"),
}
"""Which channels a level goes to, unless the trader has set others."""

REPEAT_S = 60.0


class Notices:
    """What was told, and the channels."""

    def __init__(
        self,
        clock: Clock,
        show: Callable[[str, str], None],
        on_event: Callable[[AlertEvent], None],
        keep: Callable[[AlertRow], None],
        note: Callable[[str, Mapping[str, object]], None],
    ) -> None:
        """`show(level, text)` says it on the window; `on_event` hears of every event, `note` writes into the journal."""
        self.events: dict[str, AlertEvent] = {}
        self.channels: dict[str, Channel] = {}
        self.routes = dict(ROUTES)
        self.repeat_s = REPEAT_S
        self._clock, self._show, self._on_event, self._keep, self._note = clock, show, on_event, keep, note
        self._storms: dict[str, Storm] = {}
        self._newest: dict[tuple[str, str], str] = {}
        self._failing: dict[str, str] = {}
        self._repeated_ns = 0
        self._numbers = count(1)

    def restore(self, rows: Iterable[AlertRow]) -> None:
        """Take over what was told before a restart."""
        for row in rows:
            kept = dict(row.data)
            try:
                self._put(AlertEvent(**{**kept, "level": Level(str(kept["level"]))}))  # type: ignore[arg-type]  # as `asdict` wrote it
            except (KeyError, TypeError, ValueError) as error:
                log.warning("the message %s cannot be read and is left out: %r", row.id, error)

    def add_channel(self, name: str, channel: Channel) -> None:
        """Let messages go out this way, too."""
        self.channels[name] = channel
        channel.on_outcome = lambda problem: self._on_outcome(name, problem)

    def route(self, routes: Mapping[Level, Iterable[str]], repeat_s: float) -> None:
        """Send each level by these channels from now on, and ask for what is unseen every so many seconds."""
        self.routes = {level: tuple(routes.get(level, ())) for level in Level}
        self.repeat_s = repeat_s

    @property
    def waiting(self) -> list[AlertEvent]:
        """List what is critical and was not acknowledged, the oldest first."""
        return [event for event in self.events.values() if event.is_waiting]

    def say(self, level: str, text: str, alert_id: str = "") -> None:
        """Tell a sentence; what only informs and is nobody's alert is shown and not kept."""
        known = Level(level) if level in set(Level) else Level.INFO
        if known is Level.INFO and not alert_id:
            self._show(known, text)
            return
        now_ns = self._clock.now_ns()
        if self._is_repeated(known, text, now_ns):
            return
        if self._storm(f"told {known}", STORM).admits(now_ns, text):
            self._tell(AlertEvent(self._next_id(now_ns), now_ns, known, text, alert_id))

    def test(self, name: str) -> None:
        """Send a message by one channel; raises InvalidOption for one that there is not."""
        if name not in self.channels:
            raise InvalidOption(f'There is no channel "{name}" here{did_you_mean(name, self.channels)}')
        self.channels[name].send(Message(Level.INFO, "A test of Shikra's alerts: this is how they come."))

    def acknowledge(self, ids: Iterable[str] | None, by: str) -> list[AlertEvent]:
        """Note who has seen critical events, all that wait when none is named; returns them. Raises UserError for an unknown id."""
        wanted = [event.id for event in self.waiting] if ids is None else list(ids)
        for event_id in wanted:
            if event_id not in self.events:
                raise UserError(f'Expected the id of an alarm, was "{event_id}"; see the alerts panel.')
        now_ns = self._clock.now_ns()
        seen = [
            replace(self.events[event_id], acknowledged_ns=now_ns, acknowledged_by=by)
            for event_id in wanted
            if not self.events[event_id].acknowledged_ns
        ]
        for event in seen:
            self._change(event)
            self._note("ALARM_SEEN", {"id": event.id, "text": event.text, "by": by})
        return seen

    def look(self) -> None:
        """Tell what was held back, and ask again for what nobody has seen; to be called every second."""
        now_ns = self._clock.now_ns()
        for name, storm in self._storms.items():
            told = storm.summary(now_ns)
            if told is not None:
                self._tell_summary(name, *told, now_ns)
        waiting = self.waiting
        if waiting and self.repeat_s and now_ns - self._repeated_ns >= self.repeat_s * 1e9:
            self._repeated_ns = now_ns
            self._send(Message(Level.CRITICAL, waiting[-1].text), is_again=True)

    def _is_repeated(self, level: Level, text: str, now_ns: int) -> bool:
        """Count a sentence that was just told, or that still waits to be acknowledged."""
        before = self.events.get(self._newest.get((level, text), ""))
        if before is None or not (before.is_waiting or (now_ns - before.time_ns < SAME_NS and not before.acknowledged_ns)):
            return False
        self._put(replace(before, count=before.count + 1))
        self._on_event(self.events[before.id])
        return True

    def _tell(self, event: AlertEvent) -> None:
        self._change(event)
        if event.level is Level.CRITICAL:
            self._repeated_ns = event.time_ns
            self._note("ALARM", {"id": event.id, "text": event.text})
        self._send(Message(event.level, event.text))

    def _tell_summary(self, name: str, held_back: int, last: str, now_ns: int) -> None:
        kind, _, word = name.partition(" ")
        text = f"{held_back} more {'message' if held_back == 1 else 'messages'} within a short time; the last: {last}"
        if kind == "told":
            self._tell(AlertEvent(self._next_id(now_ns), now_ns, Level(word), text, count=held_back))
        elif word in self.channels:
            self.channels[word].send(Message(Level.WARNING, text))

    def _send(self, message: Message, *, is_again: bool = False) -> None:
        for name in self.routes[message.level]:
            channel = self.channels.get(name)
            if channel is None or (is_again and channel.is_remote):
                continue
            if not channel.is_remote or self._storm(f"sent {name}", REMOTE_STORM).admits(self._clock.now_ns(), message.text):
                channel.send(message)

    def _on_outcome(self, name: str, problem: str) -> None:
        """Tell of a channel that fails, once until it works again, and only where it cannot go round in a circle: on the window."""
        before = self._failing.pop(name, "")
        if problem:
            self._failing[name] = problem
        if problem and not before:
            log.info("alerts do not go out by %s: %s", name, problem)
            self._show(Level.WARNING, f"Alerts do not go out by {name}: {problem} Mend it in the settings, under Alerts.")
        elif before and not problem:
            self._show(Level.INFO, f"Alerts go out by {name} again.")

    def _storm(self, name: str, terms: tuple[int, float]) -> Storm:
        return self._storms.setdefault(name, Storm(*terms))

    def _next_id(self, now_ns: int) -> str:
        return f"{now_ns}-{next(self._numbers)}"

    def _put(self, event: AlertEvent) -> None:
        self.events[event.id] = event
        self._newest[event.level, event.text] = event.id
        if len(self.events) > KEPT:
            oldest = next((each for each in self.events.values() if not each.is_waiting), next(iter(self.events.values())))
            del self.events[oldest.id]
            self._newest.pop((oldest.level, oldest.text), None)

    def _change(self, event: AlertEvent) -> None:
        self._put(event)
        self._keep(AlertRow(event.id, "event", event.time_ns, asdict(event)))
        self._on_event(event)
