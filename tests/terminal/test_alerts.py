"""Alerts at the desk: asked for by key and menu in the window, told by a real engine, acknowledged, kept; and lots that change hands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from engine.alerts import remote
from engine.core.alerts import AlertEvent, Level
from engine.core.model import OrderRequest, Product, Side
from engine.keyrings import MemoryKeyring
from engine.store.rows import JournalEntry
from terminal.desk import Desk
from tests.terminal.test_desk import make_desk, until
from tests.terminal.test_main_window import CTRL, SHARES, SHIFT, Door, Scene
from widgets.dialogs.alert import AlertDialog
from widgets.dialogs.books import BooksDialog

pytestmark = [pytest.mark.logs_warnings, pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")]


class AlertDoor(Door):
    """Lets what opens a form through, too."""

    def run(self, name: str, payload: Any = None) -> Any:
        result = super().run(name, payload)
        opens = name in ("alert.new", "books.show")
        return self.inner.run(name, payload) if opens and self.inner is not None else result


@pytest.fixture(autouse=True)
def _own_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask no keyring of this machine, whatever other tests have left there."""
    ring = MemoryKeyring()
    monkeypatch.setattr(remote, "system_keyring", lambda: ring)


@pytest.fixture
def scene(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr("tests.terminal.test_main_window.Door", AlertDoor)
    made = Scene(qtbot, tmp_path)
    yield made
    for dialog in made.dialogs():
        dialog.reject()
    made.window.shut()
    made.window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def alert_form(scene: Scene) -> AlertDialog:
    (form,) = [dialog for dialog in scene.dialogs() if isinstance(dialog, AlertDialog)]
    return form


def test_a_on_a_row_opens_the_form_for_it_at_its_last_price(scene: Scene) -> None:
    scene.show()
    scene.focus_row(1)
    QTest.keyClick(scene.watch, Qt.Key.Key_A)
    form = alert_form(scene)
    assert (form.key.text(), form.value.value) == (SHARES[1].key, 1_001.0)
    QTest.keyClick(form, Qt.Key.Key_Return, CTRL)
    name, given = scene.door.asked[-1]
    assert (name, given["key"], given["value"]) == ("alert.add", SHARES[1].key, 1_001.0)


def test_the_menus_of_a_row_and_of_the_chart_open_it_too(scene: Scene) -> None:
    scene.show()
    watch: Any = scene.window.panels["market_watch"]
    watch.grid.menu_asked.emit(watch.grid.rows.record(0), QPoint(5, 5))
    entries = {entry.text().partition("\t")[0]: entry for entry in watch.findChild(QMenu).actions()}
    entries["Alert..."].trigger()
    assert alert_form(scene).key.text() == SHARES[0].key
    scene.window.make_late_panels()
    chart: Any = scene.window.panels["chart"]
    chart.show_key(SHARES[2].key)
    QApplication.processEvents()
    at = chart.plot.viewport().rect().center()
    QApplication.sendEvent(
        chart.plot.viewport(), QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, chart.plot.viewport().mapToGlobal(at))
    )
    entry = next(entry for entry in chart.findChild(QMenu).actions() if entry.text().startswith("Alert at"))
    chart.plot.menu_asked.emit(1_003.07, QPoint(5, 5))
    entry = next(e for e in chart.findChildren(QMenu)[-1].actions() if e.text().startswith("Alert at 1,003.05"))
    entry.trigger()
    form = alert_form(scene)
    assert (form.key.text(), form.value.value, form.side.value) == (SHARES[2].key, 1_003.05, "above")


def test_keys_acknowledge_alarms_and_show_the_panel_and_the_comparisons(scene: Scene) -> None:
    scene.show()
    scene.view.on_alert_event(AlertEvent("e1", 1, Level.CRITICAL, "alarm"))
    QTest.keyClick(scene.window, Qt.Key.Key_F6, SHIFT)
    assert scene.window.panels["alerts"].isVisible()
    QTest.keyClick(scene.window, Qt.Key.Key_A, CTRL | SHIFT)
    assert "alert.acknowledge" in scene.door.names()
    scene.door.run("books.show")
    assert [dialog for dialog in scene.dialogs() if isinstance(dialog, BooksDialog)]


def is_quoted(desk: Desk) -> bool:
    return desk.view.last_price("NSE:RELIANCE") > 0


@pytest.fixture
def at_a_desk(tmp_path: Path, loop_run: Callable[..., Any]) -> Callable[..., None]:
    def run(*plays: Callable[[Desk], Any]) -> None:
        async def live() -> None:
            for play in plays:
                desk = make_desk(tmp_path, demo_strategy=False)
                try:
                    await desk.open()
                    await until(partial(is_quoted, desk))
                    await play(desk)
                finally:
                    await desk.close()

        loop_run(live())

    return run


