"""What a strategy file is, found out without running a line of it here."""

from __future__ import annotations

import os
import sys

import pytest

from engine.core.errors import UserError
from engine.executor.config import parse_strategy
from engine.host import describe as describing
from engine.host.describe import class_template, describe
from tests.engine.host.conftest import CodeOf


def test_a_class_is_described_by_a_process(code: CodeOf) -> None:
    before = set(sys.modules)
    made = code("""
        # mine
        import os
        from engine import Parameter, Strategy
        os.environ["RAN_HERE"] = "1"
        class Mine(Strategy):
            "Buys at dawn."
            fast = Parameter(4, 2, 9)
            part = Parameter(0.5, 0, 1)
            def on_bar(self, bar): pass
        """)
    template, is_class = describe(made)
    assert is_class
    assert (template.title, template.name, template.plain) == ("Buys at dawn", "mine", None)
    assert template.parse({"fast": 5}) == {"fast": 5, "part": 0.5}
    assert template.parameters[0].is_whole
    assert not template.parameters[1].is_whole
    assert "RAN_HERE" not in os.environ
    assert not {name for name in set(sys.modules) - before if name.startswith("strategy_file")}


def test_a_backtest_reads_and_runs_it_here(code: CodeOf) -> None:
    made = code("def on_bar(self, bar): pass")
    given = {"name": "x", "strategy_type": str(made.path), "symbols": ["TCS"], "sizing": "fixed:1"}
    here, hosted = parse_strategy(given, is_backtest=True), parse_strategy(given)
    assert here.template is not None
    assert here.template.plain is not None
    assert not here.is_hosted
    assert hosted.template is not None
    assert hosted.template.plain is None
    assert hosted.is_hosted


def test_it_is_asked_once_for_each_text(code: CodeOf, monkeypatch: pytest.MonkeyPatch) -> None:
    first = class_template(code("def on_bar(self, bar): pass"))
    monkeypatch.setattr(describing, "spawn", None)
    assert class_template(code("def on_bar(self, bar): pass")) is first
    with pytest.raises(TypeError):
        class_template(code("def on_bar(self, bar): return 1"))


def test_a_compiled_template_is_read_here(code: CodeOf) -> None:
    made = code("""
        # mine
        from engine.core.compiled import compiled
        from engine.core.records import fields
        from engine.core.registry import strategy
        STATE, PARAMS = fields("n"), fields("k")
        @strategy("Own", k=(1, 0, 2))
        @compiled("void(f8[:], f8[:], BAR, INTENT)")
        def on_bar(state, params, bar, intent):
            intent.target = 1.0
        """)
    template, is_class = describe(made)
    assert (template.title, is_class) == ("Own", False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# x\nfrom nowhere import nothing", r"ModuleNotFoundError: .* \(line 2 of mine.py\)"),
        ("# x\nwhile:", "mistake in line 2"),
        ("# x\n1 / 0", r"ZeroDivisionError.*line 2 of mine.py"),
        ("# x", "Expected a strategy in mine.py, was none"),
        ("# x\nimport os\nos._exit(1)", "ended its process while it was read"),
        ("# x\n" + "y = 1\n" * 200_000, "too long for a strategy"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_line(code: CodeOf, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        class_template(code(text))


def test_a_file_that_never_ends_is_given_up(code: CodeOf) -> None:
    with pytest.raises(UserError, match=r"to be read within 0\.05 s"):
        class_template(code("# x\nwhile True: pass"), 0.05)


@pytest.mark.parametrize("parameters", [3, [3], [["a b", 1, 0, 2]], [["a", True, 0, 2]], [["a", "1", 0, 2]], [["a", 1, 0, 2]] * 201])
def test_a_description_that_makes_no_sense_is_refused(parameters: object) -> None:
    with pytest.raises(UserError, match="Expected"):
        describing._template({"is_class": True, "name": "a", "title": "b", "parameters": parameters})
