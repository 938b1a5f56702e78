from __future__ import annotations

from pathlib import Path

import pytest

from engine.core.errors import InvalidOption, UserError
from terminal.options import OPTIONS
from terminal.settings import Settings, data_folder, make_folder, write_whole


def test_the_data_folder_is_as_given_else_from_the_environment_else_the_systems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert data_folder(tmp_path / "given") == tmp_path / "given"
    monkeypatch.setenv("SHIKRA_HOME", str(tmp_path / "home"))
    assert data_folder() == tmp_path / "home"
    monkeypatch.delenv("SHIKRA_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert data_folder().name == "shikra"


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="give another with --data-dir"):
        make_folder(tmp_path / "file" / "inside")
    made = make_folder(tmp_path / "a" / "b")
    assert made.stat().st_mode & 0o777 == 0o700


def test_changes_come_back_after_a_restart(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path)
    assert settings["theme"] == "dark"
    assert settings.change(theme="light", capital=250_000, watch="NSE:TCS, NSE:INFY") == {
        "theme": "light",
        "capital": 250_000.0,
        "watch": ("NSE:TCS", "NSE:INFY"),
    }
    again = Settings.load(tmp_path)
    assert again.values() == settings.values()
    assert again["watch"] == ("NSE:TCS", "NSE:INFY")


def test_nothing_is_written_when_nothing_changed_or_a_change_is_refused(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path)
    assert settings.change(theme="dark") == {}
    with pytest.raises(InvalidOption, match='did you mean "dark"'):
        settings.change(capital=5000, theme="drak")
    assert settings["capital"] == 1_000_000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("[Appearance]\ntheme = \n", "mend the line"),
        ("[Appearence]\n", 'did you mean "Appearance"'),
        ("[Appearance]\nfont_sise = 12\n", 'did you mean "font_size"'),
        ("[Appearance]\nfont_size = 120\n", "font_size to be a whole number from 7 to 24"),
    ],
)
def test_a_file_that_cannot_be_used_says_what_was_expected(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidOption, match=match):
        Settings.load(tmp_path)


def test_text_with_quotes_and_control_characters_survives(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path)
    settings.change(database='postgresql://u:p"a\\ss\t@host/db')
    assert Settings.load(tmp_path)["database"] == 'postgresql://u:p"a\\ss\t@host/db'


def test_the_file_says_what_each_line_means(tmp_path: Path) -> None:
    Settings.load(tmp_path).change(theme="light")
    text = (tmp_path / "settings.toml").read_text(encoding="utf-8")
    assert all(f"# {option.explain}" in text for option in OPTIONS)


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, "old")

    def fail(handle: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
