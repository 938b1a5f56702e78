"""Things are found by name, and a wrong name says which was meant."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from engine.core.compiled import compiled
from engine.core.errors import InvalidOption, UnknownTemplate
from engine.core.records import fields
from engine.core.registry import INDICATORS, RULES, TEMPLATES, Registry, Template, indicator, rule, strategy

STATE = fields("last")
PARAMS = fields("length", "stop")


@pytest.fixture
def _kept_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (TEMPLATES, RULES, INDICATORS):
        registry.load()
        monkeypatch.setattr(registry, "_items", dict(registry._items))


def make_template() -> Template:
    @strategy("Test strategy", length=(9, 2, 200), stop=(0.0, 0.0, 0.2))
    @compiled("void(f8[:], f8[:], BAR, INTENT)")
    def on_bar(state: object, params: object, bar: object, intent: object) -> None:
        """Do nothing."""

    return TEMPLATES.get(__name__.rpartition(".")[2])


def test_a_package_is_imported_once_at_the_first_look_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "shelf_for_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("from engine.core.registry import Registry\nSHELF = Registry('thing', package=__name__)\n")
    (folder / "lamp.py").write_text("from shelf_for_test import SHELF\nSHELF.add('lamp', 1)\n")
    monkeypatch.syspath_prepend(tmp_path)
    import shelf_for_test  # type: ignore[import-not-found]

    assert "shelf_for_test.lamp" not in sys.modules
    assert shelf_for_test.SHELF.names() == ["lamp"]
    assert shelf_for_test.SHELF.get("lamp") == 1
    assert list(shelf_for_test.SHELF.items()) == [("lamp", 1)]


def test_an_unknown_name_raises_the_kinds_error_with_the_nearest_name() -> None:
    shelf: Registry[int] = Registry("strategy", UnknownTemplate)
    shelf.add("ema_crossover", 1)
    with pytest.raises(UnknownTemplate, match=r'Unknown strategy "ema_cross_over"; did you mean "ema_crossover"\?'):
        shelf.get("ema_cross_over")
    with pytest.raises(UnknownTemplate, match="known are: ema_crossover"):
        shelf.get("zzz")


def test_the_same_name_twice_is_refused() -> None:
    shelf: Registry[int] = Registry("thing")
    shelf.add("a", 1)
    with pytest.raises(ValueError, match="two of thing 'a'"):
        shelf.add("a", 2)


def test_what_is_added_aside_is_caught_and_not_kept() -> None:
    shelf: Registry[int] = Registry("thing")
    shelf.add("a", 1)
    with shelf.aside() as caught:
        shelf.add("a", 2)
    assert (caught, shelf.names(), shelf.get("a")) == ({"a": 2}, ["a"], 1)


def test_a_template_needs_its_layouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(globals(), "STATE")
    with pytest.raises(ValueError, match="Expected STATE and PARAMS of test_registry above its on_bar"):
        strategy("Without", length=(9, 2, 200))(make_step())


@pytest.mark.usefixtures("_kept_registries")
def test_a_template_is_named_after_its_file_and_parses_its_parameters() -> None:
    template = make_template()
    assert template.title == "Test strategy"
    assert template.parse({"length": "21"}) == {"length": 21.0, "stop": 0.0}
    assert template.new_state().tolist() == [0.0]
    assert template.new_params(template.parse({"stop": 0.1})).tolist() == [9.0, 0.1]
    assert [p.is_whole for p in template.parameters] == [True, False]


@pytest.mark.usefixtures("_kept_registries")
@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"lenght": 3}, 'Unknown parameter "lenght" of .*; did you mean "length"'),
        ({"length": "many"}, "Expected length from 2 to 200, was 'many'; give a number."),
        ({"length": None}, "Expected length from 2 to 200, was None; give a number."),
        ({"length": 500}, "Expected length from 2 to 200, was 500; give a number in that range."),
        ({"length": float("nan")}, "Expected length from 2 to 200, was nan"),
        ({"length": 2.5}, "Expected length from 2 to 200, a whole number, was 2.5."),
    ],
)
def test_a_bad_parameter_says_what_was_expected(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidOption, match=sentence):
        make_template().parse(given)


def test_params_must_name_the_parameters_in_their_order() -> None:
    with pytest.raises(ValueError, match="to name the parameters"):

        @strategy("Wrong", stop=(0.0, 0.0, 0.2), length=(9, 2, 200))
        @compiled("void(f8[:], f8[:], BAR, INTENT)")
        def on_bar(state: object, params: object, bar: object, intent: object) -> None:
            """Do nothing."""


def test_a_template_without_state_or_parameters_has_buffers_all_the_same() -> None:
    nothing = np.dtype([])
    template = Template("empty", "Empty", (), nothing, nothing, make_step())
    assert template.new_state().tolist() == [0.0]
    assert template.new_params({}).tolist() == [0.0]


def make_step():  # type: ignore[no-untyped-def]
    @compiled()
    def on_bar(state: object, params: object, bar: object, intent: object) -> None:
        """Do nothing."""

    return on_bar


@pytest.mark.usefixtures("_kept_registries")
def test_rules_and_indicators_are_kept_with_what_they_need() -> None:
    @rule("test_rule", code=99, limit=3.0, unit="orders", explain="Expected at most {limit} orders.")
    def check() -> int:
        return 0

    @indicator("Test indicator", STATE, overlay=True, length=(9, 2, 200))
    def update() -> float:
        return 1.0

    assert RULES.get("test_rule").check is check
    assert RULES.get("test_rule").limit == 3.0
    made = INDICATORS.get(__name__.rpartition(".")[2])
    assert made.update is update
    assert made.is_overlay
    assert made.parameters[0].name == "length"
