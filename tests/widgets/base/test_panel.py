from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from widgets.base.panel import PANELS, Area, Panel
from widgets.base.theme import Theme

ROOT = Path(__file__).resolve().parents[3]


class Buying(Panel):
    payload: object = "NSE:TCS"

    def verbs(self) -> dict[str, Callable[[], object]]:
        return {"ticket.buy": lambda: self.payload}


def test_every_panel_of_the_folder_is_in_the_registry_under_its_file() -> None:
    files = {path.stem for path in (ROOT / "widgets" / "panels").glob("*.py")} - {"__init__"}
    assert set(PANELS.names()) == files
    assert {"market_watch", "chart", "orders", "trades", "positions", "strategies", "risk", "log"} <= files
    assert all(isinstance(info.area, Area) and info.title for _, info in PANELS.items())
    assert [name for name, info in PANELS.items() if info.is_late] == ["chart"]


def test_loading_all_panels_brings_in_nothing_heavy() -> None:
    code = (
        "import sys; from widgets.base.panel import PANELS; PANELS.load();"
        "import widgets.dialogs.order_ticket, widgets.dialogs.new_strategy, widgets.base.status_bar, widgets.base.notice_bar;"
        "print([m for m in ('pyqtgraph', 'numba', 'pandas', 'sqlalchemy', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_key_asks_for_its_action_with_the_panels_payload(desk: Any, theme: Theme, qtbot: QtBot, asked: Any) -> None:
    panel = Buying(desk.view, theme)
    qtbot.addWidget(panel)
    kept = asked(panel)
    assert panel.press("B")
    assert kept == [("ticket.buy", "NSE:TCS")]
    assert not panel.press("S"), "this panel sells nothing"
    assert not panel.press("")


def test_bound_keys_replace_the_default_ones(desk: Any, theme: Theme, qtbot: QtBot, asked: Any) -> None:
    panel = Buying(desk.view, theme)
    qtbot.addWidget(panel)
    kept = asked(panel)
    panel.bind({"Ctrl+B": "ticket.buy"})
    assert not panel.has_key("B")
    assert panel.press("Ctrl+B")
    assert kept == [("ticket.buy", "NSE:TCS")]


def test_nothing_is_asked_without_a_payload(desk: Any, theme: Theme, qtbot: QtBot, asked: Any) -> None:
    panel = Buying(desk.view, theme)
    qtbot.addWidget(panel)
    kept = asked(panel)
    panel.payload = None
    assert panel.press("B"), "the key is taken all the same: nothing else may act on it"
    assert kept == []


@pytest.mark.parametrize("name", PANELS.names())
def test_every_panel_can_be_made_remembered_and_recoloured(name: str, desk: Any, theme: Theme, shown: Any) -> None:
    desk.order()
    desk.fill()
    desk.position()
    first = shown(PANELS.get(name).cls(desk.view, theme))
    state = first.save_state()
    second = shown(PANELS.get(name).cls(desk.view, theme))
    second.restore_state(state)
    assert second.save_state() == state
    second.restore_state({})
    desk.tick("RELIANCE", 1_482.0)
    desk.frame()
    theme.switch("light")
    assert not first.grab().isNull()
