"""What `shikra kill` says: when the terminal answers, when it hangs half way, and when there is none."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import UserError
from engine.kill_latch import KillLatch, Latched
from terminal.cli import kill as command

ORDER = {
    "order": "L1", "broker_order": "5", "symbol": "NSE:INFY", "side": "BUY", "quantity": 10, "filled": 4, "owner": "hand", "closes": False,
    "fate": "still open", "status": "PARTIAL", "message": "no line",
}  # fmt: skip
POSITION = {"symbol": "NSE:INFY", "product": "MIS", "owner": "hand", "quantity": -4}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "ANSWERS_WITHIN_S", 0.02)
    monkeypatch.setattr(command, "GOES_ON_WITHIN_S", 0.05)
    monkeypatch.setattr(command, "LOOKS_S", 0.001)


def run(folder: Path, **more: Any) -> int:
    given: dict[str, Any] = {"data_dir": str(folder), "json": False, "flatten": False, "reason": ""}
    return command.kill(argparse.Namespace(**(given | more)))


def answers(monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]) -> None:
    """Let a terminal have claimed it, and have said that."""
    monkeypatch.setattr(KillLatch, "heard", lambda self, number: told)


def test_without_a_terminal_it_latches_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, flatten=True, reason="storm") == 0
    latched = KillLatch(tmp_path / "kill.latch").read()
    assert isinstance(latched, Latched)
    assert (latched.reason, latched.flatten) == ("storm", True)
    said = capsys.readouterr().out
    assert said.startswith("Latched: nothing new is sent. No terminal answered within a second")
    assert "No terminal answers, and the settings name no broker of real money" in said


def test_what_the_terminal_answers_is_told_order_by_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, {"is_over": True, "is_clean": False, "orders": [ORDER, ORDER | {"closes": True}], "positions": [POSITION]})
    assert run(tmp_path) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Latched: nothing new is sent. The terminal has dealt with it:"
    assert said[1] == "  still open  BUY 10 NSE:INFY (partial, 4 filled): no line"
    assert said[2] == "  still open  closing BUY 10 NSE:INFY (partial, 4 filled): no line"
    assert said[3] == "  held        -4 NSE:INFY MIS"


def test_nothing_open_is_said_too(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, {"is_over": True, "is_clean": True, "orders": [], "positions": []})
    assert run(tmp_path) == 0
    assert "  No order was open." in capsys.readouterr().out


def test_a_terminal_that_began_and_says_no_more_is_said_to_hang(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, {"is_over": False, "is_clean": False, "orders": [ORDER], "positions": []})
    assert run(tmp_path, json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["terminal"], told["orders"], told["latched"]) == ("hangs", [ORDER], str(tmp_path / "kill.latch"))


def test_a_latch_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "kill.latch").mkdir()
    with pytest.raises(UserError, match="close the terminal instead"):
        run(tmp_path)


def test_what_is_sent_past_the_terminal_is_on_the_disk_first(tmp_path: Path) -> None:
    from engine.core.model import Order
    from tests.engine.fakes import request

    note = command._noter(tmp_path / "kill.log")
    for name in ("K1", "K2"):
        note(Order(name, request(-1, 10), quantity=10, created_ns=5))
    lines = [json.loads(line) for line in (tmp_path / "kill.log").read_text(encoding="utf-8").splitlines()]
    assert [(line["order"], line["side"], line["quantity"], line["time_ns"]) for line in lines] == [
        ("K1", "SELL", 10, 5),
        ("K2", "SELL", 10, 5),
    ]