def test_an_alarm_is_told_by_the_engine_kept_over_a_restart_and_seen_by_hand(at_a_desk: Callable[..., None]) -> None:
    made: list[str] = []

    async def before(desk: Desk) -> None:
        given = {"kind": "pnl", "subject": "account", "side": "below", "value": 1e9, "level": "critical"}
        made.append(desk.actions.run("alert.add", given))
        made.append(desk.actions.run("alert.add", {"kind": "price", "key": "RELIANCE", "value": 1e6}))
        await until(lambda: any(event.is_waiting for event in desk.view.alert_events.values()))
        desk.actions.run("alert.pause", made[1])

    async def after(desk: Desk) -> None:
        assert [desk.view.alerts[alert_id].state for alert_id in made] == ["fired", "paused"]
        assert any(event.is_waiting for event in desk.view.alert_events.values())
        desk.actions.run("alert.acknowledge")
        assert not any(event.is_waiting for event in desk.view.alert_events.values())
        desk.actions.run("alert.resume", made[1])
        desk.actions.run("alert.change", (made[1], {"kind": "price", "key": "TCS", "value": 5e6}))
        desk.actions.run("alert.remove", made[0])
        assert [alert.key for alert in desk.view.alerts.values()] == ["NSE:TCS"]
        await desk.engine.session.store.flush()
        seen = [row for row in desk.engine.session.store.journal() if row.kind == "ALARM_SEEN"]
        assert [row.payload["by"] for row in seen] == ["hand"]
        assert all(isinstance(row, JournalEntry) for row in seen)

    at_a_desk(before, after)


def test_settings_route_levels_try_channels_and_keep_addresses(at_a_desk: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    async def play(desk: Desk) -> None:
        notices: list[tuple[str, str]] = []
        desk.view.notice_given.connect(lambda level, text: notices.append((level, text)))
        desk.settings.change(alert_warning="desktop", alert_repeat_s=0)
        desk.route_alerts()
        desk.view.notify("warning", "to the desktop alone")
        assert ("warning", "to the desktop alone") not in notices
        desk.actions.run("alert.test", "window")
        assert any("this is how they come" in text for _, text in notices)
        desk.actions.run("alert.test", "pigeon")
        assert "There is no channel" in list(desk.view.alert_events.values())[-1].text
        await addresses(desk)

    async def addresses(desk: Desk) -> None:
        desk.engine.alerts.remote.addresses._keyring = MemoryKeyring()
        for address in ("json://user:s3cret@127.0.0.1/box", "pigeon://s3cret"):
            desk.actions.run("alert.keep_address", address)
            await desk.tasks.settle()
        assert list(desk.view.addresses) == ["json://…"]
        desk.actions.run("alert.forget_address", 0)
        await desk.tasks.settle()
        assert not desk.view.addresses
        await desk.engine.session.store.flush()
        assert "s3cret" not in caplog.text + str(desk.engine.session.store.journal())

    at_a_desk(play)


def test_a_lot_passes_from_hand_to_outside_and_the_books_are_compared(at_a_desk: Callable[..., None]) -> None:
    async def play(desk: Desk) -> None:
        instrument = desk.view.catalogue["NSE:RELIANCE"]
        desk.actions.run("order.submit", OrderRequest(instrument, Side.BUY, 5))
        await until(lambda: desk.engine.session.positions.quantity(instrument.key, Product.MIS, "hand") == 5)
        given = {"key": instrument.key, "product": Product.MIS, "from": "hand", "to": "external", "quantity": 2}
        desk.actions.run("lot.assign", given)
        held = {book.owner: book.quantity for book in desk.view.books.values()}
        assert held == {"hand": 3, "external": 2}
        await desk.actions.run("books.compare")
        assert desk.view.reports[-1].reason == "asked"
        assert not desk.view.reports[-1].differences
        desk.actions.run("books.acknowledge", instrument.key)
        desk.actions.run("lot.assign_order", ("nobody", "hand"))
        assert desk.engine.session.positions.quantity(instrument.key, Product.MIS) == 5

    at_a_desk(play)


def test_without_an_engine_the_settings_still_open(tmp_path: Path, loop_run: Callable[..., Any]) -> None:
    async def play() -> None:
        desk = make_desk(tmp_path)
        desk.actions.run("alert.list_addresses")
        await desk.tasks.settle()
        assert "still starting" in desk.view.addresses_problem
        desk.route_alerts()
        await asyncio.sleep(0)
        await desk.tasks.close()

    loop_run(play())
