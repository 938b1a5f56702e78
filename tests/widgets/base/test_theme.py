from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from engine.core.errors import InvalidOption
from widgets.base.theme import Theme, face

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def undressed(qapp: QApplication) -> Iterator[QApplication]:
    palette, style = qapp.palette(), qapp.style().objectName()
    yield qapp
    qapp.setStyleSheet("")
    qapp.setStyle(style)
    qapp.setPalette(palette)


def luminance(colour: QColor) -> float:
    parts = [channel / 12.92 if channel <= 0.03928 else ((channel + 0.055) / 1.055) ** 2.4 for channel in colour.getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: QColor, other: QColor) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_theme_has_the_same_words(theme: Theme) -> None:
    assert {"dark", "light"} <= set(Theme.names())
    for name in Theme.names():
        assert set(Theme.load(name).colours) == set(theme.colours), name


@pytest.mark.parametrize("name", ["dark", "light"])
@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        ("text", "panel", 7.0), ("muted", "panel", 4.5), ("up", "panel", 4.5), ("down", "panel", 4.5), ("buy", "panel", 4.5),
        ("sell", "panel", 4.5), ("warn", "panel", 4.5), ("text", "selection", 7.0), ("up", "selection", 3.5), ("down", "selection", 3.5),
        ("on_side", "buy_ground", 4.5), ("on_side", "sell_ground", 4.5), ("text", "bad_ground", 7.0), ("text", "warn_ground", 7.0),
        ("text", "up_flash", 4.5), ("panel", "paper", 4.5), ("panel", "live", 4.5), ("panel", "replay", 4.5), ("faint", "panel", 3.0),
    ],
)  # fmt: skip
def test_what_is_read_stands_out_from_its_ground(name: str, ink: str, ground: str, least: float) -> None:
    chosen = Theme.load(name)
    assert contrast(chosen.colour(ink), chosen.colour(ground)) >= least


def test_an_unknown_theme_names_the_nearest() -> None:
    with pytest.raises(InvalidOption, match='did you mean "dark"'):
        Theme.load("darc")


def test_applying_it_dresses_the_application(undressed: QApplication, theme: Theme) -> None:
    theme.apply(undressed, 11)
    assert undressed.palette().color(QPalette.ColorRole.WindowText) == theme.colour("text")
    assert undressed.font().pointSize() == 11
    assert not re.search(r"\$\w", undressed.styleSheet()), "every word of the style sheet is a colour of the theme"


def test_switching_tells_everyone_and_changes_every_colour_at_once(undressed: QApplication, theme: Theme) -> None:
    heard: list[str] = []
    theme.changed.connect(lambda: heard.append(theme.name))
    dark, pen = theme.colour("panel"), theme.pen("up")
    theme.switch("light")
    assert heard == ["light"]
    assert theme.colour("panel") != dark
    assert theme.pen("up").color() != pen.color()
    assert not theme.is_dark
    assert undressed.palette().color(QPalette.ColorRole.Base) == theme.colour("panel")


def test_pens_are_one_pixel_wide_at_every_zoom(theme: Theme) -> None:
    assert theme.pen("up").isCosmetic()
    assert theme.pen("up") is theme.pen("up")


def test_every_icon_can_be_drawn_in_a_colour_of_the_theme(theme: Theme) -> None:
    names = [path.stem for path in (ROOT / "resources" / "icons").glob("*.svg")]
    assert len(names) > 10
    for name in names:
        picture = theme.icon(name, "up").pixmap(32, 32).toImage()
        assert any(picture.pixelColor(x, y).alpha() > 100 for x in range(32) for y in range(32)), name


def test_an_icon_takes_the_colour_it_is_asked_in(theme: Theme) -> None:
    picture = theme.icon("stop", "bad").pixmap(32, 32).toImage()
    assert picture.pixelColor(16, 16) == theme.colour("bad")


def test_an_icon_that_is_not_there_is_a_mistake_of_ours(theme: Theme) -> None:
    with pytest.raises(KeyError, match="no-such-icon"):
        theme.icon("no-such-icon")


def test_bold_type_is_heavier_and_its_figures_are_of_one_width(qapp: QApplication) -> None:
    assert face(10, is_bold=True).weight() > face(10).weight()
    assert face(10).featureTags()
