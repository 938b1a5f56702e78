"""Which key does what: each action's own keys, then a bundled set, then the trader's changes; a key never means two things.

Keys are written as on the keyboard ("Ctrl+Shift+X", "F1", "Del"). Nothing here presses anything: the window binds what it reads here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from engine.core.errors import InvalidOption, did_you_mean

MODIFIERS = ("Ctrl", "Alt", "Shift", "Meta")
NAMED = (
    "Del", "Return", "Enter", "Esc", "Space", "Tab", "Backspace", "Ins", "Home", "End", "PgUp", "PgDown",
    "Up", "Down", "Left", "Right", "Plus", "Minus", "Print", "Pause",
)  # fmt: skip
_ALIASES = {"delete": "Del", "escape": "Esc", "control": "Ctrl", "insert": "Ins", "pageup": "PgUp", "pagedown": "PgDown", "win": "Meta"}
_FILE = "keymap.toml"


@dataclass(frozen=True, slots=True)
class Binding:
    """What one action answers to. Scope "grid" acts on the focused row of a table or chart only, "window" anywhere in the window."""

    action: str
    keys: tuple[str, ...]
    scope: str = "window"


def normalise(text: str) -> str:
    """Write a key in the one way that is compared: modifiers in fixed order, `ctrl+shift+x` as `Ctrl+Shift+X`.

    Raises InvalidOption for what is no key.
    """
    parts = [part.strip() for part in re.split(r"\+(?!$)", text.strip())]
    words = [_ALIASES.get(part.lower(), part) for part in parts]
    modifiers = {word.capitalize() for word in words[:-1]}
    key = _key_name(words[-1])
    if key is None or modifiers - set(MODIFIERS) or len(modifiers) != len(words) - 1:
        raise InvalidOption(f'Expected a key like "Ctrl+Shift+X", "F9" or "Del", was "{text}".')
    return "+".join([*(name for name in MODIFIERS if name in modifiers), key])


def _key_name(word: str) -> str | None:
    if len(word) == 1 and word.isprintable() and not word.isspace():
        return word.upper()
    if re.fullmatch(r"[fF]([1-9]|1\d|2[0-4])", word):
        return word.upper()
    return next((name for name in NAMED if name.lower() == word.lower()), None)


class Keymap:
    """The keys in force."""

    def __init__(self, bindings: Iterable[Binding], overrides: Mapping[str, Iterable[str]] | None = None) -> None:
        """Put overrides (action -> keys; none switches the keys off) over the actions' own keys.

        Raises InvalidOption for an unknown action, for what is no key, and for a key that two actions would answer to.
        """
        self._bindings = {binding.action: binding for binding in bindings}
        for action, keys in (overrides or {}).items():
            if action not in self._bindings:
                raise InvalidOption(f'Unknown action "{action}" in the keymap{did_you_mean(action, self._bindings)}')
            self._bindings[action] = Binding(action, tuple(keys), self._bindings[action].scope)
        self._actions = self._index()

    def _index(self) -> dict[str, str]:
        owners: dict[str, str] = {}
        for action, binding in self._bindings.items():
            keys = tuple(normalise(key) for key in binding.keys)
            self._bindings[action] = Binding(action, keys, binding.scope)
            for key in keys:
                if owners.setdefault(key, action) != action:
                    raise InvalidOption(f"Expected one action for {key}, was {owners[key]} and {action}; give one of them another key.")
        return owners

    def keys(self, action: str) -> tuple[str, ...]:
        """Return the keys of an action; none when it has none."""
        binding = self._bindings.get(action)
        return binding.keys if binding else ()

    def action(self, key: str) -> str | None:
        """Return what a key does."""
        return self._actions.get(normalise(key))

    def bindings(self) -> list[Binding]:
        """List every action with its keys, for the key sheet and the menus."""
        return list(self._bindings.values())


def bundled(name: str) -> dict[str, tuple[str, ...]]:
    """Read one of the sets that come with the terminal; raises InvalidOption with the nearest name."""
    folder = files("resources") / "keymaps"
    known = sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    if name not in known:
        raise InvalidOption(f'Unknown keymap "{name}"{did_you_mean(name, known)}')
    return _parse((folder / f"{name}.toml").read_text(encoding="utf-8"), f"keymap {name}")


def own(folder: Path) -> dict[str, tuple[str, ...]]:
    """Read the trader's changes from `folder`/keymap.toml; nothing when there is no such file."""
    path = folder / _FILE
    return _parse(path.read_text(encoding="utf-8"), str(path)) if path.is_file() else {}


def _parse(text: str, where: str) -> dict[str, tuple[str, ...]]:
    try:
        table: Any = tomllib.loads(text).get("keys", {})
    except tomllib.TOMLDecodeError as error:
        raise InvalidOption(f"Expected readable keys in {where}, was: {error}; mend the line.") from error
    overrides: dict[str, tuple[str, ...]] = {}
    for action, keys in table.items():
        if isinstance(keys, str):
            keys = [keys]
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise InvalidOption(f'Expected keys of "{action}" in {where} as a list like ["Ctrl+X"], was {keys!r}.')
        overrides[action] = tuple(keys)
    return overrides
