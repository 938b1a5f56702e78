"""The inside of a strategy's process, asked without a process."""

from __future__ import annotations

import base64
import math
import os
import threading
from typing import Any

import pytest

from engine.authored.files import StrategyCode
from engine.core.model import Exchange, Instrument
from engine.host import inside as inside_module
from engine.host.inside import MOST_PRINTED, Inside, Voice
from engine.host.limits import NO_PROCESSES, OWN_VARIABLES, _refuse_processes, kept_environment, leave_with
from engine.host.wire import Frames, encode_instrument
from tests.engine.host.conftest import CodeOf

RELIANCE = encode_instrument(Instrument(Exchange.NSE, "RELIANCE", 738561))
MINUTE = 60_000_000_000


def seated(code: StrategyCode, kept: Any = (), **values: float) -> Inside:
    made = Inside()
    assert "fault" not in made.answer({"ask": "load", "path": str(code.path), "source": base64.b64encode(code.source).decode()})
    answer = made.answer({"ask": "seat", "values": values, "instrument": RELIANCE, "interval_s": 60, "kept": list(kept)})
    assert "fault" not in answer, answer
    return made


def bar(made: Inside, number: int, close: float = 100.0, held: int = 0, *, past: bool = False, fills: Any = ()) -> dict[str, Any]:
    row = [number * MINUTE, number, 0, close, close, close, close, 1.0, None]
    answer = made.answer({"ask": "bar", "seat": 0, "row": row, "held": held, "equity": 1_000.0, "past": past, "fills": list(fills)})
    answer.pop("ms")
    return answer


def test_a_class_decides_on_bars_with_what_it_was_told_it_holds(code: CodeOf) -> None:
    made = seated(
        code("""
        size = Parameter(2, 1, 9)
        def on_bar(self, bar):
            if self.position == 0 and self.equity == 1000.0 and math.isnan(bar.oi):
                self.buy(self.size, stop=bar.close * 0.9)
        """),
        size=3,
    )
    assert bar(made, 1) == {"wish": [3, None, 90.0, None, None, None]}
    assert bar(made, 2, held=3) == {"wish": None}


def test_notes_are_told_when_they_have_changed(code: CodeOf) -> None:
    made = seated(
        code("""
        def on_bar(self, bar):
            if bar.close > 100.0:
                self.state["high"] = bar.close
        def on_stop(self):
            self.state["ended"] = True
        """)
    )
    assert bar(made, 1) == {"wish": None}
    assert bar(made, 2, 101.0) == {"wish": None, "state": {"high": 101.0}}
    assert bar(made, 3, 101.0) == {"wish": None}
    assert made.answer({"ask": "stop"})["states"] == [{"high": 101.0, "ended": True}]


def test_notes_of_before_are_there_again_once_their_bars_were_seen_again(code: CodeOf) -> None:
    body = """
        def on_bar(self, bar):
            self.state["n"] = self.state.get("n", 0) + 1
            if self.state["n"] > 40:
                self.buy()
        """
    kept = [{"at_ns": MINUTE, "state": {"n": 39}}, {"at_ns": 2 * MINUTE, "state": {"n": 40}}]
    made = seated(code(body), kept)
    assert [bar(made, number, past=True) for number in (1, 2)] == [{"wish": None}] * 2
    assert bar(made, 3) == {"wish": [1, None, None, None, None, None], "state": {"n": 41}}
    anew = seated(code(body), kept)
    assert bar(anew, 1, past=True) == {"wish": None}
    assert bar(anew, 2) == {"wish": None, "state": {"n": 40}}, "decided anew, it knows what it knew before that bar"
    assert bar(seated(code(body), kept[1:]), 2) == {"wish": None, "state": {"n": 1}}, "nothing is known of the time before"
    assert bar(seated(code(body), kept), 0)["state"] == {"n": 41}, "a clock that was set back takes nothing away"


