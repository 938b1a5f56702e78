from __future__ import annotations

from pathlib import Path

import pytest

from engine.core.errors import InvalidOption
from terminal.actions import ACTIONS, bindings
from terminal.keymap import Binding, Keymap, bundled, normalise, own
from terminal.shortcuts import MENUS

OURS = [Binding("a.one", ("Ctrl+X",)), Binding("a.two", ("F1", "B"), "grid"), Binding("a.three", ())]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("ctrl+shift+x", "Ctrl+Shift+X"),
        ("Shift+Ctrl+X", "Ctrl+Shift+X"),
        ("delete", "Del"),
        ("f12", "F12"),
        ("b", "B"),
        ("Ctrl+,", "Ctrl+,"),
        ("Ctrl++", "Ctrl++"),
        ("alt+return", "Alt+Return"),
    ],
)
def test_a_key_is_written_in_one_way(given: str, expected: str) -> None:
    assert normalise(given) == expected


@pytest.mark.parametrize("given", ["", "Ctrl+", "Ctrl+Foo", "F25", "Hyper+X", "Ctrl+Ctrl+X", "Ctrl+ "])
def test_what_is_no_key_is_refused(given: str) -> None:
    with pytest.raises(InvalidOption, match="Expected a key"):
        normalise(given)


def test_actions_answer_to_their_own_keys() -> None:
    keymap = Keymap(OURS)
    assert keymap.keys("a.two") == ("F1", "B")
    assert keymap.action("ctrl+x") == "a.one"
    assert keymap.action("F2") is None
    assert keymap.keys("nothing") == ()


def test_an_override_replaces_the_keys_and_none_switches_them_off() -> None:
    keymap = Keymap(OURS, {"a.one": ["Ctrl+Y"], "a.two": []})
    assert keymap.keys("a.one") == ("Ctrl+Y",)
    assert keymap.action("Ctrl+X") is None
    assert keymap.action("B") is None
    assert {binding.action: binding.scope for binding in keymap.bindings()}["a.two"] == "grid"


def test_one_key_for_two_actions_is_refused_with_both_names() -> None:
    with pytest.raises(InvalidOption, match=r"one action for Ctrl\+X, was a.one and a.three"):
        Keymap(OURS, {"a.three": ["ctrl+x"]})


def test_an_unknown_action_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InvalidOption, match=r'did you mean "a.three"'):
        Keymap(OURS, {"a.thre": ["F5"]})


@pytest.mark.parametrize("name", ["shikra", "nest", "metatrader"])
def test_each_bundled_set_fits_the_actions(name: str) -> None:
    keymap = Keymap(bindings(), bundled(name))
    assert keymap.action("Ctrl+Shift+K") == "account.kill"
    assert keymap.action("Ctrl+Shift+F") == "account.flatten"
    assert keymap.action("Ctrl+Shift+X") == "order.cancel_all"
    for title in MENUS.values():
        assert keymap.action(f"Alt+{title.partition('&')[2][0]}") is None, "Alt and that letter opens a menu"


def test_an_unknown_bundled_set_is_refused() -> None:
    with pytest.raises(InvalidOption, match='did you mean "nest"'):
        bundled("nets")


def test_the_traders_own_file_is_read_and_its_faults_told(tmp_path: Path) -> None:
    assert own(tmp_path) == {}
    file = tmp_path / "keymap.toml"
    file.write_text('[keys]\n"app.keys" = "F12"\n"app.quit" = ["Ctrl+W"]\n', encoding="utf-8")
    assert own(tmp_path) == {"app.keys": ("F12",), "app.quit": ("Ctrl+W",)}
    file.write_text('[keys]\n"app.keys" = 5\n', encoding="utf-8")
    with pytest.raises(InvalidOption, match=r'keys of "app.keys"'):
        own(tmp_path)
    file.write_text("[keys\n", encoding="utf-8")
    with pytest.raises(InvalidOption, match="mend the line"):
        own(tmp_path)


def test_no_letter_or_delete_key_acts_window_wide() -> None:
    for name, item in ACTIONS.items():
        if item.scope == "window":
            assert not [key for key in item.keys if len(key) == 1 or key in ("Del", "Return", "Space")], name


def test_what_ends_everything_needs_a_held_key() -> None:
    assert ACTIONS.get("account.kill").guard == "hold"
    assert ACTIONS.get("account.flatten").guard == "hold or twice"
