"""The chart of one instrument: history, the bar that is being made, and what was traded on it, by whom.

B and S open a ticket for the instrument shown; the arrows move in time, + and - change how much is seen, End goes to now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QMenu

from engine.core.model import Fill, Instrument, Order, Position
from engine.core.records import Row, Rows
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.columns import by_sign
from widgets.base.finder import Finder
from widgets.base.inputs import Segments
from widgets.base.keys import key_text
from widgets.base.layouts import Label, Verb, column, strip
from widgets.base.menus import pop_up
from widgets.base.panel import CENTRE, Panel, panel
from widgets.base.theme import Theme

if TYPE_CHECKING:
    from widgets.chart.series import Series

INTERVALS = (("1m", 60), ("3m", 180), ("5m", 300), ("15m", 900), ("30m", 1_800), ("1h", 3_600), ("1D", 86_400))
STEP_BARS = 10
ZOOM_KEY = 0.8
EMPTY = "Choose an instrument: type it above, or press Enter on a row of a table."


@panel("Chart", area=CENTRE, is_late=True)
class Chart(Panel):
    """Candles of the instrument in focus."""

    def __init__(self, view: EngineView, theme: Theme) -> None:
        super().__init__(view, theme)
        from widgets.chart.plot import Plot  # pyqtgraph is brought in here, after the first paint
        from widgets.chart.series import Series

        self.instrument: Instrument | None = None
        self.overlay_names: list[str] = []
        self._wanted_key = ""
        self._pointed: int | None = None
        self._make_series: Callable[[int], Series] = Series
        self.series: Series = Series(60)
        self.plot = Plot(theme)
        self.finder = Finder(view, "Symbol", self.show_instrument)
        self.finder.setMinimumWidth(96)
        self.finder.setMaximumWidth(170)
        self.legend = Label(theme, tone="muted")
        self.interval: Segments[int] = Segments(INTERVALS, name="Interval")
        self.head = Label(theme, "Chart", points=2, is_bold=True)
        self.readout = Label(theme, EMPTY, "muted")
        self._indicators = Verb(theme, "Indicators", "Draw indicators over the price", self._choose_indicators)
        newest = Verb(theme, "", "Go to the newest bar (End)", lambda: self.plot.show_newest(120), "fit")
        self.setFocusProxy(self.plot)
        column(
            self,
            strip(self.finder, self.interval, self._indicators, newest, None),
            strip(self.head, self.readout, None, self.legend),
            self.plot,
        )
        self._listen()

    def _listen(self) -> None:
        view = self.view
        self.interval.chosen.connect(self._load)
        self.plot.pointed.connect(self._on_pointed)
        self.plot.menu_asked.connect(self._on_menu)
        self.plot.installEventFilter(self)
        view.history_loaded.connect(self._on_history)
        view.bars_closed.connect(self._on_bars)
        view.ticks_received.connect(self._on_ticks)
        view.order_filled.connect(self._on_fill)
        view.order_changed.connect(self._on_lines)
        view.position_changed.connect(self._on_lines)
        view.instruments_changed.connect(self._follow_first)
        view.cleared.connect(self._load)

    def verbs(self) -> Mapping[str, Callable[[], object]]:
        """Tickets and cancels for the instrument shown."""
        asked = ("ticket.buy", "ticket.sell", "order.cancel_symbol", "alert.new")
        return dict.fromkeys(asked, self._payload)

    def _payload(self) -> dict[str, str] | None:
        return {"key": self.instrument.key} if self.instrument is not None else None

    def _on_menu(self, price: float, at: QPoint) -> None:
        if self.instrument is None:
            return
        tick, key = float(self.instrument.tick_size), self.instrument.key
        price = round(round(price / tick) * tick, self.plot.decimals)
        last = self.view.last_price(key)
        given = {"key": key, "value": price, "side": "below" if last > price else "above"}
        asked = [(f"{word} {self.instrument.symbol}", f"ticket.{word.lower()}", {"key": key}) for word in ("Buy", "Sell")]
        pop_up(self, at, [*asked, (f"Alert at {numbers.price(price, self.plot.decimals)}...", "alert.new", given)])

    # Which instrument

    def show_key(self, key: str) -> None:
        """Show an instrument by its key, as soon as it is known."""
        self._wanted_key = key
        instrument = self.view.catalogue.get(key)
        if instrument is not None:
            self.show_instrument(instrument)

    def show_instrument(self, instrument: Instrument) -> None:
        """Show an instrument from its history on."""
        if self.instrument is not None and instrument.key == self.instrument.key:
            return
        self.instrument, self._wanted_key = instrument, instrument.key
        self._load()

    def _follow_first(self) -> None:
        """Without a wish, show what is followed first."""
        if self.instrument is None and self.isVisible():
            board = self.view.board.instruments
            key = self._wanted_key or (board[0].key if board else "")
            if key in self.view.catalogue:
                self.show_instrument(self.view.catalogue[key])

    def _load(self, _: object = None) -> None:
        if self.instrument is None:
            return
        self.series = self._make_series(self.interval.value)
        self._show_series()
        self.head.say(self.instrument.symbol)
        self.readout.say("Loading history…", "muted")
        self.requested.emit("chart.load", (self.instrument.key, self.interval.value))

    def _show_series(self) -> None:
        if self.instrument is None:
            return
        self.plot.show_series(self.series, numbers.decimals_of(self.instrument.tick_size))
        self.plot.fills.show_fills(self.series, [fill for fill in self.view.fills if fill.instrument.key == self.instrument.key])
        self._show_lines()
        self._on_pointed(None)

    # What comes in

    @property
    def _slot(self) -> int | None:
        return self.view.board.slot(self.instrument.key) if self.instrument is not None else None

    def _forming(self) -> Row | None:
        slot = self._slot
        return self.view.board.forming[slot] if slot is not None else None

    def _on_history(self, key: str, interval_s: int, bars: Rows) -> None:
        if self.instrument is not None and key == self.instrument.key and interval_s == self.series.interval_s:
            forming = self._forming()
            self.series.load(bars, int(forming.time_ns) if forming is not None else 0)
            if forming is not None:
                self.series.on_forming(forming)
            self._show_series()

    def _on_bars(self, interval_s: int, bars: Rows) -> None:
        slot = self._slot
        if slot is None:
            return
        before = len(self.series)
        changed = [self.series.on_closed(interval_s, bar) for bar in bars[bars["instrument"] == slot]]
        if any(changed):
            self.plot.on_change(len(self.series) > before)

    def _on_ticks(self, slots: Any) -> None:
        if self._slot is not None and self._slot in slots:
            self.frames.ask(self.on_frame)

    def on_frame(self) -> None:
        """Draw the forming bar and the last price anew."""
        forming, slot = self._forming(), self._slot
        if forming is None or slot is None:
            return
        before = len(self.series)
        if self.series.on_forming(forming) and self.isVisible():
            self.plot.on_change(len(self.series) > before)
        last, close = float(self.view.board.last_price[slot]), float(self.view.board.close[slot])
        self.plot.tag_last(last, "up" if last >= close else "down")
        self._read()

    def _on_fill(self, fill: Fill) -> None:
        if self.instrument is not None and fill.instrument.key == self.instrument.key:
            self.plot.fills.add(fill)

    def _on_lines(self, record: Order | Position) -> None:
        if self.instrument is not None and record.instrument.key == self.instrument.key:
            self.frames.ask(self._show_lines)

    def _show_lines(self) -> None:
        from widgets.chart.marks import levels_of

        if self.instrument is not None:
            self.plot.levels.show_levels(levels_of(self.view, self.instrument.key))

    # What is read

    def _on_pointed(self, place: int | None) -> None:
        self._pointed = place
        self._read()

    def _read(self) -> None:
        """Write one bar's figures: the one under the pointer, or the newest."""
        if not len(self.series):
            return
        place = self._pointed
        at = len(self.series) - 1 if place is None else place
        bar, rows = self.series.rows[at], self.series.rows
        before = float(rows["close"][at - 1]) if at else float(bar.open)
        change = 100.0 * (float(bar.close) - before) / before if before else 0.0
        decimals = self.plot.decimals
        figures = "  ".join(f"{word[0].upper()} {numbers.decimal(float(bar[word]), decimals)}" for word in ("open", "high", "low", "close"))
        text = f"{figures}  {numbers.percent(change)}  Vol {numbers.compact(float(bar.volume))}"
        if place is not None:
            fills = self.plot.fills.at(place)
            text += "".join(
                f"   {f.side.name} {numbers.grouped(f.quantity)} at {numbers.price(f.price, decimals)} ({f.owner})" for f in fills[:3]
            )
        self.readout.say(text, by_sign(change))

    # Indicators

    def _choose_indicators(self) -> QMenu:
        from widgets.chart.overlays import overlay_names

        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name in overlay_names():
            entry = menu.addAction(name.replace("_", " "))
            entry.setCheckable(True)
            entry.setChecked(name in self.overlay_names)
            entry.toggled.connect(lambda is_on, name=name: self.set_indicator(name, is_on))
        menu.popup(self._indicators.mapToGlobal(self._indicators.rect().bottomLeft()))
        return menu

    def set_indicator(self, name: str, is_on: bool) -> None:
        """Draw an indicator over the price, or no more."""
        from widgets.chart.overlays import Overlay

        self.overlay_names = [other for other in self.overlay_names if other != name] + ([name] if is_on else [])
        overlays = [Overlay(other) for other in self.overlay_names]
        self.plot.set_overlays(overlays)
        self.legend.say("   ".join(overlay.title for overlay in overlays))

    # Qt's own events

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._follow_first()  # not before: nobody would hear what it asks for

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self.has_key(key_text(event)):
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._on_key(event)
        return False

    def _on_key(self, event: QKeyEvent) -> bool:
        moves: dict[str, Callable[[], None]] = {
            "Left": lambda: self.plot.pan(-STEP_BARS),
            "Right": lambda: self.plot.pan(STEP_BARS),
            "+": lambda: self.plot.zoom(ZOOM_KEY),
            "=": lambda: self.plot.zoom(ZOOM_KEY),
            "-": lambda: self.plot.zoom(1 / ZOOM_KEY),
            "End": self.plot.show_newest,
        }
        key = key_text(event)
        if key in moves:
            moves[key]()
            return True
        if self.has_key(key):
            if not event.isAutoRepeat():
                self.press(key)
            return True
        return False

    def save_state(self) -> dict[str, Any]:
        """Return what is shown and how."""
        return {"key": self._wanted_key, "interval_s": self.interval.value, "indicators": self.overlay_names}

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take what was remembered."""
        if state.get("interval_s") in self.interval.values:
            self.interval.choose(int(state["interval_s"]))
        for name in state.get("indicators", []):
            self.set_indicator(str(name), True)
        if state.get("key"):
            self.show_key(str(state["key"]))
