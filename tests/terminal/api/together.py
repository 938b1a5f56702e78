"""A window, two scripts and a page of another site, all at one terminal at once; prints what each saw, and how it stands at the end."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_API", "pyside6")
os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")

import httpx
import qasync
from PySide6.QtWidgets import QApplication

from engine.engine_settings import EngineSettings
from terminal.actions import bindings
from terminal.api.tokens import Scope, Tokens
from terminal.desk import Desk
from terminal.keymap import Keymap
from terminal.main_window import MainWindow
from terminal.settings import Settings
from widgets.base.theme import Theme

ROUNDS = int(os.environ.get("SHIKRA_ROUNDS", "25"))


def script(url: str, token: str, name: str) -> Counter[str]:
    """Make a strategy, then start and stop it again and again, asking each thing twice under one request id."""
    seen: Counter[str] = Counter()
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False) as client:
        body = {"name": name, "parameters": {"symbols": ["TCS"]}, "client_request_id": f"make-{name}"}
        made = [client.post("/api/strategies", json=body).json()["id"] for _ in range(2)]
        seen["ids"] = len(set(made))
        for number in range(ROUNDS):
            start = {"mode": "paper", "client_request_id": f"start-{name}-{number}"}
            for _ in range(2):
                seen[f"deploy {client.post(f'/api/strategies/{made[0]}/deploy', json=start).status_code}"] += 1
            seen[f"stop {client.post(f'/api/strategies/{made[0]}/stop').status_code}"] += 1
            seen[f"list {client.get('/api/strategies').status_code}"] += 1
    return seen


def page(url: str, token: str) -> Counter[str]:
    """Ask as a page of another site would, even with a token."""
    seen: Counter[str] = Counter()
    headers = {"Origin": "https://evil.example", "Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        for _ in range(2 * ROUNDS):
            seen[str(client.post("/api/kill", json={"reason": "evil"}).status_code)] += 1
            seen[str(client.post("/api/strategies", json={"name": "Evil", "parameters": {"symbols": ["TCS"]}}).status_code)] += 1
    return seen


async def trader(desk: Desk) -> int:
    """Add strategies in the window, start and stop them, and take every second one away."""
    kept = 0
    for number in range(ROUNDS):
        config = {"strategy_config": {"name": f"By hand {number}", "strategy_type": "rsi", "symbols": ["INFY"], "sizing": "fixed:1"}}
        strategy_id = desk.actions.run("strategy.add", config)
        desk.actions.run("strategy.start", strategy_id)
        await asyncio.sleep(0.02)
        desk.actions.run("strategy.stop", strategy_id)
        if number % 2:
            desk.actions.run("strategy.remove", strategy_id)
        else:
            kept += 1
        await asyncio.sleep(0)
    return kept


async def story(folder: Path) -> dict[str, Any]:
    """Let all of them act, then look at the state from every side."""
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    settings = Settings(given={"demo_strategy": False})
    desk = Desk(settings, EngineSettings(folder, broker_options={"seed": 1, "speed": 60.0}))
    theme = Theme.load("dark")
    window = MainWindow(desk.view, settings, desk.actions, Keymap(bindings()), theme, desk.connection, desk.backtests)
    desk.window = window
    window.show()
    await desk.open()
    url, token = await desk.open_api(0), Tokens(folder).get(Scope.PAPER)
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(3) as pool:
        others = [loop.run_in_executor(pool, script, url, token, name) for name in ("One", "Two")]
        others.append(loop.run_in_executor(pool, page, url, token))
        kept = await trader(desk)
        one, two, foreign = await asyncio.gather(*others)

    def listed() -> Any:
        return httpx.get(f"{url}/api/strategies", headers={"Authorization": f"Bearer {token}"}, timeout=60).json()["strategies"]

    told = await asyncio.to_thread(listed)
    await desk.engine.session.store.flush()
    made = {
        "scripts": [dict(one), dict(two)],
        "page": dict(foreign),
        "kept": kept,
        "api": sorted([each["id"], each["state"]] for each in told),
        "view": sorted([status.id, str(status.state)] for status in desk.view.strategies.values()),
        "database": sorted([row.id, row.state] for row in desk.engine.session.store.strategies()),
        "rows": window.panels["strategies"].grid.model().rowCount(),
        "risk": str(desk.engine.session.risk.state),
    }
    await desk.close()
    window.shut()
    return made


if __name__ == "__main__":
    print(json.dumps(qasync.run(story(Path(sys.argv[1])))))