def test_executions_are_told_before_the_bar_and_never_twice_over_a_restart(code: CodeOf) -> None:
    body = """
        def on_fill(self, fill):
            self.state["bought"] = self.state.get("bought", 0) + fill.quantity
            self.state["why"] = fill.reason
        def on_bar(self, bar):
            self.state["then"] = self.state.get("bought", 0)
        """
    fills = [(MINUTE, 2, 100.0, 1.5, "entry"), (3 * MINUTE + 5, 3, 100.0, 1.5, "entry")]
    assert bar(seated(code(body)), 3, fills=fills)["state"] == {"bought": 5, "why": "entry", "then": 5}
    again = seated(code(body), [{"at_ns": 2 * MINUTE, "state": {"bought": 2}}])
    assert bar(again, 3, fills=fills)["state"]["bought"] == 5


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{1: 2}", "names in self.state to be text, was 1"),
        ("object()", r"Expected self.state\['a'\] to be text"),
        ("float('nan')", "a finite number"),
        ("[1, {'b': (1, 2)}]", r"self.state\['a'\]\[1\]\['b'\]"),
        ("[[[[[[[[[1]]]]]]]]]", "at most 8 levels"),
        ("'x' * 70_000", "at most 64,000 characters"),
    ],
)
def test_notes_that_cannot_be_kept_are_a_fault(code: CodeOf, value: str, words: str) -> None:
    key = "self.state.update" if value == "{1: 2}" else "self.state.__setitem__"
    made = seated(code(f"def on_bar(self, bar):\n    {key}({'' if 'update' in key else repr('a') + ', '}{value})"))
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(bar(made, 1)["fault"])


def test_what_is_raised_is_the_answer_with_its_line(code: CodeOf) -> None:
    made = seated(code("def on_bar(self, bar):\n    {}['x']\ndef on_stop(self):\n    1 / 0"))
    assert bar(made, 1)["fault"].startswith("KeyError: 'x' (line 6 of mine.py), on the bar of RELIANCE at ")
    assert made.answer({"ask": "stop"})["fault"] == (
        "Mine of RELIANCE cannot stop: ZeroDivisionError: division by zero (line 8 of mine.py)."
    )
    assert "KeyError" in made.answer({"ask": "tea"})["fault"]


def test_what_is_printed_comes_with_the_answer_up_to_a_bound() -> None:
    voice = Voice()
    print("a", file=voice)
    assert voice.writable()
    assert voice.take() == {"said": "a\n", "lost": 0}
    voice.write("x" * MOST_PRINTED)
    voice.write("yyy")
    assert voice.take() == {"said": "x" * MOST_PRINTED, "lost": 3}
    assert voice.take() == {}


def test_an_answer_that_cannot_be_told_is_a_fault() -> None:
    (said,) = Frames().feed(inside_module._packed({"wish": [math.inf]}))
    assert "Expected plain finite numbers as a wish" in said["fault"]
    (said,) = Frames().feed(inside_module._packed({"wish": [object()]}))
    assert "Expected plain finite numbers as a wish" in said["fault"]


def test_the_environment_has_no_secrets_proxies_or_way_to_the_keyring() -> None:
    kept = kept_environment(
        {
            "PATH": "/bin", "SHIKRA_TOKEN": "s", "KITE_ACCESS_TOKEN": "t", "HTTPS_PROXY": "p", "DBUS_SESSION_BUS_ADDRESS": "d",
            "XDG_RUNTIME_DIR": "/run", "AWS_SECRET": "x", "LC_ALL": "C", "SHIKRA_CACHE_DIR": "/c", "PYTHONPATH": "/mine", "HOME": "/root",
        }
    )  # fmt: skip
    assert set(kept) - set(OWN_VARIABLES) == {"PATH", "LC_ALL", "SHIKRA_CACHE_DIR", "PYTHONPATH", "HOME"}
    assert kept["PYTHONPATH"].split(os.pathsep)[-1] == "/mine"
    assert kept["PYTHON_KEYRING_BACKEND"].endswith("null.Keyring")


def test_it_leaves_when_the_terminal_is_gone() -> None:
    left = threading.Event()
    leave_with(-1, leave=lambda code: left.set())
    assert left.wait(60)


@pytest.mark.parametrize("event", sorted(NO_PROCESSES))
def test_no_process_is_started_from_inside(event: str) -> None:
    with pytest.raises(PermissionError, match="starts no processes"):
        _refuse_processes(event, ())
    _refuse_processes("open", ())
