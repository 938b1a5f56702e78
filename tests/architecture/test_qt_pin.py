"""The pinned Qt does not lose a reference with every signal: some builds abort Python 3.11 after 560 of them."""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

from PySide6.QtCore import QObject, Signal

ROOT = Path(__file__).resolve().parents[2]


class Source(QObject):
    changed = Signal(object)


def test_emitting_five_thousand_signals_keeps_the_reference_count_of_true() -> None:
    source = Source()
    heard: list[object] = []
    source.changed.connect(heard.append)
    before = sys.getrefcount(True)
    for _ in range(5_000):
        source.changed.emit(None)
    assert len(heard) == 5_000
    assert sys.getrefcount(True) > before - 100


def test_connecting_and_disconnecting_keeps_the_reference_count_of_true() -> None:
    source = Source()

    def hear(_: object) -> None: ...

    before = sys.getrefcount(True)
    for _ in range(2_000):
        source.changed.connect(hear)
        source.changed.disconnect(hear)
    assert sys.getrefcount(True) > before - 100


def test_qt_and_its_docks_are_pinned_to_the_pair_that_works() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    for name in ("PySide6-Essentials", "PySide6-QtAds"):
        assert f"{name}=={version(name)}" in listed
    assert version("PySide6-Essentials") == "6.11.1"
    assert version("PySide6-QtAds") == "5.0.0.2"
