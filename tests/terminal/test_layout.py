from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel, QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from terminal.layout import BOTTOM, CENTRE, LEFT, RIGHT, Docks, load_layout, save_layout

PLACES = {"watch": LEFT, "chart": CENTRE, "strategies": RIGHT, "risk": RIGHT, "orders": BOTTOM, "trades": BOTTOM, "odd": "attic"}


class House:
    def __init__(self, qtbot: QtBot) -> None:
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.window.resize(1200, 700)
        self.docks = Docks(self.window)
        self.panels: dict[str, QWidget] = {}
        for name, area in PLACES.items():
            self.panels[name] = QLabel(name)
            self.docks.add(name, name.title(), self.panels[name], area)
        self.docks.arrange()
        self.window.show()

    def left_of(self, name: str) -> int:
        return self.panels[name].mapTo(self.window, self.panels[name].rect().topLeft()).x()

    def top_of(self, name: str) -> int:
        return self.panels[name].mapTo(self.window, self.panels[name].rect().topLeft()).y()

    def seen(self) -> set[str]:
        return {name for name, panel in self.panels.items() if panel.isVisible()}


@pytest.fixture
def house(qtbot: QtBot) -> House:
    return House(qtbot)


def test_each_panel_stands_in_its_area_and_an_unknown_area_is_the_bottom(house: House, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: house.seen() == {"watch", "chart", "strategies", "risk", "orders"})
    assert house.left_of("watch") < house.left_of("chart") < house.left_of("strategies")
    assert house.top_of("risk") < house.top_of("strategies") < house.top_of("orders")
    assert house.docks.show("odd") is house.panels["odd"]
    assert house.panels["odd"].isVisible()
    assert not house.panels["orders"].isVisible()
    assert house.docks.show("nothing") is None


def test_the_middle_gets_the_most_room(house: House, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: house.panels["chart"].width() > house.panels["watch"].width() > 150)
    assert house.panels["chart"].height() > house.panels["orders"].height() > 100


def test_places_come_back(house: House, qtbot: QtBot, tmp_path: Path) -> None:
    house.docks.show("trades")
    state = house.docks.state()
    save_layout(tmp_path, b"geometry", state, {"watch": {"rows": 3}})
    other = House(qtbot)
    read: list[Any] = []
    assert load_layout(tmp_path, lambda *parts: read.append(parts))
    geometry, docks, content = read[0]
    assert (geometry, content) == (b"geometry", {"watch": {"rows": 3}})
    assert other.docks.restore(docks)
    qtbot.waitUntil(lambda: other.panels["trades"].isVisible())
    assert other.docks.state() == state


def test_a_reset_brings_back_closed_panels(house: House, qtbot: QtBot) -> None:
    for toggle in house.docks.toggles():
        if toggle.text() in ("Risk", "Orders"):
            toggle.trigger()
    assert house.seen() & {"risk", "orders"} == set()
    house.docks.reset()
    qtbot.waitUntil(lambda: house.seen() == {"watch", "chart", "strategies", "risk", "orders"})


def test_a_place_is_kept_free_for_a_late_panel(house: House, qtbot: QtBot) -> None:
    late = QLabel("late")
    house.docks.replace("chart", late)
    qtbot.waitUntil(late.isVisible)
    assert house.docks.show("chart") is late


def test_locked_panels_cannot_be_moved(house: House) -> None:
    movable = lambda: bool(house.docks._docks["watch"].features() & house.docks._docks["watch"].DockWidgetFeature.DockWidgetMovable)  # noqa: E731
    assert movable()
    house.docks.lock(True)
    assert not movable()
    house.docks.lock(False)
    assert movable()


@pytest.mark.logs_warnings
@pytest.mark.parametrize(
    "text", ["{", "[]", '{"version": 1, "geometry": 5}', '{"version": 1, "geometry": "A", "docks": "", "content": {}}']
)
def test_a_file_that_cannot_be_read_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "layout.json").write_text(text, encoding="utf-8")
    assert not load_layout(tmp_path, lambda *parts: pytest.fail("applied"))


def test_no_file_and_another_version_mean_the_first_day(tmp_path: Path) -> None:
    assert not load_layout(tmp_path, lambda *parts: pytest.fail("applied"))
    (tmp_path / "layout.json").write_text('{"version": 0}', encoding="utf-8")
    assert not load_layout(tmp_path, lambda *parts: pytest.fail("applied"))


def test_a_state_that_does_not_fit_is_refused(house: House) -> None:
    assert not house.docks.restore(b"nonsense")
    assert not house.docks.restore(b"<?xml version='1.0'?><nonsense/>")
    assert house.panels["chart"].isVisible()
