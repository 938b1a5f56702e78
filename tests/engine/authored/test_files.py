"""A strategy in a file of the user's is found by its path, read anew when it changes, and told where it is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.authored.files import template_of
from engine.core.errors import UnknownTemplate, UserError
from engine.core.registry import TEMPLATES

CLASS = """
from engine import Parameter, Strategy

class Base(Strategy):
    size = Parameter(5, 2, 50)

class Mine(Base):
    '''Buys on Mondays.'''
    stop = Parameter(0.01, 0.0, 0.2)

    def on_bar(self, bar):
        self.buy()
"""

COMPILED = """
from engine.core.compiled import compiled, row_of
from engine.core.records import fields
from engine.core.registry import strategy

STATE = fields("count")
PARAMS = fields({params})

@strategy("Counts", length=(3, 1, 50))
@compiled("void(f8[:], f8[:], BAR, INTENT)")
def on_bar(state, params, bar, intent):
    s = row_of(state, STATE)
    s.count += 1.0
"""


def file_of(folder: Path, text: str, name: str = "mine.py") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_a_name_gives_the_terminals_own() -> None:
    assert template_of("ema_crossover") is TEMPLATES.get("ema_crossover")
    with pytest.raises(UnknownTemplate, match="did you mean"):
        template_of("ema_crosover")


def test_a_compiled_template_is_read_without_a_clash(tmp_path: Path) -> None:
    known = TEMPLATES.names()
    template = template_of(file_of(tmp_path, COMPILED.format(params='"length"'), "ema_crossover.py"))
    assert (template.name, template.title, template.plain) == ("ema_crossover", "Counts", None)
    assert template.on_bar is not TEMPLATES.get("ema_crossover").on_bar
    assert TEMPLATES.names() == known


def test_a_class_declares_its_parameters_and_those_of_its_bases(tmp_path: Path) -> None:
    template = template_of(file_of(tmp_path, CLASS))
    assert (template.name, template.title) == ("mine", "Buys on Mondays")
    assert [(p.name, p.default, p.low, p.high) for p in template.parameters] == [("size", 5, 2, 50), ("stop", 0.01, 0.0, 0.2)]
    assert template.plain is not None
    assert template.parse({"size": 7}) == {"size": 7.0, "stop": 0.01}


def test_a_file_is_read_anew_only_when_it_has_changed(tmp_path: Path) -> None:
    text = file_of(tmp_path, CLASS)
    first = template_of(text)
    assert template_of(text) is first
    file_of(tmp_path, CLASS.replace("Mondays", "Tuesdays"))
    os.utime(text, ns=(1, 1))
    assert template_of(text).title == "Buys on Tuesdays"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1\n", "Expected a strategy in mine.py, was none"),
        (CLASS + CLASS.replace("Mine", "Other"), r"Expected one strategy in mine.py, was 2 \(Mine, Other\)"),
        ("x = 1\nclass A(:\n", "mistake in line 2: "),
        ("x = 1\n\ny = 1 / 0\n", r"ZeroDivisionError: division by zero \(line 3 of mine.py\)"),
        ("import talibb\n", r"No module named 'talibb' \(line 1 of mine.py\)"),
        (COMPILED.format(params='"lenght"'), r"Expected PARAMS of mine to name the parameters \('length',\).* \(line 9 of mine.py\)"),
        (COMPILED.replace("STATE = fields", "STATES = fields").format(params='"length"'), "Expected STATE and PARAMS of mine"),
        (CLASS.replace("on_bar", "onbar"), r"Expected Mine to have on_bar\(self, bar\)"),
        (CLASS + "    def __init__(self):\n        pass\n", "Expected Mine to begin in on_start"),
        (CLASS.replace("stop =", "target ="), "Expected a parameter of Mine not to be called target"),
        (CLASS.replace("0.01, 0.0", "0.5, 0.0"), "Expected a default from 0 to 0.2, was 0.5"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_line(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=sentence):
        template_of(file_of(tmp_path, text))


def test_a_missing_file_is_told_with_the_nearest(tmp_path: Path) -> None:
    file_of(tmp_path, CLASS, "breakout.py")
    with pytest.raises(UnknownTemplate, match=r'did you mean "breakout\.py"'):
        template_of(str(tmp_path / "brekout.py"))
    with pytest.raises(UnknownTemplate, match="check the path"):
        template_of(str(tmp_path / "nowhere" / "brekout.py"))
